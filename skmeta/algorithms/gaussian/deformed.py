"""Learning from a few labelled rows and many unlabelled ones, by their graph."""

from typing import NamedTuple

import torch
from torch import Tensor

from skmeta.algorithms.gaussian.exact import adapt_exactly
from skmeta.algorithms.gaussian.kernel import KernelLearner
from skmeta.algorithms.gaussian.posterior import Posterior
from skmeta.algorithms.gaussian.support import Support
from skmeta.algorithms.shared.cholesky import cholesky
from skmeta.algorithms.shared.graph import GraphRows, laplacian

__all__ = ["Deformation", "adapt_deformed"]

_TINY = 1e-12


class Deformation(NamedTuple):
    r"""A kernel that follows the graph of some rows (Sindhwani et al. 2005).

    With covariances K of the rows of the graph, :math:`k_x` of a row x with them and a
    positive semidefinite M, the deformed kernel is (their equation 6)

    .. math:: \tilde k(x, z) = k(x, z) - k_x^\top (I + M K)^{-1} M k_z .

    Here :math:`M = w L^2`, with the weight w and the Laplacian L of the graph. With
    :math:`C C^\top = I + w L K L` and :math:`V = \sqrt w \, C^{-1} L` that is
    :math:`k(x, z) - (V k_x)^\top V k_z`, which needs no inverse of a matrix that is
    not symmetric.
    """

    V: Tensor  # (tasks, processes, rows, rows)

    @classmethod
    def of(cls, K: Tensor, L: Tensor, weight: Tensor) -> "Deformation":
        """Deform a kernel of covariances K, (tasks, processes, rows, rows).

        ``weight`` is (tasks,), and L (tasks, rows, rows).
        """
        L = (weight.to(L).sqrt()[:, None, None] * L).unsqueeze(1)
        C = cholesky(_eye(L) + L @ K.to(L) @ L)
        return cls(torch.linalg.solve_triangular(C, L.expand_as(C), upper=False))

    def between(self, K: Tensor, rows: Tensor, others: Tensor) -> Tensor:
        """Deform covariances K of rows and others.

        ``rows`` and ``others`` are the covariances of the graph's rows with them, (...,
        rows of the graph, rows).
        """
        return K - (self.V @ rows.to(self.V)).mT @ (self.V @ others.to(self.V))


def adapt_deformed(
    module: KernelLearner,
    support: Support,
    unlabelled: Support,
    graph: GraphRows,
    weight: float,
    n_steps: int,
) -> Posterior:
    """Condition every process on the support, by a kernel that its graph deforms.

    Of classes the deformed kernel is multiplied by what makes the variance of the
    labelled rows the same as before, or probabilities would be too near each other.

    Parameters
    ----------
    module : KernelLearner
        The processes.
    support, unlabelled : Support
        Rows with targets and without.
    graph : GraphRows
        Both, labelled rows first, as the graph compares them.
    weight : float
        How much the graph counts.
    n_steps : int
        Steps to the most likely latent values of classes, for each 16 rows of a task.

    Returns
    -------
    Posterior
        Of the kernel as it was, with weights of all rows of the graph.
    """
    n = support.rows.shape[1]
    rows = torch.cat([support.rows, unlabelled.rows], dim=1)
    mask = graph.mask
    K = module.kernel().between(rows, rows).double()
    K = K * (mask.unsqueeze(-1) & mask.unsqueeze(-2)).unsqueeze(1)
    # A task without unlabelled rows, or without others, is learnt as without a graph.
    has_both = (unlabelled.counts > 0).any(dim=1) & (support.counts > 0).any(dim=1)
    weights = weight * has_both.to(K)
    bent = Deformation.of(K, laplacian(graph.rows, mask), weights)
    known = K[..., :n]  # with the labelled rows
    inner = bent.V @ known
    deformed = known[:, :, :n] - inner.mT @ inner
    scale = torch.ones_like(deformed[..., :1, :1])
    if module.kind == "classifier":
        before = known[:, :, :n].diagonal(dim1=-2, dim2=-1).sum(-1)
        after = deformed.diagonal(dim1=-2, dim2=-1).sum(-1)
        scale = (before / after.clamp(min=_TINY))[..., None, None]
    state = adapt_exactly(module, support, (scale * deformed).to(support.rows), n_steps)
    # A row's deformed covariances with the labelled rows are its covariances with all
    # rows of the graph times this.
    by_labels = -(bent.V.mT @ inner)
    by_labels[:, :, :n] += _eye(deformed)
    precision = state.precision
    if module.kind == "regressor":
        precision = by_labels @ precision.to(K) @ by_labels.mT + bent.V.mT @ bent.V
    return Posterior(
        rows,
        (scale * by_labels @ state.weights.to(K)).to(rows),
        precision.to(rows),
        state.log_share,
        state.n_classes,
        state.level,
    )


def _eye(A: Tensor) -> Tensor:
    return torch.eye(A.shape[-1], dtype=A.dtype, device=A.device)
