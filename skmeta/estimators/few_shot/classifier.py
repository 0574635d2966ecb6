"""The few-shot classifier."""

from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import log_softmax
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skmeta import pipelines
from skmeta.estimators.decisions import decisions
from skmeta.estimators.few_shot.base import BaseFewShotEstimator
from skmeta.estimators.few_shot.codes import decode, find_numberings
from skmeta.estimators.few_shot.numbered import Numbering
from skmeta.estimators.unknown_label import with_unknown
from skmeta.pipelines import last_step, transform
from skmeta.saving.kinds import savable
from skmeta.tables.labels import encode
from skmeta.tables.rows import join_targets
from skmeta.tables.sample_weights import check_weights
from skmeta.tables.targets import as_they_are, declared_labels, has_columns
from skmeta.tables.unlabelled import known_targets, missing_targets, with_missing
from skmeta.utils.rollback import kept_on_failure

__all__ = ["FewShotClassifier"]


def _has(verb: str) -> Any:
    """Make a condition of a verb: that the meta-learner has it."""

    def check(few_shot: Any) -> bool:
        return hasattr(last_step(getattr(few_shot, "learner_", few_shot.meta)), verb)

    return check


@savable
class FewShotClassifier(ClassifierMixin, BaseFewShotEstimator):
    """An ordinary classifier that learns one task from a few rows.

    ``fit`` adapts a fitted meta-learner that it never changes, so it goes wherever a
    scikit-learn classifier goes: ``cross_val_score``, ``VotingClassifier``,
    ``CalibratedClassifierCV``, threads. Cloning it shares the fitted meta-learner.

    Parameters
    ----------
    meta : MetaClassifier
        A fitted meta-learner, or what hands on to one: a Pipeline that ends in it, a
        fitted search, a ``FrozenEstimator``.
    classes : {"support", "all"}, default="support"
        What can be answered where labels mean the same in every task. "support": the
        labels of ``y``, as by any classifier of scikit-learn. "all": all labels that
        the meta-learner knows. Ensembles expect the first.
    encoded_labels : "auto", bool or array-like of shape (n_labels,), default="auto"
        Whether ``y`` holds codes 0, 1, ... in place of the labels of a shared label
        space, in their sorted order; predictions are codes then, too. "auto" asks who
        calls: ``VotingClassifier``, ``StackingClassifier``, ``BaggingClassifier``,
        ``OneVsOneClassifier`` and ``cross_val_predict`` number the labels they see
        before they hand them on. True: codes of all labels that the meta-learner
        knows. An array: codes of these, for ensembles of other libraries and those that
        fit in processes of their own, which cannot be asked.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels of the task, or their codes, as ``y`` has them.
    learner_ : MetaClassifier
        The meta-learner adapted to the task, or what hands on to it.
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

    classes_: Any  # an array; a list of arrays for several targets
    # What the meta-learner calls ``classes_``.
    _labels: np.ndarray

    def __init__(
        self,
        meta: Any,
        *,
        classes: Literal["support", "all"] = "support",
        encoded_labels: bool | ArrayLike | Literal["auto"] = "auto",
    ):
        super().__init__(meta)
        self.classes = classes
        self.encoded_labels = encoded_labels

    def fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Learn one task from a few rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Support rows.
        y : array-like of shape (n_rows,) or (n_rows, n_labels)
            Labels, or several columns of them as the meta-learner was fitted to; None,
            NaN or pandas.NA for rows without one.
        sample_weight : array-like of shape (n_rows,), default=None
            How much each row counts.

        Returns
        -------
        self : object
            The fitted estimator. The meta-learner stays as it was.

        Raises
        ------
        ValueError
            If ``y`` holds labels, or codes of labels, that a shared label space does
            not know; or if it holds what ``OneVsRestClassifier`` and
            ``OutputCodeClassifier`` make of labels, which mean nothing there.
        """
        if self.classes not in ("support", "all"):
            raise ValueError(f"classes must be 'support' or 'all', not {self.classes}.")
        missing = missing_targets(y)
        if self.classes == "support" and missing is not None and missing.all():
            raise ValueError(
                "No row has a label, and classes='support' answers by those of the "
                "support alone. Label some rows, or set classes='all'."
            )
        self._learn(super().fit, X, y, sample_weight)
        return self

    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Learn more rows of the task, as ``fit`` would with all of them.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Support rows; the first call is ``fit``.
        y : array-like of shape (n_rows,) or (n_rows, n_targets)
            Labels, among them new ones.
        classes : array-like of shape (n_classes,), default=None
            Labels that may be answered before a row of them has come, where labels
            mean the same in every task; without meaning where they are names inside
            one, of which nothing is known before.
        sample_weight : array-like of shape (n_rows,), default=None
            How much each row counts.

        Returns
        -------
        self : object
            The fitted estimator. The meta-learner stays as it was.

        Raises
        ------
        ValueError
            As ``fit``, also of ``classes``; and if the earlier rows are not there,
            because a file had none.
        """
        parts = []
        if hasattr(self, "learner_"):
            parts.append((self.classes_, self._labels))
        with kept_on_failure(self):
            if not parts:
                self.fit(X, y, sample_weight=sample_weight)
            else:
                self._learn(self._add, X, y, sample_weight)
            if has_columns(y):
                return self
            parts.append((self.classes_, self._labels))
            if classes is not None and self._label_space() == "shared":
                declared = declared_labels(classes)
                parts.append((declared, self._decode(declared, self._numberings())))
            given, labels = map(join_targets, zip(*parts, strict=True))
            self.classes_, row = np.unique(given, return_index=True)
            self._labels = labels[row]
        return self

    def _learn(
        self, learn: Any, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None
    ) -> None:
        """Learn rows by their labels, and which of the labels can be answered."""
        if has_columns(y):
            learn(X, y, sample_weight=sample_weight)
            return
        steps = self._numberings()
        missing = missing_targets(y)
        known = as_they_are(y if missing is None else known_targets(y, missing))
        if not steps:
            learn(X, y, sample_weight=sample_weight)
            labels = given = np.asarray(known).ravel()
        else:
            given = column_or_1d(known)
            labels = self._decode(given, steps)
            targets = labels if missing is None else with_missing(labels, missing)
            learn(X, targets, sample_weight=sample_weight)
        if sample_weight is not None:  # nothing is known of rows of weight 0
            of_rows = given if missing is None else missing
            counts = check_weights(sample_weight, of_rows) > 0
            counts = counts if missing is None else counts[~missing]
            labels, given = labels[counts], given[counts]
        self.classes_, row = np.unique(given, return_index=True)
        self._labels = labels[row]
        if self.classes == "all" and self._label_space() == "shared":
            self.classes_ = self._labels = last_step(self.learner_).classes_
            if steps:
                first = steps[0].labels
                n_codes = len(self._labels if first is None else first)
                self._labels = self._decode(np.arange(n_codes), steps)
                self.classes_ = np.arange(len(self._labels))

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Predict the label of rows of the task.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Query rows.

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_labels)
            Of ``classes_``, or ``unknown_label_`` of a meta-learner that rejects rows;
            0 and 1 where there are several columns of labels.
        """
        check_is_fitted(self)
        learner = last_step(self.learner_)
        unknown = getattr(learner, "unknown_label_", None)
        is_part = len(self._labels) < len(learner.classes_)
        if is_part:
            by_logits = hasattr(self, "decision_function")
            decided = self._logits(X) if by_logits else self.predict_proba(X)
            own = self.classes_[decided.argmax(axis=1)]
            if unknown is None:
                return own
        answers = self.learner_.predict(X)
        if answers.ndim == 2:  # what labels a row has
            return answers
        if unknown is None:
            return self.classes_[np.searchsorted(self._labels, answers)]
        is_unknown = answers == unknown
        if not is_part:
            known = np.where(is_unknown, self._labels[0], answers)
            own = self.classes_[np.searchsorted(self._labels, known)]
        return with_unknown(own, is_unknown, unknown)

    def predict_proba(self, X: ArrayLike) -> np.ndarray:
        """Predict the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Query rows.

        Returns
        -------
        ndarray of shape (n_rows, n_classes)
            Probabilities, in the order of ``classes_``: what the meta-learner says,
            shared out among these.
        """
        check_is_fitted(self)
        probabilities = self.learner_.predict_proba(X)
        known = last_step(self.learner_).classes_
        if len(self._labels) == len(known):
            return probabilities
        own = self._of_labels(probabilities)
        total = own.sum(axis=1, keepdims=True)
        shares = np.full_like(own, 1 / own.shape[1])  # of what seems impossible
        return np.divide(own, total, out=shares, where=total > 0)

    def predict_set(self, X: ArrayLike, *, coverage: float = 0.9) -> np.ndarray:
        """Predict the set of classes that each row may be of.

        The first call calibrates the meta-learner by the tasks it was fitted to; all
        that share it profit.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Query rows.
        coverage : float, default=0.9
            Of rows drawn from new tasks, one from each, at least this share has its
            class in its set.

        Returns
        -------
        bool ndarray of shape (n_rows, n_classes)
            A column for each of ``classes_``.
        """
        check_is_fitted(self)
        return self._of_labels(
            pipelines.predict_set(self.learner_, X, coverage=coverage)
        )

    @available_if(_has("decision_function"))
    def decision_function(self, X: ArrayLike) -> np.ndarray:
        """Say how much speaks for each class: logits.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Query rows.

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_classes)
            In the order of ``classes_``; of two classes, the logit of the second less
            that of the first.
        """
        if self._has_several():
            return self.learner_.decision_function(X)
        return decisions(self._logits(X))

    @available_if(_has("decision_function"))
    def predict_log_proba(self, X: ArrayLike) -> np.ndarray:
        """Predict the logarithm of the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Query rows.

        Returns
        -------
        ndarray of shape (n_rows, n_classes)
            In the order of ``classes_``.
        """
        if self._has_several():
            return self.learner_.predict_log_proba(X)
        return np.asarray(log_softmax(self._logits(X), axis=1))

    @available_if(_has("distances"))
    def distances(self, X: ArrayLike) -> np.ndarray:
        """Measure how far each row is from the prototype of each class.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Query rows.

        Returns
        -------
        ndarray of shape (n_rows, n_classes)
            In the order of ``classes_``.

        Raises
        ------
        ValueError
            If the meta-learner's algorithm has no prototypes.
        """
        check_is_fitted(self)
        learner = last_step(self.learner_)
        return self._of_labels(learner.distances(transform(self.learner_, X)))

    @available_if(_has("unknown_score"))
    def unknown_score(self, X: ArrayLike) -> np.ndarray:
        """Tell how much each row looks as if it were of no class of the task.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Query rows.

        Returns
        -------
        ndarray of shape (n_rows,)
            From 0 to 1, as :meth:`MetaClassifier.unknown_score` has it.

        Raises
        ------
        ValueError
            If the meta-learner was fitted without ``reject``.
        """
        check_is_fitted(self)
        return last_step(self.learner_).unknown_score(transform(self.learner_, X))

    def _logits(self, X: ArrayLike) -> np.ndarray:
        check_is_fitted(self)
        logits = self.learner_.decision_function(X)
        if logits.ndim == 1:
            logits = np.column_stack([np.zeros_like(logits), logits])
        return self._of_labels(logits)

    def _has_several(self) -> bool:
        """Tell whether a row has or has not each of several labels."""
        check_is_fitted(self)
        return bool(getattr(last_step(self.learner_), "_has_several", False))

    def _of_labels(self, answers: np.ndarray) -> np.ndarray:
        """Pick the columns of the task's labels, of all that the meta-learner knows."""
        known = last_step(self.learner_).classes_
        return answers[:, np.searchsorted(known, self._labels)]

    def _learnt(self) -> dict[str, Any]:
        return {"classes": self.classes_, "labels": self._labels}

    def _take_learnt(self, learnt: dict[str, Any]) -> None:
        if learnt:
            self.classes_, self._labels = learnt["classes"], learnt["labels"]

    def _set_learner(self, learner: Any) -> None:
        super()._set_learner(learner)
        # Of fits and files that do not say it otherwise.
        self.classes_ = self._labels = last_step(learner).classes_
        if self.encoded_labels is True and self._label_space() == "shared":
            self.classes_ = np.arange(len(self._labels))

    # Labels and their codes -----------------------------------------------------------

    def _label_space(self) -> str | None:
        return getattr(last_step(self.meta), "label_space_", None)

    def _numberings(self) -> list[Numbering]:
        """Return through what codes go to become labels; nothing where y holds them."""
        return find_numberings(self.encoded_labels, self._label_space())

    def _decode(self, y: np.ndarray, steps: list[Numbering]) -> np.ndarray:
        """Name the labels behind codes, of those that the meta-learner knows."""
        known = last_step(self.meta).classes_
        labels = decode(y, steps, known)
        encode(labels, known)  # which refuses others
        return labels
