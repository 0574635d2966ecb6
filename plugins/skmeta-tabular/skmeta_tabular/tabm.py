"""TabM: an ensemble of multilayer perceptrons that share most weights."""

import typing
from typing import Literal

import tabm
from torch import Tensor, nn

from skmeta.backbones import Backbone
from skmeta_tabular.rowwise import RowWise, require

__all__ = ["TabM"]

_ARCHITECTURES = typing.get_args(tabm.TabMArchitectureType)
_COMBINATIONS = ("concat", "mean")
_SCALINGS = ("random-signs", "normal")


class TabM(Backbone):
    r"""TabM: many perceptrons in one, which share most weights (Gorishniy et al. 2025).

    A member m of the ensemble has the common weights and scales of its own before and
    after every linear layer, :math:`s_m \odot W (r_m \odot x) + b_m`. The network is
    ``tabm.TabM`` without its last layer, and so embeds a row k times. Two ways make one
    embedding of them:

    - "concat" puts the members' embeddings side by side, divided by :math:`\sqrt k`. A
      linear head on it is the mean of a linear head for each member, as in the paper;
      inner products and squared distances are their means over the members.
    - "mean" is their mean, k times narrower; the members share a head.

    In both, the loss is that of the ensemble. The paper trains each member on a loss of
    its own and takes the mean only to predict, which an embedding cannot express.

    Parameters
    ----------
    k : int, default=8
        Members; 32 in the paper, whose tables are larger than a task.
    width : int, default=64
        Width of every layer; 512 in the library's default.
    n_blocks : int, default=2
        Layers.
    dropout : float, default=0.0
        Probability of dropping a unit in training; 0.1 in the library's default.
    activation : str, default="ReLU"
        Name of an activation in :mod:`torch.nn`.
    architecture : {"tabm", "tabm-mini", "tabm-packed"}, default="tabm"
        Scales around every layer, before the first layer only, or members that share
        nothing.
    scaling : {"random-signs", "normal"}, default="random-signs"
        How the first scale starts, which alone tells the members apart at first;
        without a part in "tabm-packed". The paper takes "normal" behind an embedding of
        numbers (:class:`NumEmbedding`).
    combine : {"concat", "mean"}, default="concat"
        How the members' embeddings become one.

    References
    ----------
    Y. Gorishniy, A. Kotelnikov, A. Babenko. TabM: advancing tabular deep learning with
    parameter-efficient ensembling. ICLR 2025.

    Examples
    --------
    >>> import torch
    >>> from skmeta_tabular import TabM
    >>> network = TabM(k=4, width=16).build(n_features=3)
    >>> network(torch.zeros(5, 10, 3)).shape  # five tasks of ten rows
    torch.Size([5, 10, 64])
    >>> TabM(k=4, width=16, combine="mean").build(n_features=3).out_features
    16
    """

    def __init__(
        self,
        k: int = 8,
        width: int = 64,
        n_blocks: int = 2,
        dropout: float = 0.0,
        activation: str = "ReLU",
        architecture: Literal["tabm", "tabm-mini", "tabm-packed"] = "tabm",
        scaling: Literal["random-signs", "normal"] = "random-signs",
        combine: Literal["concat", "mean"] = "concat",
    ):
        self.k = k
        self.width = width
        self.n_blocks = n_blocks
        self.dropout = dropout
        self.activation = activation
        self.architecture = architecture
        self.scaling = scaling
        self.combine = combine

    def build(self, n_features: int) -> nn.Module:
        """Make the network; ``out_features`` is ``k * width``, or ``width`` of a mean.

        Raises
        ------
        ValueError
            If a parameter is out of its range.
        """
        self._validate()
        scaled = self.architecture != "tabm-packed"
        # The parts of tabm.TabM, whose own forward no vmap can go through.
        backbone = tabm.make_tabm_backbone(
            d_in=n_features,
            n_blocks=self.n_blocks,
            d_block=self.width,
            dropout=self.dropout,
            activation=self.activation,
            k=self.k,
            arch_type=self.architecture,
            start_scaling_init=self.scaling if scaled else None,
            start_scaling_init_chunks=[1] * n_features if scaled else None,
        )
        n_parts = self.k if self.combine == "concat" else 1
        network = _Ensemble(tabm.EnsembleView(k=self.k), backbone, self.combine)
        return RowWise(network, n_parts * self.width)

    def _validate(self) -> None:
        require(
            "a positive whole number",
            k=self.k,
            width=self.width,
            n_blocks=self.n_blocks,
        )
        require("a probability in [0, 1)", dropout=self.dropout)
        for name, known in [
            ("architecture", _ARCHITECTURES),
            ("scaling", _SCALINGS),
            ("combine", _COMBINATIONS),
        ]:
            if getattr(self, name) not in known:
                raise ValueError(
                    f"{name} must be one of {list(known)}, not {getattr(self, name)!r}."
                )
        layer = getattr(nn, str(self.activation), None)
        if not (isinstance(layer, type) and issubclass(layer, nn.Module)):
            raise ValueError(
                "activation must be the name of an activation in torch.nn, such as "
                f"'ReLU' or 'SiLU', not {self.activation!r}."
            )


class _Ensemble(nn.Module):
    """The members' embeddings, made one."""

    def __init__(self, ensemble_view: nn.Module, backbone: nn.Module, combine: str):
        super().__init__()
        self.ensemble_view = ensemble_view
        self.backbone = backbone
        self.combine = combine

    def forward(self, X: Tensor) -> Tensor:
        embedded = self.backbone(self.ensemble_view(X))  # (rows, k, width)
        if self.combine == "mean":
            return embedded.mean(dim=1)
        return embedded.flatten(1) / embedded.shape[1] ** 0.5
