"""One model for all rows, old and new, that is told which task each row is of."""

from __future__ import annotations

import numpy as np
from sklearn.base import clone
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)

from skmeta.model_selection._boosting import fit_boosting, make_boosting, ready_for
from skmeta.model_selection._rows import as_frame, stack_rows
from skmeta.model_selection._strategy import Strategy, probabilities_of, stand_in

__all__ = ["TaskAsCategory"]

_HISTOGRAMS = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)


class TaskAsCategory(Strategy):
    """Fit one boosting to training rows and supports, the task being a category.

    What most people do: a column says which store, patient or sensor a row is from, and
    the few rows of the new ones are in the training table. All is fitted anew
    at every adaptation, to the supports of all new tasks together.

    For values, or classes that mean the same in every task.

    Parameters
    ----------
    estimator : {"lightgbm", "catboost"}, classifier or regressor, default=None
        Cloned and fitted; it must take a DataFrame with columns of dtype category. None
        is scikit-learn's HistGradientBoosting, which knows 255 categories (of so many
        tasks the new and the largest keep their names, and the others are one) and does
        not look at those of less than ten rows.
    kind : {"classifier", "regressor"}, default=None
        Kind of target, where the estimator is no object.
    random_state : int, default=0
        Of the estimator, where it is no object.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, in classification.
    label_space_ : "shared"
        Labels recur from task to task, in classification.
    estimator_ : classifier or regressor
        Fitted last, to classes as numbers.

    Raises
    ------
    ValueError
        By ``fit``, for labels that are names inside a task.

    References
    ----------
    G. Ke et al., LightGBM: A Highly Efficient Gradient Boosting Decision Tree, NeurIPS
    2017. L. Prokhorenkova et al., CatBoost: unbiased boosting with categorical
    features, NeurIPS 2018, section 3.2: ordered target statistics.

    Examples
    --------
    >>> from skmeta.datasets import make_sinusoids
    >>> from skmeta.model_selection import TaskAsCategory
    >>> X, y, task = make_sinusoids(n_tasks=4, n_rows=10, random_state=0)
    >>> known = TaskAsCategory(kind="regressor").fit(X, y, groups=task)
    >>> known.adapt(X[:5], y[:5]).predict(X[5:7]).shape
    (2,)
    """

    def __init__(self, estimator=None, *, kind=None, random_state=0):
        self.estimator = estimator
        self.kind = kind
        self.random_state = random_state

    @property
    def _learns_of_other_tasks(self):
        return True

    def _answers_as(self):
        if self.estimator is None or isinstance(self.estimator, str):
            return stand_in(self.kind)
        return self.estimator

    def _make(self):
        if self.estimator is None or isinstance(self.estimator, str):
            return make_boosting(self.estimator, self.kind, self.random_state)
        return clone(self.estimator)

    def _learn(self, X, y, task):
        self._refuse_names_inside_tasks()
        self._make()  # before the rows come, tell whether it is there
        # Copies, for their owner may change them.
        self.rows_ = as_frame(X).copy(), self._codes(y).copy(), task

    def _codes(self, y):
        if not self._classifies:
            return np.asarray(y, dtype=float)
        return np.searchsorted(self.classes_, y)

    def _adapt_to_nothing(self):
        self.first_ = self.rows_[2].max() + 1
        self._fit(*self.rows_, n_new=0)

    def _adapt(self, X, y, task):
        frame, codes, old = self.rows_
        self.first_ = old.max() + 1
        self._fit(
            stack_rows(frame, as_frame(X, frame)),
            np.concatenate([codes, self._codes(y)]),
            np.concatenate([old, self.first_ + task]),
            n_new=len(self.names_),
        )

    def _fit(self, frame, codes, task, n_new):
        model = self._make()
        # New tasks before the old ones, the large before the small.
        size = np.bincount(task)
        size[len(size) - n_new :] += len(task)
        most = len(size)
        if isinstance(model, _HISTOGRAMS):
            most = model.max_bins - 1  # one is for the others
        kept = np.isin(np.arange(len(size)), np.argsort(-size, kind="stable")[:most])
        # Numbered as they come; the last place is for tasks without a row.
        tasks, first = np.unique(task, return_index=True)
        tasks = tasks[np.argsort(first)]
        self.codes_ = np.full(len(size) + 1, min(most, len(size)))
        self.codes_[tasks[kept[tasks]]] = np.arange(kept.sum())
        self.estimator_ = fit_boosting(model, self._tell(frame, task), codes)

    def _tell(self, frame, task):
        """Add the task as a category; the last one is all that have none."""
        import pandas as pd

        code = self.codes_[np.minimum(task, len(self.codes_) - 1)]
        names = np.arange(self.codes_[-1] + 1)
        named = pd.Categorical.from_codes(code, categories=names)
        return frame.assign(task=named)

    def _asked(self, X, task):
        frame = self._tell(as_frame(X, self.rows_[0]), self.first_ + task)
        return ready_for(self.estimator_, frame)

    def _values(self, X, task):
        return self.estimator_.predict(self._asked(X, task))

    def _probabilities(self, X, task):
        codes = np.arange(len(self.classes_))
        return probabilities_of(self.estimator_, self._asked(X, task), codes)
