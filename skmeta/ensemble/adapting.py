"""An ensemble's tasks: every member learns them, and their answers are mixed."""

import copy
from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import Bunch
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_y, check_is_fitted, validate_data

from skmeta.ensemble.adapted import AdaptedMembers, prior_of
from skmeta.ensemble.members import LearntTasks, fits_of, flat
from skmeta.ensemble.weights import interpolate
from skmeta.estimators.conformal import Conformal
from skmeta.pipelines import to_send
from skmeta.tables.arrow import pandas_of, with_names
from skmeta.tables.columns import naming_the_preprocessor
from skmeta.tables.groups import locate
from skmeta.tables.labels import TaskLabels
from skmeta.tables.meta_dataset.dataset import MetaDataset, unpack_support
from skmeta.tables.row_order import warn_of_other_order
from skmeta.tables.rows import TaskRows, check_no_rows
from skmeta.tables.sizes import as_values
from skmeta.tables.targets import (
    as_indicators,
    as_they_are,
    check_n_targets,
    has_columns,
    target_names_of,
)
from skmeta.utils.threads import one_at_a_time

__all__ = ["AdaptingStacking"]


class AdaptingStacking(Conformal):
    """An ensemble whose members are fitted and weighed, and learn tasks."""

    _kind: ClassVar[str]

    named_estimators_: Bunch
    weights_: np.ndarray
    support_sizes_: np.ndarray
    n_features_in_: int
    adapted_: AdaptedMembers | None

    def adapt(
        self,
        X: ArrayLike | MetaDataset | None = None,
        y: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Let every member learn the current task, or tasks, from a few labelled rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or MetaDataset, default=None
            Support rows. Without any, the current task is known by the priors alone, of
            the members that have one. Of a meta-dataset, every task is learnt from its
            support.
        y : array-like of shape (n_rows,) or (n_rows, n_targets), default=None
            Targets of the rows. Those with a missing one, NaN, None or pandas.NA, go to
            the members that take them.
        groups : array-like of shape (n_rows,), default=None
            Task of each row, to adapt to many tasks in one call. Without, all rows
            belong to one task.
        sample_weight : array-like of shape (n_rows,), default=None
            How much each row counts. Members that take no weights are left out of the
            answers, with a warning.

        Returns
        -------
        self : object
            The ensemble, ready to predict.

        Raises
        ------
        ValueError
            If a label is unknown to a shared label space, if there is no row and no
            member has a prior, or if no member takes weights.
        """
        check_is_fitted(self)
        X, y, groups = unpack_support(X, y, groups)
        if X is None:
            check_no_rows(y, groups, sample_weight)
            if not self._has_prior():
                raise ValueError(
                    "adapt() without rows answers by a prior, and no member has one. "
                    "Pass some labelled rows."
                )
            learnt = self._learn_nothing()
            with one_at_a_time(self):
                self._set_adapted(learnt)
            return self
        if y is None:
            raise ValueError("adapt learns from labelled rows: pass y as well.")
        rows = self._read_rows(X, y, groups, reset=False)
        if sample_weight is not None:
            rows = rows.weighed(sample_weight)
        learnt = self._learn(rows, keep=True)
        with one_at_a_time(self):
            self._set_adapted(learnt)
        return self

    # The current tasks --------------------------------------------------------------

    def _has_prior(self) -> bool:
        members = flat(self.named_estimators_).values()
        return any(prior_of(member) is not None for member in members)

    def _learn(self, rows: TaskRows, *, keep: bool = False) -> AdaptedMembers:
        """Let members learn tasks; those without rows are known by the priors."""
        label_space = getattr(self, "label_space_", None)
        labels = self._labels(rows)
        members = flat(self.named_estimators_)
        return AdaptedMembers(members, rows, labels, label_space, keep)

    def _learn_nothing(self) -> AdaptedMembers:
        """Let members know a task by their priors."""
        nothing = np.empty(0, dtype=np.intp)
        empty = TaskRows(np.empty((0, self.n_features_in_)), nothing, nothing)
        return self._learn(empty)

    def _labels(self, rows: TaskRows) -> TaskLabels | None:
        """Return the classes of tasks, in classification."""
        return None

    def _set_adapted(self, adapted: AdaptedMembers | None) -> None:
        """Make these the current tasks, or have none."""
        self.adapted_ = adapted

    def _current(self, X: Any, groups: Any) -> tuple[AdaptedMembers, Any, np.ndarray]:
        """Return what was adapted to, the validated rows, and the task of each."""
        check_is_fitted(self)
        warn_of_other_order(X, groups=groups)
        X = self._validate_features(X)
        adapted: AdaptedMembers = self._current_or_prior(
            groups, "unknown_task='prior': no member has a prior."
        )
        task = locate(
            adapted.names, groups, X, self.unknown_task, self._trained_groups()
        )
        return adapted, X, task

    def _mean(
        self,
        adapted: AdaptedMembers,
        X: Any,
        task: np.ndarray,
        ask: Callable[[LearntTasks, Any, np.ndarray], np.ndarray | None],
    ) -> np.ndarray:
        """Mix the members' answers to rows, by the support size of each row's task."""
        weights = interpolate(self.weights_, self.support_sizes_, self._sizes(adapted))
        n_fits = [len(fits_of(each)) for each in self.named_estimators_.values()]
        weights = np.repeat(weights, n_fits, axis=1)  # every member has as many fits
        return adapted.mean(X, task, ask, weights[task])

    def _to_send(self) -> Self:
        """Return a shallow copy without tasks, and members like it."""
        sent = copy.copy(self)
        sent.adapted_ = None
        sent.named_estimators_ = self._without_tasks()
        return sent

    def _without_tasks(self) -> Bunch:
        """Return shallow copies of the members that know no task."""
        return Bunch(
            **{
                name: [to_send(fit) for fit in each]
                if type(each) is list
                else to_send(each)
                for name, each in self.named_estimators_.items()
            }
        )

    def _sizes(self, adapted: AdaptedMembers) -> np.ndarray:
        return np.append(adapted.size, 0.0)  # the last, of tasks that are not known

    # Rows ---------------------------------------------------------------------------

    def _validate_rows(self, X: Any, y: Any, *, reset: bool) -> tuple[Any, np.ndarray]:
        numeric = self._kind == "regressor"
        y = as_they_are(y)
        several, names = has_columns(y), target_names_of(y)
        with naming_the_preprocessor(X, type(self).__name__):
            checked, y = validate_data(
                self,
                X,
                y,
                reset=reset,
                dtype="numeric",
                y_numeric=numeric,
                multi_output=several,
            )
        return self._as_given(X, checked), self._checked(y, names, reset)

    def _validate_targets(self, y: Any, names: Any, *, reset: bool) -> np.ndarray:
        numeric = self._kind == "regressor"
        y = as_they_are(y)
        y = _check_y(y, multi_output=has_columns(y), y_numeric=numeric, estimator=self)
        return self._checked(y, names, reset)

    def _checked(self, y: np.ndarray, names: Any, reset: bool) -> np.ndarray:
        """Check what validated targets hold, and keep the names of their columns."""
        several = has_columns(y)
        if self._kind == "regressor":
            y = as_values(y)
        else:
            y = as_indicators(y) if several else y
            if not several:
                check_classification_targets(y)
        if not reset:
            check_n_targets(y, self._n_targets)
        elif several and names is not None:
            self.target_names_ = names
        elif hasattr(self, "target_names_"):  # of an earlier fit
            del self.target_names_
        return y

    @property
    def _n_targets(self) -> int:
        """Number of targets that ``fit`` has learnt, which are weighed apart."""
        return 1 if self.weights_.ndim == 2 else self.weights_.shape[2]

    def _any_target(self) -> np.ndarray:
        """Return one target that is known, for rows none of which has one."""
        return np.zeros(1) if self._n_targets == 1 else np.zeros((1, self._n_targets))

    def _validate_features(self, X: Any, *, reset: bool = False) -> Any:
        with naming_the_preprocessor(X, type(self).__name__):
            checked = validate_data(self, X, reset=reset, dtype="numeric")
        return self._as_given(X, checked)

    def _as_given(self, X: Any, checked: np.ndarray) -> Any:
        """Return a table by its columns, for members that know them by name."""
        X = pandas_of(X)
        if hasattr(X, "iloc"):
            return X
        names = getattr(self, "feature_names_in_", None)
        return checked if names is None else with_names(checked, names)
