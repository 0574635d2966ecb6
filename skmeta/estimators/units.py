"""Whether the targets of a support look as if they were in another unit.

A number does not tell its unit. What tells is what tasks have in common: how much the
targets of one differ among each other, and where the targets of all end.
"""

import numpy as np

from skmeta.tables.rows import TaskRows
from skmeta.tables.targets import as_columns

__all__ = ["in_another_unit", "spreads_of"]

# Rows from which on a task tells how its targets are spread.
_FEWEST_ROWS = 5

# The share of the least spread of a training task below which those of a support are in
# another unit, wherever they are.
_NARROW = 0.05

# Beyond the range of the training they are if they are so many times as wide, or as
# narrow, as those of any training task, of which there have to be so many. On 27 real
# tables of values one support in 8,000 is so, two in three of those in ten times their
# unit, and two in five of those in a tenth of it.
_TIMES, _FEWEST_TASKS = 2.0, 20


def spreads_of(rows: TaskRows) -> tuple[np.ndarray, np.ndarray | None] | None:
    """Return the widths of the middle half of targets in tasks.

    Parameters
    ----------
    rows : TaskRows
        Of the training.

    Returns
    -------
    least : ndarray of shape (n_targets,)
        That of the task where it is narrowest; of all, None where no task has enough
        rows.
    widest : ndarray of shape (n_targets,) or None
        That of the task where it is widest; None where few tasks have enough rows.
    """
    size = rows.task_sizes
    large = size >= _FEWEST_ROWS
    if not large.any():
        return None
    first, size = (np.cumsum(size) - size)[large], size[large]
    least, widest = [], []
    for y in as_columns(rows.y).T:
        sorted_by_task = y[np.lexsort((y, rows.task))]
        low, high = (sorted_by_task[first + size * n // 4] for n in (1, 3))
        least.append(float((high - low).min()))
        widest.append(float((high - low).max()))
    is_many = np.count_nonzero(large) >= _FEWEST_TASKS
    return np.array(least), np.array(widest) if is_many else None


def in_another_unit(
    rows: TaskRows,
    least: np.ndarray,
    widest: np.ndarray | None,
    ends: tuple[np.ndarray, np.ndarray] | None,
    long_tails: tuple[int, ...] = (),
) -> np.ndarray:
    """Tell of which tasks the targets look as if they were in another unit.

    Parameters
    ----------
    rows : TaskRows
        Supports.
    least, widest : ndarray of shape (n_targets,)
        As :func:`spreads_of` returned them.
    ends : (ndarray, ndarray), each of shape (n_targets,), or None
        Lowest and highest target of the training; None where they are not known.
    long_tails : tuple of int, default=()
        Targets that grow by factors, among which some tasks are far above all others.

    Returns
    -------
    bool ndarray of shape (n_tasks,)
        False for tasks of few rows, and for those whose targets are all the same.
    """
    size = rows.task_sizes
    found = np.zeros(rows.n_tasks, dtype=bool)
    large = size >= _FEWEST_ROWS
    if not large.any():
        return found
    for target, y in enumerate(as_columns(rows.y).T):
        std, varies = _deviations(y, rows.task, size)
        own = std < _NARROW * least[target]
        if widest is not None and ends is not None and target not in long_tails:
            low, high = (np.atleast_1d(end)[target] for end in ends)
            beyond = np.bincount(rows.task, (y < low) | (y > high), rows.n_tasks)
            own |= (std < least[target] / _TIMES) & (beyond == size)
            own |= (std > _TIMES * widest[target]) & (beyond > size / 2)
        found |= own & varies
    return found & large


def _deviations(
    y: np.ndarray, task: np.ndarray, size: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the standard deviation of each task, and where it is not rounding."""
    unit = np.abs(y).max(initial=0.0) or 1.0
    y, n_rows = y / unit, np.maximum(size, 1)  # of which no square is too large
    mean = np.bincount(task, y, len(size)) / n_rows
    squares = np.bincount(task, (y - mean[task]) ** 2, len(size))
    std = np.sqrt(squares / n_rows)
    return std * unit, std > 1e-12 * np.abs(mean)
