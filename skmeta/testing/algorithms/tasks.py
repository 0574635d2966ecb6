"""Generated tasks that algorithms are tried on, padded to a batch."""

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from skmeta.episodes.episode import Batch
from skmeta.utils.messages import count

__all__ = ["PLACES", "SMALLER", "Rows", "Size", "pad"]

PLACES = ("end", "front", "middle")


class Size(NamedTuple):
    """How large generated tasks are."""

    n_tasks: int = 3
    n_rows: int = 6
    n_features: int = 3

    @property
    def n_classes(self) -> int:
        """Classes of a task; a row of each."""
        return min(3, self.n_rows)

    def __str__(self) -> str:
        return (
            f"{count(self.n_tasks, 'task')} of {count(self.n_rows, 'row')} with "
            f"{count(self.n_features, 'feature')}"
        )


# Two rows and two classes are the least: many a law says nothing about fewer.
SMALLER = sorted(
    (Size(*size) for size in itertools.product((1, 2, 3), (2, 3, 6), (1, 3))),
    key=math.prod,
)


class Rows(NamedTuple):
    """Labelled rows of one task, without padding."""

    X: Tensor  # (rows, features)
    y: Tensor  # (rows,)
    n_classes: int  # 0 in regression
    weight: Tensor | None = None  # (rows,), 1 if None


def pad(tasks: Sequence[Rows], extra: int = 0, place: str = "end") -> Batch:
    """Stack tasks into a batch.

    Parameters
    ----------
    tasks : sequence of Rows
        Tasks of any size.
    extra : int, default=0
        Rows of padding beyond what the longest task needs.
    place : {"end", "front", "middle"}, default="end"
        Where the padding stands.

    Returns
    -------
    Batch
        Features and targets are 0 on padding; one row wide at least.
    """
    width = max(1, extra + max(len(task.y) for task in tasks))
    X = tasks[0].X.new_zeros(len(tasks), width, tasks[0].X.shape[-1])
    y = tasks[0].y.new_zeros(len(tasks), width)
    mask = torch.zeros(len(tasks), width, dtype=torch.bool)
    weight = None
    if any(task.weight is not None for task in tasks):
        weight = torch.zeros(len(tasks), width, dtype=X.dtype)
    for i, task in enumerate(tasks):
        n_rows = len(task.y)
        n_first = {"end": n_rows, "front": 0, "middle": n_rows // 2}[place]
        row = torch.arange(n_rows)
        row[n_first:] += width - n_rows
        X[i, row], y[i, row], mask[i, row] = task.X, task.y, True
        if weight is not None:
            weight[i, row] = 1.0 if task.weight is None else task.weight
    n_classes = torch.tensor([task.n_classes for task in tasks])
    return Batch(X, y, mask, n_classes, weight=weight)
