"""A model of its own for each task."""

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.utils import _safe_indexing

from skmeta.model_selection._strategy import Strategy, probabilities_of
from skmeta.utils.messages import silenced, warn

__all__ = ["PerTask"]


class PerTask(Strategy):
    """Fit a clone of an estimator to the support of each task, and to nothing else.

    Where an estimator cannot be fitted to a support (one class, too few rows), it
    is answered by the mean of the support, or the share of each class. In a shared
    label space imaginary rows are added to what the clone says of n rows, so that no
    label is thought impossible.

    Parameters
    ----------
    estimator : classifier or regressor
        Cloned for each task.
    preprocessor : transformer, default=None
        Cloned, fitted once to the rows of all training tasks: few rows do not know
        the scale of a feature. None hands rows on as they are.
    prior_rows : float, default=None
        Imaginary rows, of the classes that the rows of training tasks are of, in their
        shares. None is one of each class, where the clone does not know a class.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, in classification.
    label_space_ : {"shared", "per_task"}
        Whether labels recur from task to task, in classification.
    preprocessor_ : transformer or None
        Fitted.
    shares_ : float ndarray of shape (n_classes,)
        Of the classes among the rows of training tasks, where labels are shared.

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

    of_names_inside_tasks = True

    def __init__(self, estimator, *, preprocessor=None, prior_rows=None):
        self.estimator = estimator
        self.preprocessor = preprocessor
        self.prior_rows = prior_rows

    @property
    def needs_no_tasks(self) -> bool:
        """Whether ``fit`` only asks what labels there are."""
        return self.preprocessor is None and self.prior_rows is None

    def _learn(self, X, y, task):
        self.preprocessor_ = None
        if self.preprocessor is not None:
            self.preprocessor_ = clone(self.preprocessor).fit(X)
        if getattr(self, "label_space_", None) == "shared":
            self.shares_ = self._as_numbers(y).mean(axis=0)

    def _adapt(self, X, y, task):
        X = self._transform(X)
        self.models_, self.supports_ = [], []
        n_failed, failure = 0, None
        for own in _rows_of_tasks(task, len(self.names_)):
            rows, targets = _safe_indexing(X, own), y[own]
            one_class = is_classifier(self.estimator) and len(np.unique(targets)) < 2
            try:
                with silenced():  # of few rows, warnings are many
                    model = clone(self.estimator).fit(rows, targets)
                    model.predict(rows)
            except ValueError as error:
                model = None
                if not one_class:  # many classifiers do not learn one class
                    n_failed, failure = n_failed + 1, error
            self.models_.append(model)
            self.supports_.append(targets)
        if n_failed:
            warn(
                f"{self.estimator!r} could not be fitted to the support of {n_failed} "
                f"of {len(self.names_)} tasks ({failure}); they are answered by the "
                "mean of the support.",
            )

    def _transform(self, X):
        return X if self.preprocessor_ is None else self.preprocessor_.transform(X)

    def _each(self, X, task):
        X = self._transform(X)
        for each, own in enumerate(_rows_of_tasks(task, len(self.models_))):
            if len(own):
                rows = _safe_indexing(X, own)
                yield own, rows, self.models_[each], self.supports_[each]

    def _values(self, X, task):
        values = np.empty(len(task))
        for own, rows, model, targets in self._each(X, task):
            values[own] = targets.mean() if model is None else model.predict(rows)
        return values

    def _probabilities(self, X, task):
        whole = np.zeros((len(task), len(self.classes_)))
        for own, rows, model, targets in self._each(X, task):
            known = (targets[:, np.newaxis] == self.classes_).sum(axis=0)
            seen = []
            if model is not None:
                with silenced():  # of what is no number
                    said = probabilities_of(model, rows, self.classes_)
                # A variance of no difference leaves no number: a share is one.
                is_number = np.isfinite(said).all(axis=1, keepdims=True)
                known = np.where(is_number, len(targets) * said, known)
                seen = model.classes_
            whole[own] = known + self._imaginary(seen)
        return whole / whole.sum(axis=1, keepdims=True)

    def _imaginary(self, seen):
        """Count the imaginary rows of each class, given those that a model knows."""
        if self.label_space_ != "shared":
            return 0.0
        if self.prior_rows is None:
            return float(not np.isin(self.classes_, seen).all())
        return self.prior_rows * self.shares_


def _rows_of_tasks(task: np.ndarray, n_tasks: int) -> list[np.ndarray]:
    """List the rows of each task."""
    order = np.argsort(task, kind="stable")
    return np.split(order, np.searchsorted(task[order], np.arange(1, n_tasks)))
