"""One model for all tasks, told of the task or not: the strategies that pool rows."""

import numpy as np
from sklearn.base import clone
from sklearn.utils import _safe_indexing

from skmeta.episodes.sampling import shuffled_places
from skmeta.model_selection._strategy import Strategy, probabilities_of

__all__ = ["Pooled", "PooledWithTaskMean"]


class Pooled(Strategy):
    """Fit one estimator to all training rows and all supports together.

    What people do first. It sees the supports of all new tasks, not only of the one it
    answers for. Where labels are only names inside a task, it answers with the classes
    of the support.

    This is for any scikit-learn estimator. One network on all tasks that is fine-tuned
    on each, as a control of meta-learning algorithms, is
    :class:`skmeta.algorithms.Pooled`.

    Parameters
    ----------
    estimator : classifier or regressor
        Cloned and fitted at every adaptation.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, in classification.
    label_space_ : {"shared", "per_task"}
        Whether labels recur from task to task, in classification.

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

    _learns_of_other_tasks = True

    def __init__(self, estimator):
        self.estimator = estimator

    def _learn(self, X, y, task):
        self.rows_ = X, y

    def _adapt_to_nothing(self):
        if getattr(self, "label_space_", None) == "per_task":
            super()._adapt_to_nothing()
        self.estimator_ = clone(self.estimator).fit(*self.rows_)

    def _adapt(self, X, y, task):
        X_train, y_train = self.rows_
        X, y = _stack(X_train, X), np.concatenate([y_train, y])
        self.estimator_ = clone(self.estimator).fit(X, y)

    def _values(self, X, task):
        return self.estimator_.predict(X)

    def _probabilities(self, X, task):
        known = probabilities_of(self.estimator_, X, self.classes_)
        return self._restrict(known, task)


class PooledWithTaskMean(Strategy):
    """Fit one estimator to all training rows, told the target mean of the support.

    It gets the number of support rows and the mean target of the support (the share of
    each class) as further features. It is trained as it is used: on random
    supports of the training tasks, of no row to ``max_shot``, and on their other rows.

    Parameters
    ----------
    estimator : classifier or regressor
        Cloned and fitted once.
    max_shot : int, default=20
        Most rows of a simulated support.
    n_draws : int, default=4
        Simulated supports of each training task.
    random_state : int, default=0
        Draws them.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, in classification.

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

    def __init__(self, estimator, *, max_shot=20, n_draws=4, random_state=0):
        self.estimator = estimator
        self.max_shot = max_shot
        self.n_draws = n_draws
        self.random_state = random_state

    def _learn(self, X, y, task):
        if getattr(self, "label_space_", None) == "per_task":
            raise ValueError(
                "The mean of labels that are only names inside a task says nothing "
                "about another task. Use PerTask or Pooled."
            )
        rng = np.random.default_rng(self.random_state)
        n_tasks = task.max() + 1
        numbers = self._as_numbers(y)
        self.mean_ = numbers.mean(axis=0)
        rows, told = [], []
        for _ in range(self.n_draws):
            shot = rng.integers(self.max_shot + 1, size=n_tasks)[task]
            size = np.bincount(task)[task]
            support = shuffled_places(task, rng) < np.minimum(shot, size - 1)
            size_of, mean_of = self._tell(numbers[support], task[support], n_tasks)
            rest = np.flatnonzero(~support)
            rows.append(rest)
            told.append(np.column_stack([size_of, mean_of])[task[rest]])
        rows = np.concatenate(rows)
        X_told = _append(_safe_indexing(X, rows), np.concatenate(told))
        self.estimator_ = clone(self.estimator).fit(X_told, y[rows])

    def _adapt_to_nothing(self):
        self.told_ = np.r_[0.0, self.mean_][np.newaxis]

    def _adapt(self, X, y, task):
        told = self._tell(self._as_numbers(y), task, len(self.names_))
        self.told_ = np.column_stack(told)

    def _values(self, X, task):
        return self.estimator_.predict(_append(X, self.told_[task]))

    def _probabilities(self, X, task):
        return probabilities_of(
            self.estimator_, _append(X, self.told_[task]), self.classes_
        )

    def _as_numbers(self, y):
        if not hasattr(self, "label_space_"):
            return y.astype(float)[:, np.newaxis]
        return (y[:, np.newaxis] == self.classes_[1:]).astype(float)

    def _tell(self, numbers, task, n_tasks):
        """Count the support rows of each task and average their targets."""
        size = np.bincount(task, minlength=n_tasks)
        total = np.zeros((n_tasks, numbers.shape[1]))
        np.add.at(total, task, numbers)
        mean = np.where(
            size[:, np.newaxis] > 0, total / size.clip(min=1)[:, np.newaxis], self.mean_
        )
        return size, mean


def _stack(above, below):
    if hasattr(above, "iloc"):
        import pandas as pd

        return pd.concat([above, pd.DataFrame(below, columns=above.columns)])
    return np.concatenate([np.asarray(above), np.asarray(below)])


def _append(X, told):
    if hasattr(X, "iloc"):
        names = [
            "support_size",
            *(f"support_mean_{i}" for i in range(told.shape[1] - 1)),
        ]
        return X.assign(**dict(zip(names, told.T, strict=True)))
    return np.column_stack([np.asarray(X), told])
