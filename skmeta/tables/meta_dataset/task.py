"""One task of a meta-dataset, and many of them put together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples

from skmeta.tables.groups import encode_groups
from skmeta.tables.rows import join_targets
from skmeta.utils.messages import show

__all__ = ["Task", "join", "stack"]


@dataclass(frozen=True, eq=False)
class Task:
    """One learning problem: its rows, and maybe which of them are its support.

    Parameters
    ----------
    X : array-like of shape (n_rows, n_features)
        Rows.
    y : array-like of shape (n_rows,)
        Targets.
    in_support : bool array-like of shape (n_rows,), default=None
        True for the rows that the task is learnt from, False for those that it is
        judged on. None where the split is not fixed.
    name : object, default=None
        Name, the group of its rows.

    Examples
    --------
    >>> from skmeta.tables.meta_dataset.task import Task
    >>> task = Task([[1.0], [2.0], [3.0]], [0, 1, 1], [True, True, False], name="a")
    >>> task
    Task('a', 3 rows, 2 of them support)
    >>> X, y = task.query
    >>> X, y
    ([[3.0]], [1])
    """

    X: Any
    y: Any
    in_support: Any = None
    name: Any = None

    def __len__(self) -> int:
        return _num_samples(self.y)

    def __repr__(self) -> str:
        name = "" if self.name is None else f"{self.name!r}, "
        split = ""
        if self.in_support is not None:
            split = f", {np.count_nonzero(self.in_support)} of them support"
        return f"Task({name}{len(self)} rows{split})"

    @property
    def support(self) -> tuple[Any, Any]:
        """Rows and targets to learn from; all of them where there is no split."""
        if self.in_support is None:
            return self.X, self.y
        return self._part(np.asarray(self.in_support, dtype=bool))

    @property
    def query(self) -> tuple[Any, Any]:
        """Rows and targets to be judged on.

        Raises
        ------
        ValueError
            If the split is not fixed.
        """
        if self.in_support is None:
            raise ValueError(f"{self} has no fixed support and query.")
        return self._part(~np.asarray(self.in_support, dtype=bool))

    def _part(self, chosen: np.ndarray) -> tuple[Any, Any]:
        rows = np.flatnonzero(chosen)
        return _safe_indexing(self.X, rows), _safe_indexing(self.y, rows)


def _as_task(given: Any, place: int) -> Task:
    """Take a task, a pair (X, y), or a pair of such pairs, for a task.

    Parameters
    ----------
    given : Task, (X, y), or ((X_support, y_support), (X_query, y_query))
        What a user writes.
    place : int
        Where it stands in the list, for messages.

    Returns
    -------
    Task
        With checked lengths.

    Raises
    ------
    TypeError
        If it is none of these.
    ValueError
        If the lengths of its parts differ.
    """
    task = given
    if not isinstance(given, Task):
        if not (isinstance(given, (tuple, list)) and len(given) == 2):
            raise TypeError(
                f"Task {place} is a {type(given).__name__}. Pass a Task, a pair "
                "(X, y), or ((X_support, y_support), (X_query, y_query))."
            )
        first, second = given
        if _is_pair(first) and _is_pair(second):
            n_support, n_query = _num_samples(first[1]), _num_samples(second[1])
            for part, (X, y) in (("support", first), ("query", second)):
                _check_lengths(X, y, f"the {part} of task {place}")
            task = Task(
                stack([first[0], second[0]], place),
                join_targets([np.asarray(first[1]), np.asarray(second[1])]),
                np.arange(n_support + n_query) < n_support,
            )
        else:
            task = Task(first, second)
    _check_lengths(task.X, task.y, f"task {place}")
    if task.in_support is not None:
        _check_lengths(task.X, task.in_support, f"in_support of task {place}")
    return task


def _is_pair(given: Any) -> bool:
    return isinstance(given, tuple) and len(given) == 2


def _check_lengths(X: Any, y: Any, what: str) -> None:
    if _num_samples(X) != _num_samples(y):
        raise ValueError(
            f"Lengths differ in {what}: {_num_samples(X)} rows of features and "
            f"{_num_samples(y)} of the other."
        )


def join(
    tasks: Sequence, names: Sequence | None
) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray | None]:
    """Put the rows of tasks one under the other.

    Parameters
    ----------
    tasks : sequence
        Each as :class:`MetaDataset` takes it.
    names : sequence or None
        Names of the tasks; None for those that they have, else 0, 1, ...

    Returns
    -------
    X : DataFrame or ndarray of shape (n_rows, n_features)
        Rows.
    y, groups : ndarray of shape (n_rows,)
        Target, and name of the task, of each row.
    in_support : bool ndarray of shape (n_rows,) or None
        Which rows are support, where that is fixed.

    Raises
    ------
    ValueError
        If there is no task, if columns or lengths differ, if a name comes twice, if
        names, or targets, are words here and numbers there, or if only some of the
        tasks have a fixed split.
    """
    tasks = [_as_task(given, place) for place, given in enumerate(tasks)]
    if not tasks:
        raise ValueError("There is no task.")
    if names is None:
        own = [task.name for task in tasks]
        names = list(range(len(tasks))) if None in own else own
    if len(names) != len(tasks):
        raise ValueError(f"{len(names)} names for {len(tasks)} tasks.")
    unique, name = encode_groups(names, tasks)
    count = np.bincount(name)
    if (count > 1).any():
        raise ValueError(f"Names come twice: {show(unique[count > 1])}.")
    split = [task.in_support is not None for task in tasks]
    if any(split) and not all(split):
        place = split.index(False)
        raise ValueError(
            f"Task {place} has no fixed support and query, and others have."
        )
    return (
        stack([task.X for task in tasks]),
        join_targets([np.asarray(task.y) for task in tasks]),
        np.repeat(unique[name], [len(task) for task in tasks]),
        np.concatenate([task.in_support for task in tasks]) if all(split) else None,
    )


def stack(parts: list, place: int | None = None) -> Any:
    """Put tables with the same columns one under the other.

    Parameters
    ----------
    parts : list of array-like or DataFrame
        Tables.
    place : int, default=None
        The task they are of, for messages; None for a table per task.

    Returns
    -------
    DataFrame or ndarray
        A DataFrame if all of them are.

    Raises
    ------
    ValueError
        If columns differ.
    """

    def columns(part: Any) -> Any:
        if hasattr(part, "columns"):
            return list(part.columns)
        return np.asarray(part).shape[1:]

    for i, part in enumerate(parts):
        if columns(part) != columns(parts[0]):
            where = f"the query of task {place}" if place is not None else f"task {i}"
            other = "its support" if place is not None else "task 0"
            raise ValueError(
                f"Columns differ: {columns(part)} in {where}, and "
                f"{columns(parts[0])} in {other}."
            )
    if all(hasattr(part, "columns") for part in parts):
        import pandas as pd

        return pd.concat(parts, ignore_index=True)
    return np.concatenate([np.asarray(part) for part in parts])
