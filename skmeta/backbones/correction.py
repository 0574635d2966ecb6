"""A learnt correction of the rows themselves."""

from torch import nn

from skmeta import plugins
from skmeta.backbones.base import Backbone
from skmeta.nn import Linear, Residual

__all__ = ["Correction"]


class Correction(Backbone):
    r"""The row itself and a learnt correction of it, against meta-overfitting.

    The embedding is, with any network g and a matrix A that starts at zero,

    .. math:: f(x) = x + A \, g(x).

    So a metric-based algorithm starts as it would without a network, on the
    standardised features (a prototypical network as nearest centroid), and training
    changes that only as far as it pays. Where there are few classes or tasks to learn
    from, an embedding learnt from scratch tells apart what it has seen and forgets what
    else was in the row. (A residual block whose last layer starts at zero, as in
    Fixup, Zhang et al. 2019, across the whole network.)

    Parameters
    ----------
    backbone : str or Backbone, default="mlp"
        Makes g: any registered backbone, by name or as an object.

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

    def __init__(self, backbone: str | Backbone = "mlp"):
        self.backbone = backbone

    def build(self, n_features: int) -> nn.Module:
        """Add A g(x) to x; ``out_features`` is ``n_features``."""
        g = plugins.resolve("backbone", self.backbone).build(n_features)
        A = Linear(g.out_features, n_features, bias=False)
        nn.init.zeros_(A.weight)
        network = Residual(g, A)
        network.out_features = n_features
        return network
