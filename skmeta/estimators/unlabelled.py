"""Rows without labels in meta-training: what they scale, and what they are worth."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from torch import nn

from skmeta.algorithms.per_target import for_targets
from skmeta.engine.training import meta_train
from skmeta.engine.unlabelled import learn_unlabelled
from skmeta.episodes.cells import Cells
from skmeta.episodes.sampler import EpisodeSampler
from skmeta.episodes.table import Table
from skmeta.episodes.unlabelled import Unlabelled
from skmeta.estimators.building import BuildingEstimator
from skmeta.tables.rows import TaskRows

__all__ = ["UnlabelledEstimator"]


class UnlabelledEstimator(BuildingEstimator):
    """A meta-learner that may be told rows without labels."""

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

    def _learn_unlabelled(
        self,
        train: EpisodeSampler,
        valid: EpisodeSampler | None,
        table: Table,
        draw: dict[str, Any],
        rng: np.random.Generator,
    ) -> None:
        """Learn how much rows without labels are to count in new tasks.

        By the tasks held out to stop by, if there are any. The classes of a pool are
        known by heart: where none was held out, two more trainings, of an eighth of the
        epochs, do without a half of them each. Elsewhere the training tasks themselves
        tell. After Ctrl-C, here or in the training, such rows count nothing.
        """
        self.unlabelled_ = None
        algorithm = self.algorithm_
        # A subclass may not have taken the parameter over.
        given = algorithm.get_params(deep=False).get("unlabelled")
        if (
            not (algorithm.uses_unlabelled and given == "auto")
            or self.spec_.n_targets > 1
        ):
            return
        self.unlabelled_ = (0.0, 0.0)
        if self.net_.is_interrupted:
            return
        try:
            self.unlabelled_ = self._worth_of_unlabelled(train, valid, table, draw, rng)
        except KeyboardInterrupt:  # what is trained stays
            self.net_.is_interrupted = True

    def _worth_of_unlabelled(
        self,
        train: EpisodeSampler,
        valid: EpisodeSampler | None,
        table: Table,
        draw: dict[str, Any],
        rng: np.random.Generator,
    ) -> tuple[float, float]:
        judges = [(self.module_, valid or train)]
        if valid is None and self.tasks == "classes" and self.net_.has_parameters:
            judges = list(self._without_classes(table, train.cells, draw, rng))
            if not judges:
                return 0.0, 0.0
        learner = for_targets(self.algorithm_, self.spec_, self._temperatures())
        return learn_unlabelled(
            learner,
            judges,
            scaling=self._task_scaling(),
            spec=self.spec_,
            device=self.device,
            rng=rng,
        )

    def _without_classes(
        self,
        table: Table,
        cells: Cells,
        draw: dict[str, Any],
        rng: np.random.Generator,
    ) -> Iterator[tuple[nn.Module, EpisodeSampler]]:
        """Train without a half of the classes, and without the other half."""
        cell = np.arange(len(cells.sizes))
        classes = rng.permutation(cell)
        if len(classes) < 4:  # two to train on, and two to ask for
            return
        for half in np.array_split(classes, 2):
            held_out = np.isin(cell, half)
            train, judge = (
                EpisodeSampler(table, cells.take(own), **draw)
                for own in (~held_out, held_out)
            )
            if not train.n_tasks_ or not judge.n_tasks_:
                continue
            net = self._make_net(validates=False, is_users=False)
            net.max_epochs = max(1, net.max_epochs // 8)
            meta_train(
                net,
                train,
                None,
                augmentations=self.augment_,
                scaling=self._task_scaling(),
                spec=self.spec_,
                tasks_per_epoch=self.tasks_per_epoch,
                rng=rng,
            )
            if net.is_interrupted:  # skorch has caught it
                raise KeyboardInterrupt
            yield net.module_, judge
