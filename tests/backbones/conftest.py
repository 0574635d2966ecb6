"""A backbone that users may write."""

from torch import nn

from skmeta.backbones import Backbone


class BatchNormed(Backbone):
    def __init__(self, width=8):
        self.width = width

    def build(self, n_features):
        network = nn.Sequential(
            nn.Linear(n_features, self.width), nn.BatchNorm1d(self.width), nn.ReLU()
        )
        network.out_features = self.width
        return network
