"""Picking of tasks from a meta-dataset, and its split in two."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.utils import _safe_indexing

from skmeta.labels import show
from skmeta.meta_dataset import storage
from skmeta.meta_dataset.task import Task
from skmeta.tables import Spans

if TYPE_CHECKING:
    from skmeta.meta_dataset.dataset import MetaDataset

__all__ = ["PickingMixin"]


class PickingMixin:
    """A sequence of tasks, each a span of the rows of one table."""

    @property
    def groups(self) -> np.ndarray:
        """Name of each row's task."""
        return self.names[self._task]

    @cached_property
    def _spans(self) -> Spans:
        return Spans(self._task, len(self.names))

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Task]:
        return map(self.task, range(len(self)))

    def __contains__(self, name: Any) -> bool:
        return name in self._place

    @cached_property
    def _place(self) -> dict:
        return {name: place for place, name in enumerate(self.names.tolist())}

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
            _safe_indexing(self.X, rows),
            self.y[rows],
            None if self.in_support is None else self.in_support[rows],
            self.names.tolist()[place],
        )

    def __getitem__(self, key: Any) -> Task | MetaDataset:
        """Pick a task by its name or place, or some of them as a meta-dataset.

        A slice or a mask picks by place, a list by names. An int is a name where tasks
        are called by ints, and else a place.
        """
        if isinstance(key, slice):
            return self._subset(np.arange(len(self))[key])
        if isinstance(key, (list, np.ndarray)):
            chosen = np.asarray(key)
            if chosen.dtype == bool:
                if chosen.shape != (len(self),):
                    raise IndexError(
                        f"A mask of shape {chosen.shape} for {len(self)} tasks."
                    )
                return self._subset(np.flatnonzero(chosen))
            return self._subset(np.array([self._find(each) for each in key], int))
        return self.task(self._find(key))

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

    def _subset(self, places: np.ndarray) -> MetaDataset:
        places = np.unique(places)
        rows = self._rows(places)
        new_place = np.zeros(len(self), dtype=np.intp)
        new_place[places] = np.arange(len(places))
        X, keeper = storage.take(self.X, rows)
        return self._of(
            X,
            self.y[rows],
            self.names[places],
            new_place[self._task[rows]],
            None if self.in_support is None else self.in_support[rows],
            keeper or self._keeper,
        )

    def train_test_split(
        self,
        test_size: float | int | None = None,
        train_size: float | int | None = None,
        random_state: Any = None,
    ) -> tuple[MetaDataset, MetaDataset]:
        """Split the tasks, never the rows of one, in two meta-datasets.

        Parameters
        ----------
        test_size, train_size, random_state
            As in :func:`sklearn.model_selection.train_test_split`, in tasks.

        Returns
        -------
        train, test : MetaDataset
            Without a task in common.
        """
        train, test = train_test_split(
            np.arange(len(self)),
            test_size=test_size,
            train_size=train_size,
            random_state=random_state,
        )
        return self._subset(train), self._subset(test)
