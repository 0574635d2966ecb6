"""What people do without meta-learning, with the face of a meta-learner."""

import copy
from typing import Any

import numpy as np
from sklearn.base import (
    BaseEstimator,
    MetaEstimatorMixin,
    clone,
    is_classifier,
    is_regressor,
)
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.utils import check_consistent_length, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_feature_names,
    _check_n_features,
    _check_y,
    check_is_fitted,
)

from skmeta.exceptions import NotAdaptedError
from skmeta.model_selection._rows import as_array, n_rows, names_of
from skmeta.plugins.parameters import NestedParametersMixin
from skmeta.tables.arrow import pandas_of
from skmeta.tables.groups import encode_groups, locate
from skmeta.tables.labels import encode, infer_label_space, refuse_undeclared
from skmeta.tables.rows import check_no_rows
from skmeta.tables.sizes import (
    as_values,
    range_of,
    refuse_extreme_columns,
    refuse_extreme_targets,
    unit_of,
)
from skmeta.tables.targets import (
    as_indicators,
    as_they_are,
    check_n_targets,
    declared_labels,
    has_columns,
    one_or_several,
)
from skmeta.utils.doc_links import DocLinkMixin
from skmeta.utils.rollback import kept_on_failure

__all__ = ["Strategy", "log_probabilities_of", "probabilities_of", "stand_in"]

# What a class has at least that a model has not seen.
_LEAST = 1e-4

# Values that are so much larger than the largest of the training are refused.
_FAR = 1e30


class Strategy(MetaEstimatorMixin, NestedParametersMixin, DocLinkMixin):
    """Something that is fitted on tasks, adapts to others and answers by task.

    What is derived says by ``_answers_as`` which estimator's kind of answers it gives,
    and how it learns and answers by ``_learn``, ``_adapt`` and ``_values`` or
    ``_probabilities``. Tasks are numbers there, 0, 1, ...
    """

    __metadata_request__fit = {"groups": True, "classes": True}
    __metadata_request__predict = {"groups": True}

    @property
    def _learns_of_other_tasks(self) -> bool:
        """Whether answers for a task depend on the supports of others."""
        return False

    # Whether labels may be names inside a task.
    of_names_inside_tasks = False

    def fit(self, X, y, groups=None, *, classes=None):
        """Learn from the rows of training tasks.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Rows of all tasks.
        y : array-like of shape (n_rows,) or (n_rows, n_targets)
            Targets. Of several, each is learnt by a copy: values, or 0 and 1 for labels
            that a row has or has not.
        groups : array-like of shape (n_rows,)
            Task of each row.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come, which then mean the same in every task.

        Returns
        -------
        self : object
            Fitted.
        """
        X, y = pandas_of(X), as_they_are(y)
        if hasattr(self, "targets_"):  # of an earlier fit
            del self.targets_
        if has_columns(y):
            self._fit_targets(X, np.asarray(y), groups, classes)
            return self
        y = self._check_rows(X, y, reset=True)
        if groups is None:
            raise ValueError(
                f"{type(self).__name__} needs the task of each row: pass groups=."
            )
        task = encode_groups(groups, y)[1]
        numbers = np.asarray(X)
        if numbers.ndim == 2 and numbers.dtype.kind == "f":
            refuse_extreme_columns(*range_of(numbers), getattr(X, "columns", None))
        inner = self._answers_as()
        if not (is_classifier(inner) or is_regressor(inner)):
            raise TypeError(
                f"{type(self).__name__} needs a classifier or a regressor, not "
                f"{inner!r}."
            )
        if is_classifier(inner):
            self.label_space_ = infer_label_space(y, task)
            self.classes_ = np.unique(y)
            if classes is not None:
                self.label_space_, self.classes_ = "shared", declared_labels(classes)
                refuse_undeclared(y, self.classes_)
        else:
            refuse_extreme_targets(*range_of(y))
            self.unit_ = unit_of(y)  # libraries compute in single precision
        self._learn(X, self._in_unit(y), task)
        self.fitted_ = True
        return self

    def adapt(self, X=None, y=None, groups=None):
        """Learn new tasks from their support rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features), default=None
            Support rows.
        y : array-like of shape (n_rows,) or (n_rows, n_targets), default=None
            Targets.
        groups : array-like of shape (n_rows,), default=None
            Task of each row; all are one task if None.

        Returns
        -------
        self : object
            Ready to predict.
        """
        check_is_fitted(self)
        X = pandas_of(X)
        if hasattr(self, "targets_"):
            self._adapt_targets(X, y, groups)
            return self
        if X is None:
            check_no_rows(y, groups)
            self._adapt_to_nothing()
            self.names_: Any = None
            self.members_: Any = None
            return self
        with kept_on_failure(self):
            self._adapt_to_rows(X, y, groups)
        return self

    def _adapt_to_rows(self, X, y, groups) -> None:
        y = self._check_rows(X, y, reset=False)
        if groups is None:
            groups = np.zeros(len(y), dtype=np.intp)
        self.names_, task = encode_groups(groups, y)
        self.members_ = None
        if hasattr(self, "label_space_"):
            if self.label_space_ == "per_task":
                self.classes_ = np.unique(y)
            # (tasks, classes): a task knows the classes that its support shows
            member = np.zeros((len(self.names_), len(self.classes_)), dtype=bool)
            member[task, encode(y, self.classes_)] = True
            self.members_ = member
            if self.label_space_ == "shared":
                self.members_ = np.ones_like(member)
        self._adapt(X, self._in_unit(y), task)

    def predict(self, X, groups=None):
        """Predict the target of each row.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Query rows.
        groups : array-like of shape (n_rows,), default=None
            Task of each row.

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_targets)
            Labels or values.
        """
        X = pandas_of(X)
        if hasattr(self, "targets_"):
            return np.column_stack([each.predict(X, groups) for each in self.targets_])
        task = self._locate(X, groups)
        if not hasattr(self, "label_space_"):
            values, unit = self._values(X, task), getattr(self, "unit_", 1.0)
            return values if unit == 1.0 else np.asarray(values, dtype=float) * unit
        return self.classes_[self._probabilities(X, task).argmax(axis=1)]

    @available_if(lambda self: is_classifier(self._answers_as()))
    def predict_proba(self, X, groups=None):
        """Predict the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Query rows.
        groups : array-like of shape (n_rows,), default=None
            Task of each row.

        Returns
        -------
        ndarray of shape (n_rows, n_classes)
            In the order of ``classes_``; of several columns of labels, how likely a row
            has each.
        """
        X = pandas_of(X)
        if hasattr(self, "targets_"):
            shares = [each.predict_proba(X, groups)[:, 1] for each in self.targets_]
            return np.column_stack(shares)
        return self._probabilities(X, self._locate(X, groups))

    # Several targets ----------------------------------------------------------------

    targets_: list[Any]

    def _fit_targets(self, X, y, groups, classes) -> None:
        """Fit a copy to each target."""
        given = {}
        if is_classifier(self._answers_as()):
            if classes is not None:
                raise ValueError("classes are of a single column of labels.")
            y = as_indicators(y)
            given = {"classes": np.arange(2)}
            self.label_space_, self.classes_ = "shared", np.arange(y.shape[1])
        self.targets_ = [clone(self).fit(X, own, groups, **given) for own in y.T]
        self._check_columns(X, reset=True)

    def _adapt_targets(self, X, y, groups) -> None:
        columns: Any = [None] * len(self.targets_)
        if y is not None:
            y = one_or_several(y)
            check_n_targets(y, len(self.targets_))
            columns = (as_indicators(y) if self._classifies else y).T
        # Shallow copies of this one share the list, and may know other tasks.
        self.targets_ = [
            copy.copy(each).adapt(X, own, groups)
            for each, own in zip(self.targets_, columns, strict=True)
        ]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self._answers_as())
        tags.estimator_type = inner.estimator_type
        tags.classifier_tags = inner.classifier_tags
        tags.regressor_tags = inner.regressor_tags
        tags.target_tags.required = True
        return tags

    def _answers_as(self) -> BaseEstimator:
        return self.estimator

    def _adapt_to_nothing(self) -> None:
        raise ValueError(f"{type(self).__name__} has no prior: pass some rows.")

    def _refuse_names_inside_tasks(self) -> None:
        """Tell who learns of the labels of other tasks what cannot be learnt."""
        if getattr(self, "label_space_", None) == "per_task":
            raise ValueError(
                f"{type(self).__name__} needs labels that mean the same in every task; "
                "these are only names inside a task, per_task labels. Use PerTask."
            )

    @property
    def _classifies(self) -> bool:
        """Whether ``fit`` has seen classes."""
        return hasattr(self, "label_space_")

    def _as_numbers(self, y) -> np.ndarray:
        """Turn targets into columns of numbers: values, or which class a row is of."""
        if not hasattr(self, "label_space_"):
            return np.asarray(y, dtype=float)[:, np.newaxis]
        return (y[:, np.newaxis] == self.classes_).astype(float)

    def _check_rows(self, X, y, *, reset: bool) -> np.ndarray:
        """Refuse what is no table, or no target of each row; return the targets.

        What is in the columns is for the estimator to judge: words and gaps may do.
        """
        if not _has_shape(X):
            X = as_array(X)
        y = as_they_are(y)
        check_consistent_length(X, y)
        self._check_columns(X, reset=reset)
        if X.shape[0] == 0:
            raise ValueError("X has no rows.")
        values = is_regressor(self._answers_as())
        y = _check_y(y, multi_output=False, y_numeric=values)
        if values:
            y = as_values(y)
        else:
            check_classification_targets(y)
        return y

    def _check_columns(self, X, *, reset: bool) -> None:
        """Refuse another number of columns, or others by their names.

        One of two tables may be without names, as what comes out of a Pipeline is.
        """
        X = X if _has_shape(X) else as_array(X)
        if len(X.shape) == 1:
            raise ValueError(
                f"Expected 2D array, got 1D array instead: X has the shape {X.shape}. "
                "Reshape your data: one column is X.to_frame() or X.reshape(-1, 1)."
            )
        _check_n_features(self, X, reset=reset)
        names = names_of(X)
        if reset or (names is not None and hasattr(self, "feature_names_in_")):
            _check_feature_names(self, X if names is not None else None, reset=reset)

    def _in_unit(self, y) -> np.ndarray:
        """Give values the scale that libraries can compute with; labels stay."""
        unit = getattr(self, "unit_", 1.0)  # none in earlier files
        if hasattr(self, "unit_") and np.abs(y / unit).max() > _FAR:
            raise ValueError(
                f"y holds values of a scale of {np.abs(y).max():.0e}, far beyond those "
                "that fit has seen. Are they in the same unit?"
            )
        return y if unit == 1.0 else y / unit

    def _locate(self, X, groups) -> np.ndarray:
        check_is_fitted(self)
        self._check_columns(X, reset=False)
        if not hasattr(self, "names_"):
            raise NotAdaptedError(f"Call adapt before {type(self).__name__}.predict.")
        n_asked = n_rows(X)
        if groups is None or self.names_ is None:
            if self.names_ is not None and len(self.names_) > 1:
                raise ValueError("Adapted to several tasks: pass groups=.")
            return np.zeros(n_asked, dtype=np.intp)
        return locate(self.names_, groups, np.empty((n_asked, 0)), "error")

    def _restrict(self, probabilities: np.ndarray, task: np.ndarray) -> np.ndarray:
        """Share the probability out among the classes that the task has."""
        if self.members_ is None:
            return probabilities
        member = self.members_[task]
        within = np.where(member, probabilities, 0.0)
        total = within.sum(axis=1, keepdims=True)
        even = member / member.sum(axis=1, keepdims=True)
        return np.where(total > 0, within / np.where(total > 0, total, 1), even)


def _has_shape(X) -> bool:
    return isinstance(getattr(X, "shape", None), tuple)


def stand_in(kind: str) -> BaseEstimator:
    """Return an estimator of a kind, for those that are no frame around another."""
    kinds = {"classifier": DummyClassifier, "regressor": DummyRegressor}
    if kind not in kinds:
        raise ValueError(f'kind must be "classifier" or "regressor", not {kind!r}.')
    return kinds[kind]()


def log_probabilities_of(model, X, classes) -> np.ndarray:
    """Ask for the logarithms; a class that the model has not seen is rare."""
    unseen = ~np.isin(classes, model.classes_)
    known = probabilities_of(model, X, classes)
    return np.log(np.maximum(known, np.where(unseen, _LEAST, 1e-12)))


def probabilities_of(model, X, classes) -> np.ndarray:
    """Ask a classifier, in columns of other classes; labels count as certain."""
    out = np.zeros((n_rows(X), len(classes)))
    known = np.isin(model.classes_, classes)
    columns = np.searchsorted(classes, model.classes_[known])
    if hasattr(model, "predict_proba"):
        out[:, columns] = model.predict_proba(X)[:, known]
    else:
        answers = model.predict(X)
        out[:] = answers[:, np.newaxis] == classes
    return out
