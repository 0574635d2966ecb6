"""Tables of rows, the tasks they belong to, and padded batches of them.

Rows are never copied into per-task lists. A table keeps its rows where they are; a task
is a span of one sorted index.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

__all__ = ["Batch", "Spans", "Table", "encode_groups"]


class Batch(NamedTuple):
    """Labelled rows of several tasks, padded to one width."""

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

    def counts(self, like: Tensor) -> Tensor:
        """Return how much each row counts, (tasks, rows): 0 on padding, mostly 1."""
        counts = self.mask.to(like)
        return counts if self.weight is None else counts * self.weight.to(like)

    def to(self, device: torch.device | str) -> "Batch":
        """Move all tensors to a device."""
        return Batch(
            *(
                tensor if tensor is None else tensor.to(device, non_blocking=True)
                for tensor in self
            )
        )


@dataclass(frozen=True)
class Table:
    """Rows of all tasks, as the engine sees them.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        Raw features; may be memory-mapped.
    y : ndarray of shape (n_rows,), default=None
        Class codes (int64) or values (float32).
    mean, scale : float64 ndarray of shape (n_features,) or float
        Subtracted from and divided into the features of the rows that are taken.
    label : int64 ndarray of shape (n_rows,), default=None
        Training class of each row, where a classifier is trained.
    weight : float32 ndarray of shape (n_rows,), default=None
        How much each row counts; None where all count the same.
    """

    X: np.ndarray
    y: np.ndarray | None = None
    mean: np.ndarray | float = 0.0
    scale: np.ndarray | float = 1.0
    label: np.ndarray | None = None
    weight: np.ndarray | None = None

    def features(self, rows: np.ndarray, mask: np.ndarray) -> Tensor:
        """Gather the scaled features of padded rows, 0 on padding."""
        X = ((self.X[rows] - self.mean) / self.scale).astype(np.float32, copy=False)
        if not mask.all():
            X[~mask] = 0
        return torch.from_numpy(X)

    def take(
        self,
        rows: np.ndarray,
        mask: np.ndarray,
        n_classes: np.ndarray,
        y: np.ndarray | None = None,
    ) -> Batch:
        """Gather rows into a padded batch.

        Parameters
        ----------
        rows : int ndarray of shape (tasks, rows)
            Row numbers; any valid number on padding.
        mask : bool ndarray of shape (tasks, rows)
            False on padding.
        n_classes : int ndarray of shape (tasks,)
            Classes of each task.
        y : ndarray of shape (tasks, rows), default=None
            Targets in place of the table's own.

        Returns
        -------
        Batch
            Features, targets and weights, 0 on padding; training classes, -1 there.
        """
        y = np.where(mask, self.y[rows] if y is None else y, self.y.dtype.type(0))
        label = None
        if self.label is not None:
            label = torch.from_numpy(np.where(mask, self.label[rows], -1))
        weight = None
        if self.weight is not None:
            weight = torch.from_numpy(np.where(mask, self.weight[rows], np.float32(0)))
        return Batch(
            self.features(rows, mask),
            *map(torch.from_numpy, (y, mask, n_classes)),
            label,
            weight,
        )


class Spans:
    """Which rows belong to which span (a task, or a class of a task).

    Parameters
    ----------
    code : int ndarray of shape (n_rows,)
        Span of each row, 0 .. n_spans - 1.
    n_spans : int
        Number of spans.
    """

    def __init__(self, code: np.ndarray, n_spans: int):
        self.rows = np.argsort(code, kind="stable")
        self.sizes = np.bincount(code, minlength=n_spans)
        self.first = np.cumsum(self.sizes) - self.sizes

    def pad(self, spans: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """List the rows of some spans side by side.

        Returns
        -------
        rows : int ndarray of shape (len(spans), width)
            Row numbers in the order of the table; width is at least 1.
        mask : bool ndarray of shape (len(spans), width)
            False on padding.
        """
        sizes = self.sizes[spans]
        place = np.arange(max(sizes.max(initial=0), 1))
        mask = place < sizes[:, np.newaxis]
        position = np.where(mask, self.first[spans][:, np.newaxis] + place, 0)
        if not len(self.rows):
            return position, mask
        return self.rows[position], mask


def encode_groups(groups: Any, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number the tasks that rows belong to.

    Parameters
    ----------
    groups : array-like of shape (n_rows,)
        Task of each row: numbers, strings or anything that can be sorted.
    X : array-like of shape (n_rows, n_features)
        The rows, for their number.

    Returns
    -------
    names : ndarray of shape (n_tasks,)
        Different groups, sorted.
    task : int ndarray of shape (n_rows,)
        Position of each row's group in ``names``.

    Raises
    ------
    ValueError
        If there is not one group per row, or if a group is missing.
    """
    # In a list with strings, numpy would turn NaN into the string "nan".
    given = groups if hasattr(groups, "dtype") else np.array(groups, dtype=object)
    given = np.asarray(given)
    if given.ndim != 1 and given.shape != (len(X), 1):
        raise ValueError(
            "groups must have one value per row, that is shape "
            f"({len(X)},), not {given.shape}. Join several columns into one first."
        )
    given = given.ravel()
    if len(given) != len(X):
        raise ValueError(
            f"groups names the task of each row: X has {len(X)} rows, groups has "
            f"{len(given)}."
        )
    if given.dtype.kind in "fOMm" and any(map(_is_missing, given)):
        raise ValueError(
            "groups contains NaN. Every row needs a task: drop the rows whose task is "
            "unknown, or give them a group of their own."
        )
    try:
        return np.unique(np.asarray(groups).ravel(), return_inverse=True)
    except TypeError as error:
        raise ValueError(
            f"groups holds values that cannot be sorted together: {error}."
        ) from error


def _is_missing(value: Any) -> bool:
    try:
        return value is None or bool(value != value)
    except TypeError:  # pandas.NA has no truth value
        return True
