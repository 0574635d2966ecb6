"""The rows of a call: checked, each with its target, its task and its weight."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.utils.validation import column_or_1d

from skmeta.tables.groups import encode_groups
from skmeta.tables.labels import TaskLabels
from skmeta.tables.sample_weights import check_weights
from skmeta.tables.sizes import range_of
from skmeta.tables.unlabelled import UnlabelledRows
from skmeta.utils.messages import show

__all__ = ["TaskRows", "check_in_support", "check_no_rows", "join_targets"]


@dataclass(frozen=True)
class TaskRows:
    """Rows of tasks, as a user's call gave them and validation let them through.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        Features; may be memory-mapped.
    y : ndarray of shape (n_rows,)
        Targets, as the user calls them.
    task : int ndarray of shape (n_rows,)
        Task of each row, 0 .. n_tasks - 1.
    names : ndarray of shape (n_tasks,), default=None
        The tasks' groups, sorted; None for a single task without a name.
    weight : ndarray of shape (n_rows,), default=None
        How much each row counts, more than 0; None where all count the same.
    in_support : bool ndarray of shape (n_rows,), default=None
        True for rows that are always support, False for query; None: not fixed.
    unlabelled : UnlabelledRows, default=None
        Further rows of these tasks, whose targets are missing; None where there are
        none. They are in none of the above.
    """

    X: np.ndarray
    y: np.ndarray
    task: np.ndarray
    names: np.ndarray | None = None
    weight: np.ndarray | None = None
    in_support: np.ndarray | None = None
    unlabelled: UnlabelledRows | None = None

    @classmethod
    def of(
        cls,
        X: np.ndarray,
        y: np.ndarray,
        groups: Any,
        in_support: Any = None,
        missing: np.ndarray | None = None,
    ) -> TaskRows:
        """Say which task each row is of: its group, or the only one without groups.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
            Features of all rows.
        y : ndarray of shape (n_known,)
            Targets of those that have one.
        groups : array-like of shape (n_rows,) or None
            Group of each row.
        missing : bool ndarray of shape (n_rows,), default=None
            True for rows without a target; None where there are none.

        Raises
        ------
        ValueError
            If there is not one group per row, or if a group is missing; or if
            ``in_support`` does not say True or False of each row.
        """
        if in_support is not None:
            in_support = check_in_support(in_support, len(X))
        if groups is None:
            one = cls(X, y, np.zeros(len(X), dtype=np.intp), in_support=in_support)
            return one._without_targets(missing)
        names, task = encode_groups(groups, X)
        rows = cls(X, y, task, names, in_support=in_support)
        return rows._without_targets(missing)

    def _without_targets(self, missing: np.ndarray | None) -> TaskRows:
        if missing is None:
            return self
        return replace(
            self,
            X=self.X[~missing],
            task=self.task[~missing],
            in_support=None if self.in_support is None else self.in_support[~missing],
            unlabelled=UnlabelledRows(self.X[missing], self.task[missing], missing),
        )

    def __len__(self) -> int:
        return len(self.X)

    @property
    def n_tasks(self) -> int:
        """Number of tasks, those without a row, or without a target, among them."""
        return 1 if self.names is None else len(self.names)

    @property
    def task_sizes(self) -> np.ndarray:
        """Number of rows of each task, (n_tasks,)."""
        return np.bincount(self.task, minlength=self.n_tasks)

    @property
    def feature_range(self) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest value of each column of the features."""
        return range_of(self.X)

    @property
    def target_range(self) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest value of each target."""
        return range_of(self.y)

    def blocks(self, *, features: bool = True) -> Iterator[TaskRows]:
        """Yield all rows a part at a time; those in memory in one part.

        Parameters
        ----------
        features : bool, default=True
            Whether the features are looked at. Else there may be none.
        """
        yield self

    def sample(self) -> tuple[TaskRows, np.ndarray | slice]:
        """Return rows for what has to see all at once, and which they are.

        All of them, where they are in memory.
        """
        return self, slice(None)

    def as_in_table(self, values: np.ndarray) -> np.ndarray:
        """Put what was made of a sample of all rows where the table has them."""
        return values

    def of_target(self, number: int) -> TaskRows:
        """Return the same rows with one of several targets."""
        return replace(self, y=self.y[:, number])

    def labels(self) -> np.ndarray:
        """Return the different targets, sorted."""
        return np.unique(self.y)

    def labels_in_tasks(self, n_tasks: int) -> tuple[TaskLabels, Any]:
        """Number the classes of each task; return them and the code of each row."""
        return TaskLabels.per_task(self.y, self.task, n_tasks)

    def with_task(self, function: Callable[..., np.ndarray], *arrays: Any) -> Any:
        """Compute something of each row and the task that it belongs to.

        Parameters
        ----------
        function : callable
            Of as many arrays of rows, and then the tasks of these rows, (n_some_rows,);
            what it makes of a row depends on that row alone.
        *arrays : ndarray or RowSource, each of shape (n_rows, ...)
            What it is given.

        Returns
        -------
        ndarray or RowSource of shape (n_rows, ...)
            A source, computed when it is read, where rows are on disk.
        """
        return function(*arrays, self.task)

    def need_all(self, what: str) -> None:
        """Say that something needs all rows in memory, where they are."""

    def take(self, chosen: np.ndarray) -> TaskRows:
        """Keep the rows that a mask chooses; tasks keep their numbers.

        Rows without targets stay.
        """
        return TaskRows(
            self.X[chosen],
            self.y[chosen],
            self.task[chosen],
            self.names,
            None if self.weight is None else self.weight[chosen],
            None if self.in_support is None else self.in_support[chosen],
            self.unlabelled,
        )

    def weighed(self, sample_weight: Any) -> TaskRows:
        """Give the rows weights; those of weight 0 go, and tasks without another row.

        Rows without targets stay as they are if their weight is not 0.

        Parameters
        ----------
        sample_weight : array-like of shape (n_rows,)
            Weights, not validated.

        Raises
        ------
        ValueError
            If there is not one finite, non-negative weight per row, or if all are zero.
        """
        others = self.unlabelled
        weight = check_weights(
            sample_weight, self.X if others is None else others.place
        )
        kept = weight > 0
        if others is not None:
            place = others.place
            others = others.take(kept[place])
            weight, kept = weight[~place], kept[~place]
        rows = replace(self, weight=weight, unlabelled=others)
        if kept.all() and (others is None or len(others.X) == others.place.sum()):
            return rows
        rows = rows.take(kept)
        known = [rows.task] if others is None else [rows.task, others.task]
        present, task = np.unique(np.concatenate(known), return_inverse=True)
        names = None if rows.names is None else rows.names[present]
        if others is not None:
            others = others._replace(task=task[len(rows) :])
        return replace(rows, task=task[: len(rows)], names=names, unlabelled=others)


def check_no_rows(y: Any, groups: Any, sample_weight: Any = None) -> None:
    """Refuse what says something of rows where there are none to adapt to.

    Raises
    ------
    ValueError
        If there is some.
    """
    if y is not None:
        raise ValueError("adapt learns from rows: pass X as well, or neither.")
    if groups is not None or sample_weight is not None:
        raise ValueError(
            "adapt learns groups from their rows: pass X and y as well. Groups without "
            "any row are answered with unknown_task='prior'."
        )


def check_in_support(in_support: Any, n_rows: int) -> np.ndarray:
    """Return which rows are given as support.

    Raises
    ------
    ValueError
        If there is not True or False for each row.
    """
    # scikit-learn makes floats of what pandas keeps with room for gaps.
    in_support = column_or_1d(np.asarray(in_support))
    if len(in_support) != n_rows or in_support.dtype != bool:
        raise ValueError(
            f"in_support must hold True or False for each of the {n_rows} rows, not "
            f"{len(in_support)} of {in_support.dtype}."
        )
    return in_support


def join_targets(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Put targets of several calls one after another.

    Parameters
    ----------
    parts : sequence of ndarray of shape (n_rows, ...)
        Targets of each call.

    Returns
    -------
    ndarray
        All of them.

    Raises
    ------
    ValueError
        If some are words and others numbers, or dates.
    """
    parts = [each for each in parts if len(each)] or parts  # none is of no kind
    words = [each for each in parts if each.dtype.kind in "UST"]
    numbers = [each for each in parts if each.dtype.kind in "biufc"]
    if words and numbers:  # numpy would write the numbers as words
        raise ValueError(
            f"y holds words such as {show(words[0], 3)} and numbers such as "
            f"{show(numbers[0], 3)}: rows that are added need targets of the kind "
            "that those before them have."
        )
    try:
        return np.concatenate(parts)
    except TypeError as error:
        kinds = " and ".join(str(each.dtype) for each in parts)
        raise ValueError(
            f"y holds {kinds}: rows that are added need targets of the kind that those "
            "before them have."
        ) from error
