"""Which rows belong to which task.

Rows are never copied into per-task lists. A table keeps its rows where they are; a task
is a span of one sorted index.
"""

from collections.abc import Hashable, Iterable
from typing import Any

import numpy as np

from skmeta.tables.unlabelled import is_missing
from skmeta.utils.messages import show, unsorted
from skmeta.utils.unique import as_listed, find, number

__all__ = [
    "GROUPS_NEEDED",
    "Spans",
    "encode_groups",
    "find_tasks",
    "locate",
    "names_to_join",
]

GROUPS_NEEDED = (
    "fit needs to know the task of each row: pass groups=, and inside a Pipeline or "
    "GridSearchCV turn on sklearn.set_config(enable_metadata_routing=True) so that it "
    "arrives."
)
"""What is said where tasks are to be told apart by nothing."""


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
        width = max(sizes.max(initial=0), 1)
        if len(spans) and (sizes == width).all() and (np.diff(spans) == 1).all():
            first = self.first[spans[0]]
            rows = self.rows[first : first + width * len(spans)].reshape(-1, width)
            return rows, np.ones(rows.shape, dtype=bool)
        place = np.arange(width)
        mask = place < sizes[:, np.newaxis]
        position = np.where(mask, self.first[spans][:, np.newaxis] + place, 0)
        if not len(self.rows):
            return position, mask
        return self.rows[position], mask


def encode_groups(groups: Any, X: Any) -> tuple[np.ndarray, np.ndarray]:
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
    hides = np.ma.is_masked(groups)
    given = np.asarray(groups if hasattr(groups, "dtype") else as_listed(groups))
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
    if hides or (given.dtype.kind in "fOMmT" and any(map(is_missing, given))):
        raise ValueError(
            "groups contains NaN. Every row needs a task: drop the rows whose task is "
            "unknown, or give them a group of their own."
        )
    if given.dtype.kind == "O" and not all(isinstance(g, Hashable) for g in given):
        raise ValueError("groups holds lists or the like, which are no names of tasks.")
    try:
        names, task = number(given)
    except TypeError as error:
        raise ValueError(
            f"groups holds {unsorted(given)}. Make all of them text, or numbers."
        ) from error
    if given.dtype.kind == "O" and len(set(names)) < len(names):  # sets, for example
        raise ValueError(
            "groups holds values of which neither is before the other, such as "
            f"{show(names, 2)}. Name each task by a word or a number."
        )
    return names, task


def locate(
    names: np.ndarray | None,
    groups: Any,
    X: np.ndarray,
    unknown_task: str,
    trained: np.ndarray | None = None,
) -> np.ndarray:
    """Find the task of each row among those that are known.

    Parameters
    ----------
    names : ndarray of shape (n_tasks,) or None
        The tasks' groups, sorted; None for a single task without a name.
    groups : array-like of shape (n_rows,) or None
        Task of each row; None where there is one task.
    X : array-like of shape (n_rows, n_features)
        The rows, for their number.
    unknown_task : {"error", "prior"}
        What becomes of a row whose group is not known.
    trained : ndarray of shape (n_trained,), default=None
        Groups that ``fit`` has learnt from, sorted, for the message.

    Returns
    -------
    int ndarray of shape (n_rows,)
        Numbers of tasks; -1 for a group that is not known.

    Raises
    ------
    ValueError
        If groups are needed, not expected or unknown.
    """
    if groups is None:
        _refuse_several(names)
        return np.zeros(len(X), dtype=np.intp)
    asked, row = encode_groups(groups, X)
    place, known = find(asked, np.empty(0, asked.dtype) if names is None else names)
    if not known.all() and unknown_task != "prior":
        raise ValueError(
            f"No task was adapted for the groups {show(asked[~known])}. Call adapt "
            "with some labelled rows of them first, or set unknown_task='prior' to "
            "answer them by what is common to all tasks."
            + _of_the_training(asked[~known], trained)
        )
    return np.where(known, place, -1)[row]


def names_to_join(
    known: np.ndarray | None, given: np.ndarray | None
) -> np.ndarray | None:
    """Name the tasks of rows that are added to tasks which are known.

    Parameters
    ----------
    known : ndarray of shape (n_tasks,) or None
        The known tasks' groups, sorted; None for a single task without a name.
    given : ndarray of shape (n_given,) or None
        The groups that come with the rows; None where they come without.

    Returns
    -------
    ndarray or None
        Groups of the rows' tasks; None for the task without a name.

    Raises
    ------
    ValueError
        If the one has names and the other not, so that nobody knows where rows go.
    """
    if given is None:
        _refuse_several(known)
        return known
    if known is None:
        raise ValueError(
            "The estimator is adapted to one task without a name, to which rows are "
            "added without groups. For several tasks call adapt with groups= first."
        )
    return given


def find_tasks(names: np.ndarray | None, groups: Any) -> np.ndarray:
    """Find tasks by their names.

    Parameters
    ----------
    names : ndarray of shape (n_tasks,) or None
        The tasks' groups, sorted; None for a single task without a name.
    groups : iterable of n_asked names, a single name or None
        Names of tasks; None for the only task.

    Returns
    -------
    int ndarray
        Numbers of these tasks, each once.

    Raises
    ------
    ValueError
        If there is no such task, or if there are several and none is named.
    """
    if groups is None:
        _refuse_several(names)
        return np.zeros(1, dtype=np.intp)
    named = _as_names(groups)
    asked, _ = encode_groups(named, named)
    place, known = find(asked, np.empty(0, asked.dtype) if names is None else names)
    if not known.all():
        raise ValueError(f"No task was adapted for the groups {show(asked[~known])}.")
    return place


def _as_names(groups: Any) -> Any:
    if hasattr(groups, "__array__"):
        return groups if np.ndim(groups) else [groups]
    is_single = isinstance(groups, str | bytes) or not isinstance(groups, Iterable)
    return [groups] if is_single else list(groups)


def _refuse_several(names: np.ndarray | None) -> None:
    if names is not None and len(names) > 1:
        raise ValueError(
            f"The estimator is adapted to {len(names)} tasks: pass "
            "groups= to say which task each row belongs to."
        )


def _of_the_training(unknown: np.ndarray, trained: np.ndarray | None) -> str:
    """Say how groups of the training become known, if some are unknown."""
    if trained is None:
        return ""
    _, seen = find(unknown, trained)
    if not seen.any():
        return ""
    return (
        f" fit has learnt from {show(unknown[seen])}, and remembers no group by "
        "itself: partial_adapt(X, y, groups=groups) with the rows of the training "
        "lets it know them."
    )
