r"""How much say each member has: by its answers to tasks that were left out.

Weights :math:`w \ge 0` with sum 1 mix the members' values, or the logarithms of their
probabilities, and are learnt for several numbers of support rows: what is best after
one row need not be so after eight.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

__all__ = ["HeldOutAnswers", "greedy", "interpolate", "inverse_loss", "shrunk"]

# Steps of the greedy selection: weights are multiples of one over it.
_STEPS = 25

# How much more a member counts that has a lesser loss; and how many tasks it takes to
# trust the greedy selection as much as that.
_POWER = 6.0
_TASKS = 100.0


@dataclass(frozen=True)
class HeldOutAnswers:
    """What members have answered to the rows of tasks that were left out.

    Parameters
    ----------
    answers : ndarray of shape (n_rows, n_members) or (n_rows, n_members, n_classes)
        The error of the value; or, in classification, the logarithm of each class's
        probability over that of the row's true class.
    task : int ndarray of shape (n_rows,)
        Task of each row. All tasks count the same.
    weight : ndarray of shape (n_rows,)
        How much each row counts inside its task.
    """

    answers: np.ndarray
    task: np.ndarray
    weight: np.ndarray

    @property
    def n_tasks(self) -> int:
        """Tasks that were left out."""
        return len(np.unique(self.task))

    def losses(self, answers: np.ndarray | None = None) -> np.ndarray:
        """Return log-losses or squared errors, the mean over tasks.

        Parameters
        ----------
        answers : ndarray, default=None
            Of mixtures, in the form that the members have theirs.

        Returns
        -------
        ndarray of shape (n_mixtures,)
            Of each mixture; of each member by itself if there are none.
        """
        answers = self.answers if answers is None else answers
        names, task = np.unique(self.task, return_inverse=True)
        weight = self.weight / (len(names) * np.bincount(task, self.weight)[task])
        return weight @ (answers**2 if answers.ndim == 2 else logsumexp(answers, -1))


def inverse_loss(
    held_out: HeldOutAnswers, before: np.ndarray | None = None
) -> np.ndarray:
    r"""Weigh members by a power of one over their own loss.

    With errors that do not depend on each other, the first power of squared errors is
    best (J. M. Bates, C. W. J. Granger, The Combination of Forecasts, Operational
    Research Quarterly 20, 1969); where members are as different as here, a higher one.

    Parameters
    ----------
    held_out : HeldOutAnswers
        Of all members.
    before : ndarray of shape (n_members,), default=None
        What each counts before it is judged, :math:`\pi_m`, all the same by default.

    Returns
    -------
    ndarray of shape (n_members,)
        Weights :math:`w_m \propto \pi_m L_m^{-6}`.
    """
    losses = held_out.losses()
    least = losses.min()
    worth = np.ones_like(losses) if least == 0 else (least / losses) ** _POWER
    if before is not None:
        worth = worth * before
    return worth / worth.sum()


def greedy(held_out: HeldOutAnswers) -> np.ndarray:
    """Select members with replacement: each step adds the one that helps the mean most.

    R. Caruana, A. Niculescu-Mizil, G. Crew, A. Ksikes, Ensemble Selection from
    Libraries of Models, ICML 2004.

    Parameters
    ----------
    held_out : HeldOutAnswers
        Of all members.

    Returns
    -------
    ndarray of shape (n_members,)
        How often each was selected, of all steps.
    """
    answers = held_out.answers
    total = np.zeros_like(answers[:, :1])
    counts = np.zeros(answers.shape[1])
    for step in range(1, _STEPS + 1):
        joined = (total + answers) / step  # a mixture for each member that could join
        best = int(held_out.losses(joined).argmin())
        counts[best] += 1
        total = total + answers[:, [best]]
    return counts / _STEPS


def shrunk(held_out: HeldOutAnswers, before: np.ndarray | None = None) -> np.ndarray:
    r"""Mix greedy weights with those by loss, the greedier the more tasks there are.

    The greedy ones have :math:`n / (n + 100)` of the say for n tasks: a selection by
    few of them picks by chance, and chance cannot overrate a mean of all that are good.

    Parameters
    ----------
    held_out : HeldOutAnswers
        Of all members.
    before : ndarray of shape (n_members,), default=None
        As :func:`inverse_loss` takes it.

    Returns
    -------
    ndarray of shape (n_members,)
        Weights.
    """
    trust = held_out.n_tasks / (held_out.n_tasks + _TASKS)
    by_loss = inverse_loss(held_out, before)
    return trust * greedy(held_out) + (1 - trust) * by_loss


def interpolate(
    weights: np.ndarray, sizes: np.ndarray, n_support: np.ndarray
) -> np.ndarray:
    """Return the weights for numbers of support rows between those they are learnt for.

    Linear in the logarithm of one more than the number, and constant beyond the ends.

    Parameters
    ----------
    weights : ndarray of shape (n_sizes, n_members, ...)
        Weights for the sizes.
    sizes : int ndarray of shape (n_sizes,)
        Numbers of support rows, sorted.
    n_support : int ndarray of shape (n_tasks,)
        Numbers of support rows that are asked for.

    Returns
    -------
    ndarray of shape (n_tasks, n_members, ...)
        Weights.

    Examples
    --------
    >>> import numpy as np
    >>> from skmeta.ensemble.weights import interpolate
    >>> weights, sizes = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([0, 3])
    >>> interpolate(weights, sizes, np.array([0, 1, 3, 99]))
    array([[1. , 0. ],
           [0.5, 0.5],
           [0. , 1. ],
           [0. , 1. ]])
    """
    known, asked = np.log1p(sizes), np.log1p(n_support)
    columns = weights.reshape(len(weights), -1).T
    between = np.column_stack([np.interp(asked, known, own) for own in columns])
    return between.reshape(-1, *weights.shape[1:])
