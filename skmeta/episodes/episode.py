"""What an algorithm gets: padded rows of several tasks, and episodes of them."""

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Batch", "Episode"]


class Batch(NamedTuple):
    """Labelled rows of several tasks, padded to one width.

    Where there are several targets, ``y``, ``label`` and ``offset`` have an axis of
    them last. Algorithms get one target at a time.
    """

    X: Tensor  # (tasks, rows, features)
    y: Tensor  # (tasks, rows): class codes or values, 0 on padding
    mask: Tensor  # (tasks, rows): False on padding
    n_classes: Tensor  # (tasks,): classes of each task, 0 in regression
    # (tasks, rows): which of all training classes a row is of, the same number in every
    # episode; -1 on padding and for rows of none. Only in what a classifier trains on.
    label: Tensor | None = None
    # (tasks, rows): how much each row counts, 0 on padding and more elsewhere; None
    # where all count 1. The rows of the query weigh in losses.
    weight: Tensor | None = None
    # (tasks, rows, parts, outputs): what each part of the prior answers to a row, in
    # the unit of the outputs, 0 on padding; None where there is no prior.
    offset: Tensor | None = None
    # Rows of the same tasks whose targets nobody knows, only in a support: their y is 0
    # and means nothing. They are in no count, and an algorithm may leave them alone.
    unlabelled: "Batch | None" = None

    def counts(self, like: Tensor) -> Tensor:
        """Return how much each row counts, (tasks, rows): 0 on padding, mostly 1."""
        counts = self.mask.to(like)
        return counts if self.weight is None else counts * self.weight.to(like)

    def of_target(self, target: int) -> "Batch":
        """Return the rows with one of several targets, and no row without targets."""

        def pick(values: Tensor | None) -> Tensor | None:
            return None if values is None else values[..., target].contiguous()

        return self._replace(
            y=self.y[..., target].contiguous(),
            label=pick(self.label),
            offset=pick(self.offset),
            unlabelled=None,
        )

    def of_tasks(self, tasks: slice) -> "Batch":
        """Return the rows of some of the tasks."""
        return Batch._make(
            None
            if part is None
            else part.of_tasks(tasks)
            if isinstance(part, Batch)
            else part[tasks]
            for part in self
        )

    def to(self, device: torch.device | str) -> "Batch":
        """Move all tensors to a device."""
        return Batch._make(
            _moved(part, device) if part is not None else None for part in self
        )


def _moved(part: "Tensor | Batch", device: torch.device | str) -> "Tensor | Batch":
    if isinstance(part, Batch):
        return part.to(device)
    return part.to(device, non_blocking=True)


class Episode(NamedTuple):
    """A meta-batch of tasks, each split in the rows learnt from and judged on."""

    support: Batch
    query: Batch

    def of_target(self, target: int) -> "Episode":
        """Return the tasks with one of several targets."""
        return Episode(self.support.of_target(target), self.query.of_target(target))

    def of_tasks(self, tasks: slice) -> "Episode":
        """Return some of the tasks."""
        return Episode(self.support.of_tasks(tasks), self.query.of_tasks(tasks))

    def to(self, device: torch.device | str) -> "Episode":
        """Move all tensors to a device."""
        return Episode(self.support.to(device), self.query.to(device))

    def join(self) -> tuple[Batch, Tensor]:
        """Put the support and the query rows of every task into one batch.

        Rows without labels are left out.

        Returns
        -------
        rows : Batch
            The support rows, then the query rows.
        in_support : bool Tensor of shape (tasks, rows)
            True for the real support rows.
        """
        support, query = self

        def beside(a: Tensor, b: Tensor) -> Tensor:
            return torch.cat([a, b], dim=1)

        def beside_if_both(a: Tensor | None, b: Tensor | None) -> Tensor | None:
            return None if a is None or b is None else beside(a, b)

        rows = Batch(
            beside(support.X, query.X),
            beside(support.y, query.y),
            beside(support.mask, query.mask),
            support.n_classes
            if support.n_classes is query.n_classes
            else torch.maximum(support.n_classes, query.n_classes),
            beside_if_both(support.label, query.label),
            beside_if_both(support.weight, query.weight),
            beside_if_both(support.offset, query.offset),
        )
        return rows, beside(support.mask, torch.zeros_like(query.mask))
