"""Multilayer perceptron."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from torch import nn

from skmeta.backbones.base import Backbone, with_width
from skmeta.backbones.dropout import Dropout
from skmeta.nn import LayerNorm, Linear, Residual

__all__ = ["MLP"]

_ACTIVATIONS = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
}


class MLP(Backbone):
    """Multilayer perceptron.

    Parameters
    ----------
    hidden : sequence of int, default=(64, 64)
        Width of each hidden layer; the last is the embedding's.
    activation : {"relu", "gelu", "silu", "tanh"}, default="relu"
        Follows every layer.
    dropout : float, default=0.0
        Probability of dropping a hidden unit in training.
    norm : {None, "layer"}, default=None
        Normalise every row before the activation. (Batch normalisation would make
        a row's output depend on the rows beside it.)
    residual : bool, default=False
        Add its input to the output of every layer that keeps the width.

    Examples
    --------
    >>> from skmeta.backbones import MLP
    >>> MLP(hidden=(32, 16)).build(n_features=4)
    Sequential(
      (0): Linear(in_features=4, out_features=32, bias=True)
      (1): ReLU()
      (2): Linear(in_features=32, out_features=16, bias=True)
      (3): ReLU()
    )
    """

    def __init__(
        self,
        hidden: Sequence[int] = (64, 64),
        activation: Literal["relu", "gelu", "silu", "tanh"] = "relu",
        dropout: float = 0.0,
        norm: Literal[None, "layer"] = None,
        residual: bool = False,
    ):
        self.hidden = hidden
        self.activation = activation
        self.dropout = dropout
        self.norm = norm
        self.residual = residual

    def build(self, n_features: int) -> nn.Module:
        """Chain the layers; ``out_features`` is the last hidden width.

        Raises
        ------
        ValueError
            If a parameter is out of its range.
        """
        self._validate()
        widths = [n_features, *self.hidden]
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise(widths):
            layer = self._layer(n_in, n_out)
            if self.residual and n_in == n_out:
                layer = [Residual(*layer)]
            layers += layer
        network = nn.Sequential(*layers)
        return with_width(network, widths[-1])

    def _layer(self, n_in: int, n_out: int) -> list[nn.Module]:
        layer: list[nn.Module] = [Linear(n_in, n_out)]
        if self.norm == "layer":
            layer.append(LayerNorm(n_out))
        layer.append(_ACTIVATIONS[self.activation]())
        if self.dropout:
            layer.append(Dropout(self.dropout))
        return layer

    def _validate(self) -> None:
        if not all(width >= 1 for width in self.hidden):
            raise ValueError(f"hidden must hold positive widths, not {self.hidden!r}.")
        if self.activation not in _ACTIVATIONS:
            raise ValueError(
                f"activation must be one of {sorted(_ACTIVATIONS)}, "
                f"not {self.activation!r}."
            )
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be in [0, 1), not {self.dropout!r}.")
        if self.norm not in (None, "layer"):
            raise ValueError(f"norm must be None or 'layer', not {self.norm!r}.")
