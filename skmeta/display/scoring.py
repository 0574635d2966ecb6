"""Score predictions that are known already, task by task."""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.utils import check_consistent_length

from skmeta.tables.groups import encode_groups

__all__ = ["score_label", "score_tasks"]


def score_tasks(
    score: Callable, y_true: Any, predictions: list, groups: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Score several predictions of the same rows, task by task.

    Parameters
    ----------
    score : callable
        ``score(y_true, y_pred)`` of one task.
    y_true : array-like of shape (n_rows,)
        Targets.
    predictions : list of array-like of shape (n_rows,) or (n_rows, n_outputs)
        What each learner predicts.
    groups : array-like of shape (n_rows,)
        Task of each row.

    Returns
    -------
    tasks : ndarray of shape (n_tasks,)
        Names of the tasks, sorted.
    scores : float ndarray of shape (n_predictions, n_tasks)
        Score of each prediction on each task.

    Raises
    ------
    ValueError
        If lengths differ, or a row has no group.
    """
    check_consistent_length(y_true, *predictions)
    y_true, *predictions = map(np.asarray, (y_true, *predictions))
    tasks, row = encode_groups(groups, y_true)
    rows_of = [np.flatnonzero(row == number) for number in range(len(tasks))]
    scores = [
        [score(y_true[rows], answers[rows]) for rows in rows_of]
        for answers in predictions
    ]
    return tasks, np.array(scores, float)


def score_label(score: Callable) -> str:
    """Name a score as a picture says it."""
    return getattr(score, "__name__", "score").replace("_", " ")
