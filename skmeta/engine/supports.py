"""Support rows that are kept beside what was learnt of them, to be learnt again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skmeta.tables.rows import join_targets
from skmeta.utils.unique import places_of, runs_of

__all__ = ["Supports"]


@dataclass(frozen=True)
class Supports:
    """Support rows of some tasks, task after task, in the order in which they came.

    Parameters
    ----------
    X : float32 ndarray of shape (n_rows, n_features)
        Features as the engine takes them: scaled, and drawn nearer if they were far.
    y : ndarray of shape (n_rows, ...)
        Targets as the user calls them: what becomes of them may depend on rows that
        come later.
    sizes : int ndarray of shape (n_tasks,)
        Rows of each task.
    weight : ndarray of shape (n_rows,), default=None
        How much each row counts, as the user said it; None where all count the same.
    offset : float32 ndarray of shape (n_rows, parts, outputs), default=None
        What the prior said of each row; None without a prior.
    unlabelled : Supports, default=None
        Rows of the same tasks whose targets are missing, by targets that mean nothing;
        None where there are none.
    """

    X: np.ndarray
    y: np.ndarray
    sizes: np.ndarray
    weight: np.ndarray | None = None
    offset: np.ndarray | None = None
    unlabelled: Supports | None = None

    def take(self, tasks: np.ndarray) -> Supports:
        """Keep some tasks, in the order in which they are named."""
        bounds = np.append(0, np.cumsum(self.sizes))
        sizes, runs = self.sizes[tasks], runs_of(tasks)
        if runs is None:
            rows = places_of(bounds[tasks], sizes)
        else:
            runs = [slice(bounds[run.start], bounds[run.stop]) for run in runs]

        def pick(column: np.ndarray) -> np.ndarray:
            if runs is None:
                return np.take(column, rows, axis=0)
            return np.concatenate([column[run] for run in runs])

        return Supports(
            pick(self.X),
            pick(self.y),
            sizes,
            None if self.weight is None else pick(self.weight),
            None if self.offset is None else pick(self.offset),
            None if self.unlabelled is None else self.unlabelled.take(tasks),
        )

    @classmethod
    def of_no_row(cls, n_tasks: int) -> Supports:
        """Make the supports of tasks without a row."""
        nothing = np.empty((0, 0), dtype=np.float32)
        return cls(nothing, nothing.ravel(), np.zeros(n_tasks, dtype=np.intp))

    @classmethod
    def join(cls, parts: Sequence[Supports]) -> Supports:
        """Put the tasks of several together, one after another.

        Raises
        ------
        ValueError
            If some targets are words and others numbers.
        """
        if len(parts) == 1:
            return parts[0]
        weight = None
        if any(each.weight is not None for each in parts):
            weight = np.concatenate(
                [
                    np.ones(len(each.X)) if each.weight is None else each.weight
                    for each in parts
                ]
            )
        filled = [each for each in parts if len(each.X)] or parts[:1]
        offsets = [each.offset for each in filled if each.offset is not None]
        unlabelled = None
        if any(each.unlabelled is not None for each in parts):
            nothing = [cls.of_no_row(len(each.sizes)) for each in parts]
            others = [
                own.unlabelled or none for own, none in zip(parts, nothing, strict=True)
            ]
            unlabelled = cls.join(others)
        return cls(
            np.concatenate([each.X for each in filled]),
            join_targets([each.y for each in filled]),
            np.concatenate([each.sizes for each in parts]),
            weight,
            np.concatenate(offsets) if offsets else None,
            unlabelled,
        )
