"""A learnt correction of the rows themselves."""

from torch import nn

from skmeta.backbones.base import Backbone, width_of, with_width
from skmeta.backbones.torch_module import as_backbone
from skmeta.nn import Linear, Residual

__all__ = ["Correction"]


class Correction(Backbone):
    r"""The row itself and a learnt correction of it, against meta-overfitting.

    The embedding is, with any network g and a matrix A that starts at zero,

    .. math:: f(x) = z + A \, g(z), \qquad z = b(x),

    and the base b leaves rows as they are by default.

    So a metric-based algorithm starts as it would without a network, on the
    standardised features (a prototypical network as nearest centroid), and training
    changes that only as far as it pays. Where there are few classes or tasks to learn
    from, an embedding learnt from scratch tells apart what it has seen and forgets what
    else was in the row. (A residual block whose last layer starts at zero, as in
    Fixup, Zhang et al. 2019, across the whole network.)

    Parameters
    ----------
    backbone : str, Backbone or torch module, default="mlp"
        Makes g: any registered backbone, by name or as an object, or any torch module.
    base : str, Backbone or torch module, default="identity"
        Makes b, the features to start from, such as
        :class:`~skmeta.backbones.OrientedGradients` for images.

    References
    ----------
    H. Zhang, Y. N. Dauphin, T. Ma. Fixup initialization: residual learning without
    normalization. ICLR 2019.

    Examples
    --------
    >>> import torch
    >>> from skmeta.backbones import MLP, Correction
    >>> network = Correction(MLP(hidden=(16,))).build(n_features=3)
    >>> network.out_features
    3
    >>> network(torch.ones(1, 3)).tolist()  # nothing is corrected yet
    [[1.0, 1.0, 1.0]]
    """

    def __init__(
        self,
        backbone: str | Backbone | nn.Module = "mlp",
        base: str | Backbone | nn.Module = "identity",
    ):
        self.backbone = backbone
        self.base = base

    @property
    def takes_any_width(self) -> bool:  # type: ignore[override]  # as its parts do
        """Whether both networks can be built for any number of features."""
        parts = (as_backbone(each) for each in (self.base, self.backbone))
        return all(getattr(part, "takes_any_width", True) for part in parts)

    def build(self, n_features: int) -> nn.Module:
        """Add A g(z) to z; ``out_features`` is the width of z."""
        b = as_backbone(self.base).build(n_features)
        g = as_backbone(self.backbone).build(width_of(b))
        A = Linear(width_of(g), width_of(b), bias=False)
        nn.init.zeros_(A.weight)
        network: nn.Sequential = Residual(g, A)
        if not isinstance(b, nn.Identity):
            network = nn.Sequential(b, network)
        return with_width(network, width_of(b))
