"""A model of its own for each task."""

from typing import Any

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import clone, is_classifier
from sklearn.utils import _safe_indexing, check_array

from skmeta.model_selection._many_tasks import many_of
from skmeta.model_selection._strategy import Strategy, probabilities_of
from skmeta.tables.labels import encode
from skmeta.utils.messages import silenced, warn

__all__ = ["PerTask"]


class PerTask(Strategy):
    """Fit a clone of an estimator to the support of each task, and to nothing else.

    Where an estimator cannot be fitted to a support (one class, too few rows), it
    is answered by the mean of the support, or the share of each class. In a shared
    label space imaginary rows are added to what the clone says of n rows, so that no
    label is thought impossible.

    Models of scikit-learn that have a common form (ridge, logistic regression with an
    L2 penalty, nearest neighbours) are fitted to all tasks in one computation, with
    the same answers, but that logistic regression goes to its minimum, whatever
    ``tol``, and that of equally near rows the first count. All others are fitted one
    after another, or side by side with ``n_jobs``.

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
    n_jobs : int, default=None
        Processes that fit the clones, by joblib; None is one, or as many as a
        ``joblib.parallel_config`` says.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, in classification.
    label_space_ : {"shared", "per_task"}
        Whether labels recur from task to task, in classification.
    adapted_by_ : classifier or regressor
        The estimator as it was when tasks were adapted to: other parameters count from
        the next adaptation on.
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

    def __init__(self, estimator, *, preprocessor=None, prior_rows=None, n_jobs=None):
        self.estimator = estimator
        self.preprocessor = preprocessor
        self.prior_rows = prior_rows
        self.n_jobs = n_jobs

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

    learnt_: dict[str, np.ndarray] | None

    def _adapt(self, X, y, task):
        X, n_tasks = self._transform(X), len(self.names_)
        targets = self._count(y, task, n_tasks)
        self.models_: list[Any] = []
        self.adapted_by_ = clone(self.estimator)
        many = many_of(self.adapted_by_)
        if many is not None and (rows := _as_numbers(X)) is not None:
            self.learnt_ = many.fit(rows, targets, task, n_tasks)
        if self.learnt_ is None:
            self._fit_each(X, y, task)

    def _count(self, y, task, n_tasks):
        """Keep what stands for a model that fails; return targets as numbers."""
        if self._classifies:
            codes, self.columns_ = _number_classes(y, self.classes_, task, n_tasks)
            targets = np.eye(self.columns_.shape[1])[codes]
        else:
            targets = np.asarray(y, dtype=float)
        # (tasks,) or (tasks, classes of a task)
        self.totals_ = np.zeros((n_tasks, *targets.shape[1:]))
        np.add.at(self.totals_, task, targets)
        self.sizes_ = np.bincount(task, minlength=n_tasks)
        self.learnt_ = None
        return targets

    def _recall(self):
        """Count what a file of an earlier version has kept as it was."""
        if not hasattr(self, "totals_"):
            sizes = [len(own) for own in self.supports_]
            task = np.repeat(np.arange(len(sizes)), sizes)
            self._count(np.concatenate(self.supports_), task, len(sizes))

    def _fit_each(self, X, y, task):
        """Fit a clone to the support of each task."""
        rows_of = _rows_of_tasks(task, len(self.names_))
        fit = delayed(_fit_one)
        found = Parallel(n_jobs=self.n_jobs)(
            fit(self.adapted_by_, _safe_indexing(X, own), y[own]) for own in rows_of
        )
        self.models_ = [model for model, _ in found]
        failures = [error for _, error in found if error]
        if failures:
            warn(
                f"{self.estimator!r} could not be fitted to the support of "
                f"{len(failures)} of {len(rows_of)} tasks ({failures[-1]}); they are "
                "answered by the mean of the support.",
            )

    def _transform(self, X):
        return X if self.preprocessor_ is None else self.preprocessor_.transform(X)

    def _values(self, X, task):
        self._recall()
        X = self._transform(X)
        if self.learnt_ is not None:
            return self._answers_at_once(X, task)
        values = (self.totals_ / self.sizes_)[task]
        for own, rows, model in self._each(X, task):
            values[own] = model.predict(rows)
        return values

    def _probabilities(self, X, task):
        self._recall()
        X = self._transform(X)
        columns = self.columns_[task]  # (rows, classes of a task), -1 for none
        known = self.totals_[task]
        knows = np.zeros_like(self.totals_, dtype=bool)
        if self.learnt_ is not None:
            knows = self.learnt_["knows"]
            said = self._answers_at_once(X, task)
            has_model = np.any(knows, axis=1, keepdims=True)[task]
            known = np.where(has_model, self.sizes_[task, np.newaxis] * said, known)
        whole = np.zeros((len(task), len(self.classes_)))
        row, place = np.nonzero(columns >= 0)
        whole[row, columns[row, place]] = known[row, place]
        n_known = knows.sum(axis=1)
        for own, rows, model in self._each(X, task):
            with silenced():  # of what is no number
                said = probabilities_of(model, rows, self.classes_)
            # A variance of no difference leaves no number: a share is one.
            is_number = np.isfinite(said).all(axis=1, keepdims=True)
            whole[own] = np.where(
                is_number, self.sizes_[task[own[0]]] * said, whole[own]
            )
            n_known[task[own[0]]] = len(model.classes_)
        whole += self._imaginary(n_known[task, np.newaxis])
        return whole / whole.sum(axis=1, keepdims=True)

    def _answers_at_once(self, X, task):
        # Files of early versions know only the parameter.
        many = many_of(getattr(self, "adapted_by_", self.estimator))
        assert many is not None
        assert self.learnt_ is not None
        rows = check_array(X, dtype=float, input_name="X")
        return many.answers(self.learnt_, rows, task)

    def _each(self, X, task):
        """Yield the rows of each task that has a model."""
        for model, own in zip(
            self.models_, _rows_of_tasks(task, len(self.models_)), strict=True
        ):
            if model is not None and len(own):
                yield own, _safe_indexing(X, own), model

    def _imaginary(self, n_known):
        """Count the imaginary rows of each class, by how many a row's model knows."""
        if self.label_space_ != "shared":
            return 0.0
        if self.prior_rows is None:
            return (n_known < len(self.classes_)).astype(float)
        return self.prior_rows * self.shares_


def _fit_one(estimator, rows, targets):
    """Fit a clone; return it or None, and what went wrong if that tells something."""
    try:
        with silenced():  # of few rows, warnings are many
            model = clone(estimator).fit(rows, targets)
            model.predict(rows)
    except ValueError as error:
        # Many classifiers do not learn one class.
        one_class = is_classifier(estimator) and len(np.unique(targets)) < 2
        return None, "" if one_class else str(error)
    return model, ""


def _number_classes(y, classes, task, n_tasks):
    """Number the classes inside each task.

    Returns
    -------
    codes : int ndarray of shape (n_rows,)
        Number of each row's class in its task.
    columns : int ndarray of shape (n_tasks, most classes of a task)
        Place in ``classes`` of each of them, -1 where a task has no more.
    """
    cells, cell = np.unique(
        task * len(classes) + encode(y, classes), return_inverse=True
    )
    of_task = cells // len(classes)
    sizes = np.bincount(of_task, minlength=n_tasks)
    place = np.arange(len(cells)) - (np.cumsum(sizes) - sizes)[of_task]
    columns = np.full((n_tasks, sizes.max()), -1)
    columns[of_task, place] = cells % len(classes)
    return place[cell], columns


def _as_numbers(X):
    """Return rows as floats; None where they hold anything else, or are sparse."""
    try:
        rows = np.asarray(X)
    except ValueError:
        return None
    if rows.ndim != 2 or rows.dtype.kind not in "fiub" or not np.isfinite(rows).all():
        return None
    return rows.astype(float, copy=False)


def _rows_of_tasks(task: np.ndarray, n_tasks: int) -> list[np.ndarray]:
    """List the rows of each task."""
    if not n_tasks:
        return []
    order = np.argsort(task, kind="stable")
    return np.split(order, np.searchsorted(task[order], np.arange(1, n_tasks)))
