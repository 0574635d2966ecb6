"""What MetaClassifier and MetaRegressor share: parameters and meta-training."""

from dataclasses import replace
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    clone,
)
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skmeta import plugins
from skmeta.algorithms.base import Algorithm
from skmeta.augmentations import Augmentation
from skmeta.estimators.adapting import AdaptingMixin
from skmeta.estimators.fitting import FittingMixin
from skmeta.estimators.weighing import WeighingMixin
from skmeta.facts import FactsMixin, training_facts
from skmeta.keeping import KeepingMixin
from skmeta.net import EpisodicNet
from skmeta.training import make_net

__all__ = ["BaseMetaEstimator"]


class BaseMetaEstimator(
    KeepingMixin,
    FittingMixin,
    AdaptingMixin,
    WeighingMixin,
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

    # What is meta-trained -----------------------------------------------------------

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
