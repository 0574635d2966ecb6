"""The contract of a backbone."""

from abc import abstractmethod
from typing import Any, ClassVar, TypeVar

from torch import nn

from skmeta.utils.counts import is_count
from skmeta.utils.doc_links import DocLinkMixin

__all__ = ["Backbone", "width_of", "with_width"]

Network = TypeVar("Network", bound=nn.Module)


class Backbone(DocLinkMixin):
    """Base class of backbones: hyperparameters in, a network to the embedding out.

    Examples
    --------
    Any network of ordinary layers will do:

    >>> from torch import nn
    >>> from skmeta.backbones import Backbone
    >>> class Funnel(Backbone):
    ...     def __init__(self, width=8):
    ...         self.width = width
    ...
    ...     def build(self, n_features):
    ...         network = nn.Sequential(nn.Linear(n_features, self.width), nn.Tanh())
    ...         network.out_features = self.width
    ...         return network
    >>> Funnel().build(n_features=3).out_features
    8
    """

    #: Whether it can be built for any number of features. One that cannot, such as for
    #: images of a size, sees the features alone where others see the answers of a prior
    #: beside them.
    takes_any_width: ClassVar[bool] = True

    #: Whether rows are images, of the ``image_shape`` it was given, and what is learnt
    #: are filters of them: in training, ``augment="auto"`` then turns and distorts the
    #: images, and ``lr="auto"`` is a cycle.
    of_images: ClassVar[bool] = False

    @abstractmethod
    def build(self, n_features: int) -> nn.Module:
        """Make the network.

        Parameters
        ----------
        n_features : int
            Features of a row.

        Returns
        -------
        nn.Module
            Maps (rows, n_features) to (rows, out_features), and says the width of the
            embedding in its attribute ``out_features``. Layers from :mod:`skmeta.nn`
            are the fastest where every task has weights of its own. Batch
            normalisation suits metric-based algorithms only; while they train, the
            padding of queries of unequal size enters its statistics.
        """
        raise NotImplementedError(f"{type(self).__name__} has no build().")


def with_width(network: Network, out_features: int) -> Network:
    """Say on the network how wide the embedding is, as the contract asks."""
    # To torch's types, what is set on a module is a tensor or a module.
    network.out_features = out_features  # type: ignore[assignment]
    return network


def width_of(network: nn.Module) -> int:
    """Return how wide the embedding is.

    Raises
    ------
    ValueError
        If the network does not say so.
    """
    out_features: Any = getattr(network, "out_features", None)
    if not is_count(out_features, 1):
        raise ValueError(
            "A network says how wide its embedding is in out_features, and this one "
            f"has {out_features!r} there. Set it in build of the backbone, as in "
            f"network.out_features = 64: {network!r}"
        )
    return out_features
