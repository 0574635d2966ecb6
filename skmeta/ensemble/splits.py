"""Which tasks are left out, to weigh members by them."""

from collections.abc import Iterable, Iterator
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.model_selection import GroupKFold

from skmeta.episodes.validation import can_be_split
from skmeta.model_selection import TaskSplit
from skmeta.tables.labels import TaskLabels
from skmeta.tables.rows import TaskRows

__all__ = ["split_tasks"]

_FEWEST_TASKS = 4  # to leave some out and learn from the others
_LEFT_OUT = 1 / 3
_N_FOLDS = 3


def split_tasks(
    rows: TaskRows,
    cv: Any,
    label_space: str | None,
    seed: int,
    *,
    refit: bool = True,
) -> Iterable[tuple[np.ndarray, np.ndarray]]:
    """Say which tasks are left out; none where there are too few to judge on.

    Parameters
    ----------
    rows : TaskRows
        Rows of all tasks.
    cv : int, splitter, iterable or None
        As :class:`skmeta.ensemble.MetaStackingRegressor` has it.
    label_space : {"shared", "per_task"} or None
        What labels mean; None in regression.
    seed : int
        Seed of the splits.
    refit : bool, default=True
        Whether members are fitted again on all tasks; else ``cv=None`` is folds.

    Returns
    -------
    iterable of (train, test)
        Row numbers.
    """
    cell = None
    if label_space == "per_task":
        cell = TaskLabels.per_task(rows.y, rows.task, rows.n_tasks)[1]
    usable = can_be_split(rows.task, cell, rows.in_support)
    n_tasks = len(np.unique(rows.task[usable]))
    if n_tasks < _FEWEST_TASKS:
        return []
    splitter: Any = cv
    if splitter is None:
        splitter = TaskSplit(test_size=_LEFT_OUT, random_state=seed)
        if not refit:
            splitter = _N_FOLDS
    if isinstance(splitter, Integral):
        n_folds = min(int(splitter), n_tasks)
        splitter = GroupKFold(n_folds, shuffle=True, random_state=seed)
    if cv is not None and not isinstance(cv, Integral):
        if hasattr(splitter, "split"):
            splitter = splitter.split(rows.X, rows.y, rows.task)
        return _of_whole_tasks(splitter, rows.task)
    # To leave out a task that nobody can be asked about would tell nothing.
    able, rest = np.flatnonzero(usable), np.flatnonzero(~usable)
    return [
        (np.sort(np.concatenate([able[train], rest])), able[test])
        for train, test in splitter.split(able, groups=rows.task[able])
    ]


def _of_whole_tasks(
    splits: Iterable[tuple[Any, Any]], task: np.ndarray
) -> Iterator[tuple[Any, Any]]:
    """Hand splits on, unless members would be judged on tasks they were fitted to.

    Raises
    ------
    ValueError
        If rows of a task are on both sides.
    """
    for train, test in splits:
        if np.isin(task[test], task[train]).any():
            raise ValueError(
                "cv leaves out rows of tasks that members are fitted to, which tell "
                "nothing of new tasks. Choose a splitter that knows groups, such as "
                "GroupKFold(3)."
            )
        yield train, test
