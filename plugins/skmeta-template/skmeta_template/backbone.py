"""The backbone."""

from torch import nn

from skmeta.backbones import Backbone
from skmeta.nn import Linear


class TemplateNet(Backbone):
    """One hidden layer.

    Parameters
    ----------
    width : int, default=64
        Units of the layer, and so the width of the embedding.
    """

    def __init__(self, width=64):
        self.width = width

    def build(self, n_features):
        """Return the network; ``out_features`` says how wide the embedding is."""
        if self.width < 1:
            raise ValueError(f"width must be positive, not {self.width!r}.")
        network = nn.Sequential(Linear(n_features, self.width), nn.Tanh())
        network.out_features = self.width
        return network
