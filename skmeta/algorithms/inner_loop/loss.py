"""The loss that a task descends, its gradient and its curvature."""

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["SupportLoss"]

# A logit whose probability is 0, but not minus infinity, of which 0 times is no number.
_LOW = -1e30

# A task whose loss is so many times what it was at the start is lost for good.
_LOST = 1e6


class SupportLoss(NamedTuple):
    """The loss that a task descends: weighted cross-entropy or squared error."""

    target: Tensor  # (tasks, rows, outputs): values, or class codes as one-hot rows
    share: Tensor  # (tasks, rows, 1): weight of each row, 0 on padding
    absent: Tensor | None  # (tasks, 1, outputs): True for classes a task does not have
    squared: bool
    start: Tensor | None = None  # (tasks,): what it was before the first step
    # (tasks, rows, outputs): what a prior adds to the logits. Of values, the target is
    # what it leaves of them.
    offset: Tensor | None = None

    def __call__(self, Z: Tensor) -> Tensor:
        """Sum the loss over all tasks, from their outputs."""
        return self.of_tasks(Z).sum()

    def of_tasks(self, Z: Tensor) -> Tensor:
        """Sum the loss over the rows of each task, from (..., tasks, rows, outputs)."""
        if self.squared:
            return ((Z - self.target).square() * self.share).sum(dim=(-2, -1))
        log_P = self._logits(Z).log_softmax(dim=-1)
        return -(log_P * self.target * self.share).sum(dim=(-2, -1))

    def of(self, tasks: slice) -> "SupportLoss":
        """Take some of the tasks."""
        return self._replace(
            target=self.target[tasks],
            share=self.share[tasks],
            absent=None if self.absent is None else self.absent[tasks],
            start=None if self.start is None else self.start[tasks],
            offset=None if self.offset is None else self.offset[tasks],
        )

    def where(self, tasks: Tensor) -> "SupportLoss":
        """Let the rows of all but some tasks, (tasks,), count nothing."""
        share = torch.where(tasks.view(-1, 1, 1), self.share, 0.0)
        return self._replace(share=share)

    def without_lost(self, Z: Tensor) -> "SupportLoss":
        """Let rows of tasks count nothing that are lost, by the outputs for them.

        Their weights stay where they are. So numbers are finite, on the way back too.
        """
        if self.start is None:
            return self
        return self.where(self.of_tasks(Z) <= _LOST * self.start)

    def activate(self, Z: Tensor) -> Tensor:
        """Map outputs to what is compared with the target."""
        if self.squared:
            return Z
        return self._logits(Z).softmax(dim=-1)

    def _logits(self, Z: Tensor) -> Tensor:
        """Add the prior's to those of classes, and rule out what a task lacks."""
        if self.offset is not None:
            Z = Z + self.offset
        return Z if self.absent is None else Z.masked_fill(self.absent, _LOW)

    def gradient(self, P: Tensor) -> Tensor:
        """Differentiate the loss in the outputs, from the activated outputs."""
        return (P - self.target) * (2 * self.share if self.squared else self.share)

    def curvature(self, P: Tensor, G_bar: Tensor) -> Tensor:
        """Multiply by the derivative of :meth:`gradient` in the outputs."""
        if self.squared:
            return 2 * self.share * G_bar
        G_bar = P * G_bar
        return (G_bar - P * G_bar.sum(dim=-1, keepdim=True)) * self.share
