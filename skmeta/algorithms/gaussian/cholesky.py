"""Cholesky factors of covariances that rounding may have made indefinite."""

import torch
from torch import Tensor

from skmeta.utils.asking import happens, may_ask

__all__ = ["cholesky", "inverse"]

# What is added to the diagonal of a matrix that has no factor, first, in units of its
# mean, and how many times ten times as much.
_FIRST_JITTER = 1e-7
_TRIES = 9


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
    >>> from skmeta.algorithms.gaussian import cholesky
    >>> A = torch.tensor([[[4.0, 2.0], [2.0, 2.0]], [[1.0, 1.001], [1.001, 1.0]]])
    >>> L = cholesky(A)
    >>> torch.allclose(L[0] @ L[0].T, A[0]), torch.allclose(L @ L.mT, A, atol=0.01)
    (True, True)
    """
    L, info = torch.linalg.cholesky_ex(A)
    if not happens(info > 0):
        return L
    diagonal = A.diagonal(dim1=-2, dim2=-1).mean(dim=-1)
    eye = torch.eye(A.shape[-1], dtype=A.dtype, device=A.device)
    jitter = torch.zeros_like(diagonal)
    for i in range(_TRIES):
        # Those that have a factor by now keep what they needed.
        jitter = torch.where(info > 0, _FIRST_JITTER * 10**i * diagonal, jitter)
        again, info = torch.linalg.cholesky_ex(A + jitter[..., None, None] * eye)
        L = torch.where(jitter[..., None, None] > 0, again, L)
        if not info.any():
            return L
    return L.masked_fill(info[..., None, None] > 0, torch.nan)


def inverse(L: Tensor) -> Tensor:
    """Invert matrices by their Cholesky factors.

    Parameters
    ----------
    L : Tensor of shape (..., n, n)
        Lower triangles.

    Returns
    -------
    Tensor of shape (..., n, n)
        Inverses of ``L @ L.mT``.
    """
    if may_ask():
        return torch.cholesky_inverse(L)
    # What torch would take may wait for a GPU.
    eye = torch.eye(L.shape[-1], dtype=L.dtype, device=L.device)
    root = torch.linalg.solve_triangular(L, eye.expand_as(L), upper=False)
    return root.mT @ root
