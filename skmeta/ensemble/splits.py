"""Which tasks are left out, to weigh members by them."""

from collections.abc import Iterable
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
            return splitter.split(rows.X, rows.y, rows.task)
        return splitter
    # To leave out a task that nobody can be asked about would tell nothing.
    able, rest = np.flatnonzero(usable), np.flatnonzero(~usable)
    return [
        (np.sort(np.concatenate([able[train], rest])), able[test])
        for train, test in splitter.split(able, groups=rows.task[able])
    ]
