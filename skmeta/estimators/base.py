"""What MetaClassifier and MetaRegressor share: parameters and meta-training."""

from abc import abstractmethod
from dataclasses import replace
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
from sklearn.utils.validation import check_is_fitted

from skmeta import plugins
from skmeta.algorithms.base import Algorithm
from skmeta.augmentations import Augmentation
from skmeta.checkpoints import Checkpoint, fingerprint
from skmeta.estimators.adapting import AdaptingMixin
from skmeta.facts import FactsMixin, count_units, training_facts
from skmeta.keeping import KeepingMixin
from skmeta.meta_dataset import unpack
from skmeta.net import EpisodicNet
from skmeta.scaling import within_variance
from skmeta.tables import encode_groups
from skmeta.training import make_net, make_samplers, meta_train

__all__ = ["BaseMetaEstimator"]


class BaseMetaEstimator(
    KeepingMixin,
    AdaptingMixin,
    FactsMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    BaseEstimator,
):
    """A meta-learner of any kind of target: meta-training, then adaptation.

    A subclass says what is to learn (:meth:`_learn_targets`) and what
    :class:`skmeta.estimators.adapting.AdaptingMixin` asks for.
    """

    _kind: str

    # Rows know their task by ``groups``; scikit-learn's meta-estimators pass it on
    # where metadata routing is on.
    __metadata_request__fit = {"groups": True}
    __metadata_request__partial_fit = {"groups": True}
    __metadata_request__predict = {"groups": True}
    __metadata_request__score = {"groups": True}
    __metadata_request__transform = {"groups": True}

    _parameter_constraints = {
        "algorithm": [str, HasMethods(["build", "adapt", "predict"])],
        "backbone": [str, HasMethods(["build"])],
        "augment": [str, HasMethods(["augment"]), list, tuple, None],
        "n_shot": [Interval(Integral, 0, None, closed="left"), tuple, list],
        "n_query": [Interval(Integral, 1, None, closed="left")],
        "normalize": [StrOptions({"task", "global"}), None],
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
        "checkpoint_dir": [str, HasMethods(["__fspath__"]), None],
        "checkpoint_every": [Interval(Integral, 1, None, closed="left")],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    def fit(self, X, y=None, groups=None, sample_weight=None):
        """Meta-train on many tasks.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or MetaDataset
            Rows of all tasks, or the tasks themselves.
        y : array-like of shape (n_rows,)
            Targets. Only a :class:`skmeta.MetaDataset` brings its own.
        groups : array-like of shape (n_rows,), default=None
            Task of each row. Needed for ``tasks="groups"`` and ignored otherwise.
        sample_weight : array-like of shape (n_rows,), default=None
            How much each row counts wherever it is drawn, in the support and in the
            query; rows of weight 0 are left out.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If ``groups`` is needed and not given, if no task has enough rows, or if
            the algorithm takes no weights.
        """
        X, y, groups, _ = unpack(X, y, groups)
        before = self.__dict__.copy()
        try:
            return self._fit(X, y, groups, sample_weight)
        except Exception:
            self.__dict__ = before  # what an earlier fit has learnt is not lost
            raise

    def partial_fit(self, X, y=None, groups=None, classes=None, sample_weight=None):
        """Meta-train on more tasks: one pass over ``tasks_per_epoch`` episodes of them.

        The first call, or ``fit``, settles columns, their scale and the label space.
        Every call goes on from the weights and the optimizer's memory that are there;
        call it several times for more passes. No tasks are held out. What was adapted
        to is forgotten, for it was learnt by other meta-knowledge.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or MetaDataset
            Rows of new tasks, or of old ones again.
        y : array-like of shape (n_rows,)
            Targets. Only a :class:`skmeta.MetaDataset` brings its own.
        groups : array-like of shape (n_rows,), default=None
            Task of each row, as in ``fit``.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come, for the first call of a classifier with a
            shared label space; by default those in ``y``. Without meaning elsewhere.
        sample_weight : array-like of shape (n_rows,), default=None
            Weight of each row, as in ``fit``.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        ValueError
            If columns or labels are others than those of the first call, or if the
            algorithm learns the training classes themselves, which new tasks would
            replace.
        """
        X, y, groups, _ = unpack(X, y, groups)
        before = self.__dict__.copy()
        try:
            return self._fit(
                X, y, groups, sample_weight, is_partial=True, classes=classes
            )
        except Exception:
            self.__dict__ = before
            raise

    def _fit(self, X, y, groups, sample_weight=None, *, is_partial=False, classes=None):
        self._validate_params()
        goes_on = (self.warm_start or is_partial) and hasattr(self, "net_")
        stays = goes_on and is_partial  # columns and labels are settled
        X, y = self._validate_rows(X, y, reset=not stays)
        task = self._tasks_to_train_on(X, groups)
        X, y, task, _, weight = self._weigh(sample_weight, X, y, task)
        rng = self._generator()
        checkpoint = None
        if self.checkpoint_dir is not None and not is_partial:
            checkpoint = self._open_checkpoint(X, y, task, weight, goes_on)
            checkpoint.start(rng)
        before = self.net_ if goes_on else None
        known = self._meaning() if goes_on else None
        built_of = (self.algorithm_, self.backbone_) if goes_on else None
        n_train_classes = self.spec_.n_train_classes if goes_on else None
        if not goes_on:
            self._learn_scale(X, y, weight)
            self._learn_task_scale(X, y, task)
        targets, cell, label = self._learn_targets(y, task, classes, stays)
        if not stays:
            self._learn_class_weight(y, weight)
        if goes_on and known != self._meaning():
            raise ValueError(
                "warm_start=True goes on from weights that were learnt for other "
                "columns or labels. Set warm_start=False."
            )
        self._build_components()
        augmentations = self._resolve_augmentations()
        if goes_on and repr(built_of) != repr((self.algorithm_, self.backbone_)):
            raise ValueError(
                f"warm_start=True goes on from weights that {built_of[0]} learnt for "
                f"{built_of[1]}, not from those of {self.algorithm_} and "
                f"{self.backbone_}. Set warm_start=False."
            )
        if goes_on:  # as many as the weights were made for
            self.spec_ = replace(self.spec_, n_train_classes=n_train_classes)
        if stays and self.algorithm_.learns_train_classes and label is not None:
            self._refuse_new_classes()

        train, valid = make_samplers(
            replace(
                self._table(X, targets, self._row_weights(y, task, weight)), label=label
            ),
            task,
            cell,
            stratum=self._strata(y),
            tasks=self.tasks,
            early_stopping=False if is_partial else self.early_stopping,
            validation_fraction=self.validation_fraction,
            n_classes=self.spec_.n_outputs if self._kind == "classifier" else 0,
            n_way=getattr(self, "n_way", 1),
            n_shot=self._shots(),
            n_query=self.n_query,
            mix_tasks=getattr(self, "mix_tasks", 0.0),
            rng=rng,
        )
        # A new net, with the present callbacks; who shares the old weights keeps them.
        self.net_ = self._make_net(validates=valid is not None)
        if is_partial:
            self.net_.max_epochs = 1
        meta_train(
            self.net_,
            train,
            valid,
            augmentations=augmentations,
            scaling=self._task_scaling(),
            spec=self.spec_,
            tasks_per_epoch=self.tasks_per_epoch,
            rng=rng,
            before=before,
            checkpoint=checkpoint,
        )
        self.module_ = self.net_.module_
        self.history_ = self.net_.history

        self.n_tasks_ = count_units(self.tasks, task, y)
        self.adapted_ = None
        if self.tasks != "groups":  # the table itself is the current task
            self._set_adapted(self._learn(X, y, task, weight=weight))
        return self

    def fit_transform(self, X, y, groups=None, sample_weight=None):
        """Meta-train, then embed the rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Rows of all tasks.
        y : array-like of shape (n_rows,)
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

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.transformer_tags.preserves_dtype = ["float32"]  # torch computes in it
        return tags

    def _facts(self) -> dict[str, str]:
        return training_facts(self)

    def __sklearn_is_fitted__(self) -> bool:
        """Tell whether meta-training is done."""
        return hasattr(self, "adapted_")

    @abstractmethod
    def _learn_targets(
        self, y: np.ndarray, task: np.ndarray, classes: Any, stays: bool
    ) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
        """Learn the labels of ``y``, and set ``spec_``.

        ``classes`` are all labels, if they were declared; where the label space
        ``stays``, it is known already. Returns the targets for the engine; where labels
        mean something inside a task only, the class of each row inside its task; and,
        in classification, which of all training classes each row is of.
        """

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

    def _open_checkpoint(self, X, y, task, weight, goes_on: bool) -> Checkpoint:
        data = {"X": X, "y": y, "groups": task, "sample_weight": weight}
        if goes_on:
            data["weights"] = {
                name: weight.cpu().numpy()
                for name, weight in self.module_.state_dict().items()
            }
        parts = fingerprint(self.get_params(deep=False), data)
        return Checkpoint(self.checkpoint_dir, self.checkpoint_every, parts)

    def _refuse_new_classes(self) -> None:
        if self.spec_.label_space == "per_task":
            raise ValueError(
                f"{self.algorithm_} learns to tell the classes of training apart, and "
                "those of new tasks would take their places. Call fit on all tasks, or "
                "choose another algorithm for partial_fit."
            )

    def _learn_class_weight(self, y: np.ndarray, weight: np.ndarray | None) -> None:
        """Learn the weights of classes, where there are any."""

    def _learn_scale(
        self, X: np.ndarray, y: np.ndarray, weight: np.ndarray | None
    ) -> None:
        self.mean_, self.scale_ = 0.0, 1.0
        if self.normalize is not None:
            scaler = StandardScaler().fit(X, sample_weight=weight)
            self.mean_, self.scale_ = scaler.mean_, scaler.scale_

    def _learn_task_scale(self, X: np.ndarray, y: np.ndarray, task: np.ndarray) -> None:
        """Learn how much rows of one task vary, to standardise tasks by."""
        self.within_ = None
        if self.normalize == "task":
            self.within_ = self._within(X, y, task, self.mean_, self.scale_)

    def _within(self, values, y, task, mean, scale) -> np.ndarray:
        return within_variance(values, task, mean, scale)

    def _meaning(self) -> object:
        """Return what columns and outputs stand for, to compare two fits by."""
        return self.spec_

    def _build_components(self) -> None:
        self.algorithm_ = clone(plugins.resolve("algorithm", self.algorithm))
        self.backbone_ = clone(plugins.resolve("backbone", self.backbone))
        self._check_suits(self.algorithm_, "algorithm")

    def _resolve_augmentations(self) -> list[Augmentation]:
        """Return the task augmentations, and say in ``spec_`` what they widen."""
        given = self.augment
        if given is None:
            given = []
        elif not isinstance(given, (list, tuple)):
            given = [given]
        resolved = [plugins.resolve("augmentation", each) for each in given]
        n_train_classes = self.spec_.n_train_classes
        for augmentation in resolved:
            self._check_suits(augmentation, "augmentation")
            n_train_classes = augmentation.n_train_classes(n_train_classes)
        self.spec_ = replace(self.spec_, n_train_classes=n_train_classes)
        return resolved

    def _check_suits(self, component: Algorithm | Augmentation, kind: str) -> None:
        for what, wanted, offered in [
            ("targets", self.spec_.kind, component.kinds),
            ("label spaces", self.spec_.label_space, component.label_spaces),
        ]:
            if wanted not in offered:
                raise ValueError(
                    f"{component} does not learn {wanted!r} {what}, only "
                    f"{' and '.join(map(repr, offered))}. Choose another {kind}: "
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
