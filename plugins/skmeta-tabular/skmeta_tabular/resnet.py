"""Residual network for tables, of rtdl_revisiting_models."""

from typing import Literal

from rtdl_revisiting_models import ResNet
from torch import nn

from skmeta.backbones import Backbone
from skmeta_tabular.rowwise import RowWise, require

__all__ = ["TabularResNet"]

_NORMS = {
    "layer": nn.LayerNorm,
    "batch": nn.BatchNorm1d,
    None: lambda width: nn.Identity(),
}


class TabularResNet(Backbone):
    r"""Residual network for tables (Gorishniy et al. 2021, section 3.2).

    The network is ``rtdl_revisiting_models.ResNet`` up to its last linear layer, which
    is the head of a learner here. Blocks add corrections to what they are given,

    .. math:: x \leftarrow x + \mathrm{dropout}_2(W_2 \, \mathrm{dropout}_1(
              \mathrm{relu}(W_1 \, \mathrm{norm}(x)))),

    and the embedding is :math:`\mathrm{relu}(\mathrm{norm}(x))`. The paper and the
    library normalise a batch. That makes a row's output depend on the rows beside it,
    and has no meaning where every task has weights of its own; so by default a row is
    normalised by itself. skmeta's own "resnet_mlp" is much the same network, of layers
    that are quicker under gradient-based algorithms.

    Parameters
    ----------
    width : int, default=128
        Width of every block's input and output, and so of the embedding.
    n_blocks : int, default=2
        Residual blocks.
    hidden_factor : float, default=2.0
        Width inside a block, as a multiple of ``width``.
    dropout : float, default=0.0
        Probability of dropping a unit inside a block in training; 0.15 in the library's
        example.
    residual_dropout : float, default=0.0
        Probability of dropping a unit of what a block adds.
    norm : {"layer", "batch", None}, default="layer"
        What is normalised before each block and at the end: every row, every column of
        a batch (as in the paper; metric-based algorithms only) or nothing. Biases that
        the norm of a batch cancels are not learnt.

    References
    ----------
    Y. Gorishniy, I. Rubachev, V. Khrulkov, A. Babenko. Revisiting deep learning models
    for tabular data. NeurIPS 2021.

    Examples
    --------
    >>> import torch
    >>> from skmeta_tabular import TabularResNet
    >>> network = TabularResNet(width=8).build(n_features=4)
    >>> network(torch.zeros(5, 10, 4)).shape  # five tasks of ten rows
    torch.Size([5, 10, 8])
    """

    def __init__(
        self,
        width: int = 128,
        n_blocks: int = 2,
        hidden_factor: float = 2.0,
        dropout: float = 0.0,
        residual_dropout: float = 0.0,
        norm: Literal["layer", "batch", None] = "layer",
    ):
        self.width = width
        self.n_blocks = n_blocks
        self.hidden_factor = hidden_factor
        self.dropout = dropout
        self.residual_dropout = residual_dropout
        self.norm = norm

    def build(self, n_features: int) -> nn.Module:
        """Make the network; ``out_features`` is ``width``.

        Raises
        ------
        ValueError
            If a parameter is out of its range.
        """
        require("a positive whole number", width=self.width, n_blocks=self.n_blocks)
        require("a positive number", hidden_factor=self.hidden_factor)
        require(
            "a probability in [0, 1)",
            dropout=self.dropout,
            residual_dropout=self.residual_dropout,
        )
        if self.norm not in _NORMS:
            raise ValueError(
                f"norm must be 'layer', 'batch' or None, not {self.norm!r}."
            )
        network = ResNet(
            d_in=n_features,
            d_out=1,
            n_blocks=self.n_blocks,
            d_block=self.width,
            d_hidden=max(1, round(self.hidden_factor * self.width)),
            d_hidden_multiplier=None,
            dropout1=self.dropout,
            dropout2=self.residual_dropout,
        )
        network.output.linear = nn.Identity()  # the learner has a head of its own
        for part in (*network.blocks, network.output):
            part.normalization = _NORMS[self.norm](self.width)
        if self.norm == "batch":  # which subtracts what all rows have in common
            for linear in (
                network.input_projection,
                *(block.linear2 for block in network.blocks),
            ):
                linear.bias.requires_grad_(False)
        return RowWise(network, self.width)
