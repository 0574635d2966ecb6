"""Synthetic meta-datasets."""

import numpy as np
from sklearn.utils import check_random_state

__all__ = ["make_sinusoids"]


def make_sinusoids(
    n_tasks: int = 100,
    n_rows: int = 20,
    *,
    noise: float = 0.0,
    random_state: int | np.random.RandomState | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Make the sinusoid regression tasks of the MAML paper.

    Each task is :math:`y = a \sin(x - b)` with an amplitude a of its own, uniform
    between 0.1 and 5, and a phase b, uniform between 0 and :math:`\pi`; x is uniform
    between -5 and 5 (Finn et al. 2017, section 5.1).

    Parameters
    ----------
    n_tasks : int, default=100
        Number of tasks.
    n_rows : int, default=20
        Rows of each task.
    noise : float, default=0.0
        Standard deviation of normal noise on y.
    random_state : int, RandomState instance or None, default=None
        Seed.

    Returns
    -------
    X : ndarray of shape (n_tasks * n_rows, 1)
        Inputs.
    y : ndarray of shape (n_tasks * n_rows,)
        Targets.
    groups : int ndarray of shape (n_tasks * n_rows,)
        Task of each row, 0 .. n_tasks - 1.

    Examples
    --------
    >>> from skmeta.datasets import make_sinusoids
    >>> X, y, groups = make_sinusoids(n_tasks=3, n_rows=10, random_state=0)
    >>> X.shape, y.shape, groups[:12]
    ((30, 1), (30,), array([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]))
    """
    rng = check_random_state(random_state)
    amplitude = rng.uniform(0.1, 5.0, size=(n_tasks, 1))
    phase = rng.uniform(0.0, np.pi, size=(n_tasks, 1))
    x = rng.uniform(-5.0, 5.0, size=(n_tasks, n_rows))
    y = amplitude * np.sin(x - phase) + noise * rng.standard_normal(x.shape)
    groups = np.repeat(np.arange(n_tasks), n_rows)
    return x.reshape(-1, 1), y.ravel(), groups
