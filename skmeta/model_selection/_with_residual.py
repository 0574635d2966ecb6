"""One model for all tasks, and what its answers lack on the support of each."""

import numpy as np
from sklearn.utils import _safe_indexing

from skmeta.model_selection._boosting import fit_clone
from skmeta.model_selection._effects import add_class_effects, class_effects
from skmeta.model_selection._rows import n_rows
from skmeta.model_selection._simulated import (
    choose,
    folds_of_tasks,
    mean_task_loss,
    row_losses,
    simulate,
)
from skmeta.model_selection._strategy import Strategy, log_probabilities_of
from skmeta.model_selection._task_mean import shrunken_mean, variance_ratio

__all__ = ["PooledWithResidual"]


class PooledWithResidual(Strategy):
    r"""Fit one estimator to all training rows, and shift its answers by task.

    Values are shifted by the mean of what it leaves on the support, shrunken towards
    zero as by :class:`TaskMean`, with the variances of what an estimator leaves on
    training tasks that it was not fitted to. Classes have an intercept each,
    the most likely one with a normal prior,

    .. math:: \max_b \sum_i \log \mathrm{softmax}(\log p(x_i) + b)_{y_i}
              - \|b\|^2 / (2 v)

    whose variance v has the least log-loss on simulated supports and queries of
    training tasks, by estimators that were fitted to other tasks. It is a mixed
    model with a random intercept around any estimator, in two steps.

    For values, or classes that mean the same in every task.

    Parameters
    ----------
    estimator : classifier or regressor
        Cloned and fitted.
    variances : sequence of float, default=(0.0, 0.03, 0.1, 0.3, 1.0, 3.0)
        Candidates for v.
    max_shot : int, default=10
        Most rows of a simulated support.
    n_folds : int, default=3
        Parts of the training tasks, each answered by an estimator of the others.
    n_draws : int, default=8
        Simulated supports of each task.
    support : {"random", "first"}, default="random"
        Which rows of a task simulated supports are: any, or the first.
    random_state : int, default=0
        Draws folds of tasks and supports.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, in classification.
    label_space_ : "shared"
        Labels recur from task to task, in classification.
    estimator_ : classifier or regressor
        Fitted to all training rows.
    strength_ : float
        Rows that no residual counts as, of values.
    variance_ : float
        What was chosen, of classes.

    Raises
    ------
    ValueError
        By ``fit``, for labels that are names inside a task.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from skmeta.datasets import make_sinusoids
    >>> from skmeta.model_selection import PooledWithResidual
    >>> X, y, task = make_sinusoids(n_tasks=4, n_rows=10, random_state=0)
    >>> shifted = PooledWithResidual(Ridge()).fit(X, y, groups=task)
    >>> shifted.adapt(X[:5], y[:5]).predict(X[5:7]).shape
    (2,)
    """

    def __init__(
        self,
        estimator,
        *,
        variances=(0.0, 0.03, 0.1, 0.3, 1.0, 3.0),
        max_shot=10,
        n_folds=3,
        n_draws=8,
        support="random",
        random_state=0,
    ):
        self.estimator = estimator
        self.variances = variances
        self.max_shot = max_shot
        self.n_folds = n_folds
        self.n_draws = n_draws
        self.support = support
        self.random_state = random_state

    def _learn(self, X, y, task):
        self._refuse_names_inside_tasks()
        rest = np.empty(len(y))
        offset = np.empty((len(y), len(getattr(self, "classes_", []))))
        for fitted, held in folds_of_tasks(task, self.n_folds, self.random_state):
            rows = _safe_indexing(X, fitted)
            model = fit_clone(self.estimator, rows, y[fitted])
            asked = _safe_indexing(X, held)
            if self._classifies:
                offset[held] = log_probabilities_of(model, asked, self.classes_)
            else:
                rest[held] = y[held] - model.predict(asked)
        if self._classifies:
            self._choose_variance(offset, self._as_numbers(y), task)
        else:
            self.strength_ = variance_ratio(rest, task)
        self.estimator_ = fit_clone(self.estimator, X, y)

    def _choose_variance(self, offset, target, task):
        """Take the one that predicts the rest of left-out tasks best of a few rows."""
        n_tasks = task.max() + 1
        draws = simulate(
            task, self.max_shot, self.n_draws, self.random_state, self.support
        )

        def loss(variance):
            return sum(loss_of(support, query, variance) for support, query in draws)

        def loss_of(support, query, variance):
            known = offset[support], target[support], task[support]
            shifts = _intercepts(*known, n_tasks, variance)
            answers = _shift(offset[query], shifts, task[query])
            return mean_task_loss(row_losses(target[query], answers), task[query])

        self.variance_ = choose(self.variances, loss)

    def _adapt_to_nothing(self):
        n_columns = len(getattr(self, "classes_", [0]))
        self.shifts_ = np.zeros((1, 1, n_columns))

    def _adapt(self, X, y, task):
        numbers, n_tasks = self._as_numbers(y), len(self.names_)
        if self._classifies:
            offset = log_probabilities_of(self.estimator_, X, self.classes_)
            self.shifts_ = _intercepts(offset, numbers, task, n_tasks, self.variance_)
        else:
            rest = numbers - self.estimator_.predict(X)[:, np.newaxis]
            none = np.zeros(1)
            means = shrunken_mean(rest, task, n_tasks, none, self.strength_)
            self.shifts_ = means[:, np.newaxis]

    def _values(self, X, task):
        return self.estimator_.predict(X) + self.shifts_[task, 0, 0]

    def _probabilities(self, X, task):
        offset = log_probabilities_of(self.estimator_, X, self.classes_)
        return _shift(offset, self.shifts_, task)


def _intercepts(offset, target, task, n_tasks, variance) -> np.ndarray:
    """Return the most likely intercepts, (tasks, 1, classes)."""
    ones = np.ones((len(offset), 1))
    return class_effects(ones, offset, target, task, n_tasks, np.array([variance]))


def _shift(offset, shifts, task) -> np.ndarray:
    return add_class_effects(np.ones((n_rows(offset), 1)), offset, shifts, task)
