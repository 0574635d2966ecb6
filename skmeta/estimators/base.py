"""Meta-training: what MetaClassifier and MetaRegressor do in ``fit``, step by step."""

from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import validate_data
from torch import nn

from skmeta.engine.hooks import (
    CallbackSupportMixin,
    Hooks,
    open_hooks,
    with_callbacks,
)
from skmeta.engine.plugin_shapes import naming_wrong_shapes
from skmeta.engine.training import meta_train, pass_on_interruption
from skmeta.engine.warm_start import EarlierFit
from skmeta.episodes.sampler import EpisodeSampler
from skmeta.episodes.sampling import shot_range
from skmeta.episodes.table import Table
from skmeta.episodes.validation import make_samplers
from skmeta.estimators.calibration import Calibration
from skmeta.estimators.continuing import ContinuingEstimator
from skmeta.estimators.given import Drawing, FitCall, Given
from skmeta.estimators.ignored import warn_of_ignored
from skmeta.estimators.multioutput import refuse_target_by_target
from skmeta.tables.arrow import with_names
from skmeta.tables.groups import GROUPS_NEEDED
from skmeta.tables.labels import refuse_declared_names
from skmeta.tables.meta_dataset.dataset import MetaDataset
from skmeta.tables.prior import NAMES
from skmeta.tables.rows import TaskRows
from skmeta.tables.stored.rows import StoredRows, is_stored
from skmeta.tables.targets import n_targets_of
from skmeta.utils.devices import check_device
from skmeta.utils.messages import silenced
from skmeta.utils.processes import Processes, agreed, together
from skmeta.utils.random import generator
from skmeta.utils.rollback import kept_on_failure

__all__ = ["BaseMetaEstimator"]


class BaseMetaEstimator(CallbackSupportMixin, ContinuingEstimator):
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
        "lr_schedule": [StrOptions({"auto", "constant", "one_cycle"})],
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
        "accelerate": ["boolean"],
        "precision": [StrOptions({"float32", "bfloat16"})],
        "warm_start": ["boolean"],
        "checkpoint_dir": [str, HasMethods(["__fspath__"]), None],
        "checkpoint_every": [Interval(Integral, 1, None, closed="left")],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    @with_callbacks
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
            Rows of all tasks, or the tasks themselves. A ``numpy.memmap`` of more than
            262,144 rows is not loaded: the rows of an episode are read when it is
            drawn, means and ranges are those of all rows, and quartiles
            (``normalize="robust"``) and the prior are learnt from 200,000 of them. Its
            tasks are groups or, for ``tasks="classes"``, classes, of which none is
            known after ``fit``: call ``adapt``.
        y : array-like of shape (n_rows,) or (n_rows, n_targets)
            Targets. Only a :class:`skmeta.MetaDataset` brings its own. Several columns
            are learnt on one backbone, each with a head or kernel of its own: values,
            or 0 and 1 for labels that a row has or has not. A missing target, NaN, None
            or pandas.NA, marks a row without a label, which counts where tasks are
            standardised by themselves, and is no row of a support, a query or a prior.
        groups : array-like of shape (n_rows,), default=None
            Task of each row. Needed for ``tasks="groups"``, and else ignored with a
            warning.
        sample_weight : array-like of shape (n_rows,), default=None
            How much each row counts wherever it is drawn, in the support and in the
            query; rows of weight 0 are left out.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come, of a classifier with a shared label space;
            by default those in ``y``. Some may occur in new tasks only, such as tasks
            that a search holds out. A regressor ignores them with a warning.
        in_support : bool array-like of shape (n_rows,), default=None
            True for rows that are always support, False for query, as a
            :class:`skmeta.MetaDataset` has them too. Supports of ``n_shot`` rows are
            drawn of the former, or are the first of them with ``support="first"``, and
            queries of the latter. Ignored with a warning where tasks are made of one
            table.

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
        given = Given.to_fit(X, y, groups, sample_weight, in_support, classes)
        hooks = open_hooks(
            self,
            X=given.X,
            y=given.y,
            groups=given.groups,
            sample_weight=sample_weight,
            in_support=given.in_support,
        )
        with kept_on_failure(self), ExitStack() as held:
            self._fit(given, held, hooks=hooks)
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
        next call has other classes. A prior and a temperature stay as the first call,
        or ``fit``, has learnt them. No tasks are held out. What was adapted to is
        forgotten, for it was learnt by other meta-knowledge.

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
        given = Given.to_fit(X, y, groups, sample_weight, in_support, classes)
        with kept_on_failure(self), ExitStack() as held:
            self._fit(given, held, is_partial=True)
        pass_on_interruption(self.net_)
        return self

    def _fit(
        self,
        given: Given,
        held: ExitStack,
        *,
        is_partial: bool = False,
        hooks: Hooks | None = None,
    ) -> None:
        """Meta-train, with what is ``held`` until it ends."""
        self._check_fit(given.X, given.y, is_partial)
        processes = self._join_processes(held)
        check_device(self.device)
        _, y, groups, _, in_support, classes, _ = given
        warn_of_ignored(self.tasks, self._kind, y, groups, in_support, classes)
        if self.tasks != "groups":
            given = given.of_one_table()
        was_fitted = hasattr(self, "net_")
        goes_on = was_fitted and (self.warm_start or is_partial)
        earlier = self._earlier_fit() if goes_on else None
        kept = given.in_memory()
        rows = self._read_to_train(given, reset=not (is_partial and goes_on))
        call = FitCall(generator(self.random_state), earlier, is_partial, hooks=hooks)
        if processes is not None:
            self._meet(processes, rows, earlier, classes, call.rng)
        if self.checkpoint_dir is not None and not is_partial:
            opened = self._open_checkpoint(rows, earlier, classes)
            call.checkpoint = held.enter_context(opened)
            call.checkpoint.start(call.rng)

        drawing = self._prepare(rows, classes, call)
        self._train(drawing, call)
        if self.net_.is_interrupted and was_fitted and not self.net_.n_epochs_done:
            raise KeyboardInterrupt  # a part of an epoch is worse than an earlier fit
        self.module_, self.history_ = self.net_.module_, self.net_.history
        self._learn_by_tasks(drawing, call)
        # Who has gone on from earlier rows cannot learn without a part of them again.
        can_refit = earlier is None and not is_partial
        to_refit = kept.kept(self) if kept is not None and can_refit else None
        self.calibration_ = Calibration(to_refit)
        self._remember_tasks(rows, call)
        self._learn_unknown(rows, call.rng)
        if self.tasks != "groups" and kept is not None:
            # The table is the current task.
            self._set_adapted(self._learn(rows, drawing.offset, keep=True))
        if hooks is not None:
            hooks.end()

    def _check_fit(self, X: Any, y: Any, is_partial: bool) -> None:
        """Refuse what can be told before anything is read."""
        self._validate_params()
        if y is None:
            validate_data(self, X, y)  # which says that targets are needed
        refuse_target_by_target(self)
        if is_partial:
            self._check_partial_fit()

    def _join_processes(self, held: ExitStack) -> Processes | None:
        """Return the processes that train together; None if this one is alone."""
        processes = held.enter_context(together(self.accelerate))
        if processes is not None and not processes.is_main:
            held.enter_context(silenced())  # the first process says it
        return processes

    def _read_to_train(self, given: Given, *, reset: bool) -> TaskRows:
        """Read rows to learn from, each of its task and with its weight."""
        read: Any = self._read_rows
        if is_stored(given.X):
            read = partial(self._read_stored, columns=given.columns)
        task = self._groups_to_train_on(given.groups)
        rows = read(given.X, given.y, task, given.in_support, reset=reset)
        rows = self._weigh(rows, given.sample_weight)
        if not len(rows):
            raise ValueError("No row has a target to learn from: all of y is missing.")
        return rows

    def _prepare(self, rows: TaskRows, classes: Any, call: FitCall) -> Drawing:
        """Learn what rows mean, what to train on them, and how to draw of them."""
        self._learn_columns(rows, call.earlier)
        targets, cell, label = self._learn_targets(rows, classes, call.is_settled)
        if classes is not None and not call.is_partial:
            refuse_declared_names(self.spec_.label_space)
        fixed_split = self.support == "first" or rows.in_support is not None
        self._build_learner(call.earlier, fixed_split=fixed_split)
        if call.is_settled:
            self._refuse_new_classes()
        if call.is_partial:
            label = self._labels_of_a_part(label)

        how = self._choose_episodes(rows)
        weight = self._row_weights(rows)
        offset = None
        if not call.is_settled:
            offset = self._learn_prior(rows, weight, call.rng)
        table = self._table(rows.X, targets, weight, offset)
        table = replace(table, label=label)
        train, valid = self._samplers(table, rows, cell, how, call)
        return Drawing(table, offset, how, train, valid)

    def _learn_by_tasks(self, drawing: Drawing, call: FitCall) -> None:
        """Learn how far rows are believed, and those without labels, in new tasks."""
        table, _, how, train, valid = drawing
        if not call.is_settled:  # like the prior
            self._learn_temperature(train, valid, call.rng)
            self.temperature_ = agreed(self.temperature_)
        self._learn_unlabelled(train, valid, table, how, call.rng)
        self.unlabelled_ = agreed(self.unlabelled_)

    def _remember_tasks(self, rows: TaskRows, call: FitCall) -> None:
        """Remember how many tasks there were, how large, and which; none is adapted."""
        self.n_tasks_ = self._count_units(rows)
        self._learn_largest_task(rows, widen=call.earlier is not None)
        self._remember_groups(rows, widen=call.is_settled)
        self.adapted_ = None

    def _learn_columns(self, rows: TaskRows, earlier: EarlierFit | None) -> None:
        """Learn the scale and the range of features, as an earlier fit has begun it."""
        if earlier is None:
            self._learn_scale(rows)
            self._learn_task_scale(rows)
        else:
            earlier.check_columns(self.n_features_in_, n_targets_of(rows.y))
            if isinstance(rows.X, np.ndarray):  # not of a table on disk
                self._warn_if_far(rows, to_train=True)
        self._learn_range(rows, widen=earlier is not None)

    def _samplers(
        self,
        table: Table,
        rows: TaskRows,
        cell: np.ndarray | None,
        how: dict[str, Any],
        call: FitCall,
    ) -> tuple[EpisodeSampler, EpisodeSampler | None]:
        """Return what draws episodes to learn from, and to validate on if to do so."""
        return make_samplers(
            table,
            rows.task,
            cell,
            tasks=self.tasks,
            early_stopping=not call.is_partial and self._holds_out(),
            validation_fraction=self._part_to_hold_out(rows),
            warns_of_few=self.n_shot != "auto",
            support=self.support,
            in_support=rows.in_support,
            mix_tasks=getattr(self, "mix_tasks", 0.0),
            rng=call.rng,
            **how,
        )

    def _train(self, drawing: Drawing, call: FitCall) -> None:
        """Train a new net, with the present callbacks.

        Who shares the old weights keeps them.
        """
        self.net_ = self._make_net(validates=drawing.valid is not None)
        if call.is_partial:
            self.net_.max_epochs = 1
        with naming_wrong_shapes(self.algorithm_, self.backbone_, self.n_features_in_):
            meta_train(
                self.net_,
                drawing.train,
                drawing.valid,
                augmentations=self.augment_,
                scaling=self._task_scaling(),
                spec=self.spec_,
                tasks_per_epoch=self.tasks_per_epoch,
                rng=call.rng,
                before=None if call.earlier is None else call.earlier.net,
                checkpoint=call.checkpoint,
                hooks=call.hooks,
            )

    def _choose_episodes(self, rows: TaskRows) -> dict[str, Any]:
        """Learn how episodes are drawn, as samplers are told of it."""
        self._choose_episode()
        return {
            "n_classes": self.spec_.n_outputs if self._kind == "classifier" else 0,
            "n_way": getattr(self, "n_way", 1),
            "n_shot": shot_range(self.n_shot_, self.spec_.label_space),
            "n_query": self.n_query_,
            "stratum": self._strata(rows),
            "unlabelled": self._unlabelled_to_scale_by(rows),
        }

    def _read_stored(
        self,
        X: Any,
        y: Any,
        groups: Any,
        in_support: Any,
        *,
        columns: list[str] | None,
        reset: bool,
    ) -> TaskRows:
        """Check the rows of a table that stays on disk, a block at a time."""

        def check(X: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
            named = X if columns is None else with_names(X, columns)
            return self._validate_rows(named, y, reset=reset)

        rows = StoredRows.read(X, y, groups, check, in_support)
        if self.tasks == "table":
            rows.need_all("tasks='table', which makes one task of all rows,")
        return rows

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
