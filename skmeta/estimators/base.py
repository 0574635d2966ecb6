"""Meta-training: what MetaClassifier and MetaRegressor do in ``fit``, step by step."""

from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from torch import nn

from skmeta import plugins
from skmeta.algorithms.base import Algorithm
from skmeta.augmentations import Augmentation, FeatureNoise
from skmeta.backbones.torch_module import as_backbone
from skmeta.engine.checkpoints import Checkpoint, fingerprint
from skmeta.engine.net import EpisodicNet
from skmeta.engine.training import make_net, meta_train, pass_on_interruption
from skmeta.engine.unlabelled import learn_unlabelled
from skmeta.engine.warm_start import EarlierFit
from skmeta.episodes.sampler import EpisodeSampler, shot_range
from skmeta.episodes.table import Table
from skmeta.episodes.unlabelled import Unlabelled
from skmeta.episodes.validation import make_samplers
from skmeta.estimators.calibration import Calibration, TrainingRows
from skmeta.estimators.incremental import IncrementalEstimator
from skmeta.estimators.multioutput import refuse_target_by_target
from skmeta.tables.groups import GROUPS_NEEDED
from skmeta.tables.labels import refuse_declared_names
from skmeta.tables.meta_dataset.dataset import MetaDataset, unpack
from skmeta.tables.prior import NAMES, make_part
from skmeta.tables.priors import cross_fit_targets
from skmeta.tables.rows import TaskRows
from skmeta.tables.targets import n_targets_of
from skmeta.utils.devices import check_device
from skmeta.utils.random import generator
from skmeta.utils.rollback import kept_on_failure
from skmeta.utils.unique import unite

__all__ = ["BaseMetaEstimator"]

# What keeps a training from memorising the classes of a pool, chosen on classes held
# out of those that benchmarks/pools.py trains on.
_POOL_NOISE = FeatureNoise(scale=0.1, within=0.5)
_POOL_DECAY = 1e-3
_POOL_EPOCHS = 40  # where no class is held out to stop it


class BaseMetaEstimator(IncrementalEstimator):
    """A meta-learner of any kind of target: its parameters and its meta-training.

    What it does when it is fitted is in
    :class:`skmeta.estimators.adapting.AdaptingEstimator`; what it asks of a kind of
    target in :class:`skmeta.estimators.targets.Targets`.
    """

    # Rows know their task by ``groups``; scikit-learn's meta-estimators pass it on
    # where metadata routing is on.
    __metadata_request__fit = {"groups": True, "classes": True, "in_support": True}
    __metadata_request__partial_fit = {"groups": True, "in_support": True}
    __metadata_request__predict = {"groups": True}
    __metadata_request__score = {"groups": True, "support": True, "in_support": True}
    __metadata_request__transform = {"groups": True}

    _parameter_constraints = {
        "algorithm": [str, HasMethods(["build", "adapt", "predict"])],
        "backbone": [str, HasMethods(["build"]), nn.Module],
        "prior": [StrOptions({"auto", *NAMES}), HasMethods("fit"), list, tuple, None],
        "augment": [str, HasMethods(["augment"]), list, tuple, None],
        "n_shot": [
            StrOptions({"auto"}),
            Interval(Integral, 0, None, closed="left"),
            tuple,
            list,
        ],
        "n_query": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "support": [StrOptions({"random", "first"})],
        "normalize": [StrOptions({"task", "global", "robust"}), None],
        "max_epochs": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "tasks_per_epoch": [Interval(Integral, 1, None, closed="left")],
        "lr": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
        "optimizer": [StrOptions({"auto"}), callable],
        "early_stopping": [StrOptions({"auto"}), "boolean"],
        "validation_fraction": [
            StrOptions({"auto"}),
            Interval(Real, 0, 1, closed="neither"),
        ],
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

    def fit(
        self,
        X: ArrayLike | MetaDataset,
        y: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        *,
        classes: ArrayLike | None = None,
        in_support: ArrayLike | None = None,
    ) -> Self:
        """Meta-train on many tasks.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or MetaDataset
            Rows of all tasks, or the tasks themselves.
        y : array-like of shape (n_rows,) or (n_rows, n_targets)
            Targets. Only a :class:`skmeta.MetaDataset` brings its own. Several columns
            are learnt on one backbone, each with a head or kernel of its own: values,
            or 0 and 1 for labels that a row has or has not. A missing target, NaN, None
            or pandas.NA, marks a row without a label, which counts where tasks are
            standardised by themselves, and is no row of a support, a query or a prior.
        groups : array-like of shape (n_rows,), default=None
            Task of each row. Needed for ``tasks="groups"`` and ignored otherwise.
        sample_weight : array-like of shape (n_rows,), default=None
            How much each row counts wherever it is drawn, in the support and in the
            query; rows of weight 0 are left out.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come, of a classifier with a shared label space;
            by default those in ``y``. Some may occur in new tasks only, such as tasks
            that a search holds out. Without meaning for a regressor.
        in_support : bool array-like of shape (n_rows,), default=None
            True for rows that are always support, False for query, as a
            :class:`skmeta.MetaDataset` has them too. Supports of ``n_shot`` rows are
            drawn of the former, or are the first of them with ``support="first"``, and
            queries of the latter. Without meaning where tasks are made of one table.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If ``groups`` is needed and not given, if no task has enough rows, if the
            algorithm takes no weights, if ``classes`` are declared for labels that
            are only names inside a task, or if it is called for one target after
            another, by ``MultiOutputRegressor`` and the like.
        KeyboardInterrupt
            After Ctrl-C, with the best weights so far in place; those of an earlier
            fit where no epoch was done.
        """
        X, y, groups, given = unpack(X, y, groups, in_support)
        with kept_on_failure(self), ExitStack() as held:
            self._fit(X, y, groups, sample_weight, given, classes=classes, held=held)
        pass_on_interruption(self.net_)
        return self

    def partial_fit(
        self,
        X: ArrayLike | MetaDataset,
        y: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        *,
        in_support: ArrayLike | None = None,
    ) -> Self:
        """Meta-train on more tasks: one pass over ``tasks_per_epoch`` episodes of them.

        The first call, or ``fit``, settles columns, their scale and the label space.
        Every call goes on from the weights and the optimizer's memory that are there,
        with a cycle of the learning rate of its own where the algorithm trains in one;
        call it several times for more passes. A second loss of the training classes
        (``class_loss`` of an algorithm) is left out where labels are per task, for the
        next call has other classes. A prior stays as the first call, or ``fit``, has
        fitted it. No tasks are held out. What was adapted to is forgotten, for it was
        learnt by other meta-knowledge.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or MetaDataset
            Rows of new tasks, or of old ones again.
        y : array-like of shape (n_rows,) or (n_rows, n_targets)
            Targets. Only a :class:`skmeta.MetaDataset` brings its own.
        groups : array-like of shape (n_rows,), default=None
            Task of each row, as in ``fit``.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come, for the first call of a classifier with a
            shared label space; by default those in ``y``. Without meaning elsewhere.
        sample_weight : array-like of shape (n_rows,), default=None
            Weight of each row, as in ``fit``.
        in_support : bool array-like of shape (n_rows,), default=None
            Rows that are always support, as in ``fit``.

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
        X, y, groups, given = unpack(X, y, groups, in_support)
        with kept_on_failure(self):
            self._fit(
                X, y, groups, sample_weight, given, is_partial=True, classes=classes
            )
        pass_on_interruption(self.net_)
        return self

    def _fit(
        self,
        X: Any,
        y: Any,
        groups: Any,
        sample_weight: Any = None,
        in_support: Any = None,
        *,
        is_partial: bool = False,
        classes: Any = None,
        held: ExitStack | None = None,
    ) -> None:
        self._validate_params()
        refuse_target_by_target(self)
        if is_partial:
            self._check_partial_fit()
        check_device(self.device)
        if self.tasks != "groups":  # what is given is of other tasks
            in_support = None
        given = TrainingRows(X, y, groups, sample_weight, in_support).labelled()
        was_fitted = hasattr(self, "net_")
        earlier = None
        if (self.warm_start or is_partial) and was_fitted:
            earlier = self._earlier_fit()
        settled = is_partial and earlier is not None  # what columns and labels mean
        rows = self._read_rows(
            X,
            y,
            self._groups_to_train_on(groups),
            in_support,
            reset=not settled,
        )
        rows = self._weigh(rows, sample_weight)
        if not len(rows):
            raise ValueError("No row has a target to learn from: all of y is missing.")
        rng = generator(self.random_state)
        checkpoint = None
        if self.checkpoint_dir is not None and held is not None:
            checkpoint = held.enter_context(
                self._open_checkpoint(rows, earlier, classes)
            )
            checkpoint.start(rng)

        if earlier is None:
            self._learn_scale(rows)
            self._learn_task_scale(rows)
        else:
            earlier.check_columns(self.n_features_in_, n_targets_of(rows.y))
        self._learn_range(rows, widen=earlier is not None)
        targets, cell, label = self._learn_targets(rows, classes, settled)
        if classes is not None and not is_partial:
            refuse_declared_names(self.spec_.label_space)
        fixed_split = self.support == "first" or rows.in_support is not None
        augmentations = self._build_learner(earlier, fixed_split=fixed_split)
        if settled:
            self._refuse_new_classes()
        if is_partial:
            label = self._labels_of_a_part(label)

        self._choose_episode()
        n_shot = shot_range(self.n_shot_, self.spec_.label_space)
        weight = self._row_weights(rows)
        offset = None if settled else self._learn_prior(rows, weight, rng)
        table = self._table(rows.X, targets, weight, offset)
        table = replace(table, label=label)
        draw: dict[str, Any] = {
            "n_classes": self.spec_.n_outputs if self._kind == "classifier" else 0,
            "n_way": getattr(self, "n_way", 1),
            "n_shot": n_shot,
            "n_query": self.n_query_,
            "stratum": self._strata(rows),
            "unlabelled": self._unlabelled_to_scale_by(rows),
        }
        train, valid = make_samplers(
            table,
            rows.task,
            cell,
            tasks=self.tasks,
            early_stopping=not is_partial and self._holds_out(),
            validation_fraction=self._part_to_hold_out(rows),
            warns_of_few=self.n_shot != "auto",
            support=self.support,
            in_support=rows.in_support,
            mix_tasks=getattr(self, "mix_tasks", 0.0),
            rng=rng,
            **draw,
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
            before=None if earlier is None else earlier.net,
            checkpoint=checkpoint,
        )
        if self.net_.is_interrupted and was_fitted and not self.net_.n_epochs_done:
            raise KeyboardInterrupt  # a part of an epoch is worse than an earlier fit
        self.module_ = self.net_.module_
        self.history_ = self.net_.history

        self._learn_unlabelled(train, valid, table, rows.task, cell, draw, rng)

        self.n_tasks_ = self._count_units(rows)
        self._learn_largest_task(rows, widen=earlier is not None)
        # Who has gone on from earlier rows cannot learn without a part of them again.
        can_refit = earlier is None and not is_partial
        self.calibration_ = Calibration(given if can_refit else None)
        self._remember_groups(rows, widen=settled)
        self.adapted_ = None
        self._learn_unknown(rows, rng)
        if self.tasks != "groups":  # the table itself is the current task
            self._set_adapted(self._learn(rows, offset, keep=True))

    # What is meta-trained on ---------------------------------------------------------

    def _learn_largest_task(self, rows: TaskRows, *, widen: bool) -> None:
        """Keep the rows of the largest task, of an earlier fit too if it goes on."""
        before = getattr(self, "largest_task_", None) if widen else None
        self.largest_task_ = None
        if self.tasks == "groups":
            self.largest_task_ = max(int(np.bincount(rows.task).max()), before or 0)

    def _remember_groups(self, rows: TaskRows, *, widen: bool) -> None:
        """Keep the names of the tasks, to say how they can be answered."""
        before = self._trained_groups() if widen else None
        self._training_groups = rows.names
        if before is not None and rows.names is not None:
            with suppress(TypeError):  # names of two kinds
                self._training_groups = unite(before, rows.names).names

    def _groups_to_train_on(self, groups: Any) -> Any:
        """Return what tells tasks apart, None where they are made of one table."""
        if self.tasks != "groups":
            return None
        if groups is None:
            raise ValueError(
                f"{GROUPS_NEEDED} Or choose {self._other_tasks} to make tasks out of "
                "one table."
            )
        return groups

    def _count_units(self, rows: TaskRows) -> int:
        """Count what episodes are drawn from: tasks, classes or rows."""
        if self.tasks == "groups":
            return len(np.unique(rows.task))
        return len(np.unique(rows.y)) if self.tasks == "classes" else len(rows)

    # What is meta-trained ------------------------------------------------------------

    def _build_learner(
        self, earlier: EarlierFit | None, *, fixed_split: bool
    ) -> list[Augmentation]:
        """Resolve algorithm, backbone and augmentations, and return the last.

        All must suit the targets, and what was learnt earlier if there is something.
        ``fixed_split`` says whether it matters which rows are support.
        """
        if earlier is not None:
            earlier.check_meaning(self._meaning())
        self._build_components()
        self.spec_ = replace(
            self.spec_, n_parts=len(self._prior_parts()), fixed_split=fixed_split
        )
        if earlier is not None:
            earlier.check_parts(self.spec_.n_parts)
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

    def _labels_of_a_part(self, label: np.ndarray | None) -> np.ndarray | None:
        """Leave training classes out where another call of partial_fit has others."""
        if (
            label is None
            or self.algorithm_.learns_train_classes
            or self.spec_.label_space == "shared"
        ):
            return label
        return np.full_like(label, -1)

    def _build_components(self) -> None:
        self.algorithm_ = clone(plugins.resolve("algorithm", self.algorithm))
        self.backbone_ = clone(as_backbone(self.backbone))
        self._check_suits(self.algorithm_, "algorithm")

    def _choose_episode(self) -> None:
        """Learn how many rows the support and the query of an episode have."""
        n_shot, n_query = self.algorithm_.default_episode(self.spec_)
        self.n_shot_ = n_shot if self.n_shot == "auto" else self.n_shot
        self.n_query_ = n_query if self.n_query == "auto" else self.n_query

    def _part_to_hold_out(self, rows: TaskRows) -> float:
        if self.validation_fraction != "auto":
            return self.validation_fraction
        n_units = self._count_units(rows)
        return self.algorithm_.default_validation_fraction(self.spec_, n_units)

    def _prior_parts(self) -> tuple[Any, ...]:
        """Return the parts of the prior, names or estimators; none without a prior."""
        if self.prior is None:
            return ()
        shared = self.spec_.label_space == "shared"
        if self.prior == "auto":
            if not shared:
                return ()
            return self.algorithm_.default_prior(self.spec_)
        if not shared:
            raise ValueError(
                f"prior={self.prior!r} says what labels mean in every task, and these "
                "are names inside a task. Set prior='auto' or None."
            )
        if not self.algorithm_.uses_prior:
            raise ValueError(
                f"{self.algorithm_} takes no prior. Set prior='auto' or None, or "
                "choose an algorithm with uses_prior, such as 'gp' or 'maml'."
            )
        is_list = isinstance(self.prior, (list, tuple))
        return tuple(self.prior) if is_list else (self.prior,)

    def _learn_prior(
        self, rows: TaskRows, weight: np.ndarray | None, rng: np.random.Generator
    ) -> np.ndarray | None:
        """Fit the prior, and return what it says of rows of tasks it has not seen."""
        self.prior_ = None
        given = self._prior_parts()
        if not given:
            return None
        seed = int(rng.integers(2**31))
        self.prior_, offset = cross_fit_targets(
            [make_part(each, self._kind, seed, len(rows)) for each in given],
            rows,
            self._prior_units(),
            weight=weight,
            columns=getattr(self, "feature_names_in_", None),
        )
        return offset

    def _resolve_augmentations(self) -> list[Augmentation]:
        """Return the task augmentations, and say in ``spec_`` what they widen."""
        given = self.augment
        if given == "auto":
            given = self._default_augmentations()
        elif given is None:
            given = []
        elif not isinstance(given, (list, tuple)):
            given = [given]
        resolved = [plugins.resolve("augmentation", each) for each in given]
        n_train_classes = self.spec_.n_train_classes
        for augmentation in resolved:
            self._check_suits(augmentation, "augmentation")
            n_train_classes = augmentation.n_train_classes(n_train_classes)
        self.spec_ = replace(self.spec_, n_train_classes=n_train_classes)
        self.augment_ = resolved
        return resolved

    def _default_augmentations(self) -> list[Augmentation]:
        """Return noise for large pools, if features have a unit to make it in."""
        if self._compares_classes() and self.normalize is not None:
            return [clone(_POOL_NOISE)]
        return []

    def _compares_classes(self) -> bool:
        """Tell whether an algorithm learns to compare, from a large pool of classes.

        Those that take steps instead learn less from noisy rows.
        """
        return self.spec_.is_large_pool and hasattr(self.algorithm_, "class_loss")

    def _n_epochs(self, *, validates: bool) -> int:
        if self.max_epochs != "auto":
            return self.max_epochs
        n_epochs = self.algorithm_.default_epochs
        if self._compares_classes() and not validates:
            n_epochs = min(n_epochs, _POOL_EPOCHS)
        return n_epochs

    def _holds_out(self) -> bool | str:
        """Return whether tasks are held out to stop by; "auto" if there are enough.

        A cycle ends by itself, at a low rate. A few tasks that were held out would but
        choose an epoch in the middle of it, by chance.
        """
        if self.early_stopping == "auto" and self.algorithm_.trains_in_one_cycle:
            return False
        return self.early_stopping

    def _outer_optimizer(self) -> Callable[..., torch.optim.Optimizer]:
        if self.optimizer != "auto":
            return self.optimizer
        if self._compares_classes():
            return partial(torch.optim.Adam, weight_decay=_POOL_DECAY)
        return torch.optim.Adam

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
        n_targets = self.spec_.n_targets
        if n_targets > 1 and not getattr(component, "several_targets", False):
            raise ValueError(
                f"{component} is made for one target, and y has {n_targets}. Choose "
                f"another {kind}, or fit a meta-learner to each target."
            )

    def _make_net(self, *, validates: bool, is_users: bool = True) -> EpisodicNet:
        """Make a net: a user's, or one of our own that nobody watches."""
        return make_net(
            self.algorithm_,
            self.backbone_,
            self.spec_,
            patience=self.patience if validates else None,
            by_score=self.spec_.from_pool,
            verbose=self.verbose if is_users else 0,
            callbacks=self.callbacks if is_users else None,
            max_epochs=self._n_epochs(validates=validates),
            batch_size=self.batch_size,
            lr=self.algorithm_.default_lr if self.lr == "auto" else self.lr,
            optimizer=self._outer_optimizer(),
            device=self.device,
            compile=self.compile,
        )

    def _unlabelled_to_scale_by(self, rows: TaskRows) -> Unlabelled | None:
        """Return rows without targets for episodes of tasks that all rows standardise.

        Not where an episode has other rows than its task: classes of a pool or of
        several groups, or augmented ones.
        """
        if self._task_scaling() is None or self.tasks == "classes" or self.augment_:
            return None
        others = self._unlabelled(rows)
        mixes = bool(getattr(self, "mix_tasks", 0.0))
        if others is None or mixes:
            return None
        return Unlabelled(*others, rows.n_tasks)

    # What rows without labels are worth ----------------------------------------------

    def _learn_unlabelled(
        self,
        train: EpisodeSampler,
        valid: EpisodeSampler | None,
        table: Table,
        task: np.ndarray,
        cell: np.ndarray | None,
        draw: dict[str, Any],
        rng: np.random.Generator,
    ) -> None:
        """Learn how much rows without labels are to count in new tasks.

        By the tasks held out to stop by, if there are any. The classes of a pool are
        known by heart: where none was held out, another training, of an eighth of the
        epochs, does without half of them. Elsewhere the training tasks themselves tell.
        """
        self.unlabelled_ = None
        algorithm = self.algorithm_
        learns = algorithm.uses_unlabelled and algorithm.unlabelled == "auto"
        if not learns or self.spec_.n_targets > 1:
            return
        self.unlabelled_ = (0.0, 0.0)
        module, judges = self.module_, valid or train
        if valid is None and self.tasks == "classes" and self.net_.has_parameters:
            assert cell is not None  # of the classes
            classes = rng.permutation(np.unique(cell))
            if len(classes) < 4:  # two to train on, and two to ask for
                return
            held_out = np.isin(cell, classes[: len(classes) // 2])
            samplers = [
                EpisodeSampler(table, task, cell, rows=np.flatnonzero(own), **draw)
                for own in (~held_out, held_out)
            ]
            if not all(sampler.n_tasks_ for sampler in samplers):
                return
            judges = samplers[1]
            net = self._make_net(validates=False, is_users=False)
            net.max_epochs = max(1, net.max_epochs // 8)
            meta_train(
                net,
                samplers[0],
                None,
                augmentations=self.augment_,
                scaling=self._task_scaling(),
                spec=self.spec_,
                tasks_per_epoch=self.tasks_per_epoch,
                rng=rng,
            )
            module = net.module_
        self.unlabelled_ = learn_unlabelled(
            algorithm,
            module,
            judges,
            scaling=self._task_scaling(),
            spec=self.spec_,
            device=self.device,
            rng=rng,
        )

    # From an earlier fit, or an earlier start of this one ----------------------------

    def _earlier_fit(self) -> EarlierFit:
        """Note what ``fit`` has left, before the next one replaces it."""
        return EarlierFit(
            net=self.net_,
            meaning=self._meaning(),
            algorithm=self.algorithm_,
            backbone=self.backbone_,
            n_train_classes=self.spec_.n_train_classes,
            n_parts=self.spec_.n_parts,
            n_features=self.spec_.n_features,
            n_targets=self.spec_.n_targets,
        )

    def _open_checkpoint(
        self, rows: TaskRows, earlier: EarlierFit | None, classes: Any
    ) -> Checkpoint:
        data: dict[str, Any] = {
            "X": rows.X,
            "y": rows.y,
            "groups": rows.task,
            "sample_weight": rows.weight,
        }
        if rows.in_support is not None:
            data["in_support"] = rows.in_support
        if classes is not None:
            data["classes"] = np.asarray(classes)
        if earlier is not None:
            data["weights"] = {
                name: weight.cpu().numpy()
                for name, weight in self.module_.state_dict().items()
            }
        parts = fingerprint(self.get_params(deep=False), data)
        return Checkpoint(self.checkpoint_dir, self.checkpoint_every, parts)
