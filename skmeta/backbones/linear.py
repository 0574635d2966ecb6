"""The smallest backbones: one linear layer, and none at all."""

from torch import nn

from skmeta import nn as layers
from skmeta.backbones.base import Backbone, with_width

__all__ = ["Identity", "Linear"]


class Linear(Backbone):
    """One linear layer: a learnt projection of the features.

    Parameters
    ----------
    out_features : int, default=32
        Width of the embedding.

    Examples
    --------
    >>> from skmeta.backbones import Linear
    >>> Linear(out_features=2).build(n_features=4)
    Linear(in_features=4, out_features=2, bias=True)
    """

    def __init__(self, out_features: int = 32):
        self.out_features = out_features

    def build(self, n_features: int) -> nn.Module:
        """Make the layer."""
        return layers.Linear(n_features, self.out_features)


class Identity(Backbone):
    """No network: the embedding is the row itself.

    Examples
    --------
    >>> from skmeta.backbones import Identity
    >>> Identity().build(n_features=4).out_features
    4
    """

    def build(self, n_features: int) -> nn.Module:
        """Make a module that returns its input."""
        return with_width(nn.Identity(), n_features)
