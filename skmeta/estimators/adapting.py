"""What an estimator does with its meta-knowledge: learn tasks, answer, score, embed."""

import copy
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils import Tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_y, check_is_fitted, validate_data

from skmeta import plugins
from skmeta.algorithms.per_target import for_targets
from skmeta.engine.adapted import AdaptedTasks, Learner
from skmeta.episodes.scaling import TaskScaled
from skmeta.episodes.table import Table
from skmeta.estimators.conformal import Conformal
from skmeta.estimators.html import HTMLReprMixin, html_rows
from skmeta.estimators.targets import FAR, OWN_FAR, SQUASH, Targets
from skmeta.plugins.parameters import NestedParametersMixin
from skmeta.saving.mixin import SavingMixin
from skmeta.tables.columns import naming_the_preprocessor
from skmeta.tables.meta_dataset.dataset import MetaDataset, unpack_support
from skmeta.tables.row_order import warn_of_other_order
from skmeta.tables.rows import TaskRows, check_no_rows
from skmeta.tables.sizes import as_values
from skmeta.tables.stored.sources import by_rows
from skmeta.tables.targets import (
    as_indicators,
    as_they_are,
    check_n_targets,
    has_columns,
    target_names_of,
)
from skmeta.utils.messages import of_tasks, warn
from skmeta.utils.threads import one_at_a_time

__all__ = ["AdaptingEstimator"]

# Share of a column to answer from which on it may be in another unit, and rows that it
# takes to tell.
_MOST_ARE_FAR, _ENOUGH = 0.5, 2048

# A table of these stays as it is, memory-mapped perhaps; rows are converted when they
# are drawn. All else becomes the first.
_NUMBERS: list[Any] = [np.float64, np.float32, np.float16, np.bool_]
_NUMBERS += map(np.dtype, np.typecodes["AllInteger"])


class AdaptingEstimator(
    SavingMixin,
    NestedParametersMixin,
    HTMLReprMixin,
    Targets,
    Conformal,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    BaseEstimator,
):
    """A fitted meta-learner, by all its verbs but ``fit`` and ``predict``.

    ``fit`` is in :class:`skmeta.estimators.base.BaseMetaEstimator`, and ``predict`` in
    each of the two estimators.
    """

    def adapt(
        self,
        X: ArrayLike | MetaDataset | None = None,
        y: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Learn the current task, or tasks, from a few labelled rows.

        Meta-knowledge stays as it is; what was adapted to before is forgotten.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or MetaDataset, default=None
            Support rows. Without any, the current task is known by the prior alone. Of
            a meta-dataset, every task is learnt from its support.
        y : array-like of shape (n_rows,) or (n_rows, n_targets), default=None
            Targets of the rows, as many as ``fit`` has learnt. A missing one, NaN, None
            or pandas.NA, marks a row without a label: tasks are standardised by all of
            their rows, and algorithms with ``uses_unlabelled`` learn from it. The
            others leave it alone. A task without any label is answered by the prior.
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

        Warns
        -----
        UserWarning
            If rows are far outside the range of those that ``fit`` has seen; with the
            names of their tasks, once for all. Other units are a usual reason. Or if
            the values of a task differ far less than those of any training task.
        """
        check_is_fitted(self)
        X, y, groups = unpack_support(X, y, groups)
        if X is None:
            check_no_rows(y, groups, sample_weight)
            if not self._has_prior():
                raise ValueError(
                    "adapt() without rows answers by a prior, and there is none for "
                    f"{self.algorithm_} and {self.spec_.label_space!r} labels. Pass "
                    "some labelled rows."
                )
            learnt = self._learn_nothing()
            with one_at_a_time(self):
                self._set_adapted(learnt)
            return self
        if y is None:
            raise ValueError("adapt learns from labelled rows: pass y as well.")
        rows = self._read_rows(X, y, groups, reset=False)
        rows = self._weigh(rows, sample_weight, self.algorithm_)
        self._warn_if_far(rows)
        learnt = self._learn(rows, keep=True)
        with one_at_a_time(self):
            self._set_adapted(learnt)
        return self

    def fit_transform(
        self,
        X: ArrayLike,
        y: ArrayLike,
        groups: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> np.ndarray:
        """Meta-train, then embed the rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Rows of all tasks.
        y : array-like of shape (n_rows,) or (n_rows, n_targets)
            Targets.
        groups : array-like of shape (n_rows,), default=None
            Task of each row.
        sample_weight : array-like of shape (n_rows,), default=None
            How much each row counts.

        Returns
        -------
        ndarray of shape (n_rows, out_features)
            Embedding by the meta-learnt backbone, or by the one that was adapted to the
            table where the table is the current task.
        """
        return self.fit(X, y, groups, sample_weight).transform(X)

    def transform(self, X: ArrayLike, groups: ArrayLike | None = None) -> np.ndarray:
        """Embed rows with the backbone.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Rows.
        groups : array-like of shape (n_rows,), default=None
            Task of each row, needed where several tasks were adapted to.

        Returns
        -------
        ndarray of shape (n_rows, out_features)
            Embedding, by the current task's own backbone where the algorithm adapts
            it, and by the meta-learnt one before any adaptation.
        """
        check_is_fitted(self)
        if self.adapted_ is None:
            X = self._validate_features(X)
            adapted, task = self._learn_nothing(), np.zeros(len(X), dtype=np.intp)
        else:
            adapted, X, task = self._current(X, groups)
        return adapted.embeddings(self._table(X), task)

    # The current tasks -------------------------------------------------------------

    def _learn(
        self,
        rows: TaskRows,
        offset: np.ndarray | None = None,
        *,
        keep: bool = False,
    ) -> AdaptedTasks:
        """Adapt to tasks; the last of what is learnt is the prior, if there is one.

        Rows that ``prior_`` was fitted to have an ``offset`` that has not seen them.
        ``keep`` the supports where more rows may come.
        """
        self._refuse_without_labels(rows)
        others = self._unlabelled(rows)
        if not len(rows):
            return self._learn_nothing(rows.names, others, rows if keep else None)
        n_tasks = rows.n_tasks + self._has_prior()
        targets, n_classes, labels = self._encode(rows, n_tasks)
        return AdaptedTasks(
            self._learner(),
            self._table(rows.X, targets, self._support_weights(rows), offset),
            rows.task,
            n_classes,
            names=rows.names,
            labels=labels,
            unlabelled=others,
            rows=rows if keep else None,
        )

    def _unlabelled(self, rows: TaskRows) -> tuple[Table, np.ndarray] | None:
        """Make rows without targets ready for the engine, where anybody needs them."""
        others = rows.unlabelled
        if others is None or not len(others.X):
            return None
        X, task, _ = others
        if self._task_scaling() is None and not self.algorithm_.uses_unlabelled:
            return None
        return self._table(X, self._no_targets(len(X))), task

    def _no_targets(self, n_rows: int) -> np.ndarray:
        """Return what stands for targets that nobody looks at."""
        return np.zeros(n_rows, np.int64 if self._kind == "classifier" else np.float32)

    def _refuse_without_labels(self, rows: TaskRows) -> None:
        """Refuse tasks that only have rows without labels, where there is no prior."""
        if rows.unlabelled is None or self._has_prior():
            return
        lost = np.bincount(rows.task, minlength=rows.n_tasks) == 0
        if lost.any():
            which = of_tasks(None if rows.names is None else rows.names[lost])
            raise ValueError(
                f"No row{which} has a label, and there is no prior to answer by for "
                f"{self.algorithm_}. Pass some labelled rows."
            )

    def _warn_if_far(self, rows: TaskRows, *, to_train: bool = False) -> None:
        """Warn, once for all tasks, of rows unlike all that ``fit`` has seen."""
        lost = np.unique(rows.task[self._is_far(rows)])
        if not to_train:
            self._warn_of_units(rows, lost)
        if not len(lost):
            return
        which = of_tasks(None if rows.names is None else rows.names[lost])
        distance = self._far_in_words()
        what, then = f"The support{which} is", "drawn nearer, and answers may be poor"
        if to_train:
            what = f"Some of the rows{which} are"
            then = "standardised as those of the first call, and may spoil the training"
        warn(
            f"{what} far outside of what fit has seen: columns or "
            f"targets are more than {distance} beyond the range of "
            f"the training rows. They are {then}. Are "
            "they in the units of the training?"
        )

    def _far_in_words(self) -> str:
        if self._standardised_by == "task":
            return f"{OWN_FAR:g} standard deviations"
        if self._standardised_by is None:
            return "its own width"
        return f"{FAR:g} standard deviations"

    def _warn_if_asked_far(self, X: np.ndarray) -> None:
        """Warn if most of a column to answer is unlike all that ``fit`` has seen.

        In another unit most of it is. A few strangers are in any large table, and what
        they are answered with concerns no other row.
        """
        if not self._answers_strangers():
            return
        some = X[:: max(1, len(X) // _ENOUGH)]
        far = np.bincount(self._places_far(some) % X.shape[1], minlength=X.shape[1])
        if far.max() >= max(1, _MOST_ARE_FAR * len(some)):
            warn(
                "Most of what is asked is far outside of what fit has seen: columns "
                f"are more than {self._far_in_words()} beyond the range of the "
                "training rows. They are drawn nearer, and answers may be poor. Are "
                "they in the units of the training?"
            )

    def _learn_nothing(
        self,
        names: np.ndarray | None = None,
        unlabelled: tuple[Table, np.ndarray] | None = None,
        rows: TaskRows | None = None,
        *,
        beside_prior: bool = True,
    ) -> AdaptedTasks:
        """Adapt to tasks without labelled rows, or to one; the prior is the last."""
        n_tasks = 1 if names is None else len(names) + beside_prior
        row = TaskRows.of(np.zeros((1, self.n_features_in_)), self._any_target(), None)
        targets, n_classes, labels = self._encode(row, n_tasks)
        return AdaptedTasks(
            self._learner(),
            self._table(row.X, targets),
            np.empty(0, dtype=np.intp),  # of no row
            n_classes,
            names=names,
            labels=labels,
            unlabelled=unlabelled,
            rows=rows,
        )

    def _learner(self) -> Learner:
        algorithm: Any = self.algorithm_
        learnt = getattr(self, "unlabelled_", None)  # files of before have none
        if learnt is not None:
            algorithm = copy.copy(algorithm).set_params(unlabelled=learnt)
        algorithm = for_targets(algorithm, self.spec_, self._temperatures())
        scaling = self._task_scaling()
        if scaling is not None:
            algorithm = TaskScaled(algorithm, scaling)
        # Another device, set after fit, counts in the next fit.
        weights = [*self.module_.parameters(), *self.module_.buffers()]
        device = weights[0].device if weights else torch.device("cpu")
        return Learner(self._watched(algorithm), self.module_, device)

    def _temperatures(self) -> tuple[float, ...] | None:
        """Return how far each target of new tasks is believed, if that was learnt."""
        learnt = getattr(self, "temperature_", None)  # files of before have none
        if learnt is None or self.spec_.n_targets > 1:
            return learnt
        return (learnt,)

    def _current(
        self, X: Any, groups: Any
    ) -> tuple[AdaptedTasks, np.ndarray, np.ndarray]:
        """Return what was adapted to, the validated rows, and the task of each."""
        check_is_fitted(self)
        warn_of_other_order(X, groups=groups)
        X = self._validate_features(X)
        adapted: AdaptedTasks = self._current_or_prior(
            groups,
            f"unknown_task='prior' needs a prior, which {self.algorithm_} does not "
            f"have for {self.spec_.label_space!r} labels.",
        )
        task = adapted.locate(groups, X, self.unknown_task, self._trained_groups())
        self._warn_if_asked_far(X)
        return adapted, X, task

    def _sizes(self, adapted: AdaptedTasks) -> np.ndarray:
        if adapted.n_rows is None:
            raise ValueError(
                "The file is of an early version and does not say how many rows tasks "
                "were learnt from: call adapt again."
            )
        if self.spec_.label_space != "per_task" or adapted.labels is None:
            return adapted.n_rows
        return adapted.n_rows / np.maximum(adapted.labels.n_classes, 1)

    def _has_prior(self) -> bool:
        return self.algorithm_.has_prior(self.spec_)

    def _to_send(self) -> Self:
        """Return a shallow copy without tasks and without what only training needs."""
        sent = copy.copy(self)
        sent.adapted_ = None
        if hasattr(sent, "net_"):  # not of a file, nor of one that was sent
            del sent.net_
        return sent

    # Rows and numbers --------------------------------------------------------------

    def _validate_rows(
        self, X: Any, y: Any, *, reset: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        numeric = self._kind == "regressor"
        y = as_they_are(y)
        several, names = has_columns(y), target_names_of(y)
        with naming_the_preprocessor(X, type(self).__name__):
            X, y = validate_data(
                self,
                X,
                y,
                reset=reset,
                dtype=_NUMBERS,
                y_numeric=numeric,
                multi_output=several,
            )
        return X, self._checked(y, names, reset)

    def _checked(self, y: np.ndarray, names: np.ndarray | None, reset: bool) -> Any:
        """Check what validated targets hold, and keep the names of their columns."""
        several = has_columns(y)
        if self._kind == "regressor":
            y = as_values(y)
        elif several:
            y = as_indicators(y)
        else:
            check_classification_targets(y)
        if not reset:
            check_n_targets(y, self.spec_.n_targets)
        elif several and names is not None:
            self.target_names_ = names
        elif hasattr(self, "target_names_"):  # of an earlier fit
            del self.target_names_
        return y

    def _validate_targets(
        self, y: np.ndarray, names: np.ndarray | None, *, reset: bool
    ) -> np.ndarray:
        """Check targets by themselves, where some rows have none."""
        y = as_they_are(y)
        y = _check_y(
            y,
            multi_output=has_columns(y),
            y_numeric=self._kind == "regressor",
            estimator=self,
        )
        return self._checked(y, names, reset)

    def _validate_features(self, X: Any, *, reset: bool = False) -> np.ndarray:
        with naming_the_preprocessor(X, type(self).__name__):
            return validate_data(self, X, reset=reset, dtype=_NUMBERS)

    def _weigh(
        self, rows: TaskRows, sample_weight: Any, algorithm: Any = None
    ) -> TaskRows:
        """Give rows weights where there are any, and leave out those of weight 0.

        They are for the ``algorithm``, by default the parameter.
        """
        if sample_weight is None:
            return rows
        self._check_uses_weights("sample_weight", algorithm)
        return rows.weighed(sample_weight)

    def _check_uses_weights(self, name: str, algorithm: Any = None) -> None:
        if algorithm is None:
            algorithm = plugins.resolve("algorithm", self.algorithm)
        if not algorithm.uses_weights:
            raise ValueError(
                f"{algorithm} takes no weights of rows: leave {name} out, or choose an "
                "algorithm with uses_weights, such as 'maml' or 'cnp'."
            )

    def _table(
        self,
        X: np.ndarray,
        targets: np.ndarray | None = None,
        weight: np.ndarray | None = None,
        offset: np.ndarray | None = None,
    ) -> Table:
        if weight is not None:
            weight = weight.astype(np.float32)
        prior = getattr(self, "prior_", None)  # the first files of format 1 have none
        if offset is None and prior is not None:
            offset = by_rows(lambda X: prior.offsets(X, self._nearer), X)
        return Table(
            X,
            targets,
            self.mean_,
            self.scale_,
            weight=weight,
            offset=offset,
            bounds=self._bounds(),
            squash=SQUASH if self._standardised_by == "robust" else None,
        )

    # What scikit-learn asks ---------------------------------------------------------

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        tags.transformer_tags.preserves_dtype = ["float32"]  # torch computes in it
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        """Tell whether meta-training is done."""
        return hasattr(self, "adapted_")

    def _html_rows(self) -> dict[str, str]:
        return html_rows(self)

    @property
    def _n_features_out(self) -> int:
        row = self._table(np.zeros((1, self.n_features_in_)))
        embedding = self._learn_nothing().embeddings(row, np.zeros(1, dtype=np.intp))
        return embedding.shape[1]
