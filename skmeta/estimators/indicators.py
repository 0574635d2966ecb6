"""Several labels that a row has or has not: what a classifier makes of two columns."""

from typing import Any

import numpy as np
from scipy.special import expit

from skmeta.engine.adapted import AdaptedTasks
from skmeta.episodes.spec import Spec
from skmeta.estimators.classes import Classes
from skmeta.estimators.targets import Targets
from skmeta.tables.labels import TaskLabels
from skmeta.tables.rows import TaskRows
from skmeta.tables.stored.sources import by_rows
from skmeta.tables.targets import as_indicators, refuse_for_labels

__all__ = ["Indicators"]


class Indicators(Classes):
    """What an estimator asks of its targets, answered for indicators of labels as well.

    A single column holds classes, and :class:`Classes` answers. Of several, each says
    whether a row has a label (``y`` of zeros and ones), which means the same in every
    task: two classes, 0 and 1, for every target of the ``spec_``.
    """

    def _learn_targets(
        self, rows: TaskRows, classes: Any, settled: bool
    ) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
        if rows.y.ndim == 1:
            return super()._learn_targets(rows, classes, settled)
        self._refuse_what_is_for_classes(classes)
        n_labels = rows.y.shape[1]
        self.label_space_, self.classes_ = "shared", np.arange(n_labels)
        self.class_weight_ = self.given_class_weight_ = None
        self.spec_ = Spec(
            n_features=self.n_features_in_,
            n_outputs=2,
            kind="classifier",
            n_train_classes=2,
            n_targets=n_labels,
        )
        y = by_rows(as_indicators, rows.y)
        return y, None, y

    def _refuse_what_is_for_classes(self, classes: Any) -> None:
        """Refuse parameters that mean nothing where a row has several labels."""
        given = {
            "tasks='classes'": self.tasks == "classes",
            "label_space='per_task'": self.label_space == "per_task",
            "class_weight": self.class_weight is not None,
            "stratify": self.stratify,
            "mix_tasks": bool(self.mix_tasks),
            "classes": classes is not None,
        }
        refuse_for_labels([name for name, is_given in given.items() if is_given])

    def _prior_units(self) -> list[dict[str, Any]]:
        if not self._has_several:
            return super()._prior_units()
        return [{"classes": np.arange(2)}] * self.spec_.n_targets

    def _encode(self, rows: TaskRows, n_tasks: int) -> tuple[Any, np.ndarray, Any]:
        if rows.y.ndim == 1:
            return super()._encode(rows, n_tasks)
        no_labels: TaskLabels | None = None
        return rows.y, np.full(n_tasks, 2), no_labels

    def _any_target(self) -> np.ndarray:
        if not self._has_several:
            return super()._any_target()
        return np.zeros((1, self.spec_.n_targets), dtype=np.int64)

    def _is_known(self, rows: TaskRows) -> np.ndarray:
        if not self._has_several:
            return super()._is_known(rows)
        return Targets._is_known(self, rows)

    def _set_adapted(self, adapted: AdaptedTasks | None) -> None:
        if not self._has_several:
            super()._set_adapted(adapted)
        else:
            Targets._set_adapted(self, adapted)

    def _answer(
        self, adapted: AdaptedTasks, X: np.ndarray, task: np.ndarray
    ) -> np.ndarray:
        if not self._has_several:
            return super()._answer(adapted, X, task)
        return (self._label_logits(adapted, X, task) > 0).astype(np.int64)

    def _label_logits(
        self, adapted: AdaptedTasks, X: np.ndarray, task: np.ndarray
    ) -> np.ndarray:
        """Return the log odds that a row has each label, (rows, labels)."""
        without, having = np.moveaxis(
            adapted.outputs(self._table(X), task).reshape(len(X), -1, 2), 2, 0
        )
        return having - without

    def _probabilities(
        self, adapted: AdaptedTasks, X: np.ndarray, task: np.ndarray
    ) -> np.ndarray:
        if not self._has_several:
            return super()._probabilities(adapted, X, task)
        return np.asarray(expit(self._label_logits(adapted, X, task)))

    @property
    def _has_several(self) -> bool:  # as Decisions and Sets ask
        return self.spec_.n_targets > 1
