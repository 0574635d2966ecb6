"""How far a prior is believed that is surer of classes than it is right.

A tree that has grown until it is sure of every row of its own tasks says 0 or 1 of rows
of new ones, too. Beside such a prior no support has a say.
"""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

__all__ = ["learn_trust"]

# Above this probabilities are believed as they are. The factor is learnt from so many
# rows at most.
_SURE, _ROWS_TO_TRUST = 0.8, 50_000


def learn_trust(
    offsets: np.ndarray,
    label: np.ndarray,
    weight: np.ndarray | None,
    check_trust: Sequence[bool],
) -> np.ndarray | None:
    """Learn by what logarithms of probabilities are multiplied to be most likely.

    Parameters
    ----------
    offsets : float32 ndarray of shape (n_rows, parts, classes)
        Centred logarithms of what parts say of rows of tasks that they have not seen.
    label : int ndarray of shape (n_rows,)
        Class of each row.
    weight : ndarray of shape (n_rows,) or None
        How much each row counts.
    check_trust : sequence of bool
        Of each part, whether it is looked at.

    Returns
    -------
    float32 ndarray of shape (parts,) or None
        Factors of at most 1; None where all parts are believed as they are.
    """
    trust = np.ones(len(check_trust), dtype=np.float32)
    rows = np.arange(len(label))[:: 1 + len(label) // _ROWS_TO_TRUST]
    counts = None if weight is None else weight[rows]
    for part in np.flatnonzero(check_trust):
        told = offsets[rows, part].astype(float), label[rows], counts
        best = minimize_scalar(_loss, args=told, bounds=(0, 1), method="bounded").x
        if best < _SURE:
            trust[part] = best
    return None if (trust == 1).all() else trust


def _loss(
    factor: float, log_p: np.ndarray, label: np.ndarray, weight: np.ndarray | None
) -> float:
    """Return the log-loss of probabilities whose logarithms count so many times."""
    told = factor * log_p
    losses = logsumexp(told, axis=1) - told[np.arange(len(label)), label]
    return float(np.average(losses, weights=weight))
