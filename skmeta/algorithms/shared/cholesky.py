"""Factors and inverses of covariances that rounding may have made indefinite."""

from collections.abc import Callable

import torch
from torch import Tensor

from skmeta.utils.asking import happens, may_ask

__all__ = ["cholesky", "inverse"]

# What is added to the diagonal of a matrix that has no factor, first, in units of its
# mean, and how many times ten times as much.
_FIRST_JITTER = 1e-7
_TRIES = 9

# How much the inverse may be larger than it can be, by rounding of its own.
_SLACK = 1.01


def cholesky(A: Tensor) -> Tensor:
    """Factorise covariances, of those that are not positive definite nearby ones.

    Covariances of rows that are close together, in single precision, may lose more to
    rounding than a small noise adds. Such a matrix, and no other, gets as much more on
    its diagonal as it needs.

    Parameters
    ----------
    A : Tensor of shape (..., n, n)
        Symmetric.

    Returns
    -------
    Tensor of shape (..., n, n)
        Lower triangles; NaN where A is not finite.

    Examples
    --------
    >>> import torch
    >>> from skmeta.algorithms.shared.cholesky import cholesky
    >>> A = torch.tensor([[[4.0, 2.0], [2.0, 2.0]], [[1.0, 1.001], [1.001, 1.0]]])
    >>> L = cholesky(A)
    >>> torch.allclose(L[0] @ L[0].T, A[0]), torch.allclose(L @ L.mT, A, atol=0.01)
    (True, True)
    """
    [L] = _shifted(A, _factorise)
    return L


def inverse(A: Tensor, least: Tensor) -> tuple[Tensor, Tensor]:
    r"""Invert covariances that have so much more on their diagonal, c > 0.

    No eigenvalue of such a matrix is below c, so :math:`\mathrm{tr}(P^2) \le
    \mathrm{tr}(P) / c` for its inverse P. One that rounding has led below gets as much
    more on its diagonal as it needs: its inverse would be as large as it likes, and so
    would all answers by it.

    Parameters
    ----------
    A : Tensor of shape (..., n, n)
        Symmetric.
    least : Tensor of shape (...) or what goes with it
        c.

    Returns
    -------
    P, L : Tensor of shape (..., n, n)
        Inverses, and the lower triangles of what was inverted; NaN where A is not
        finite.

    Examples
    --------
    >>> import torch
    >>> from skmeta.algorithms.shared.cholesky import inverse
    >>> A = torch.diag_embed(torch.tensor([[2.0, 4.0], [2.0, 0.01]]))
    >>> P, _ = inverse(A, torch.tensor(1.0))
    >>> P.diagonal(dim1=1, dim2=2)[0], P.amax() < 2
    (tensor([0.5000, 0.2500]), tensor(True))
    """

    def invert(A: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        L, fails = _factorise(A)
        P = _inverse_of(L, fails)
        trace = P.diagonal(dim1=-2, dim2=-1).sum(-1)
        too_large = least * P.square().sum((-1, -2)) > _SLACK * trace
        return P, L, fails | too_large

    P, L = _shifted(A, invert)
    return P, L


def _inverse_of(L: Tensor, fails: Tensor) -> Tensor:
    """Invert ``L @ L.mT``; of those that fail whatever."""
    eye = torch.eye(L.shape[-1], dtype=L.dtype, device=L.device)
    if may_ask():
        if fails.any():  # what has no factor would be refused
            L = torch.where(fails[..., None, None], eye, L)
        return torch.cholesky_inverse(L)
    # What torch would take may wait for a GPU.
    root = torch.linalg.solve_triangular(L, eye.expand_as(L), upper=False)
    return root.mT @ root


def _factorise(A: Tensor) -> tuple[Tensor, Tensor]:
    L, info = torch.linalg.cholesky_ex(A)
    return L, info > 0


def _shifted(
    A: Tensor, compute: Callable[[Tensor], tuple[Tensor, ...]]
) -> list[Tensor]:
    """Compute from matrices, and from ever larger shifts of those that fail.

    What is computed has the shape of A, and NaN where nothing helps. Its last part is
    which fail, (...).
    """
    *found, fails = compute(A)
    if not happens(fails):
        return found
    diagonal = A.diagonal(dim1=-2, dim2=-1).mean(dim=-1)
    eye = torch.eye(A.shape[-1], dtype=A.dtype, device=A.device)
    jitter = torch.zeros_like(diagonal)
    for i in range(_TRIES):
        # Those that have a factor by now keep what they needed.
        jitter = torch.where(fails, _FIRST_JITTER * 10**i * diagonal, jitter)
        *again, fails = compute(A + jitter[..., None, None] * eye)
        is_shifted = jitter[..., None, None] > 0
        found = [
            torch.where(is_shifted, new, old)
            for new, old in zip(again, found, strict=True)
        ]
        if not fails.any():
            return found
    return [each.masked_fill(fails[..., None, None], torch.nan) for each in found]
