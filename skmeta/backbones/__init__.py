"""Networks from the features of a row to its embedding."""

from typing import TYPE_CHECKING

from skmeta.utils.lazily import offers

if TYPE_CHECKING:
    from skmeta.backbones.base import Backbone
    from skmeta.backbones.conv import Conv4
    from skmeta.backbones.correction import Correction
    from skmeta.backbones.gradients import OrientedGradients
    from skmeta.backbones.linear import Identity, Linear
    from skmeta.backbones.mlp import MLP
    from skmeta.backbones.resnet import ResNetMLP
    from skmeta.backbones.torch_module import TorchModule

__all__ = [
    "MLP",
    "Backbone",
    "Conv4",
    "Correction",
    "Identity",
    "Linear",
    "OrientedGradients",
    "ResNetMLP",
    "TorchModule",
]

__getattr__, __dir__ = offers(
    __name__,
    {
        "base": ["Backbone"],
        "conv": ["Conv4"],
        "correction": ["Correction"],
        "gradients": ["OrientedGradients"],
        "linear": ["Identity", "Linear"],
        "mlp": ["MLP"],
        "resnet": ["ResNetMLP"],
        "torch_module": ["TorchModule"],
    },
)
