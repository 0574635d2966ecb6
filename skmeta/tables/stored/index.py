"""Which rows of a table on disk belong to which task, in few bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from skmeta.tables.groups import as_listed, encode_groups
from skmeta.utils.unique import find, unite

__all__ = ["Runs", "TaskIndex", "sorted_by"]

# Names of tasks, of several blocks, that are put together at once.
_NAMES_AT_ONCE = 2**20

# Rows that are looked at at once.
_AT_ONCE = 2**20


class _Places:
    """Numbers that are what they are asked for: the rows of a sorted table."""

    def __getitem__(self, places: Any) -> Any:
        if isinstance(places, slice):
            return np.arange(places.start, places.stop)
        return places


class Runs(NamedTuple):
    """Groups of some rows, which follow each other, by runs of equal ones."""

    starts: np.ndarray  # (n_runs,): place of the first row of each
    values: np.ndarray  # (n_runs,): its group
    n_rows: int

    @classmethod
    def of(cls, groups: np.ndarray) -> Runs:
        """Find the runs of the groups of rows, (n_rows,)."""
        try:
            changed = np.asarray(groups[1:] != groups[:-1], dtype=bool)
        except TypeError:  # pandas.NA is neither equal nor not
            encode_groups(groups, groups)  # which refuses it
            raise
        starts = np.flatnonzero(np.append(True, changed)[: len(groups)])
        return cls(starts, np.asarray(groups[starts]), len(groups))


class TaskIndex:
    """Tasks as runs of rows, or as lists of rows where these stand apart.

    Of a table in which the rows of every task stand together, in whatever order of the
    tasks, it holds a few numbers for each task. Else it holds the row numbers, sorted
    by task, and the task of each row: eight bytes a row, or twelve beyond two thousand
    million rows.

    Parameters
    ----------
    names : ndarray of shape (n_tasks,)
        The tasks' groups, sorted.
    first, sizes : int ndarray of shape (n_tasks,)
        Where the rows of each task begin in ``rows``, and how many they are.
    order : int ndarray of shape (n_kept,), default=None
        Row numbers, task after task; None where they are 0, 1, ...
    task : int ndarray of shape (n_rows,), default=None
        Task of each row, -1 of one that is left out; None where ``order`` is.

    Attributes
    ----------
    rows : indexable
        Row numbers by their place; row numbers of a task ascend.

    Examples
    --------
    >>> import numpy as np
    >>> from skmeta.tables.stored.index import TaskIndex
    >>> index = TaskIndex.of(np.array(["b", "b", "b", "a", "a"]))
    >>> index.names, index.first, index.sizes
    (array(['a', 'b'], dtype='<U1'), array([3, 0]), array([2, 3]))
    >>> index[np.array([0, 4])]
    array([1, 0])
    """

    def __init__(
        self,
        names: np.ndarray,
        first: np.ndarray,
        sizes: np.ndarray,
        order: np.ndarray | None = None,
        task: np.ndarray | None = None,
    ):
        self.names, self.first, self.sizes = names, first, sizes
        self.order, self._task = order, task
        if task is None:
            self._by_place = np.argsort(first)
            self._first_by_place = first[self._by_place]

    @classmethod
    def of(cls, groups: Any) -> TaskIndex:
        """Number the tasks of rows by their groups.

        Parameters
        ----------
        groups : array-like of shape (n_rows,)
            Task of each row; may be memory-mapped.

        Raises
        ------
        ValueError
            If a group is missing, or if they cannot be sorted.
        """
        given = groups if hasattr(groups, "__array__") else as_listed(groups)
        given = np.asarray(given)
        if given.ndim != 1:
            names, task = encode_groups(given, given)  # which says what is wrong
            return cls.of(task).renamed(names)
        starts = range(0, len(given), _AT_ONCE)
        return cls.of_runs(
            lambda: (Runs.of(given[start : start + _AT_ONCE]) for start in starts)
        )

    @classmethod
    def of_one_task(cls, n_rows: int) -> TaskIndex:
        """Make all rows one task."""
        return cls(np.arange(1), np.zeros(1, np.int64), np.array([n_rows]))

    @classmethod
    def of_runs(cls, blocks: Callable[[], Iterable[Runs]]) -> TaskIndex:
        """Number the tasks of rows by groups that come in blocks.

        Parameters
        ----------
        blocks : callable
            Gives the groups of all rows from the first on, each time it is called: once
            for rows that are sorted by task, else twice.
        """
        given, starts, n_rows = [], [], 0
        last: Any = None
        together = True
        for block in blocks():
            start, value, n_own = block
            own, _ = encode_groups(value, value)
            together = together and len(own) == len(value)
            if n_rows and len(value) and value[0] == last:  # a run goes on
                start, value = start[1:], value[1:]
            if len(value):
                last = value[-1]
            given.append(value if together else own)
            starts.append(start + n_rows if together else start[:0])
            n_rows += n_own
            if not together and sum(map(len, given)) > _NAMES_AT_ONCE:
                given = [np.unique(np.concatenate(given))]
        if not n_rows:
            raise ValueError("There is no row.")
        values = np.concatenate(given)
        names, run = np.unique(values, return_inverse=True)
        if not together or len(names) < len(values):
            return cls._of_scattered(names, blocks, n_rows)
        place = np.concatenate(starts)
        first = np.empty(len(names), dtype=np.int64)
        sizes = np.empty_like(first)
        first[run], sizes[run] = place, np.diff(place, append=n_rows)
        return cls(names, first, sizes)

    @classmethod
    def _of_scattered(
        cls,
        names: np.ndarray,
        blocks: Callable[[], Iterable[Runs]],
        n_rows: int,
    ) -> TaskIndex:
        task = np.empty(n_rows, dtype=np.int32)
        done = 0
        for start, value, n_own in blocks():
            own, code = encode_groups(value, value)
            place, _ = find(own, names)
            length = np.diff(start, append=n_own)
            task[done : done + n_own] = np.repeat(place[code], length)
            done += n_own
        order, first, sizes = _sorted_by_task(task, len(names))
        return cls(names, first, sizes, order, task)

    def __len__(self) -> int:
        """Count the rows of all tasks."""
        return int(self.sizes.sum())

    @property
    def rows(self) -> Any:
        """Row numbers by their place."""
        return _Places() if self.order is None else self.order

    @property
    def n_tasks(self) -> int:
        """Number of tasks, those without a row among them."""
        return len(self.names)

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        """Tell the task of rows, by a slice of them or by their numbers.

        It is -1 for rows that are left out.
        """
        if self._task is not None:
            return self._task[rows].astype(np.intp, copy=False)
        if isinstance(rows, slice):
            rows = np.arange(rows.start, rows.stop)
        place = np.searchsorted(self._first_by_place, rows, side="right") - 1
        return self._by_place[place]

    def renamed(self, names: np.ndarray) -> TaskIndex:
        """Give the tasks, which are called 0, 1, ..., these names in their order."""
        return TaskIndex(
            names[self.names], self.first, self.sizes, self.order, self._task
        )

    def without(self, left_out: Iterable[np.ndarray], n_rows: int) -> TaskIndex:
        """Leave rows out, and tasks that have no other.

        Parameters
        ----------
        left_out : iterable of int ndarray
            Numbers of some rows each, in ascending order.
        n_rows : int
            Rows of the table.
        """
        task = np.empty(n_rows, dtype=np.int32)
        sizes = self.sizes.copy()
        for start in range(0, n_rows, _AT_ONCE):
            part = slice(start, min(start + _AT_ONCE, n_rows))
            task[part] = self[part]
        for rows in left_out:
            sizes -= np.bincount(task[rows], minlength=self.n_tasks)
            task[rows] = -1
        there = sizes > 0
        number = np.append(np.cumsum(there, dtype=np.int32) - 1, np.int32(-1))
        task = number[task]  # -1 stays
        names = self.names[there]
        order, first, sizes = _sorted_by_task(task, len(names))
        return TaskIndex(names, first, sizes, order, task)


def sorted_by(
    blocks: Callable[[], Iterable[np.ndarray]], n_rows: int
) -> tuple[Any, np.ndarray, np.ndarray]:
    """List rows by their keys, and the keys that there are, without a sort of all.

    Parameters
    ----------
    blocks : callable
        Gives the keys of all rows from the first on, int64 ndarrays of shape
        (n_some_rows,), each time it is called; -1 for a row that is left out.
    n_rows : int
        Rows of all blocks.

    Returns
    -------
    rows : indexable
        Row numbers by their place; those of a key ascend.
    keys, sizes : int ndarray of shape (n_keys,)
        The different keys, sorted, and how many rows each has.
    """
    keys = sizes = np.empty(0, dtype=np.int64)
    last, is_sorted = 0, True
    for block in blocks():
        is_sorted &= bool(block[0] >= last and (block[1:] >= block[:-1]).all())
        last = block[-1]
        own, count = np.unique(block[block >= 0], return_counts=True)
        keys, before, new = unite(keys, own)
        summed = np.zeros(len(keys), dtype=np.int64)
        summed[before] = sizes
        summed[new] += count
        sizes = summed
    if is_sorted:
        return _Places(), keys, sizes
    order = np.empty(int(sizes.sum()), dtype=_row_type(n_rows))
    following, start = np.cumsum(sizes) - sizes, 0
    for block in blocks():
        row = np.flatnonzero(block >= 0)
        _list_rows(np.searchsorted(keys, block[row]), row + start, order, following)
        start += len(block)
    return order, keys, sizes


def _sorted_by_task(
    task: np.ndarray, n_tasks: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """List rows task after task, and where each begins; -1 is a row that is left out.

    As :func:`sorted_by`, of tasks that are in memory, each of which has a row.
    """
    sizes = np.zeros(n_tasks, dtype=np.int64)
    parts = [slice(at, at + _AT_ONCE) for at in range(0, len(task), _AT_ONCE)]
    for part in parts:
        sizes += np.bincount(task[part][task[part] >= 0], minlength=n_tasks)
    first = np.cumsum(sizes) - sizes
    order = np.empty(int(sizes.sum()), dtype=_row_type(len(task)))
    following = first.copy()
    for part in parts:
        row = np.flatnonzero(task[part] >= 0)
        _list_rows(task[part][row], row + part.start, order, following)
    return order, first, sizes


def _row_type(n_rows: int) -> Any:
    return np.int32 if n_rows < np.iinfo(np.int32).max else np.int64


def _list_rows(
    code: np.ndarray, row: np.ndarray, order: np.ndarray, following: np.ndarray
) -> None:
    """Put rows where the next ones of their codes belong."""
    by_code = np.argsort(code, kind="stable")
    own = code[by_code]
    begin = np.flatnonzero(np.diff(own, prepend=-1))
    codes, count = own[begin], np.diff(begin, append=len(own))
    place = np.arange(len(own)) - np.repeat(begin - following[codes], count)
    order[place] = row[by_code]
    following[codes] += count
