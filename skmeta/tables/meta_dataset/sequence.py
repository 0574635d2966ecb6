"""A meta-dataset as a sequence: its tasks by place and by name."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing

from skmeta.tables.arrow import with_names
from skmeta.tables.groups import Spans
from skmeta.tables.meta_dataset.task import Task
from skmeta.tables.stored.index import TaskIndex
from skmeta.utils.messages import show
from skmeta.utils.unique import as_objects

__all__ = ["TaskSequence"]


class TaskSequence:
    """A sequence of tasks, each a span of the rows of one table.

    It reads what a :class:`~skmeta.tables.meta_dataset.dataset.MetaDataset` holds.
    """

    X: Any
    y: np.ndarray
    names: np.ndarray
    in_support: np.ndarray | None
    columns: list[str] | None = None
    _task: np.ndarray | TaskIndex  # of each row

    @property
    def groups(self) -> np.ndarray:
        """Name of each row's task."""
        if isinstance(self._task, TaskIndex):
            return self.names[self._task[slice(0, len(self.y))]]
        return self.names[self._task]

    @property
    def table(self) -> Any:
        """The features, as a frame that has the names of columns where they are known.

        One of a table on disk is mapped as the features are.
        """
        return self.X if self.columns is None else with_names(self.X, self.columns)

    @cached_property
    def _spans(self) -> Spans | TaskIndex:
        if isinstance(self._task, TaskIndex):
            return self._task
        return Spans(self._task, len(self.names))

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Task]:
        return map(self.task, range(len(self)))

    def __contains__(self, name: Any) -> bool:
        return name in self._place

    @cached_property
    def _place(self) -> dict:
        return {name: place for place, name in enumerate(self._called)}

    @cached_property
    def _called(self) -> list[Any]:
        """What the tasks are called, as objects of Python."""
        called: list[Any] = as_objects(self.names).tolist()
        return called

    def task(self, place: int) -> Task:
        """Return the task at a place, whatever the tasks are called.

        Parameters
        ----------
        place : int
            From 0 on, or from -1 back.

        Returns
        -------
        Task
            With rows in the order of the table.
        """
        if not -len(self) <= place < len(self):
            raise IndexError(f"No task {place}: there are {len(self)}.")
        rows = self._rows(np.array([place % len(self)]))
        return Task(
            _safe_indexing(self.table, rows),
            self.y[rows],
            None if self.in_support is None else self.in_support[rows],
            self._called[place],
        )

    def _find(self, key: Any) -> int:
        if key in self._place:
            return self._place[key]
        is_place = isinstance(key, (int, np.integer)) and self.names.dtype.kind not in (
            "iu"
        )
        if is_place and -len(self) <= key < len(self):
            return int(key) % len(self)
        raise KeyError(f"No task {key!r}. There are {show(self.names)}.")

    def _rows(self, places: np.ndarray) -> np.ndarray:
        spans = self._spans
        parts = [
            spans.rows[spans.first[place] : spans.first[place] + spans.sizes[place]]
            for place in places
        ]
        return np.sort(np.concatenate(parts)) if parts else np.empty(0, int)
