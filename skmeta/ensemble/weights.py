r"""How much say each member has: by its answers to tasks that were left out.

Weights :math:`w \ge 0` with sum 1 mix the members' values or probabilities, and are
learnt for several numbers of support rows: what is best after one row need not be so
after eight.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["HeldOutAnswers", "greedy", "interpolate", "inverse_loss", "shrunk"]

# Steps of the greedy selection: weights are multiples of one over it.
_STEPS = 40

# How much more a member counts that has a lesser loss; and how many tasks it takes to
# trust the greedy selection as much as that.
_POWER = 3.0
_TASKS = 30.0


@dataclass(frozen=True)
class HeldOutAnswers:
    """What members have answered to the rows of tasks that were left out.

    Parameters
    ----------
    answers : ndarray of shape (n_rows, n_members)
        The probability of the row's true label, in classification; else the error of
        the value, in units of the targets' standard deviation.
    task : int ndarray of shape (n_rows,)
        Task of each row. All tasks count the same.
    weight : ndarray of shape (n_rows,)
        How much each row counts inside its task.
    of_classes : bool
        Whether the answers are probabilities.
    """

    answers: np.ndarray
    task: np.ndarray
    weight: np.ndarray
    of_classes: bool

    @property
    def n_tasks(self) -> int:
        """Tasks that were left out."""
        return len(np.unique(self.task))

    @property
    def row_weights(self) -> np.ndarray:
        """Weights of the rows by which tasks count the same, (n_rows,), of sum 1."""
        names, task = np.unique(self.task, return_inverse=True)
        return self.weight / (len(names) * np.bincount(task, self.weight)[task])

    def losses(self) -> np.ndarray:
        """Return each member's own log-loss or squared error, (n_members,)."""
        loss = -np.log(self.answers) if self.of_classes else self.answers**2
        return self.row_weights @ loss


def inverse_loss(held_out: HeldOutAnswers) -> np.ndarray:
    """Weigh members by a power of one over their own loss.

    With errors that do not depend on each other, the first power of squared errors is
    best (J. M. Bates, C. W. J. Granger, The Combination of Forecasts, Operational
    Research Quarterly 20, 1969); where members are as different as here, a higher one.

    Parameters
    ----------
    held_out : HeldOutAnswers
        Of all members.

    Returns
    -------
    ndarray of shape (n_members,)
        Weights.
    """
    losses = held_out.losses()
    least = losses.min()
    worth = np.ones_like(losses) if least == 0 else (least / losses) ** _POWER
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
    answers, weight = held_out.answers, held_out.row_weights
    n_rows, n_members = answers.shape
    total, counts = np.zeros((n_rows, 1)), np.zeros(n_members)
    for step in range(1, _STEPS + 1):
        mean = (total + answers) / step  # a column for each member that could join
        loss = -np.log(mean) if held_out.of_classes else mean**2
        best = int((weight @ loss).argmin())
        counts[best] += 1
        total += answers[:, [best]]
    return counts / _STEPS


def shrunk(held_out: HeldOutAnswers) -> np.ndarray:
    r"""Mix greedy weights with those by loss, the greedier the more tasks there are.

    The greedy ones have :math:`n / (n + 30)` of the say for n tasks: a selection by few
    of them picks by chance, and chance cannot overrate a mean of all that are good.

    Parameters
    ----------
    held_out : HeldOutAnswers
        Of all members.

    Returns
    -------
    ndarray of shape (n_members,)
        Weights.
    """
    trust = held_out.n_tasks / (held_out.n_tasks + _TASKS)
    return trust * greedy(held_out) + (1 - trust) * inverse_loss(held_out)


def interpolate(
    weights: np.ndarray, sizes: np.ndarray, n_support: np.ndarray
) -> np.ndarray:
    """Return the weights for numbers of support rows between those they are learnt for.

    Linear in the logarithm of one more than the number, and constant beyond the ends.

    Parameters
    ----------
    weights : ndarray of shape (n_sizes, n_members)
        Weights for the sizes.
    sizes : int ndarray of shape (n_sizes,)
        Numbers of support rows, sorted.
    n_support : int ndarray of shape (n_tasks,)
        Numbers of support rows that are asked for.

    Returns
    -------
    ndarray of shape (n_tasks, n_members)
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
    return np.column_stack([np.interp(asked, known, own) for own in weights.T])
