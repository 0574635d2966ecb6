"""What the two few-shot estimators share: the meta-learner, and to tell it rows."""

import copy
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import Tags, _safe_indexing, get_tags
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from skmeta import pipelines
from skmeta.estimators.few_shot.rescaled import warn_if_rescaled
from skmeta.estimators.html import HTMLReprMixin
from skmeta.model_selection._inspect import is_fitted
from skmeta.pipelines import last_step, with_last_step
from skmeta.saving.mixin import SavingMixin
from skmeta.tables.sample_weights import check_weights

__all__ = ["BaseFewShotEstimator"]

# Rows that a support may have by being repeated.
_MOST_ROWS = 1e6


class BaseFewShotEstimator(SavingMixin, HTMLReprMixin):
    """A task of a fitted meta-learner, by the verbs of an ordinary estimator.

    ``learner_`` is a shallow copy of the meta-learner that has learnt the task.
    """

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
        if not is_fitted(self.meta):
            raise NotFittedError(
                f"The {type(self.meta).__name__} in {type(self).__name__} is not "
                "fitted: fit it to many tasks first. Searches clone what is in their "
                "grids, which leaves it unfitted: pass FrozenEstimator(meta) of "
                "sklearn.frozen there."
            )
        warn_if_rescaled(type(self).__name__, self.meta, X, y)
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
        # A Pipeline does not know them if its first step does not.
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(learner, name):
                setattr(self, name, getattr(learner, name))

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
                "Search over meta=[FrozenEstimator(meta), ...] with meta-learners "
                "fitted one by one."
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
