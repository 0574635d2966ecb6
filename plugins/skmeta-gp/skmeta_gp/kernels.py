"""Kernels by name, and the scale on which what belongs to them is learnt."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import torch
from gpytorch.constraints import GreaterThan, Positive
from gpytorch.kernels import (
    Kernel,
    MaternKernel,
    PolynomialKernel,
    RBFKernel,
    ScaleKernel,
)
from linear_operator import to_dense
from torch import Tensor
from torch.nn.functional import normalize

__all__ = [
    "KERNELS",
    "CosineSimilarity",
    "above",
    "covariance",
    "make_kernel",
    "variance",
]

# Noise, scales and lengthscales differ by orders of magnitude from one meta-dataset to
# the next. Their logarithms, at the learning rate of the network's weights, would need
# thousands of steps to get there.
_SPEED = 10.0


class CosineSimilarity(Kernel):
    """Cosine of the angle between two rows: "CosSim" in the paper.

    (:class:`gpytorch.kernels.CosineKernel` is another one, the cosine of a distance.)
    """

    def forward(self, x1: Tensor, x2: Tensor, diag: bool = False, **_: Any) -> Tensor:
        """Compare rows (..., n, d) with rows (..., m, d)."""
        x1, x2 = normalize(x1, dim=-1), normalize(x2, dim=-1)
        return (x1 * x2).sum(dim=-1) if diag else x1 @ x2.mT


def _exp(raw: Tensor) -> Tensor:
    return (_SPEED * raw).exp()


def _log(value: Tensor) -> Tensor:
    return value.log() / _SPEED


def above(bound: float) -> GreaterThan:
    """Constrain a parameter to lie above a bound, and learn its logarithm quickly."""
    return GreaterThan(bound, transform=_exp, inv_transform=_log)


def _positive() -> Positive:
    return Positive(transform=_exp, inv_transform=_log)


def _rbf() -> Kernel:
    return RBFKernel(lengthscale_constraint=_positive())


def _matern() -> Kernel:
    return MaternKernel(nu=2.5, lengthscale_constraint=_positive())


def _linear() -> Kernel:
    return PolynomialKernel(power=1, offset_constraint=_positive())


def _quadratic() -> Kernel:
    return PolynomialKernel(power=2, offset_constraint=_positive())


KERNELS = {
    "linear": _linear,
    "quadratic": _quadratic,
    "cosine": CosineSimilarity,
    "rbf": _rbf,
    "matern": _matern,
}


def make_kernel(
    kernel: str | Kernel | Callable[[int], Kernel], embedded: Tensor
) -> Kernel:
    """Make a kernel that starts on the scale of the embedding.

    Parameters
    ----------
    kernel : str, Kernel or callable
        A name in ``KERNELS``; or a kernel, of which a copy is used as it is; or a
        function that makes one for the width of the embedding.
    embedded : Tensor of shape (rows, d)
        Embedded random rows. A named kernel starts with a variance of 1, a lengthscale
        of their mean distance and an offset of their mean squared norm.

    Returns
    -------
    gpytorch.kernels.Kernel
        The kernel.

    Raises
    ------
    ValueError
        If it is none of these.
    """
    if callable(kernel):  # as a kernel is too
        is_kernel = isinstance(kernel, Kernel)
        made = deepcopy(kernel) if is_kernel else kernel(embedded.shape[-1])
        if not isinstance(made, Kernel):
            raise ValueError(
                "A function given as kernel must make a gpytorch kernel for the width "
                f"of the embedding, not a {type(made).__name__}."
            )
        return made
    if not isinstance(kernel, str) or kernel not in KERNELS:
        raise ValueError(
            f"kernel must be one of {list(KERNELS)}, a gpytorch kernel, or a function "
            f"that makes one for the width of the embedding, not {kernel!r}."
        )
    base = KERNELS[kernel]()
    scaled = ScaleKernel(base, outputscale_constraint=_positive())
    with torch.no_grad():
        if base.has_lengthscale:
            base.lengthscale = _or_one(torch.pdist(embedded).mean())
        if isinstance(base, PolynomialKernel):
            base.offset = _or_one(embedded.square().sum(dim=-1).mean())
        scaled.outputscale = 1 / _or_one(variance(base, embedded).mean())
    return scaled


def _or_one(size: Tensor) -> Tensor:
    """Return a size, or 1 for the 0 of an embedding that is dead at first."""
    return torch.where(size > 0, size, 1.0)


# Calling a kernel, instead of its `forward`, evaluates it lazily by switches that are
# global to the process, which threads would set for each other.


def covariance(kernel: Kernel, a: Tensor, b: Tensor) -> Tensor:
    """Return the covariance of rows (tasks, n, d) and (tasks, m, d), (tasks, n, m)."""
    a, b = _active(kernel, a), _active(kernel, b)
    return to_dense(kernel.forward(a, b))


def variance(kernel: Kernel, a: Tensor) -> Tensor:
    """Return the variance of rows (tasks, n, d), (tasks, n)."""
    a = _active(kernel, a)
    return to_dense(kernel.forward(a, a, diag=True))


def _active(kernel: Kernel, rows: Tensor) -> Tensor:
    if kernel.active_dims is None:
        return rows
    return rows.index_select(-1, kernel.active_dims)
