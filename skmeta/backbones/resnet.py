"""Residual network for tables."""

from typing import Literal

from torch import nn

from skmeta.backbones.base import Backbone, with_width
from skmeta.backbones.dropout import Dropout
from skmeta.nn import LayerNorm, Linear, Residual

__all__ = ["ResNetMLP"]


class ResNetMLP(Backbone):
    r"""Residual multilayer perceptron, a strong network for tables.

    After a linear layer come blocks that each add a correction to what they are given,
    and at the end a norm and ReLU (Gorishniy et al. 2021, section 3.2):

    .. math:: x \leftarrow x + W_2 \, \mathrm{dropout}(
              \mathrm{relu}(W_1 \, \mathrm{norm}(x))).

    The norm is layer normalisation, as batch normalisation would make a row's output
    depend on the rows beside it.

    Parameters
    ----------
    width : int, default=128
        Width of every block's input and output, and so of the embedding.
    n_blocks : int, default=2
        Residual blocks.
    hidden_factor : float, default=2.0
        Width inside a block, as a multiple of ``width``.
    dropout : float, default=0.0
        Probability of dropping a unit inside a block in training.
    norm : {"layer", None}, default="layer"
        Normalise every row before a block and at the end.

    References
    ----------
    Y. Gorishniy, I. Rubachev, V. Khrulkov, A. Babenko. Revisiting deep learning models
    for tabular data. NeurIPS 2021.

    Examples
    --------
    >>> from skmeta.backbones import ResNetMLP
    >>> network = ResNetMLP(width=8, n_blocks=1).build(n_features=4)
    >>> [type(layer).__name__ for layer in network]
    ['Linear', 'Residual', 'LayerNorm', 'ReLU']
    >>> [type(layer).__name__ for layer in network[1]]
    ['LayerNorm', 'Linear', 'ReLU', 'Linear']
    """

    def __init__(
        self,
        width: int = 128,
        n_blocks: int = 2,
        hidden_factor: float = 2.0,
        dropout: float = 0.0,
        norm: Literal["layer", None] = "layer",
    ):
        self.width = width
        self.n_blocks = n_blocks
        self.hidden_factor = hidden_factor
        self.dropout = dropout
        self.norm = norm

    def build(self, n_features: int) -> nn.Module:
        """Chain the blocks; ``out_features`` is ``width``.

        Raises
        ------
        ValueError
            If a parameter is out of its range.
        """
        self._validate()
        network = nn.Sequential(
            Linear(n_features, self.width),
            *(self._block() for _ in range(self.n_blocks)),
            *self._normalization(),
            nn.ReLU(),
        )
        return with_width(network, self.width)

    def _block(self) -> nn.Module:
        hidden = max(1, round(self.hidden_factor * self.width))
        layers = [*self._normalization(), Linear(self.width, hidden), nn.ReLU()]
        if self.dropout:
            layers.append(Dropout(self.dropout))
        return Residual(*layers, Linear(hidden, self.width))

    def _normalization(self) -> list[nn.Module]:
        return [LayerNorm(self.width)] if self.norm == "layer" else []

    def _validate(self) -> None:
        if self.width < 1 or self.n_blocks < 0 or not self.hidden_factor > 0:
            raise ValueError(
                "width and hidden_factor must be positive, and n_blocks 0 or more, not "
                f"{self.width!r}, {self.hidden_factor!r} and {self.n_blocks!r}."
            )
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be in [0, 1), not {self.dropout!r}.")
        if self.norm not in ("layer", None):
            raise ValueError(f"norm must be 'layer' or None, not {self.norm!r}.")
