"""Rows that a task is learnt from, as the linear algebra sees them."""

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Support"]


class Support(NamedTuple):
    """Support rows, as the linear algebra sees them."""

    rows: Tensor  # (tasks, rows, inputs and embedding)
    mean: Tensor  # (tasks, processes, rows, outputs)
    y: Tensor  # (tasks, rows)
    counts: Tensor  # (tasks, rows): how much rows count, 0 on padding
    n_classes: Tensor  # (tasks,)
    # Of values with a long tail, around a prior:
    scale: Tensor | None = None  # (tasks, processes, rows): how much a row deviates
    level: Tensor | None = None  # (tasks, processes): targets beyond the prior

    def residual(self) -> Tensor:
        """Return what values are beyond their mean, (tasks, processes, rows, 1)."""
        residual = self.y[:, None, :, None] - self.mean
        return residual if self.scale is None else residual / self.scale.unsqueeze(-1)

    def levels(self, evidence: Tensor) -> Tensor:
        """Return the levels, in the shape of the evidence; 0 where there are none."""
        return torch.zeros_like(evidence) if self.level is None else self.level

    def log_volume(self) -> Tensor | float:
        """Return by how much scales lower the logarithm of a density."""
        if self.scale is None:
            return 0.0
        return (self.counts.unsqueeze(1) * self.scale.log()).sum(dim=-1)

    def of_tasks(self, tasks: Tensor) -> "Support":
        """Return the support of some of the tasks, by their places."""
        scale, level = self.scale, self.level
        return Support(
            self.rows[tasks],
            self.mean[tasks],
            self.y[tasks],
            self.counts[tasks],
            self.n_classes[tasks],
            scale if scale is None else scale[tasks],
            level if level is None else level[tasks],
        )

    def front(self, most: int) -> "Support":
        """Put the real rows first and cut the rest; no task may have more of them."""
        place = (self.counts <= 0).to(torch.int8).argsort(dim=1, stable=True)
        place, scale = place[:, :most], self.scale
        if scale is not None:
            scale = scale.take_along_dim(place.unsqueeze(1), dim=2)
        return Support(
            self.rows.take_along_dim(place.unsqueeze(-1), dim=1),
            self.mean.take_along_dim(place[:, None, :, None], dim=2),
            self.y.take_along_dim(place, dim=1),
            self.counts.take_along_dim(place, dim=1),
            self.n_classes,
            scale,
            self.level,
        )
