"""Which tasks are kept to judge on: of those with enough rows, drawn at random."""

from __future__ import annotations

import numpy as np
from sklearn.model_selection import train_test_split

from skmeta.evaluation.table_file import InputError
from skmeta.utils.messages import count

__all__ = ["choose_new_tasks", "large_enough"]

# Four to learn from and two to be judged on: with less there is nothing to say.
_FEWEST_TASKS = 6
_TEST_SHARE = 0.3


def choose_new_tasks(
    names: np.ndarray,
    y: np.ndarray,
    label_space: str,
    column: str,
    fewest_rows: int,
    random_state: int | None,
    in_support: np.ndarray | None,
) -> np.ndarray:
    """Choose the tasks to judge on among those with enough rows.

    Parameters
    ----------
    names : str ndarray of shape (n_rows,)
        Task of each row.
    y : ndarray of shape (n_rows,)
        Targets.
    label_space : {"shared", "per_task"}
        Whether labels mean the same in every task.
    column : str
        Name of the column with the tasks.
    fewest_rows : int
        Rows that a task needs; of each of two classes, where labels are names.
    random_state : int or None
        Seed.
    in_support : bool ndarray of shape (n_rows,) or None
        The rows that are given as support.

    Returns
    -------
    bool ndarray of shape (n_rows,)
        Rows of the tasks to judge on.

    Raises
    ------
    InputError
        If too few tasks have so many rows.
    """
    tasks, task = np.unique(names, return_inverse=True)
    enough = large_enough(y, task, label_space, fewest_rows, in_support)
    of = " of each of two classes" if label_space == "per_task" else ""
    needed = f"{fewest_rows} rows or more{of}"
    if in_support is not None:
        needed = f"{count(fewest_rows - 1, 'row')} or more{of} given and one to ask"
    usable, n_small = tasks[enough], int((~enough).sum())
    if len(usable) < _FEWEST_TASKS:
        raise InputError(
            f"{column!r} makes {count(len(usable), 'task')} with {needed}"
            + (f" ({n_small:,} have fewer)" if n_small else "")
            + f"; at least {_FEWEST_TASKS} are needed, some to learn from and some to "
            "judge on. Is it the right column?"
            + (" Or ask for fewer --shots." if n_small else "")
        )
    n_test = max(2, round(_TEST_SHARE * len(usable)))
    _, kept = train_test_split(usable, test_size=n_test, random_state=random_state)
    return np.isin(names, kept)


def large_enough(
    y: np.ndarray,
    task: np.ndarray,
    label_space: str,
    fewest_rows: int,
    in_support: np.ndarray | None = None,
) -> np.ndarray:
    """Tell which tasks have so many rows, or of two classes where labels are names.

    Parameters
    ----------
    y : ndarray of shape (n_rows,)
        Targets.
    task : int ndarray of shape (n_rows,)
        Task of each row, 0, 1, ...
    label_space : {"shared", "per_task"}
        Whether labels mean the same in every task.
    fewest_rows : int
        Rows that are needed: a support, and one to ask.
    in_support : bool ndarray of shape (n_rows,), default=None
        The rows that are given as support, of which a task needs one less.

    Returns
    -------
    bool ndarray of shape (n_tasks,)
        True for a task that can be judged on.
    """
    cell = task
    if label_space == "per_task":
        label = np.unique(y, return_inverse=True)[1]
        cell = task * (label.max() + 1) + label
    _, first, cell = np.unique(cell, return_index=True, return_inverse=True)
    sizes = np.bincount(cell)
    large = sizes >= fewest_rows
    if in_support is not None:
        n_given = np.bincount(cell, in_support)
        large = (n_given >= fewest_rows - 1) & (n_given < sizes)
    n_large = np.bincount(task[first][large], minlength=task.max() + 1)
    return n_large >= (2 if label_space == "per_task" else 1)
