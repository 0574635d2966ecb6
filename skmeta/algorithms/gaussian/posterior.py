"""What a task has learnt."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

__all__ = ["Posterior"]


class Posterior(NamedTuple):
    """The processes of some tasks after their supports.

    With covariances k of a new row and ``rows``, process p answers its mean plus
    ``k @ weights[p]``, and its variance there is ``k(x, x) - k @ precision[p] @ k``,
    both in the unit of the row's scale.
    """

    rows: Tensor  # (tasks, rows, inputs and embedding)
    weights: Tensor  # (tasks, processes, rows, outputs), 0 on padding
    precision: Tensor  # (tasks, processes, rows, rows); of classes without rows
    log_share: Tensor  # (tasks, processes): logarithm of the weight of each process
    n_classes: Tensor  # (tasks,)
    level: Tensor  # (tasks, processes): of values, beyond the prior; of classes none

    @classmethod
    def of_items(cls, *items: Tensor) -> "Posterior":
        """Read what a file holds; those of before know of no levels, which were 0."""
        if len(items) < len(cls._fields):
            precision, log_share = items[2:4]
            none = precision.ndim < 4  # of classes
            items = (*items, log_share[:, :0] if none else torch.zeros_like(log_share))
        return cls(*items)

    def widened(self, n_rows: int) -> "Posterior":
        """Pad to a number of rows, which large tasks keep."""
        more = n_rows - self.rows.shape[1]
        precision = self.precision
        if precision.ndim == 4:
            precision = pad(precision, (0, more, 0, more))
        return self._replace(
            rows=pad(self.rows, (0, 0, 0, more)),
            weights=pad(self.weights, (0, 0, 0, more)),
            precision=precision,
        )
