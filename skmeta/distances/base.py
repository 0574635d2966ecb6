"""Distances between the rows of two sets, for metric-based algorithms."""

from abc import abstractmethod
from collections.abc import Callable
from typing import ClassVar

import torch
from sklearn.base import BaseEstimator
from torch import Tensor, nn

__all__ = ["Cosine", "Distance", "Euclidean", "Mahalanobis", "Manhattan"]


class Distance(BaseEstimator):
    """Base class of distances: hyperparameters in, a callable out.

    A distance is a factory because some have parameters to learn: ``build`` returns a
    plain function, or an :class:`torch.nn.Module` whose parameters are meta-learnt
    with the backbone's.

    Attributes
    ----------
    is_squared : bool
        True if its square root is a distance.
    """

    is_squared: ClassVar[bool] = False

    @abstractmethod
    def build(self, n_features: int) -> Callable[[Tensor, Tensor], Tensor]:
        """Make the callable for embeddings of a given width.

        Parameters
        ----------
        n_features : int
            Width of the embedding, d.

        Returns
        -------
        callable
            Maps ``(..., n, d)`` and ``(..., m, d)`` to distances ``(..., n, m)``.
        """
        raise NotImplementedError(f"{type(self).__name__} has no build().")


class Euclidean(Distance):
    """Squared Euclidean distance, ``d(a, b) = sum_k (a_k - b_k)^2``.

    The squared form is a Bregman divergence, for which the class mean is the right
    prototype (Snell et al. 2017, section 2.3).

    Examples
    --------
    >>> import torch
    >>> from skmeta.distances import Euclidean
    >>> distance = Euclidean().build(n_features=2)
    >>> distance(torch.zeros(1, 2), torch.tensor([[3.0, 4.0]]))
    tensor([[25.]])
    """

    is_squared = True

    def build(self, n_features: int) -> Callable[[Tensor, Tensor], Tensor]:
        """Return the function; it has no parameters."""
        return _squared_euclidean


class Cosine(Distance):
    """Cosine distance, ``d(a, b) = 1 - a.b / (|a| |b|)``, between 0 and 2.

    A zero vector has distance 1 to every vector.

    Examples
    --------
    >>> import torch
    >>> from skmeta.distances import Cosine
    >>> distance = Cosine().build(n_features=2)
    >>> distance(torch.tensor([[1.0, 0.0]]), torch.tensor([[2.0, 0.0], [0.0, 1.0]]))
    tensor([[0., 1.]])
    """

    def build(self, n_features: int) -> Callable[[Tensor, Tensor], Tensor]:
        """Return the function; it has no parameters."""
        return _cosine


class Manhattan(Distance):
    """Manhattan distance, ``d(a, b) = sum_k |a_k - b_k|``.

    Examples
    --------
    >>> import torch
    >>> from skmeta.distances import Manhattan
    >>> distance = Manhattan().build(n_features=2)
    >>> distance(torch.zeros(1, 2), torch.tensor([[3.0, -4.0]]))
    tensor([[7.]])
    """

    def build(self, n_features: int) -> Callable[[Tensor, Tensor], Tensor]:
        """Return the function; it has no parameters."""
        return _manhattan


class Mahalanobis(Distance):
    r"""Squared Mahalanobis distance with a meta-learnt precision matrix.

    ``d(a, b) = (a - b)^T (I + W^T W) (a - b)`` where ``W`` has ``rank`` rows and is
    learnt. It starts close to the squared Euclidean distance.

    Parameters
    ----------
    rank : int, default=8
        Rows of ``W``: how many directions may be stretched.

    Examples
    --------
    >>> from skmeta.distances import Mahalanobis
    >>> distance = Mahalanobis(rank=2).build(n_features=5)
    >>> distance.factor.shape
    torch.Size([2, 5])
    """

    is_squared = True

    def __init__(self, rank: int = 8):
        self.rank = rank

    def build(self, n_features: int) -> nn.Module:
        """Return a module that holds the factor ``W`` of shape (rank, n_features)."""
        return _Mahalanobis(self.rank, n_features)


class _Mahalanobis(nn.Module):
    def __init__(self, rank: int, n_features: int):
        super().__init__()
        self.factor = nn.Parameter(0.1 * torch.randn(rank, n_features) / rank**0.5)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        stretched = [torch.cat([x, x @ self.factor.mT], dim=-1) for x in (a, b)]
        return _squared_euclidean(*stretched)


def _squared_euclidean(a: Tensor, b: Tensor) -> Tensor:
    # |a - b|^2 = |a|^2 + |b|^2 - 2 a.b: one matrix product, no tensor (n, m, d).
    squares = a.square().sum(-1).unsqueeze(-1) + b.square().sum(-1).unsqueeze(-2)
    return squares - 2 * a @ b.mT


def _cosine(a: Tensor, b: Tensor) -> Tensor:
    return 1 - _unit(a) @ _unit(b).mT


def _unit(x: Tensor) -> Tensor:
    # Not functional.normalize, whose gradient at a zero vector is 1e12.
    length = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    return x / torch.where(length > 0, length, 1.0)


def _manhattan(a: Tensor, b: Tensor) -> Tensor:
    return (a.unsqueeze(-2) - b.unsqueeze(-3)).abs().sum(-1)
