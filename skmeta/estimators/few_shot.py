"""Estimators whose ``fit`` is the adaptation of a fitted meta-learner."""

import copy
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import log_softmax
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.utils import Tags, _safe_indexing, column_or_1d, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from skmeta import pipelines
from skmeta.estimators.decisions import decisions
from skmeta.estimators.html import HTMLReprMixin
from skmeta.estimators.numbered import NO_LABELS, Numbering, numberings
from skmeta.estimators.rejecting import with_unknown
from skmeta.model_selection._inspect import is_fitted
from skmeta.pipelines import last_step, transform, with_last_step
from skmeta.saving.mixin import SavingMixin, savable
from skmeta.tables.rows import join_targets
from skmeta.tables.sample_weights import check_weights
from skmeta.tables.targets import has_columns
from skmeta.tables.unlabelled import known_targets, missing_targets, with_missing
from skmeta.utils.messages import show
from skmeta.utils.rollback import kept_on_failure

__all__ = ["FewShotClassifier", "FewShotRegressor"]

_GIVEN = "encoded_labels"


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
        y : array-like of shape (n_rows,) or (n_rows, n_targets)
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
        if X is None or y is None:
            raise ValueError("fit learns a task from labelled rows: pass X and y.")
        check_is_fitted(self.meta)
        self._tell(pipelines.adapt, self.meta, X, y, sample_weight)
        return self

    def _add(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> None:
        """Learn more rows of a task that is known."""
        if X is None or y is None:
            raise ValueError("partial_fit learns labelled rows: pass X and y.")
        self._tell(pipelines.partial_adapt, self.learner_, X, y, sample_weight)

    def _tell(
        self, verb: Any, of: Any, X: Any, y: Any, sample_weight: ArrayLike | None
    ) -> None:
        """Let a copy of what knows the task, or tasks, learn rows."""
        meta = last_step(of)
        if sample_weight is not None and not _takes_weights(meta):
            X, y = _repeated(X, y, sample_weight)
            sample_weight = None
        # A shallow copy shares the meta-knowledge, which adaptation only reads.
        learner = with_last_step(of, copy.copy(meta))
        verb(learner, X, y, sample_weight=sample_weight)
        self._set_learner(learner)

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Predict the targets of rows of the task.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Query rows.

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_targets)
            Targets.
        """
        check_is_fitted(self)
        return self.learner_.predict(X)

    def _learnt(self) -> dict[str, Any]:
        """Return what it has learnt besides the learner, for a file."""
        return {}

    def _take_learnt(self, learnt: dict[str, Any]) -> None:
        """Take over what :meth:`_learnt` returned, or nothing."""

    def _set_learner(self, learner: Any) -> None:
        self.learner_ = learner
        self.n_features_in_ = learner.n_features_in_
        if hasattr(learner, "feature_names_in_"):
            self.feature_names_in_ = learner.feature_names_in_

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters; a fitted meta-learner has none to set any more.

        Parameters
        ----------
        deep : bool, default=True
            Return those of a meta-learner that is not fitted too, as ``meta__<name>``.

        Returns
        -------
        dict
            Values by name.
        """
        # Else ensembles that seed what is inside them would seed what is shared.
        return super().get_params(deep=deep and not is_fitted(self.meta))

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
        if nested and is_fitted(params.get("meta", self.meta)):
            raise ValueError(
                f"{nested} cannot change a fitted meta-learner, which clones share. "
                "Search over meta=[...] with meta-learners fitted one by one."
            )
        return super().set_params(**params)

    def _html_rows(self) -> dict[str, str]:
        meta = last_step(getattr(self, "learner_", self.meta))
        return meta._html_rows() if hasattr(meta, "_html_rows") else {}

    def __sklearn_clone__(self) -> Self:
        """Clone unfitted, sharing a fitted meta-learner: it is knowledge, not state."""
        given = self.get_params(deep=False)
        if not is_fitted(self.meta):
            given["meta"] = clone(self.meta, safe=False)
        return type(self)(**given)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        if hasattr(self.meta, "__sklearn_tags__"):
            tags.target_tags.multi_output = get_tags(self.meta).target_tags.multi_output
        return tags


def _takes_weights(meta: Any) -> bool:
    """Tell whether a meta-learner's ``adapt`` takes weights of rows."""
    algorithm = getattr(meta, "algorithm_", None)
    if algorithm is not None:
        return bool(algorithm.uses_weights)
    return has_fit_parameter(meta, "sample_weight")


# Rows that a support may have by being repeated.
_MOST_ROWS = 1e6


def _repeated(X: Any, y: Any, sample_weight: Any) -> tuple[Any, Any]:
    """Repeat rows as often as they count, for what takes no weights."""
    weight = check_weights(sample_weight, X)
    if (weight != np.round(weight)).any():
        raise ValueError(
            "The meta-learner takes no weights of rows. Whole numbers would do, by "
            "which rows are repeated: leave sample_weight out, or choose an algorithm "
            "with uses_weights, such as 'maml' or 'cnp'."
        )
    if weight.sum() > _MOST_ROWS:
        raise ValueError(
            "The meta-learner takes no weights of rows, and to repeat rows by these "
            f"would make {weight.sum():.0e} of them. Divide them by a number."
        )
    rows = np.repeat(np.arange(len(weight)), weight.astype(np.intp))
    return _safe_indexing(X, rows), _safe_indexing(y, rows)


def _has(verb: str) -> Any:
    """Make a condition of a verb: that the meta-learner has it."""

    def check(few_shot: Any) -> bool:
        return hasattr(last_step(getattr(few_shot, "learner_", few_shot.meta)), verb)

    return check


@savable
class FewShotClassifier(ClassifierMixin, _FewShotEstimator):
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
            As ``fit``, and if the earlier rows are not there, because a file had none.
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
                declared = np.unique(classes)
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
        known = y if missing is None else known_targets(y, missing)
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
        given = self.encoded_labels
        if isinstance(given, str) and given != "auto":
            raise ValueError(
                "encoded_labels must be 'auto', True, False or the labels behind the "
                f"codes, not {given!r}."
            )
        if self._label_space() != "shared" or given is False:
            return []  # names inside a task may be numbers as well
        if isinstance(given, str):
            return numberings()
        return [Numbering(_GIVEN, None if given is True else np.unique(given))]

    def _decode(self, y: np.ndarray, steps: list[Numbering]) -> np.ndarray:
        """Name the labels behind codes."""
        for by, known in steps:
            labels = self._all_labels(y, by) if known is None else known
            if not np.isin(y, np.arange(len(labels))).all():
                raise ValueError(
                    f"y must hold codes 0 to {len(labels) - 1} of the labels "
                    f"{show(labels)}; it holds {show(np.unique(y))}."
                )
            y = labels[y.astype(np.intp)]
        return y

    def _all_labels(self, y: np.ndarray, by: str) -> np.ndarray:
        """Return the labels behind codes of somebody who does not tell which."""
        labels = last_step(self.meta).classes_
        if by == NO_LABELS:
            raise ValueError(
                f"{by} asks to tell apart what it makes of labels, which means nothing "
                f"in the shared label space {show(labels)} that fit has learnt. "
                "FewShotClassifier tells any number of labels apart by itself. Or fit "
                "a meta-learner with label_space='per_task', to which labels are names."
            )
        codes = np.arange(len(labels))
        if by != _GIVEN and not np.array_equal(labels, codes):
            raise ValueError(
                f"{by} hands on codes in place of labels, and in a process of its own "
                "does not tell which they are. Set encoded_labels to the labels that "
                "it is fitted to."
            )
        if not np.array_equal(np.unique(y), codes):
            raise ValueError(
                f"y must hold all of the codes 0 to {len(codes) - 1} of the labels "
                f"{show(labels)}, or codes could not be told apart; it holds "
                f"{show(np.unique(y))}. Set encoded_labels to the labels behind them."
            )
        return labels


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

    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Learn more rows of the task, as ``fit`` would with all of them.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Support rows; the first call is ``fit``.
        y : array-like of shape (n_rows,) or (n_rows, n_targets)
            Targets.
        sample_weight : array-like of shape (n_rows,), default=None
            How much each row counts.

        Returns
        -------
        self : object
            The fitted estimator. The meta-learner stays as it was.

        Raises
        ------
        ValueError
            If the earlier rows are not there, because a file had none.
        """
        if not hasattr(self, "learner_"):
            return self.fit(X, y, sample_weight=sample_weight)
        self._add(X, y, sample_weight)
        return self

    def predict_interval(
        self, X: ArrayLike, *, coverage: float = 0.9
    ) -> tuple[np.ndarray, np.ndarray]:
        """Predict an interval for the target of each row.

        The first call calibrates the meta-learner by the tasks it was fitted to; all
        that share it profit.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Query rows.
        coverage : float, default=0.9
            Of rows drawn from new tasks, one from each, at least this share is in its
            interval.

        Returns
        -------
        low, high : ndarray of shape (n_rows,)
            Ends of the intervals.
        """
        check_is_fitted(self)
        return pipelines.predict_interval(self.learner_, X, coverage=coverage)
