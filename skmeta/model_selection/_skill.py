"""Skill: squared error of all tasks together against that of their shrunken means."""

import numpy as np

from skmeta.episodes.rounds import Round
from skmeta.model_selection._task_mean import shrinkage, shrunken_mean
from skmeta.tables.targets import as_columns

__all__ = ["error_of_means", "skill"]


def error_of_means(
    y: np.ndarray,
    task: np.ndarray,
    drawn: Round,
    support: np.ndarray,
    query: np.ndarray,
) -> np.ndarray:
    """Return the squared error of shrunken support means, the mean over episodes.

    The mean of all rows, and how much tasks vary, are known to what is compared with:
    it is as good as such means can be.

    Parameters
    ----------
    y : ndarray of shape (n_rows,) or (n_rows, n_targets)
        Values.
    task : int ndarray of shape (n_rows,)
        Task of each row.
    drawn : Round
        Episodes.
    support, query : bool ndarray of shape (n_drawn,)
        Which rows of the round are learnt from, and which are asked about.

    Returns
    -------
    float ndarray of shape (n_targets,)
        One number for each target.
    """
    y = as_columns(y).astype(float)
    asked, episode = y[drawn.row[query]], drawn.episode[query]
    means = [
        shrunken_mean(
            own[drawn.row[support], np.newaxis],
            drawn.episode[support],
            len(drawn.task),
            np.array([own.mean()]),
            shrinkage(own[:, np.newaxis], task),
        )[:, 0]
        for own in y.T
    ]
    errors = (asked - np.stack(means, axis=1)[episode]) ** 2
    return errors.sum(axis=0) / len(np.unique(episode))


def skill(scores: np.ndarray, episode: np.ndarray, unit: float) -> np.ndarray:
    """Turn negated mean squared errors into parts whose mean is the skill of all.

    Parameters
    ----------
    scores : float ndarray of shape (n_episodes,)
        Minus the mean squared error of every episode.
    episode : int ndarray of shape (n_queries,)
        Episode of each row that was asked about.
    unit : float
        What :func:`error_of_means` returned.

    Returns
    -------
    float ndarray of shape (n_episodes,)
        NaN where the means are right everywhere.
    """
    if not unit:
        return np.full(len(scores), np.nan)
    return 1 + scores * np.bincount(episode, minlength=len(scores)) / unit
