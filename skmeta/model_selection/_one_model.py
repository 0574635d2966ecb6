"""One model for all tasks, told of the task or not: the strategies that pool rows."""

import copy

import numpy as np
from sklearn.utils import _safe_indexing

from skmeta.model_selection._boosting import fit_clone
from skmeta.model_selection._rows import append_columns, stack_rows
from skmeta.model_selection._simulated import draw_supports
from skmeta.model_selection._strategy import Strategy, probabilities_of
from skmeta.model_selection._task_mean import shrinkage, shrunken_mean
from skmeta.utils.random import generator

__all__ = ["Pooled", "PooledWithTaskMean"]


class Pooled(Strategy):
    """Fit one estimator to all training rows, and to all supports if asked to.

    What people do first. It sees the supports of all new tasks, if of any, not only
    of the one it answers for. Where labels are only names inside a task, it answers
    with the classes of the support.

    This is for any scikit-learn estimator. One network on all tasks that is fine-tuned
    on each, as a control of meta-learning algorithms, is
    :class:`skmeta.algorithms.Pooled`.

    Parameters
    ----------
    estimator : classifier or regressor
        Cloned and fitted.
    with_supports : bool, default=True
        Fit at every adaptation, to the training rows and all supports together. False
        fits once, to the training rows: new tasks are then answered as if they had no
        support.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, in classification.
    label_space_ : {"shared", "per_task"}
        Whether labels recur from task to task, in classification.
    estimator_ : classifier or regressor
        Fitted last.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from skmeta.datasets import make_sinusoids
    >>> from skmeta.model_selection import Pooled
    >>> X, y, task = make_sinusoids(n_tasks=4, n_rows=10, random_state=0)
    >>> pooled = Pooled(Ridge()).fit(X, y, groups=task)
    >>> pooled.adapt(X[:5], y[:5]).predict(X[5:7]).shape
    (2,)
    """

    def __init__(self, estimator, *, with_supports=True):
        self.estimator = estimator
        self.with_supports = with_supports

    @property
    def _learns_of_other_tasks(self):
        return self.with_supports

    def _learn(self, X, y, task):
        if self.with_supports:
            self.rows_ = copy.deepcopy((X, y))  # whose owner may change them
            return
        self._refuse_names_inside_tasks()
        self.estimator_ = fit_clone(self.estimator, X, y)

    def _adapt_to_nothing(self):
        if getattr(self, "label_space_", None) == "per_task":
            super()._adapt_to_nothing()
        if self.with_supports:
            self.estimator_ = fit_clone(self.estimator, *self.rows_)

    def _adapt(self, X, y, task):
        if self.with_supports:
            X_train, y_train = self.rows_
            X, y = stack_rows(X_train, X), np.concatenate([y_train, y])
            self.estimator_ = fit_clone(self.estimator, X, y)

    def _values(self, X, task):
        return self.estimator_.predict(X)

    def _probabilities(self, X, task):
        known = probabilities_of(self.estimator_, X, self.classes_)
        return self._restrict(known, task)


class PooledWithTaskMean(Strategy):
    """Fit one estimator to all training rows, told the target mean of the support.

    It gets the number of support rows and the mean target of the support (the share of
    each class), shrunken as by :class:`TaskMean`, as further features. It is trained
    as it is used: on random supports of the training tasks, and on their other rows.

    Parameters
    ----------
    estimator : classifier or regressor
        Cloned and fitted once.
    max_shot : int, default=10
        Most rows of a simulated support.
    n_draws : int, default=6
        Simulated supports of each training task.
    support : {"random", "first"}, default="random"
        Which rows of a task simulated supports are: any, or the first.
    random_state : int, default=0
        Draws them.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, in classification.
    mean_, strength_
        As of :class:`TaskMean`.
    estimator_ : classifier or regressor
        Fitted.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from skmeta.datasets import make_sinusoids
    >>> from skmeta.model_selection import PooledWithTaskMean
    >>> X, y, task = make_sinusoids(n_tasks=4, n_rows=10, random_state=0)
    >>> told = PooledWithTaskMean(Ridge()).fit(X, y, groups=task)
    >>> told.adapt(X[:5], y[:5]).predict(X[5:7]).shape
    (2,)
    """

    def __init__(
        self, estimator, *, max_shot=10, n_draws=6, support="random", random_state=0
    ):
        self.estimator = estimator
        self.max_shot = max_shot
        self.support = support
        self.n_draws = n_draws
        self.random_state = random_state

    def _learn(self, X, y, task):
        self._refuse_names_inside_tasks()
        rng = generator(self.random_state)
        n_tasks = task.max() + 1
        numbers = self._as_numbers(y)
        self.mean_, self.strength_ = numbers.mean(axis=0), shrinkage(numbers, task)
        rows, told = [], []
        for _ in range(self.n_draws):
            support = draw_supports(task, 1, self.max_shot, rng, self.support)
            rest = np.flatnonzero(~support)
            rows.append(rest)
            told.append(
                self._tell(numbers[support], task[support], n_tasks)[task[rest]]
            )
        rows = np.concatenate(rows)
        X_told = self._append(_safe_indexing(X, rows), np.concatenate(told))
        self.estimator_ = fit_clone(self.estimator, X_told, y[rows])

    def _adapt_to_nothing(self):
        self.told_ = np.append(self.mean_, 0.0)[np.newaxis]

    def _adapt(self, X, y, task):
        self.told_ = self._tell(self._as_numbers(y), task, len(self.names_))

    def _values(self, X, task):
        return self.estimator_.predict(self._append(X, self.told_[task]))

    def _probabilities(self, X, task):
        return probabilities_of(
            self.estimator_, self._append(X, self.told_[task]), self.classes_
        )

    def _tell(self, numbers, task, n_tasks):
        """Average the targets of each task's support, and count its rows."""
        mean = shrunken_mean(numbers, task, n_tasks, self.mean_, self.strength_)
        return np.column_stack([mean, np.bincount(task, minlength=n_tasks)])

    def _append(self, X, told):
        means = [f"support_mean_{place}" for place in range(told.shape[1] - 1)]
        return append_columns(X, told, [*means, "support_size"])
