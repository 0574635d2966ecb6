"""Losses over padded batches of tasks, and the classes that a task does not have."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from skmeta.episodes.episode import Batch

__all__ = [
    "absent_classes",
    "check_outputs",
    "mask_absent_classes",
    "mean_of_rows",
    "row_losses",
    "task_losses",
]


def row_losses(outputs: Tensor, y: Tensor) -> Tensor:
    """Loss of every row: cross-entropy for class codes, squared error for values.

    Parameters
    ----------
    outputs : Tensor of shape (tasks, rows, outputs)
        Logits or values.
    y : Tensor of shape (tasks, rows)
        Class codes or values.

    Returns
    -------
    Tensor of shape (tasks, rows)
        Losses.
    """
    if y.is_floating_point():
        return (outputs.squeeze(-1) - y).square()
    losses = cross_entropy(outputs.flatten(0, 1), y.flatten(), reduction="none")
    return losses.view_as(y)


def task_losses(outputs: Tensor, batch: Batch) -> Tensor:
    """Mean loss of every task over its real rows, by their weights if there are any.

    Parameters
    ----------
    outputs : Tensor of shape (tasks, rows, outputs)
        Logits or values.
    batch : Batch
        Targets, mask and weights.

    Returns
    -------
    Tensor of shape (tasks,)
        Zero for a task without rows.
    """
    return mean_of_rows(row_losses(outputs, batch.y), batch)


def mean_of_rows(values: Tensor, batch: Batch) -> Tensor:
    """Average a value of every row over the real rows of each task.

    Parameters
    ----------
    values : Tensor of shape (tasks, rows)
        Anything on padding.
    batch : Batch
        Mask, and weights if there are any.

    Returns
    -------
    Tensor of shape (tasks,)
        Zero for a task without rows.
    """
    values = torch.where(batch.mask, values, 0.0)
    if batch.weight is None:
        return values.sum(dim=1) / batch.mask.sum(dim=1).clamp(min=1)
    weight = batch.counts(values)
    total = weight.sum(dim=1)
    return (weight * values).sum(dim=1) / torch.where(total > 0, total, 1.0)


def mask_absent_classes(logits: Tensor, n_classes: Tensor) -> Tensor:
    """Set the logits of classes that a task does not have to ``-inf``.

    Parameters
    ----------
    logits : Tensor of shape (tasks, rows, classes)
        Padded to the task with most classes.
    n_classes : int Tensor of shape (tasks,)
        Classes of each task.

    Returns
    -------
    Tensor of shape (tasks, rows, classes)
        Logits.
    """
    return logits.masked_fill(absent_classes(logits.shape[-1], n_classes), -torch.inf)


def absent_classes(n_outputs: int, n_classes: Tensor) -> Tensor:
    """Tell which of the padded classes a task does not have.

    Parameters
    ----------
    n_outputs : int
        Classes of the task with most.
    n_classes : int Tensor of shape (tasks,)
        Classes of each task.

    Returns
    -------
    bool Tensor of shape (tasks, 1, n_outputs)
        True for classes that the task does not have.
    """
    code = torch.arange(n_outputs, device=n_classes.device)
    return (code >= n_classes.unsqueeze(-1)).unsqueeze(1)


def check_outputs(algorithm: Any, outputs: Any, query: Batch) -> None:
    """Refuse answers that are no outputs of each row, which losses would broadcast.

    Raises
    ------
    ValueError
        With the shape that there is, and the one that there must be.
    """
    shape = getattr(outputs, "shape", ())
    if len(shape) != 3 or shape[:2] != query.mask.shape:
        n_tasks, n_rows = query.mask.shape
        raise ValueError(
            f"{type(algorithm).__name__}.predict must return a tensor of shape (tasks, "
            f"rows, outputs), here ({n_tasks}, {n_rows}, ...), "
            f"and returned {tuple(shape) if len(shape) else type(outputs).__name__}."
        )
