"""The mean of a task's support, shrunken towards that of all tasks."""

import numpy as np

from skmeta.model_selection._strategy import Strategy, stand_in

__all__ = ["TaskMean", "shrinkage", "shrunken_mean", "variance_ratio"]

# Classes that tasks have alike would be shrunken for ever, and say nothing.
_MOST_ROWS = 200.0


class TaskMean(Strategy):
    r"""Answer by the mean of the support, shrunken towards the mean of all rows.

    With n support rows of mean m and a mean :math:`\mu` of all training rows it is

    .. math:: (n m + k \mu) / (n + k), \quad k = \sigma^2 / \tau^2,

    with the variances within and between training tasks, :math:`\sigma^2` and
    :math:`\tau^2`, by the method of moments (one-way analysis of variance). Classes
    are answered by the shares of each class, shrunken alike. It does not look at the
    features: what it does not beat has learnt nothing of them.

    Parameters
    ----------
    kind : {"classifier", "regressor"}
        Kind of target.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, in classification.
    label_space_ : {"shared", "per_task"}
        Whether labels recur from task to task, in classification. Where they are names
        inside a task, the answer is the shares in the support.
    mean_ : float ndarray of shape (n_classes,) or (1,)
        Of all training rows.
    strength_ : float
        k, the number of rows that ``mean_`` counts as.

    References
    ----------
    S. R. Searle, G. Casella and C. E. McCulloch, Variance Components, 1992, section
    3.6, equations 3.1 and 3.4: the analysis of variance of unbalanced data.

    Examples
    --------
    >>> import numpy as np
    >>> from skmeta.model_selection import TaskMean
    >>> X, y, task = (
    ...     np.zeros((6, 1)),
    ...     np.array([0.0, 2, 4, 6, 8, 10]),
    ...     [0, 0, 1, 1, 2, 2],
    ... )
    >>> mean = TaskMean("regressor").fit(X, y, groups=task)
    >>> mean.mean_, round(mean.strength_, 3)
    (array([5.]), 0.133)
    >>> mean.adapt(X[:1], [9.0]).predict(X[:1]).round(2)
    array([8.53])
    """

    of_names_inside_tasks = True

    def __init__(self, kind):
        self.kind = kind

    def _answers_as(self):
        return stand_in(self.kind)

    def _learn(self, X, y, task):
        if getattr(self, "label_space_", None) == "per_task":
            self.mean_, self.strength_ = np.zeros(len(self.classes_)), 0.0
            return
        numbers = self._as_numbers(y)
        self.mean_ = numbers.mean(axis=0)
        self.strength_ = shrinkage(numbers, task)

    def _adapt_to_nothing(self):
        if getattr(self, "label_space_", None) == "per_task":
            super()._adapt_to_nothing()
        self.means_ = self.mean_[np.newaxis]

    def _adapt(self, X, y, task):
        numbers, mean = self._as_numbers(y), self.mean_
        if numbers.shape[1] != len(mean):  # labels that are names inside a task
            mean = np.zeros(numbers.shape[1])
        self.means_ = shrunken_mean(
            numbers, task, len(self.names_), mean, self.strength_
        )

    def _values(self, X, task):
        return self.means_[task, 0]

    def _probabilities(self, X, task):
        return self.means_[task]


def variance_ratio(y: np.ndarray, task: np.ndarray) -> float:
    r"""Estimate :math:`\sigma^2 / \tau^2`, within tasks over between them.

    Parameters
    ----------
    y : float ndarray of shape (n_rows,)
        Values.
    task : int ndarray of shape (n_rows,)
        Task of each row, 0, 1, ...

    Returns
    -------
    float
        At most 1000: tasks that do not differ.
    """
    _, task, size = np.unique(task, return_inverse=True, return_counts=True)
    mean = np.bincount(task, y) / size
    within = ((y - mean[task]) ** 2).sum() / max(len(y) - len(size), 1)
    freedom = max(len(size) - 1, 1)
    typical_size = (len(y) - (size**2).sum() / len(y)) / freedom
    between = (size * (mean - y.mean()) ** 2).sum() / freedom
    spread = (between - within) / max(typical_size, 1e-12)
    least = 1e-3 * within
    return float(within / max(spread, least, np.finfo(float).tiny))


def shrinkage(numbers: np.ndarray, task: np.ndarray) -> float:
    """Return the number of rows that the mean of all counts as.

    Parameters
    ----------
    numbers : float ndarray of shape (n_rows, n_columns)
        Values in a single column, or which class a row is of.
    task : int ndarray of shape (n_rows,)
        Task of each row.

    Returns
    -------
    float
        Of values their ``variance_ratio``, of classes its mean over classes.
    """
    if numbers.shape[1] == 1:
        return variance_ratio(numbers[:, 0], task)
    varies = (numbers != numbers[:1]).any(axis=0)
    ratios = [variance_ratio(own, task) for own in numbers[:, varies].T]
    return float(np.minimum(ratios, _MOST_ROWS).mean()) if ratios else 0.0


def shrunken_mean(
    numbers: np.ndarray,
    task: np.ndarray,
    n_tasks: int,
    mean: np.ndarray,
    strength: float,
) -> np.ndarray:
    """Average by task, with the mean of all tasks as so many further rows.

    Parameters
    ----------
    numbers : float ndarray of shape (n_rows, n_columns)
        What is averaged.
    task : int ndarray of shape (n_rows,)
        Task of each row.
    n_tasks : int
        Number of tasks; those without rows get ``mean``.
    mean : float ndarray of shape (n_columns,)
        Of all tasks.
    strength : float
        Rows that it counts as.

    Returns
    -------
    float ndarray of shape (n_tasks, n_columns)
        Means of tasks.
    """
    size = np.bincount(task, minlength=n_tasks)[:, np.newaxis]
    total = np.stack(
        [np.bincount(task, own, minlength=n_tasks) for own in numbers.T], axis=1
    )
    weight = size + strength
    shrunken = (total + strength * mean) / np.where(weight > 0, weight, 1)
    return np.where(size > 0, shrunken, mean)
