"""The classes of a classifier: what labels mean, and how much each counts."""

import copy
from typing import Any, Literal

import numpy as np
from scipy.special import softmax

from skmeta.algorithms.base import Algorithm
from skmeta.engine.adapted import AdaptedTasks
from skmeta.episodes.scaling import within_variance
from skmeta.episodes.spec import Spec
from skmeta.estimators.scoring import (
    accuracy_per_task,
    class_cells,
    is_known,
    mean_accuracy,
)
from skmeta.estimators.targets import Targets
from skmeta.tables.labels import (
    TaskLabels,
    are_among,
    choose_label_space,
    encode,
    refuse_undeclared,
)
from skmeta.tables.rows import TaskRows
from skmeta.tables.sample_weights import (
    balanced_in_tasks,
    balanced_weights,
    check_class_weight,
    class_sizes,
    label_weights,
)
from skmeta.tables.stored.sources import by_rows
from skmeta.tables.targets import declared_labels
from skmeta.utils.messages import show

__all__ = ["Classes", "labels_of"]


class Classes(Targets):
    """What an estimator asks of its targets, answered for classes."""

    _kind = "classifier"
    _metric = staticmethod(mean_accuracy)
    _other_tasks = "tasks='classes' or tasks='table'"

    # Parameters that only a classifier has.
    label_space: str
    n_way: int
    support: Literal["random", "first"]
    stratify: bool
    class_weight: dict[Any, float] | Literal["balanced"] | None
    mix_tasks: float

    algorithm_: Algorithm

    # What fit learns; ``classes_`` are those of the current tasks after ``adapt``.
    label_space_: Literal["shared", "per_task"]
    classes_: np.ndarray
    class_weight_: np.ndarray | None  # of ``classes_``, where labels are shared
    given_class_weight_: Any  # files of before have none

    # In fit: what labels mean -------------------------------------------------------

    def _within(self, rows: TaskRows) -> np.ndarray:
        if self.tasks != "classes":
            return super()._within(rows)
        # A task is n_way classes, whose mean varies n_way times less than a class's.
        labels = rows.labels()
        inside_classes = within_variance(
            ((each.X, encode(each.y, labels)) for each in rows.blocks()),
            len(labels),
            self.mean_,
            self.scale_,
        )
        return 1 - (1 - inside_classes) / self.n_way

    def _learn_targets(
        self, rows: TaskRows, classes: Any, settled: bool
    ) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
        if self.tasks == "classes" and self.label_space == "shared":
            raise ValueError(
                "tasks='classes' draws its own classes for every episode, in which "
                "labels are only names. Use tasks='table' for label_space='shared'."
            )
        if not settled:
            self.label_space_ = self._choose_label_space(rows, classes)
        shared = self.label_space_ == "shared"
        labels = rows.labels()
        self._learn_classes(labels, classes if shared else None, settled and shared)
        if self.mix_tasks and (shared or self.tasks != "groups"):
            raise ValueError(
                "mix_tasks makes episodes of classes of several groups, which needs "
                "tasks='groups' and label_space='per_task'. Set mix_tasks=0."
            )
        codes, n_classes, _ = self._encode(rows, rows.n_tasks)
        label = codes
        if shared:
            n_train_classes = int(encode(labels, self.classes_).max()) + 1
        else:  # those of one task after those of another
            n_train_classes = int(n_classes.sum())
            first = np.cumsum(n_classes) - n_classes
            label = rows.with_task(lambda code, task: first[task] + code, codes)
        self.spec_ = Spec(
            n_features=self.n_features_in_,
            n_outputs=len(self.classes_) if shared else 0,
            kind="classifier",
            label_space=self.label_space_,
            n_train_classes=n_train_classes,
            from_pool=self.tasks == "classes",
        )
        if not settled:
            self._learn_class_weight(rows)
        return codes, None if shared else codes, label

    def _choose_label_space(self, rows: TaskRows, classes: Any) -> Any:
        if self.label_space != "auto":
            return self.label_space
        by_tasks = {"classes": "per_task", "table": "shared"}
        if classes is not None:  # who declares labels means them in every task
            by_tasks["groups"] = "shared"
        if self.tasks in by_tasks:
            return by_tasks[self.tasks]
        seen, _ = rows.sample()
        return choose_label_space(seen.y, seen.task)

    def _learn_classes(self, y: np.ndarray, classes: Any, settled: bool) -> None:
        """Learn which labels there are: those declared as ``classes``, or in ``y``.

        Where they are ``settled``, others must not be declared.
        """
        declared = None if classes is None else declared_labels(classes)
        if not settled:
            self.classes_ = np.unique(y) if declared is None else declared
        elif declared is not None and not np.array_equal(declared, self.classes_):
            raise ValueError(
                f"classes {show(declared)} are not those of the first call of "
                f"partial_fit, {show(self.classes_)}."
            )
        refuse_undeclared(y, declared)
        if len(self.classes_) < 2:
            raise ValueError(
                "Classifier can't train when only one class is present: "
                f"y holds the one class {self.classes_.tolist()[0]!r}."
            )

    def _learn_class_weight(self, rows: TaskRows) -> None:
        self.class_weight_ = None
        self.given_class_weight_ = copy.copy(self.class_weight)
        if self.class_weight is None:
            return
        self._check_uses_weights("class_weight")
        shared = self.label_space_ == "shared"
        if self.class_weight == "balanced":
            if shared:
                sizes = [
                    class_sizes(each.y, each.weight, self.classes_)
                    for each in rows.blocks(features=False)
                ]
                self.class_weight_ = balanced_weights(np.sum(sizes, axis=0))
            return
        check_class_weight(self.class_weight, self.classes_ if shared else None)
        if shared:
            self.class_weight_ = label_weights(self.class_weight, self.classes_)

    @property
    def _classes_weighed_by(self) -> dict[Any, float] | Literal["balanced"] | None:
        """How ``fit`` has weighed classes, whatever ``class_weight`` has become."""
        return getattr(self, "given_class_weight_", self.class_weight)

    def _meaning(self) -> object:
        shared = self.label_space_ == "shared"
        return self.spec_, tuple(self.classes_.tolist()) if shared else None

    def _prior_units(self) -> list[dict[str, Any]]:
        return [{"classes": self.classes_}]

    # In fit, adapt and score: labels to codes ---------------------------------------

    def _encode(
        self, rows: TaskRows, n_tasks: int
    ) -> tuple[np.ndarray, np.ndarray, TaskLabels]:
        if self.label_space_ == "shared":
            classes = self.classes_
            codes = by_rows(lambda y: encode(y, classes), rows.y)
            labels = TaskLabels.shared(self.classes_, n_tasks)
        else:
            labels, codes = rows.labels_in_tasks(n_tasks)
        return codes, labels.n_classes, labels

    def _any_target(self) -> np.ndarray:
        if self.label_space_ == "per_task":  # any name is as good
            return np.zeros(1, dtype=np.intp)
        return self.classes_[:1]

    def _row_weights(self, rows: TaskRows) -> np.ndarray | None:
        weight, given = rows.weight, self._classes_weighed_by
        if given is None:
            return weight
        if self.class_weight_ is not None:
            weights, classes = self.class_weight_, self.classes_
            of_class = by_rows(lambda y: weights[encode(y, classes)], rows.y)
        elif isinstance(given, dict):
            of_class = by_rows(lambda y: label_weights(given, y), rows.y)
        else:  # "balanced"
            of_class = self._balanced_in_tasks(rows)
        return of_class if weight is None else by_rows(np.multiply, weight, of_class)

    def _balanced_in_tasks(self, rows: TaskRows) -> np.ndarray:
        labels, codes = rows.labels_in_tasks(rows.n_tasks)
        blocks = rows.blocks(features=False)
        weights = balanced_in_tasks(labels, ((b.y, b.task, b.weight) for b in blocks))
        first = labels.first
        return rows.with_task(lambda code, task: weights[first[task] + code], codes)

    def _support_weights(self, rows: TaskRows) -> np.ndarray | None:
        return rows.weight if self._shifts_odds() else self._row_weights(rows)

    def _shifts_odds(self) -> bool:
        """Tell whether classes weigh by their log odds, and not by their rows."""
        return (
            isinstance(self._classes_weighed_by, dict)
            and self.label_space_ == "per_task"
            and not self.algorithm_.weighs_classes
        )

    # In draws of rows ---------------------------------------------------------------

    def _cells(self, rows: TaskRows) -> np.ndarray:
        if self.label_space_ == "shared":
            return rows.task
        return class_cells(rows)

    def _strata(self, rows: TaskRows) -> np.ndarray | None:
        if not isinstance(self.stratify, (bool, np.bool_)):  # set after fit
            raise ValueError(f"stratify must be True or False, not {self.stratify!r}.")
        if not self.stratify or self.label_space_ != "shared":
            return None
        if self.support == "first":
            raise ValueError(
                "stratify=True chooses which rows of a task are support, and "
                "support='first' takes those that come first. Set one of them only."
            )
        return by_rows(self._codes_or_unknown, rows.y)

    def _codes_or_unknown(self, y: np.ndarray) -> np.ndarray:
        """Number labels of a shared label space, and others after all of them."""
        known = are_among(y, self.classes_)
        codes = np.full(len(y), len(self.classes_))
        codes[known] = encode(y[known], self.classes_)
        return codes

    def _is_known(self, rows: TaskRows) -> np.ndarray:
        return is_known(rows.y, self.classes_, self.label_space_)

    # In predict and score: codes to labels ------------------------------------------

    def _set_adapted(self, adapted: AdaptedTasks | None) -> None:
        super()._set_adapted(adapted)
        if adapted is not None:
            self.classes_ = labels_of(adapted).vocabulary
        elif self.label_space_ == "per_task":  # they were names inside those tasks
            self.classes_ = self.classes_[:0]

    def _answer(
        self, adapted: AdaptedTasks, X: np.ndarray, task: np.ndarray
    ) -> np.ndarray:
        logits = self._logits(adapted, X, task)
        return labels_of(adapted).decode(logits.argmax(axis=1), task)

    def _logits(
        self, adapted: AdaptedTasks, X: np.ndarray, task: np.ndarray
    ) -> np.ndarray:
        """Answer rows, with what classes weigh where their rows cannot say it."""
        logits = adapted.outputs(self._table(X), task)
        if not self._shifts_odds():
            return logits
        given: Any = self._classes_weighed_by
        labels = labels_of(adapted)
        shift = np.log(label_weights(given, labels.vocabulary))[labels.members]
        # (rows, classes); beyond the classes of a task all logits are -inf
        place = labels.first[task][:, np.newaxis] + np.arange(logits.shape[1])
        shift = shift[np.minimum(place, len(shift) - 1)]
        return logits + shift.astype(logits.dtype)

    def _probabilities(
        self, adapted: AdaptedTasks, X: np.ndarray, task: np.ndarray
    ) -> np.ndarray:
        """Answer rows by the probability of each label, (n_rows, n_labels)."""
        logits = self._logits(adapted, X, task)
        return labels_of(adapted).spread(softmax(logits, axis=1), task)

    def _scores_per_task(self, rows: TaskRows, answers: np.ndarray) -> np.ndarray:
        return accuracy_per_task(rows, answers)


def labels_of(adapted: AdaptedTasks) -> TaskLabels:
    """Return the classes of tasks, which those of a classifier have."""
    assert adapted.labels is not None
    return adapted.labels
