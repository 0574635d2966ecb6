"""How an estimator meta-trains: anew, from an earlier fit on, or on more tasks."""

import contextlib
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.preprocessing import StandardScaler

from skmeta.augmentations import Augmentation
from skmeta.checkpoints import Checkpoint, fingerprint
from skmeta.episodes import EpisodeSampler
from skmeta.estimators.earlier import EarlierFit
from skmeta.facts import count_units
from skmeta.holding_out import make_samplers
from skmeta.meta_dataset import unpack
from skmeta.scaling import within_variance
from skmeta.tables import Table, encode_groups
from skmeta.training import meta_train

__all__ = ["FittingMixin"]


@contextlib.contextmanager
def kept_on_failure(meta: BaseEstimator) -> Iterator[None]:
    """Give back what an earlier fit has learnt where the present one fails."""
    before = meta.__dict__.copy()
    try:
        yield
    except Exception:
        meta.__dict__ = before
        raise


class FittingMixin:
    """The meta-training of an estimator, step by step in :meth:`_fit`.

    A subclass says what is to learn (:meth:`_learn_targets`).
    """

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
        with kept_on_failure(self):
            return self._fit(X, y, groups, sample_weight)

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
        with kept_on_failure(self):
            return self._fit(
                X, y, groups, sample_weight, is_partial=True, classes=classes
            )

    def _fit(self, X, y, groups, sample_weight=None, *, is_partial=False, classes=None):
        self._validate_params()
        goes_on = (self.warm_start or is_partial) and hasattr(self, "net_")
        earlier = EarlierFit.of(self) if goes_on else None
        settled = goes_on and is_partial  # what columns and labels mean
        X, y = self._validate_rows(X, y, reset=not settled)
        task = self._tasks_to_train_on(X, groups)
        X, y, task, _, weight = self._weigh(sample_weight, X, y, task)
        rng = self._generator()
        checkpoint = None
        if self.checkpoint_dir is not None and not is_partial:
            checkpoint = self._open_checkpoint(X, y, task, weight, goes_on)
            checkpoint.start(rng)

        if not goes_on:
            self._learn_scale(X, y, weight)
            self._learn_task_scale(X, y, task)
        targets, cell, label = self._learn_targets(y, task, classes, settled)
        if not settled:
            self._learn_class_weight(y, weight)
        augmentations = self._build_learner(earlier)
        if settled:
            self._refuse_new_classes()

        table = self._table(X, targets, self._row_weights(y, task, weight))
        train, valid = self._make_samplers(
            replace(table, label=label),
            task,
            cell,
            stratum=self._strata(y),
            early_stopping=False if is_partial else self.early_stopping,
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
            before=earlier.net if goes_on else None,
            checkpoint=checkpoint,
        )
        self.module_ = self.net_.module_
        self.history_ = self.net_.history

        self.n_tasks_ = count_units(self.tasks, task, y)
        self.adapted_ = None
        if self.tasks != "groups":  # the table itself is the current task
            self._set_adapted(self._learn(X, y, task, weight=weight))
        return self

    # What is learnt of the data -----------------------------------------------------

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

    @abstractmethod
    def _learn_targets(
        self, y: np.ndarray, task: np.ndarray, classes: Any, settled: bool
    ) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
        """Learn the labels of ``y``, and set ``spec_``.

        ``classes`` are all labels, if they were declared; where the label space is
        ``settled``, it is known already. Returns the targets for the engine; where
        labels mean something inside a task only, the class of each row inside its task;
        and, in classification, which of all training classes each row is of.
        """

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

    # What is meta-trained, and on which episodes ------------------------------------

    def _build_learner(self, earlier: EarlierFit | None) -> list[Augmentation]:
        """Resolve algorithm, backbone and augmentations, and return the last.

        All must suit the targets, and what was learnt earlier if there is something.
        """
        if earlier is not None:
            earlier.check_meaning(self._meaning())
        self._build_components()
        augmentations = self._resolve_augmentations()
        if earlier is not None:
            earlier.check_components(self.algorithm_, self.backbone_)
            self.spec_ = earlier.resize(self.spec_)
        return augmentations

    def _refuse_new_classes(self) -> None:
        if (
            self.algorithm_.learns_train_classes
            and self.spec_.label_space == "per_task"
        ):
            raise ValueError(
                f"{self.algorithm_} learns to tell the classes of training apart, and "
                "those of new tasks would take their places. Call fit on all tasks, or "
                "choose another algorithm for partial_fit."
            )

    def _make_samplers(
        self,
        table: Table,
        task: np.ndarray,
        cell: np.ndarray | None,
        *,
        stratum: np.ndarray | None,
        early_stopping: bool | str,
        rng: np.random.Generator,
    ) -> tuple[EpisodeSampler, EpisodeSampler | None]:
        """Say where the episodes of training, and of validation, are drawn from."""
        return make_samplers(
            table,
            task,
            cell,
            stratum=stratum,
            tasks=self.tasks,
            early_stopping=early_stopping,
            validation_fraction=self.validation_fraction,
            n_classes=self.spec_.n_outputs if self._kind == "classifier" else 0,
            n_way=getattr(self, "n_way", 1),
            n_shot=self._shots(),
            n_query=self.n_query,
            mix_tasks=getattr(self, "mix_tasks", 0.0),
            rng=rng,
        )

    # How far it is ------------------------------------------------------------------

    def _open_checkpoint(self, X, y, task, weight, goes_on: bool) -> Checkpoint:
        data = {"X": X, "y": y, "groups": task, "sample_weight": weight}
        if goes_on:
            data["weights"] = {
                name: weight.cpu().numpy()
                for name, weight in self.module_.state_dict().items()
            }
        parts = fingerprint(self.get_params(deep=False), data)
        return Checkpoint(self.checkpoint_dir, self.checkpoint_every, parts)
