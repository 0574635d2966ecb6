"""The dual of Crammer and Singer's machine, solved for many tasks at once.

A primal-dual interior-point method with Mehrotra's predictor and corrector (Nocedal &
Wright 2006, section 16.6), whose linear systems make use of the few dimensions that
the rows have.
"""

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["solve_machine"]


# Where the interior-point method stops: slack times multiplier, for C = 1, and the
# change of the margins, which are about 1.
_LAST_GAP = 1e-9
_LAST_CHANGE = 1e-9
_MAX_ITERATIONS = 50
# How much of the way to the nearest bound a step goes.
_ALMOST = 0.99
# Added to the products of rows, as a share of their squared length.
_RIDGE = 1e-6


def solve_machine(
    Z: Tensor, wanted: Tensor, own: Tensor, free: Tensor, C: float
) -> Tensor:
    """Minimise ``sum_k (|a_k Z|^2 / 2 - wanted_k a_k)``, a <= C own, sum_k a = 0.

    Every row n has an ``a_nk`` for each class k, which sum to 0 over the classes.

    Parameters
    ----------
    Z : Tensor of shape (tasks, rows, d)
        Embedded rows, 0 on padding.
    wanted : Tensor of shape (tasks, classes, rows)
        Linear term.
    own : Tensor of shape (tasks, classes, rows)
        1 for the class of each row, else 0.
    free : bool Tensor of shape (tasks, classes, rows)
        False on padding and for classes that a task does not have: these stay 0.
    C : float
        Largest alpha.

    Returns
    -------
    Tensor of shape (tasks, classes, rows)
        Solution, whose derivative in Z and ``wanted`` is that of the optimality
        conditions ``a Z Z^T + z + nu = wanted``, ``z (C own - a) = gap``.
    """
    problem = _Problem(Z, wanted, own, free, C)
    with torch.no_grad():
        a, z, slack, gap = _descend_central_path(problem)
        newton = problem.make_newton(z / slack)
    # One step from the solution goes nowhere, but its derivative is the solution's; a
    # second one mends the rounding of the first.
    downhill = problem.downhill(a) - gap / slack
    step = newton(downhill)
    return a + step + newton(downhill - problem.uphill(step, z / slack))


def _descend_central_path(problem: "_Problem") -> tuple[Tensor, ...]:
    """Follow slack * multiplier = gap, until gap is almost nothing."""
    free, C = problem.free, problem.C
    n_free = free.sum(dim=(1, 2), keepdim=True).clamp(min=1)
    n_own = free.sum(dim=1, keepdim=True).clamp(min=1)
    slack = torch.where(free, C / n_own, 1.0).to(problem.Z)
    a = torch.where(free, C * problem.own - slack, 0.0)  # sums to 0 over classes
    z = torch.ones_like(a)
    last = torch.tensor(C * _LAST_GAP).to(a)

    def mean_gap(slack: Tensor, z: Tensor) -> Tensor:
        return torch.where(free, slack * z, 0.0).sum(dim=(1, 2), keepdim=True) / n_free

    def reach(step: Tensor, z_step: Tensor) -> Tensor:
        # Slack shrinks by step. Stay inside, by the same share of the way for all.
        blocked = torch.maximum(step / slack, -z_step / z).amax((1, 2), keepdim=True)
        return (_ALMOST / blocked.clamp(min=_ALMOST)).clamp(max=1.0)

    moving = torch.ones_like(n_free, dtype=torch.bool)
    for _ in range(_MAX_ITERATIONS):
        newton = problem.make_newton(z / slack)
        downhill = problem.downhill(a)
        # Mehrotra's predictor, a step to the last gap, tells how far to go; his
        # corrector goes there and mends what the predictor left out.
        step = newton(downhill - last / slack)
        z_step = torch.where(free, last / slack + z * step / slack - z, 0.0)
        share = reach(step, z_step)
        gap = mean_gap(slack, z).clamp(min=last)
        left = mean_gap(slack - share * step, z + share * z_step) / gap
        gap = (left**3 * gap).clamp(min=last)
        target = (gap + step * z_step) / slack
        step = newton(downhill - target)
        z_step = torch.where(free, target + z * step / slack - z, 0.0)
        # Each task stops by itself, whatever the others beside it do.
        share = torch.where(moving, reach(step, z_step), 0.0)
        a, slack, z = a + share * step, slack - share * step, z + share * z_step
        change = problem.margins(step).abs().amax(dim=(1, 2), keepdim=True)
        moving = moving & ~((share == 1) & (gap == last) & (change < _LAST_CHANGE))
        if not moving.any():
            break
    return a, z, slack, last


class _Problem:
    """The dual of many tasks, and the steps of Newton's method towards its optimum.

    A step minimises the local quadratic, whose Hessian is ``Z Z^T + diag(curvature)``
    for every class, among the steps whose classes sum to 0.
    """

    def __init__(self, Z: Tensor, wanted: Tensor, own: Tensor, free: Tensor, C: float):
        self.Z, self.wanted, self.own, self.free, self.C = Z, wanted, own, free, C
        rows = Z.detach()
        if rows.shape[1] < rows.shape[2]:  # as wide as there are rows, products alike
            rows = torch.linalg.qr(rows.mT, mode="r").R.mT
        self.rows = rows  # (tasks, rows, width)
        # Rows that span few dimensions leave alpha open, though not the vectors.
        n_rows = free.any(dim=1).sum(dim=1).clamp(min=1)
        length = rows.square().sum(dim=(1, 2)) / n_rows
        self.ridge = _RIDGE * length.clamp(min=_RIDGE).view(-1, 1, 1)

    def margins(self, a: Tensor) -> Tensor:
        """Multiply the class vectors by the rows: (tasks, classes, rows)."""
        return (a @ self.Z) @ self.Z.mT

    def downhill(self, a: Tensor) -> Tensor:
        """Return minus the gradient of the dual."""
        return self.wanted - self.margins(a) - self.ridge * a

    def uphill(self, step: Tensor, curvature: Tensor) -> Tensor:
        """Multiply a step by the Hessian."""
        return (step @ self.rows) @ self.rows.mT + (curvature + self.ridge) * step

    def make_newton(self, curvature: Tensor) -> Callable[[Tensor], Tensor]:
        """Return the map from a direction downhill to the step, for this curvature.

        The map is linear, and takes everything else for constant.
        """
        ease = torch.where(self.free, 1 / (curvature + self.ridge), 0.0)
        # Two ways to the same step, by the smaller of two linear systems.
        if self.rows.shape[1] > ease.shape[1] * self.rows.shape[2]:
            solve = self._newton_by_vectors(ease)
        else:
            solve = self._newton_by_sums(ease)

        # Ease has numbers of all sizes. Rounding is kept out of what is the same for
        # all classes of a row, which changes nothing, and of the sums, which are 0.
        equal, easy = _shares(self.free.to(ease)), _shares(ease)

        def newton(downhill: Tensor) -> Tensor:
            downhill = downhill - (equal * downhill).sum(dim=1, keepdim=True)
            step = solve(downhill)
            return step - easy * step.sum(dim=1, keepdim=True)

        return newton

    def _newton_by_sums(self, ease: Tensor) -> Callable[[Tensor], Tensor]:
        """Solve for the multiplier of every row's sum: a system as large as the rows.

        Woodbury's inverse for each class gives the step of each class alone.
        """
        rows = self.rows
        factor = torch.linalg.cholesky(self._hessians(ease))
        eased = ease.unsqueeze(2) * rows.mT.unsqueeze(1)
        # (tasks, classes * width, rows)
        root = torch.linalg.solve_triangular(factor, eased, upper=False).flatten(1, 2)
        total = ease.sum(dim=1)
        total = torch.where(total > 0, total, 1.0)
        system = torch.linalg.cholesky(torch.diag_embed(total) - root.mT @ root)

        def alone(downhill: Tensor) -> Tensor:
            eased = ease * downhill
            moved = torch.cholesky_solve((eased @ rows).unsqueeze(-1), factor)
            return eased - ease * (moved.squeeze(-1) @ rows.mT)

        def newton(downhill: Tensor) -> Tensor:
            sums = alone(downhill).sum(dim=1).unsqueeze(-1)
            return alone(downhill - torch.cholesky_solve(sums, system).mT)

        return newton

    def _newton_by_vectors(self, ease: Tensor) -> Callable[[Tensor], Tensor]:
        """Solve for the steps u of the class vectors: memory is linear in rows.

        The step of alpha is ``P (downhill - u Z^T)``, where P multiplies by ease such
        that each row's classes sum to 0. So ``(I + Z^T P Z) u = Z^T P downhill``.
        """
        rows, n_classes, width = self.rows, ease.shape[1], self.rows.shape[2]
        share = _shares(ease)
        root = (ease * share).sqrt().unsqueeze(2) * rows.mT.unsqueeze(1)
        root = root.flatten(1, 2)  # (tasks, classes * width, rows)
        hessians = self._hessians(ease)
        system = root.new_zeros(*root.shape[:2], root.shape[1])
        for k in range(n_classes):  # the lower triangle is enough
            own, until = slice(k * width, (k + 1) * width), slice((k + 1) * width)
            system[:, own, until] = -root[:, own] @ root[:, until].mT
            system[:, own, own] += hessians[:, k]
        factor = torch.linalg.cholesky(system)

        def project(downhill: Tensor) -> Tensor:
            eased = ease * downhill
            return eased - share * eased.sum(dim=1, keepdim=True)

        def newton(downhill: Tensor) -> Tensor:
            wanted = (project(downhill) @ rows).flatten(1).unsqueeze(-1)
            moved = torch.cholesky_solve(wanted, factor).view(-1, n_classes, width)
            return project(downhill - moved @ rows.mT)

        return newton

    def _hessians(self, ease: Tensor) -> Tensor:
        """Return I + Z^T diag(ease) Z of every class, each (width, width)."""
        rows = self.rows.unsqueeze(1)
        eye = torch.eye(rows.shape[-1], dtype=rows.dtype, device=rows.device)
        return eye + rows.mT @ (ease.unsqueeze(-1) * rows)


def _shares(weights: Tensor) -> Tensor:
    """Divide by the sum over classes, unless it is 0."""
    total = weights.sum(dim=1, keepdim=True)
    return weights / torch.where(total > 0, total, 1.0)
