"""What MetaClassifier and MetaRegressor share: fit, adapt, send rows to tasks."""

import copy
from abc import ABCMeta, abstractmethod
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    clone,
)
from sklearn.preprocessing import StandardScaler
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import (
    _check_sample_weight,
    check_is_fitted,
    validate_data,
)

from skmeta import plugins
from skmeta.adapted import AdaptedTasks, Learner
from skmeta.episodes import draw_support
from skmeta.exceptions import NotAdaptedError
from skmeta.labels import TaskLabels
from skmeta.net import EpisodicNet
from skmeta.tables import Table, encode_groups
from skmeta.training import make_net, make_samplers, meta_train

__all__ = ["BaseMetaEstimator"]


class BaseMetaEstimator(
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    BaseEstimator,
    metaclass=ABCMeta,
):
    """Meta-training, adaptation and routing, whatever the kind of target.

    A subclass says how targets become numbers (:meth:`_learn_targets`,
    :meth:`_encode_support`) and how outputs become answers (``predict``).
    """

    _kind: str

    # Rows know their task by ``groups``; scikit-learn's meta-estimators pass it on
    # where metadata routing is on.
    __metadata_request__fit = {"groups": True}
    __metadata_request__predict = {"groups": True}
    __metadata_request__score = {"groups": True}
    __metadata_request__transform = {"groups": True}

    _parameter_constraints = {
        "algorithm": [str, HasMethods(["build", "adapt", "predict"])],
        "backbone": [str, HasMethods(["build"])],
        "n_shot": [Interval(Integral, 0, None, closed="left"), tuple, list],
        "n_query": [Interval(Integral, 1, None, closed="left")],
        "normalize": [StrOptions({"global"}), None],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "tasks_per_epoch": [Interval(Integral, 1, None, closed="left")],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "optimizer": [callable],
        "early_stopping": [StrOptions({"auto"}), "boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "patience": [Interval(Integral, 1, None, closed="left")],
        "unknown_task": [StrOptions({"error", "prior"})],
        "callbacks": [list, tuple, None],
        "device": [str, torch.device],
        "compile": ["boolean"],
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    def fit(self, X, y, groups=None):
        """Meta-train on many tasks.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Rows of all tasks.
        y : array-like of shape (n_rows,)
            Targets.
        groups : array-like of shape (n_rows,), default=None
            Task of each row. Needed for ``tasks="groups"`` and ignored otherwise.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If ``groups`` is needed and not given, or if no task has enough rows.
        """
        before = self.__dict__.copy()
        try:
            return self._fit(X, y, groups)
        except Exception:
            self.__dict__ = before  # what an earlier fit has learnt is not lost
            raise

    def _fit(self, X, y, groups):
        self._validate_params()
        X, y = self._validate_rows(X, y, reset=True)
        task = self._tasks_to_train_on(X, groups)
        rng = self._generator()
        goes_on = self.warm_start and hasattr(self, "net_")
        known = self._meaning() if goes_on else None
        built_of = (self.algorithm_, self.backbone_) if goes_on else None
        if not goes_on:
            self._learn_scale(X, y)
        targets, cell = self._learn_targets(y, task)
        if goes_on and known != self._meaning():
            raise ValueError(
                "warm_start=True goes on from weights that were learnt for other "
                "columns or labels. Set warm_start=False."
            )
        self._build_components()
        if goes_on and repr(built_of) != repr((self.algorithm_, self.backbone_)):
            raise ValueError(
                f"warm_start=True goes on from weights that {built_of[0]} learnt for "
                f"{built_of[1]}, not from those of {self.algorithm_} and "
                f"{self.backbone_}. Set warm_start=False."
            )

        train, valid = make_samplers(
            self._table(X, targets),
            task,
            cell,
            tasks=self.tasks,
            early_stopping=self.early_stopping,
            validation_fraction=self.validation_fraction,
            n_classes=self.spec_.n_outputs if self._kind == "classifier" else 0,
            n_way=getattr(self, "n_way", 1),
            n_shot=self._shots(),
            n_query=self.n_query,
            rng=rng,
        )
        if goes_on:  # on a copy: who shares the old weights keeps them
            self.net_ = copy.deepcopy(self.net_)
            self.net_.set_params(max_epochs=self.max_epochs, lr=self.lr)
        else:
            self.net_ = self._make_net(validates=valid is not None)
        meta_train(
            self.net_, train, valid, tasks_per_epoch=self.tasks_per_epoch, rng=rng
        )
        self.module_ = self.net_.module_
        self.history_ = self.net_.history

        self.adapted_ = None
        if self.tasks != "groups":  # the table itself is the current task
            self._set_adapted(self._learn(X, y, task))
        return self

    def adapt(self, X=None, y=None, groups=None):
        """Learn the current task, or tasks, from a few labelled rows.

        Meta-knowledge stays as it is; what was adapted to before is forgotten.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features), default=None
            Support rows. Without any, the current task is known by the prior alone.
        y : array-like of shape (n_rows,), default=None
            Targets of the rows.
        groups : array-like of shape (n_rows,), default=None
            Task of each row, to adapt to many tasks in one call. Without, all rows
            belong to one task.

        Returns
        -------
        self : object
            The estimator, ready to predict.

        Raises
        ------
        ValueError
            If a label is unknown to a shared label space, or if there is no row and no
            prior to answer by.
        """
        check_is_fitted(self)
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
        self._set_adapted(self._learn(X, y, task, names))
        return self

    def fit_transform(self, X, y, groups=None):
        """Meta-train, then embed the rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Rows of all tasks.
        y : array-like of shape (n_rows,)
            Targets.
        groups : array-like of shape (n_rows,), default=None
            Task of each row.

        Returns
        -------
        ndarray of shape (n_rows, out_features)
            Embedding by the meta-learnt backbone, or by the one that was adapted to the
            table where the table is the current task.
        """
        return self.fit(X, y, groups=groups).transform(X)

    def transform(self, X, groups=None):
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

    def score(self, X, y, sample_weight=None, groups=None):
        """Score the predictions for the current task, or for new tasks.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Rows.
        y : array-like of shape (n_rows,)
            True targets.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the rows.
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
        if groups is None:
            answers = self.predict(X)
            return float(self._metric(y, answers, sample_weight=sample_weight))
        X, y = self._validate_rows(X, y, reset=False)
        weight = _check_sample_weight(sample_weight, X)
        names, task = encode_groups(groups, X)
        in_support = draw_support(
            self._cells(y, task), self._shots()[1], self._generator(default=0)
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

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.transformer_tags.preserves_dtype = ["float32"]  # torch computes in it
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        """Tell whether meta-training is done."""
        return hasattr(self, "adapted_")

    # What a kind of target must say -------------------------------------------------

    @abstractmethod
    def _learn_targets(
        self, y: np.ndarray, task: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Learn the labels or the scale of ``y``, and set ``spec_``.

        Returns the targets for the engine and, where labels mean something inside a
        task only, the class of each row inside its task.
        """

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

    # Meta-training -----------------------------------------------------------------

    def _tasks_to_train_on(self, X: np.ndarray, groups: Any) -> np.ndarray:
        if self.tasks != "groups":
            return np.zeros(len(X), dtype=np.intp)
        if groups is None:
            raise ValueError(
                "fit needs to know the task of each row: pass groups=, and inside a "
                "Pipeline or GridSearchCV turn on "
                "sklearn.set_config(enable_metadata_routing=True) so that it arrives. "
                f"Or choose {self._other_tasks} to make tasks out of one table."
            )
        return encode_groups(groups, X)[1]

    def _learn_scale(self, X: np.ndarray, y: np.ndarray) -> None:
        self.mean_, self.scale_ = 0.0, 1.0
        if self.normalize == "global":
            scaler = StandardScaler().fit(X)
            self.mean_, self.scale_ = scaler.mean_, scaler.scale_

    def _meaning(self) -> object:
        """Return what columns and outputs stand for, to compare two fits by."""
        return self.spec_

    def _build_components(self) -> None:
        self.algorithm_ = clone(plugins.resolve("algorithm", self.algorithm))
        self.backbone_ = clone(plugins.resolve("backbone", self.backbone))
        for what, wanted, offered in [
            ("targets", self.spec_.kind, self.algorithm_.kinds),
            ("label spaces", self.spec_.label_space, self.algorithm_.label_spaces),
        ]:
            if wanted not in offered:
                raise ValueError(
                    f"{self.algorithm_} does not learn {wanted!r} {what}, only "
                    f"{' and '.join(map(repr, offered))}. Choose another algorithm: "
                    "python -m skmeta plugins lists them."
                )

    def _make_net(self, *, validates: bool) -> EpisodicNet:
        return make_net(
            self.algorithm_,
            self.backbone_,
            self.spec_,
            patience=self.patience if validates else None,
            verbose=self.verbose,
            callbacks=self.callbacks,
            max_epochs=self.max_epochs,
            batch_size=self.batch_size,
            lr=self.lr,
            optimizer=self.optimizer,
            device=self.device,
            compile=self.compile,
        )

    # The current tasks -------------------------------------------------------------

    def _learn(
        self,
        X: np.ndarray,
        y: np.ndarray,
        task: np.ndarray,
        names: np.ndarray | None = None,
    ) -> AdaptedTasks:
        """Adapt to tasks; the last of what is learnt is the prior, if there is one."""
        if not len(X):
            return self._learn_nothing(names)
        n_tasks = 1 if names is None else len(names)
        targets, n_classes, labels = self._encode(y, task, n_tasks + self._has_prior())
        return AdaptedTasks(
            Learner(self.algorithm_, self.module_, self.device),
            self._table(X, targets),
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
            Learner(self.algorithm_, self.module_, self.device),
            self._table(np.zeros((1, self.n_features_in_)), targets),
            no_task,
            n_classes,
            names=names,
            labels=labels,
        )

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
            dtype=[np.float64, np.float32],
            y_numeric=self._kind == "regressor",
        )

    def _validate_features(self, X) -> np.ndarray:
        return validate_data(self, X, reset=False, dtype=[np.float64, np.float32])

    def _table(self, X: np.ndarray, targets: np.ndarray | None = None) -> Table:
        return Table(X, targets, self.mean_, self.scale_)

    def _shots(self) -> tuple[int, int]:
        """Return the lowest and the highest number of support rows."""
        is_range = isinstance(self.n_shot, (tuple, list))
        shots = tuple(self.n_shot) if is_range else (self.n_shot,) * 2
        whole = all(isinstance(shot, Integral) for shot in shots)
        if not (len(shots) == 2 and whole and 0 <= shots[0] <= shots[1]):
            raise ValueError(
                f"n_shot must be an int or a range (low, high), not {self.n_shot!r}."
            )
        low, high = shots
        if self.spec_.label_space == "per_task" and low < 1:
            raise ValueError("n_shot must be at least 1 where labels are per task.")
        return low, high

    def _generator(self, default: int | None = None) -> np.random.Generator:
        # None never touches numpy's global state: the seed comes from the system.
        seed = default if self.random_state is None else self.random_state
        if isinstance(seed, np.random.RandomState):
            seed = seed.randint(np.iinfo(np.int32).max)
        return np.random.default_rng(seed)

    @property
    def _n_features_out(self) -> int:
        return (
            self._learn_nothing()
            .embeddings(
                self._table(np.zeros((1, self.n_features_in_))),
                np.zeros(1, dtype=np.intp),
            )
            .shape[1]
        )
