"""Tables of rows, the tasks they belong to, and padded batches of them.

Rows are never copied into per-task lists. A table keeps its rows where they are; a task
is a span of one sorted index. Where they are on disk, those of a meta-batch are read.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from skmeta.episodes.bounds import Bounds, repeated
from skmeta.episodes.episode import Batch
from skmeta.tables.stored.sources import RowSource

__all__ = ["Table"]


@dataclass(frozen=True)
class Table:
    r"""Rows of all tasks, as the engine sees them.

    In place of every array of rows there may be a
    :class:`~skmeta.tables.stored.sources.RowSource`; :meth:`in_memory` reads its rows.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        Raw features; may be memory-mapped.
    y : ndarray of shape (n_rows,) or (n_rows, targets), default=None
        Class codes (int64) or values (float32).
    mean, scale : float64 ndarray of shape (n_features,) or float
        Subtracted from and divided into the features of the rows that are taken.
    label : int64 ndarray of shape (n_rows,) or (n_rows, targets), default=None
        Training class of each row, where a classifier is trained.
    weight : float32 ndarray of shape (n_rows,), default=None
        How much each row counts; None where all count the same.
    offset : float32 ndarray of shape (n_rows, parts, outputs), default=None
        What each part of the prior answers to a row; None without a prior. With several
        targets of shape (n_rows, parts, outputs, targets).
    bounds : Bounds, default=None
        Range of the scaled features, beyond which they are drawn nearer.
    squash : float, default=None
        Scaled features x become :math:`x / \sqrt{1 + (x / c)^2}`, below c in size.
    """

    X: Any
    y: Any = None
    mean: np.ndarray | float = 0.0
    scale: np.ndarray | float = 1.0
    label: Any = None
    weight: Any = None
    offset: Any = None
    bounds: Bounds | None = None
    squash: float | None = None

    @property
    def is_on_disk(self) -> bool:
        """Tell whether rows have to be read."""
        return isinstance(self.X, RowSource)

    def in_memory(self, rows: np.ndarray) -> tuple["Table", np.ndarray]:
        """Read some rows, each once, where they are on disk.

        Parameters
        ----------
        rows : int ndarray
            Row numbers.

        Returns
        -------
        table : Table
            That has these rows, and is in memory.
        rows : int ndarray of the same shape
            Their numbers in it.
        """
        if not self.is_on_disk:
            return self, rows
        wanted, place = np.unique(rows, return_inverse=True)
        read = {
            name: each[wanted]
            for name in ("X", "y", "label", "weight", "offset")
            if (each := getattr(self, name)) is not None
        }
        return replace(self, **read), place.reshape(rows.shape)

    def features(self, rows: np.ndarray, mask: np.ndarray) -> Tensor:
        """Gather the scaled features of padded rows, 0 on padding."""
        X = self.X.take(rows, axis=0)
        n_rows, width = X.shape[-2:]
        # All rows of a task as one: NumPy takes its time for every row, however short.
        mean = repeated(self.mean, width, n_rows)
        scale = repeated(self.scale, width, n_rows)
        with np.errstate(over="ignore"):  # the bounds take infinity as well
            X = X.reshape(rows.size // max(n_rows, 1), n_rows * width) - mean
            X /= scale
        X = X.reshape(*rows.shape, width)
        if self.bounds is not None:
            X = self.bounds.clip(X)
        if self.squash is not None:
            X = X / np.sqrt(1 + np.square(X / self.squash))
        X = X.astype(np.float32, copy=False)
        if not mask.all():
            X[~mask] = 0
        return torch.from_numpy(X)

    def offsets(self, rows: np.ndarray, mask: np.ndarray) -> Tensor | None:
        """Gather the prior's answers to padded rows, 0 on padding."""
        if self.offset is None:
            return None
        offset = self.offset[rows]
        if not mask.all():
            offset[~mask] = 0
        return torch.from_numpy(offset)

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
            Features, targets, weights and offsets, 0 on padding; training classes, -1
            there.
        """
        assert self.y is not None  # a batch has targets
        real = mask if self.y.ndim == 1 else mask[..., np.newaxis]
        y = np.where(real, self.y[rows] if y is None else y, self.y.dtype.type(0))
        label = None
        if self.label is not None:
            label = torch.from_numpy(np.where(real, self.label[rows], -1))
        weight = None
        if self.weight is not None:
            weight = torch.from_numpy(np.where(mask, self.weight[rows], np.float32(0)))
        return Batch(
            self.features(rows, mask),
            torch.from_numpy(y),
            torch.from_numpy(mask),
            torch.from_numpy(n_classes),
            label,
            weight,
            self.offsets(rows, mask),
        )
