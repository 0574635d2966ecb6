"""Meta-training that goes on: from an earlier fit, or an earlier start of this one."""

from contextlib import suppress
from typing import Any

import numpy as np

from skmeta.engine.checkpoints import Checkpoint, fingerprint
from skmeta.engine.parallel import open_jointly
from skmeta.engine.warm_start import EarlierFit
from skmeta.estimators.tempering import TemperingEstimator
from skmeta.tables.rows import TaskRows
from skmeta.tables.stored.sources import by_rows
from skmeta.utils.messages import listed
from skmeta.utils.processes import Processes, present
from skmeta.utils.unique import unite

__all__ = ["ContinuingEstimator"]


class ContinuingEstimator(TemperingEstimator):
    """A meta-learner that keeps and checks what a fit goes on from."""

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
            long_tails=self.spec_.long_tails,
        )

    def _open_checkpoint(
        self, rows: TaskRows, earlier: EarlierFit | None, classes: Any
    ) -> Checkpoint:
        def open_alone() -> Checkpoint:
            data = self._trained_on(rows, earlier, classes)
            parts = fingerprint(self.get_params(deep=False), data)
            return Checkpoint(self.checkpoint_dir, self.checkpoint_every, parts)

        processes = present()
        if processes is None:
            return open_alone()
        return open_jointly(processes, open_alone, self.checkpoint_every)

    def _trained_on(
        self, rows: TaskRows, earlier: EarlierFit | None, classes: Any
    ) -> dict[str, Any]:
        """Return what a fit learns from, beside its parameters."""
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
        return data

    # Several processes ---------------------------------------------------------------

    def _meet(
        self,
        processes: Processes,
        rows: TaskRows,
        earlier: EarlierFit | None,
        classes: Any,
        rng: np.random.Generator,
    ) -> None:
        """Make sure that all processes fit the same, with the same random numbers.

        Raises
        ------
        ValueError
            If they have other data or parameters.
        """
        parameters = self.get_params(deep=False)
        # Each may have its own device, and callbacks that only one needs; the weights
        # of a network that is given are those of the first.
        for name in ("device", "callbacks"):
            parameters.pop(name)
        parameters["backbone"] = repr(parameters["backbone"])
        data = self._trained_on(rows, earlier, classes)
        data["checkpoint_dir"] = self.checkpoint_dir is None
        data["checkpoint_every"] = self.checkpoint_every
        told = processes.gather(fingerprint(parameters, data))
        differing = sorted(
            name
            for name in set().union(*told)
            if len({each.get(name) for each in told}) > 1
        )
        if differing:
            raise ValueError(
                f"The {processes.n} processes of this fit must have the same data and "
                f"parameters, and they differ in {listed(differing)}. Give all rows to "
                "each process, in the same order: fit shares the work out by itself."
            )
        state = rng.bit_generator.state
        rng.bit_generator.state = processes.of_main(state)

    # Classes and tasks of several calls ----------------------------------------------

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
        return by_rows(lambda own: np.full_like(own, -1), label)

    def _learn_largest_task(self, rows: TaskRows, *, widen: bool) -> None:
        """Keep the rows of the largest task, of an earlier fit too if it goes on."""
        before = getattr(self, "largest_task_", None) if widen else None
        self.largest_task_ = None
        if self.tasks == "groups":
            self.largest_task_ = max(int(rows.task_sizes.max()), before or 0)

    def _remember_groups(self, rows: TaskRows, *, widen: bool) -> None:
        """Keep the names of the tasks, to say how they can be answered."""
        before = self._trained_groups() if widen else None
        self._training_groups = rows.names
        if before is not None and rows.names is not None:
            with suppress(TypeError):  # names of two kinds
                self._training_groups = unite(before, rows.names).names
