"""Estimators whose ``fit`` is the adaptation of a fitted meta-learner."""

import copy
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.utils import Tags, column_or_1d, get_tags
from sklearn.utils.validation import check_is_fitted

from skmeta.estimators.html import HTMLReprMixin
from skmeta.saving.mixin import SavingMixin, savable
from skmeta.utils.messages import show

__all__ = ["FewShotClassifier", "FewShotRegressor"]


class _FewShotEstimator(SavingMixin, HTMLReprMixin, BaseEstimator):
    def __init__(self, meta: Any):
        self.meta = meta

    def fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Learn one task from a few rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Support rows.
        y : array-like of shape (n_rows,)
            Targets.
        sample_weight : array-like of shape (n_rows,), default=None
            How much each row counts.

        Returns
        -------
        self : object
            The fitted estimator. The meta-learner stays as it was.
        """
        kind = get_tags(self).estimator_type
        if not hasattr(self.meta, "__sklearn_tags__"):
            raise TypeError(
                f"{type(self).__name__} takes a fitted meta-learner, such as "
                f"Meta{kind.capitalize()}(...).fit(X, y, groups=groups), "
                f"not {self.meta!r}."
            )
        if get_tags(self.meta).estimator_type != kind:
            raise TypeError(
                f"{type(self).__name__} needs a meta-learner that is a {kind}, not "
                f"{type(self.meta).__name__}."
            )
        check_is_fitted(self.meta)
        # A shallow copy shares the meta-knowledge, which adaptation only reads.
        learner = copy.copy(self.meta).adapt(X, y, sample_weight=sample_weight)
        self._set_learner(learner)
        return self

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Predict the targets of rows of the task.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Query rows.

        Returns
        -------
        ndarray of shape (n_rows,)
            Targets.
        """
        check_is_fitted(self)
        return self.learner_.predict(X)

    def _set_learner(self, learner: Any) -> None:
        self.learner_ = learner
        self.n_features_in_ = learner.n_features_in_
        if hasattr(learner, "feature_names_in_"):
            self.feature_names_in_ = learner.feature_names_in_

    def set_params(self, **params: Any) -> Self:
        """Set another meta-learner; the parameters of a fitted one stay.

        Parameters
        ----------
        **params : dict
            ``meta``, or ``meta__<name>`` of a meta-learner that is not fitted.

        Returns
        -------
        self : object
            This estimator.

        Raises
        ------
        ValueError
            For ``meta__<name>`` of a fitted meta-learner: clones share it, and what it
            has learnt would not follow.
        """
        nested = [name for name in params if name.startswith("meta__")]
        if nested and _is_fitted(params.get("meta", self.meta)):
            raise ValueError(
                f"{nested} cannot change a fitted meta-learner, which clones share. "
                "Search over meta=[...] with meta-learners fitted one by one."
            )
        return super().set_params(**params)

    def _html_rows(self) -> dict[str, str]:
        return getattr(self, "learner_", self.meta)._html_rows()

    def __sklearn_clone__(self) -> Self:
        """Clone unfitted, sharing a fitted meta-learner: it is knowledge, not state."""
        given = self.get_params(deep=False)
        if not _is_fitted(self.meta):
            given["meta"] = clone(self.meta, safe=False)
        return type(self)(**given)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


def _is_fitted(meta: Any) -> bool:
    fitted = getattr(meta, "__sklearn_is_fitted__", None)
    return fitted is not None and fitted()


def _are_codes(y: Any) -> bool:
    found = np.unique(np.asarray(y))
    return found.dtype.kind in "iu" and np.array_equal(found, np.arange(len(found)))


@savable
class FewShotClassifier(ClassifierMixin, _FewShotEstimator):
    """An ordinary classifier that learns one task from a few rows.

    ``fit`` adapts a fitted meta-learner that it never changes, so it goes wherever a
    scikit-learn classifier goes: ``cross_val_score``, ``VotingClassifier``,
    ``CalibratedClassifierCV``, threads. Cloning it shares the fitted meta-learner.

    Parameters
    ----------
    meta : MetaClassifier
        A fitted meta-learner.
    encoded_labels : bool, default=False
        ``y`` holds codes 0, 1, ... in place of the labels of a shared label space, in
        their sorted order, and predictions shall be codes too. ``VotingClassifier`` and
        ``StackingClassifier`` number the labels they see before they hand them on; all
        labels must occur in what they are fitted to.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels of the task; in a shared label space all labels, or their codes.
    learner_ : MetaClassifier
        The meta-learner adapted to the task.
    n_features_in_ : int
        Features of a row.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import cross_val_score
    >>> from skmeta import FewShotClassifier, MetaClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> meta = MetaClassifier("protonet", tasks="classes", max_epochs=1, random_state=0)
    >>> meta = meta.fit(X[y < 6], y[y < 6])
    >>> new = y >= 6
    >>> scores = cross_val_score(FewShotClassifier(meta), X[new][:40], y[new][:40])
    >>> bool(scores.mean() > 0.5)
    True
    """

    # Of a shared label space, while labels are encoded.
    _vocabulary: np.ndarray | None = None

    def __init__(self, meta: Any, *, encoded_labels: bool = False):
        super().__init__(meta)
        self.encoded_labels = encoded_labels

    def fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Learn one task from a few rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Support rows.
        y : array-like of shape (n_rows,)
            Labels.
        sample_weight : array-like of shape (n_rows,), default=None
            How much each row counts.

        Returns
        -------
        self : object
            The fitted estimator. The meta-learner stays as it was.
        """
        vocabulary = self._labels_behind_codes()
        if vocabulary is None:
            try:
                return super().fit(X, y, sample_weight=sample_weight)
            except ValueError as error:
                if "shared label space" in str(error) and _are_codes(y):
                    raise ValueError(
                        f"{error} VotingClassifier and StackingClassifier hand on "
                        "codes in place of labels: set encoded_labels=True for them."
                    ) from error
                raise
        n_labels = len(vocabulary)
        y = column_or_1d(y)
        if not np.array_equal(np.unique(y), np.arange(n_labels)):
            raise ValueError(
                f"With encoded_labels=True, y must hold all of the codes 0 to "
                f"{n_labels - 1} of the labels {show(vocabulary)}, or codes "
                f"could not be told apart; it holds {show(np.unique(y))}."
            )
        labels = vocabulary[y.astype(np.intp)]
        return super().fit(X, labels, sample_weight=sample_weight)

    def _set_learner(self, learner: Any) -> None:
        super()._set_learner(learner)
        self._vocabulary = self._labels_behind_codes()

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Predict the label of rows of the task.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Query rows.

        Returns
        -------
        ndarray of shape (n_rows,)
            Labels, or codes if labels are encoded.
        """
        answers = super().predict(X)
        if self._vocabulary is None:
            return answers
        return np.searchsorted(self._vocabulary, answers)

    def _labels_behind_codes(self) -> np.ndarray | None:
        label_space = getattr(self.meta, "label_space_", None)
        if not self.encoded_labels or label_space != "shared":
            return None  # names inside a task may be numbers as well
        return self.meta.classes_

    @property
    def classes_(self) -> np.ndarray:
        """Labels of the task; in a shared label space all labels, or their codes."""
        classes = self.learner_.classes_
        return classes if self._vocabulary is None else np.arange(len(classes))

    def predict_proba(self, X: ArrayLike) -> np.ndarray:
        """Predict the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Query rows.

        Returns
        -------
        ndarray of shape (n_rows, n_classes)
            Probabilities, in the order of ``classes_``.
        """
        check_is_fitted(self)
        return self.learner_.predict_proba(X)


@savable
class FewShotRegressor(RegressorMixin, _FewShotEstimator):
    """An ordinary regressor that learns one task from a few rows.

    ``fit`` adapts a fitted meta-learner that it never changes. Cloning it shares the
    fitted meta-learner.

    Parameters
    ----------
    meta : MetaRegressor
        A fitted meta-learner.

    Attributes
    ----------
    learner_ : MetaRegressor
        The meta-learner adapted to the task.
    n_features_in_ : int
        Features of a row.

    Examples
    --------
    >>> from skmeta import FewShotRegressor, MetaRegressor
    >>> from skmeta.datasets import make_sinusoids
    >>> X, y, task = make_sinusoids(n_tasks=50, n_rows=20, random_state=0)
    >>> meta = MetaRegressor("maml", max_epochs=1, random_state=0).fit(
    ...     X, y, groups=task
    ... )
    >>> FewShotRegressor(meta).fit(X[:10], y[:10]).predict(X[10:12]).shape
    (2,)
    """
