"""Networks from the features of a row to its embedding."""

from skmeta.backbones.base import Backbone
from skmeta.backbones.linear import Identity, Linear
from skmeta.backbones.mlp import MLP

__all__ = ["MLP", "Backbone", "Identity", "Linear"]
