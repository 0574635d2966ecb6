"""A model of its own for each task."""

import warnings

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.utils import _safe_indexing

from skmeta.model_selection._strategy import Strategy, probabilities_of
from skmeta.utils.messages import warn

__all__ = ["PerTask"]


class PerTask(Strategy):
    """Fit a clone of an estimator to the support of each task, and to nothing else.

    Where an estimator cannot be fitted to a support (one class, too few rows), it
    is answered by the mean of the support, or the share of each class.
    Classes of a shared label space that the fitted clone has not seen count as one row,
    so that no label is thought impossible.

    Parameters
    ----------
    estimator : classifier or regressor
        Cloned for each task.

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
    >>> from skmeta.model_selection import PerTask
    >>> X, y, task = make_sinusoids(n_tasks=4, n_rows=10, random_state=0)
    >>> ridge = PerTask(Ridge()).fit(X, y, groups=task)
    >>> ridge.adapt(X, y, groups=task).predict(X[:2], groups=task[:2]).shape
    (2,)
    """

    def __init__(self, estimator):
        self.estimator = estimator

    def _learn(self, X, y, task):
        pass

    def _adapt(self, X, y, task):
        self.models_, self.supports_ = [], []
        n_failed = 0
        for each in range(len(self.names_)):
            own = np.flatnonzero(task == each)
            rows, targets = _safe_indexing(X, own), y[own]
            one_class = is_classifier(self.estimator) and len(np.unique(targets)) < 2
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # of few rows, they are many
                    model = clone(self.estimator).fit(rows, targets)
                    model.predict(rows)
            except ValueError as error:
                model, failure = None, error
                n_failed += not one_class  # many classifiers do not learn one class
            self.models_.append(model)
            self.supports_.append(targets)
        if n_failed:
            warn(
                f"{self.estimator!r} could not be fitted to the support of {n_failed} "
                f"of {len(self.names_)} tasks ({failure}); they are answered by the "
                "mean of the support.",
            )

    def _each(self, X, task):
        for each in np.unique(task):
            own = np.flatnonzero(task == each)
            yield own, _safe_indexing(X, own), self.models_[each], self.supports_[each]

    def _values(self, X, task):
        values = np.empty(len(task))
        for own, rows, model, targets in self._each(X, task):
            values[own] = targets.mean() if model is None else model.predict(rows)
        return values

    def _probabilities(self, X, task):
        whole = np.zeros((len(task), len(self.classes_)))
        for own, rows, model, targets in self._each(X, task):
            count = (targets[:, np.newaxis] == self.classes_).sum(axis=0)
            shared = self.label_space_ == "shared"
            if model is None:
                whole[own] = count + shared
            else:
                known = probabilities_of(model, rows, self.classes_)
                strange = ~np.isin(self.classes_, model.classes_)
                whole[own] = len(targets) * known + (shared & strange)
        return whole / whole.sum(axis=1, keepdims=True)
