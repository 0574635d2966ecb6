"""The current tasks of a meta-trained estimator: learn them, answer, score."""

from abc import ABCMeta, abstractmethod
from typing import Any

import numpy as np
import torch
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import (
    _check_sample_weight,
    check_is_fitted,
    validate_data,
)

from skmeta.adapted import AdaptedTasks, Learner
from skmeta.draws import draw_support
from skmeta.exceptions import NotAdaptedError
from skmeta.labels import TaskLabels, show
from skmeta.meta_dataset import unpack
from skmeta.scaling import TaskScaled, TaskScaling
from skmeta.tables import Table, encode_groups

__all__ = ["AdaptingMixin"]

# A table of these stays as it is, memory-mapped perhaps; rows are converted when they
# are drawn. All else becomes the first.
_NUMBERS = [np.float64, np.float32, np.float16, np.bool_]
_NUMBERS += map(np.dtype, np.typecodes["AllInteger"])


class AdaptingMixin(metaclass=ABCMeta):
    """What a meta-trained estimator does with its meta-knowledge.

    A subclass says how targets become numbers (:meth:`_encode`) and how outputs become
    answers (:meth:`_answer`).
    """

    def adapt(self, X=None, y=None, groups=None, sample_weight=None):
        """Learn the current task, or tasks, from a few labelled rows.

        Meta-knowledge stays as it is; what was adapted to before is forgotten.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or MetaDataset, default=None
            Support rows. Without any, the current task is known by the prior alone. Of
            a meta-dataset, every task is learnt from its support.
        y : array-like of shape (n_rows,), default=None
            Targets of the rows.
        groups : array-like of shape (n_rows,), default=None
            Task of each row, to adapt to many tasks in one call. Without, all rows
            belong to one task.
        sample_weight : array-like of shape (n_rows,), default=None
            How much each row counts: with a weight of 2 as if it came twice, with 0 as
            if it did not come at all.

        Returns
        -------
        self : object
            The estimator, ready to predict.

        Raises
        ------
        ValueError
            If a label is unknown to a shared label space, if there is no row and no
            prior to answer by, or if the algorithm takes no weights.
        """
        check_is_fitted(self)
        X, y, groups, in_support = unpack(X, y, groups)
        if in_support is not None:
            rows = np.flatnonzero(in_support)
            X, y, groups = _safe_indexing(X, rows), y[rows], groups[rows]
        if X is None:
            if not self._has_prior():
                raise ValueError(
                    "adapt() without rows answers by a prior, and there is none for "
                    f"{self.algorithm_} and {self.spec_.label_space!r} labels. Pass "
                    "some labelled rows."
                )
            self._set_adapted(self._learn_nothing())
            return self
        if y is None:
            raise ValueError("adapt learns from labelled rows: pass y as well.")
        X, y = self._validate_rows(X, y, reset=False)
        names, task = None, np.zeros(len(X), dtype=np.intp)
        if groups is not None:
            names, task = encode_groups(groups, X)
        X, y, task, names, weight = self._weigh(sample_weight, X, y, task, names)
        self._set_adapted(self._learn(X, y, task, names, weight))
        return self

    def score(self, X, y=None, sample_weight=None, groups=None):
        """Score the predictions for the current task, or for new tasks.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or MetaDataset
            Rows. The tasks of a meta-dataset are groups, and those with a fixed
            support and query are split as they say.
        y : array-like of shape (n_rows,)
            True targets.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the rows, by which answers are judged. Supports are learnt as
            they are.
        groups : array-like of shape (n_rows,), default=None
            With groups, the *few-shot score*: each group is taken for a new task, split
            at random in ``n_shot`` support rows (of each class in per-task label
            spaces) and query rows, adapted to and scored on the query. The
            current task is left as it was. The split depends on ``random_state`` only,
            with 0 for None.

        Returns
        -------
        float
            Accuracy of a classifier, R2 of a regressor; with groups the mean over
            tasks. A task whose targets hardly vary has a very negative R2.
        """
        check_is_fitted(self)
        X, y, groups, in_support = unpack(X, y, groups)
        if y is None:
            raise ValueError("score compares with the true targets: pass y as well.")
        if groups is None:
            answers = self.predict(X)
            return float(self._metric(y, answers, sample_weight=sample_weight))
        X, y = self._validate_rows(X, y, reset=False)
        names, task = encode_groups(groups, X)
        weight = _check_sample_weight(sample_weight, X)
        if in_support is None:
            in_support = draw_support(
                self._cells(y, task),
                self._shots()[1],
                self._generator(default=0),
                stratum=self._strata(y),
            )
        elif not self._has_prior():
            n_support = np.bincount(task, in_support, minlength=len(names))
            if not n_support.all():
                raise ValueError(
                    "No support row to learn from in the tasks "
                    f"{show(names[n_support == 0])}, and no prior to answer by."
                )
        adapted = self._learn(X[in_support], y[in_support], task[in_support], names)
        query = ~in_support
        answers = self._answer(adapted, X[query], task[query])
        scores = self._scores_per_task(
            y[query], answers, weight[query], task[query], len(names)
        )
        if not len(scores):
            raise ValueError("No group has enough rows for a support and a query.")
        return float(np.mean(scores))

    # What a kind of target must say -------------------------------------------------

    @abstractmethod
    def _encode(
        self, y: np.ndarray, task: np.ndarray, n_tasks: int
    ) -> tuple[np.ndarray, np.ndarray, TaskLabels | None]:
        """Encode support targets: for the engine, classes per task, their labels."""

    @abstractmethod
    def _answer(
        self, adapted: AdaptedTasks, X: np.ndarray, task: np.ndarray
    ) -> np.ndarray:
        """Predict the target of each row."""

    @abstractmethod
    def _scores_per_task(self, y, answers, weight, task, n_tasks) -> np.ndarray:
        """Score every task that can be scored."""

    # The current tasks -------------------------------------------------------------

    def _learn(
        self,
        X: np.ndarray,
        y: np.ndarray,
        task: np.ndarray,
        names: np.ndarray | None = None,
        weight: np.ndarray | None = None,
    ) -> AdaptedTasks:
        """Adapt to tasks; the last of what is learnt is the prior, if there is one."""
        if not len(X):
            return self._learn_nothing(names)
        n_tasks = 1 if names is None else len(names)
        targets, n_classes, labels = self._encode(y, task, n_tasks + self._has_prior())
        return AdaptedTasks(
            self._learner(),
            self._table(X, targets, self._row_weights(y, task, weight)),
            task,
            n_classes,
            names=names,
            labels=labels,
        )

    def _learn_nothing(self, names: np.ndarray | None = None) -> AdaptedTasks:
        """Adapt to tasks without rows, or to one."""
        n_tasks = 1 if names is None else len(names) + 1
        no_task = np.empty(0, dtype=np.intp)
        any_target, first_task = self._any_targets(1), np.zeros(1, dtype=np.intp)
        targets, n_classes, labels = self._encode(any_target, first_task, n_tasks)
        return AdaptedTasks(
            self._learner(),
            self._table(np.zeros((1, self.n_features_in_)), targets),
            no_task,
            n_classes,
            names=names,
            labels=labels,
        )

    def _learner(self) -> Learner:
        algorithm, scaling = self.algorithm_, self._task_scaling()
        if scaling is not None:
            algorithm = TaskScaled(algorithm, scaling)
        return Learner(algorithm, self.module_, self.device)

    def _task_scaling(self) -> TaskScaling | None:
        """Return how tasks are standardised, if they are."""
        within = getattr(self, "within_", None)  # older pickles have none
        return None if within is None else TaskScaling(torch.from_numpy(within))

    def _set_adapted(self, adapted: AdaptedTasks) -> None:
        self.adapted_ = adapted

    def _current(self, X, groups: Any) -> tuple[AdaptedTasks, np.ndarray, np.ndarray]:
        """Return what was adapted to, the validated rows, and the task of each."""
        check_is_fitted(self)
        X = self._validate_features(X)
        if self.adapted_ is None:
            raise NotAdaptedError(
                f"This {type(self).__name__} has learnt from many tasks but does not "
                "know the current one: call adapt(X, y) with a few labelled rows"
                + (", or adapt() to go by the prior." if self._has_prior() else ".")
            )
        if self.unknown_task not in ("error", "prior"):
            raise ValueError(
                f"unknown_task must be 'error' or 'prior', not {self.unknown_task!r}."
            )
        if self.unknown_task == "prior" and not self._has_prior():
            raise ValueError(
                f"unknown_task='prior' needs a prior, which {self.algorithm_} does not "
                f"have for {self.spec_.label_space!r} labels."
            )
        return self.adapted_, X, self.adapted_.locate(groups, X, self.unknown_task)

    def _has_prior(self) -> bool:
        return self.algorithm_.has_prior(self.spec_)

    # Rows and numbers --------------------------------------------------------------

    def _validate_rows(self, X, y, *, reset: bool) -> tuple[np.ndarray, np.ndarray]:
        return validate_data(
            self,
            X,
            y,
            reset=reset,
            dtype=_NUMBERS,
            y_numeric=self._kind == "regressor",
        )

    def _validate_features(self, X) -> np.ndarray:
        return validate_data(self, X, reset=False, dtype=_NUMBERS)

    def _table(
        self,
        X: np.ndarray,
        targets: np.ndarray | None = None,
        weight: np.ndarray | None = None,
    ) -> Table:
        if weight is not None:
            weight = weight.astype(np.float32)
        return Table(X, targets, self.mean_, self.scale_, weight=weight)
