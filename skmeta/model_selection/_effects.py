r"""What a task adds to an offset: linear effects with a normal prior, of many tasks.

Effects have a variance each. Those of values have a closed form; those of classes are
the mode of the posterior under the softmax, by Boehning's bound: with the columns of a
task's design B scaled by the standard deviations,

.. math:: u \leftarrow u + (B^\top B / 2 + I)^{-1} (B^\top (Y - P) - u)

never makes it less likely, and all classes share the matrix. Where a task has fewer
rows than effects, the same is computed by rows, :math:`u = B^\top \alpha`.

References
----------
D. Boehning, Multinomial logistic regression algorithm, Annals of the Institute of
Statistical Mathematics 44, 1992.
"""

from collections.abc import Iterator

import numpy as np

from skmeta.tables.groups import Spans

__all__ = [
    "add_class_effects",
    "add_value_effects",
    "class_effects",
    "padded_tasks",
    "value_effects",
]

_MOST_STEPS = 100
_SMALL_CHANGE = 1e-4
_MOST_CELLS = 1_000_000


def value_effects(
    design: np.ndarray,
    rest: np.ndarray,
    task: np.ndarray,
    n_tasks: int,
    variance: np.ndarray,
    noise: float,
) -> np.ndarray:
    """Return the mean effects of each task on values.

    Parameters
    ----------
    design : float ndarray of shape (n_rows, n_effects)
        Support rows.
    rest : float ndarray of shape (n_rows,)
        What the offset leaves of their targets.
    task : int ndarray of shape (n_rows,)
        Task of each row.
    n_tasks : int
        Number of tasks.
    variance : float ndarray of shape (n_effects,)
        Of the effects; 0 for none.
    noise : float
        Variance of a target around its mean.

    Returns
    -------
    float ndarray of shape (n_tasks, n_effects)
        Zero for a task without rows.
    """
    deviation = np.sqrt(variance)
    effects = np.zeros((n_tasks, design.shape[1]))
    for tasks, rows, mask in padded_tasks(task, n_tasks, design.shape[1]):
        B = design[rows] * mask * deviation  # (tasks, rows, effects)
        r = rest[rows][..., np.newaxis] * mask
        turned = B.swapaxes(1, 2)
        if B.shape[1] <= B.shape[2]:
            own = turned @ np.linalg.solve(_plus(B @ turned, noise), r)
        else:
            own = np.linalg.solve(_plus(turned @ B, noise), turned @ r)
        effects[tasks] = own[..., 0] * deviation
    return effects


def class_effects(
    design: np.ndarray,
    offset: np.ndarray,
    target: np.ndarray,
    task: np.ndarray,
    n_tasks: int,
    variance: np.ndarray,
) -> np.ndarray:
    """Return the most likely effects of each task on the logits of classes.

    Parameters
    ----------
    design : float ndarray of shape (n_rows, n_effects)
        Support rows.
    offset : float ndarray of shape (n_rows, n_classes)
        Their logits without effects.
    target : float ndarray of shape (n_rows, n_classes)
        1 for a row's class.
    task, n_tasks, variance
        As in :func:`value_effects`.

    Returns
    -------
    float ndarray of shape (n_tasks, n_effects, n_classes)
        Zero for a task without rows.
    """
    deviation = np.sqrt(variance)
    effects = np.zeros((n_tasks, design.shape[1], offset.shape[1]))
    for tasks, rows, mask in padded_tasks(
        task, n_tasks, design.shape[1] * offset.shape[1]
    ):
        B = design[rows] * mask * deviation  # (tasks, rows, effects)
        f, Y = offset[rows], target[rows]  # (tasks, rows, classes)
        turned = B.swapaxes(1, 2)
        by_rows = B.shape[1] <= B.shape[2]
        product = B @ turned if by_rows else turned @ B
        step = np.linalg.inv(_plus(product / 2, 1.0))
        own = np.zeros((len(tasks), product.shape[1], f.shape[2]))
        for _ in range(_MOST_STEPS):
            wrong = (Y - _softmax(f + (product if by_rows else B) @ own)) * mask
            change = step @ ((wrong if by_rows else turned @ wrong) - own)
            own += change
            if np.abs(change).max() < _SMALL_CHANGE:
                break
        if by_rows:
            own = turned @ own
        effects[tasks] = own * deviation[:, np.newaxis]
    return effects


def add_value_effects(
    design: np.ndarray, offset: np.ndarray, effects: np.ndarray, task: np.ndarray
) -> np.ndarray:
    """Add the effects of each row's task to the offset of its value, (n_rows,)."""
    return offset + np.einsum("ne,ne->n", design, effects[task])


def add_class_effects(
    design: np.ndarray, offset: np.ndarray, effects: np.ndarray, task: np.ndarray
) -> np.ndarray:
    """Return probabilities with the effects of each row's task, (n_rows, n_classes)."""
    logits = offset.copy()
    at_once = max(_MOST_CELLS // effects[0].size, 1)
    for first in range(0, len(task), at_once):
        own = slice(first, first + at_once)
        logits[own] += np.einsum("ne,nec->nc", design[own], effects[task[own]])
    return _softmax(logits)


def _softmax(logits: np.ndarray) -> np.ndarray:
    """Return probabilities by the last axis, of logits that are no hundreds apart.

    Sums over an axis that short are slow; a product with ones is not.
    """
    likely = np.exp(np.clip(logits, -300.0, 300.0))
    return likely / (likely @ np.ones((logits.shape[-1], 1)))


def _plus(matrices: np.ndarray, number: float) -> np.ndarray:
    """Add a number to the diagonals of square matrices."""
    return matrices + number * np.eye(matrices.shape[-1])


def padded_tasks(
    task: np.ndarray, n_tasks: int, width: int
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Cut tasks into chunks of like size and bounded memory.

    Parameters
    ----------
    task : int ndarray of shape (n_rows,)
        Task of each row.
    n_tasks : int
        Number of tasks.
    width : int
        Numbers that are computed for each row.

    Yields
    ------
    tasks : int ndarray of shape (n,)
        Some of the tasks that have rows.
    rows : int ndarray of shape (n, width of the chunk)
        Their rows, side by side.
    mask : float ndarray of shape (n, width of the chunk, 1)
        0 on padding, else 1.
    """
    spans = Spans(task, n_tasks)
    order = np.argsort(spans.sizes, kind="stable")
    order = order[spans.sizes[order] > 0]
    first = 0
    while first < len(order):
        most = spans.sizes[order[first:]] * max(width, 1)
        # Sizes grow, so that the last of a chunk says how wide all are padded.
        cells = most * np.arange(1, len(most) + 1)
        n_taken = max(int(np.searchsorted(cells, _MOST_CELLS, side="right")), 1)
        # Twice as many rows as the smallest has are too much padding.
        small = 2 * spans.sizes[order[first]] + 8
        near = int(np.searchsorted(spans.sizes[order[first:]], small, side="right"))
        tasks = order[first : first + min(n_taken, near)]
        rows, mask = spans.pad(tasks)
        yield tasks, rows, mask[..., np.newaxis].astype(float)
        first += len(tasks)
