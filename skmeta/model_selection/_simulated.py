"""Supports and queries of training tasks, to choose by what new tasks will show."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from sklearn.model_selection import GroupKFold

from skmeta.episodes.sampling import check_support
from skmeta.utils.random import generator

__all__ = [
    "choose",
    "draw_supports",
    "folds_of_tasks",
    "mean_task_loss",
    "row_losses",
    "simulate",
]

# As many are enough to choose by.
_MOST_TASKS = 2400


def draw_supports(
    task: np.ndarray,
    low: int,
    high: int,
    rng: np.random.Generator,
    support: str = "random",
) -> np.ndarray:
    """Draw a support of each task, of a random number of rows.

    Parameters
    ----------
    task : int ndarray of shape (n_rows,)
        Task of each row.
    low, high : int
        Fewest and most rows. Two rows of a task are kept from the support, or one of
        a task of two; a task's only row is support.
    rng : numpy.random.Generator
        Source of randomness.
    support : {"random", "first"}, default="random"
        Which rows of a task are its support: any, or the first.

    Returns
    -------
    bool ndarray of shape (n_rows,)
        True for support rows.
    """
    _, task, size = np.unique(task, return_inverse=True, return_counts=True)
    shot = rng.integers(low, high + 1, size=len(size))
    shot = shot.clip(max=np.maximum(size - 2, 1))
    order = np.arange(len(task))
    if check_support(support) == "random":
        order = rng.permutation(len(task))
    order = order[np.argsort(task[order], kind="stable")]
    place = np.empty(len(task), dtype=np.intp)
    place[order] = np.arange(len(task)) - np.repeat(size.cumsum() - size, size)
    return place < shot[task]


def simulate(
    task: np.ndarray,
    max_shot: int,
    n_draws: int,
    random_state: int | None,
    support: str = "random",
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Draw supports of training tasks again and again, and what is left of them.

    Parameters
    ----------
    task : int ndarray of shape (n_rows,)
        Task of each row, 0, 1, ...
    max_shot : int
        Most rows of a support.
    n_draws : int
        Supports of each task; of very many tasks fewer, and not of all.
    random_state : int or None
        Draws them.
    support : {"random", "first"}, default="random"
        Which rows of a task are its support: any, or the first.

    Returns
    -------
    list of (int ndarray, int ndarray)
        Support rows and query rows.
    """
    rng, n_tasks = generator(random_state), int(task.max()) + 1
    rows = np.arange(len(task))
    if n_tasks > _MOST_TASKS:
        rows = rows[np.isin(task, rng.permutation(n_tasks)[:_MOST_TASKS])]
    drawn = []
    for _ in range(max(1, min(n_draws, _MOST_TASKS // n_tasks))):
        known = draw_supports(task[rows], 1, max_shot, rng, support)
        drawn.append((rows[known], rows[~known]))
    return drawn


def folds_of_tasks(
    task: np.ndarray, n_folds: int, random_state: int | None
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Split tasks: rows to fit to and rows to judge on, each task judged once.

    Parameters
    ----------
    task : int ndarray of shape (n_rows,)
        Task of each row, 0, 1, ...
    n_folds : int
        Most folds; as many as tasks if these are fewer.
    random_state : int or None
        Draws them.

    Returns
    -------
    list of (int ndarray, int ndarray)
        Of a single task all rows on both sides.
    """
    n_folds = min(n_folds, int(task.max()) + 1)
    if n_folds < 2:
        return [(np.arange(len(task)), np.arange(len(task)))]
    folds = GroupKFold(n_folds, shuffle=True, random_state=random_state)
    return list(folds.split(task, groups=task))


def mean_task_loss(row_loss: np.ndarray, task: np.ndarray) -> float:
    """Average over the rows of each task, then over tasks."""
    _, task, size = np.unique(task, return_inverse=True, return_counts=True)
    return float((np.bincount(task, row_loss) / size).mean())


def choose(candidates: Iterable[Any], loss_of: Callable[[Any], float]) -> Any:
    """Return the candidate of least loss, the first of equal ones."""
    return min(candidates, key=loss_of)


def row_losses(numbers: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Return the loss of each row: its squared error, or minus its log-likelihood.

    Parameters
    ----------
    numbers : float ndarray of shape (n_rows, n_columns)
        Values in a single column, or which class a row is of.
    answers : float ndarray of shape (n_rows,) or (n_rows, n_classes)
        Values or probabilities; those below 1e-4 count as 1e-4.

    Returns
    -------
    float ndarray of shape (n_rows,)
        Losses.
    """
    if numbers.shape[1] == 1:
        return (numbers[:, 0] - answers) ** 2
    likely = np.maximum(answers, 1e-4)
    likely = (numbers * likely).sum(axis=1) / likely.sum(axis=1)
    return -np.log(likely)
