"""The classes of a classifier: what labels mean, and how much each counts."""

from typing import Any

import numpy as np
from sklearn.utils.multiclass import check_classification_targets

from skmeta.algorithms.base import Spec
from skmeta.labels import TaskLabels, encode, infer_label_space, show
from skmeta.scaling import within_variance
from skmeta.weights import (
    balanced_in_tasks,
    balanced_weights,
    check_class_weight,
    label_weights,
)

__all__ = ["ClassesMixin"]


class ClassesMixin:
    """What a meta-trained estimator asks of targets, answered for classes.

    Goes before :class:`skmeta.estimators.base.BaseMetaEstimator`, whose general answers
    it narrows.
    """

    def _validate_rows(self, X, y, *, reset):
        X, y = super()._validate_rows(X, y, reset=reset)
        check_classification_targets(y)
        return X, y

    def _within(self, values, y, task, mean, scale):
        if self.tasks != "classes":
            return super()._within(values, y, task, mean, scale)
        # A task is n_way classes, whose mean varies n_way times less than a class's.
        label = np.unique(y, return_inverse=True)[1]
        inside_classes = within_variance(values, label, mean, scale)
        return 1 - (1 - inside_classes) / self.n_way

    # What labels mean ---------------------------------------------------------------

    def _learn_targets(self, y, task, classes, settled):
        if self.tasks == "classes" and self.label_space == "shared":
            raise ValueError(
                "tasks='classes' draws its own classes for every episode, in which "
                "labels are only names. Use tasks='table' for label_space='shared'."
            )
        if not settled:
            self.label_space_ = self._choose_label_space(y, task)
        shared = self.label_space_ == "shared"
        self._learn_classes(y, classes if shared else None, settled and shared)
        if self.mix_tasks and (shared or self.tasks != "groups"):
            raise ValueError(
                "mix_tasks makes episodes of classes of several groups, which needs "
                "tasks='groups' and label_space='per_task'. Set mix_tasks=0."
            )
        codes, _, _ = self._encode(y, task, n_tasks=task.max() + 1)
        label = codes
        if not shared:
            of_task = task * (codes.max() + 1) + codes
            label = np.unique(of_task, return_inverse=True)[1]
        self.spec_ = Spec(
            n_features=self.n_features_in_,
            n_outputs=len(self.classes_) if shared else 0,
            kind="classifier",
            label_space=self.label_space_,
            n_train_classes=int(label.max()) + 1,
        )
        return codes, None if shared else codes, label

    def _choose_label_space(self, y: np.ndarray, task: np.ndarray) -> str:
        if self.label_space != "auto":
            return self.label_space
        by_tasks = {"classes": "per_task", "table": "shared"}
        return by_tasks.get(self.tasks) or infer_label_space(y, task)

    def _learn_classes(self, y: np.ndarray, classes: Any, settled: bool) -> None:
        """Learn which labels there are: those declared as ``classes``, or in ``y``.

        Where they are ``settled``, others must not be declared.
        """
        declared = None if classes is None else np.unique(classes)
        if not settled:
            self.classes_ = np.unique(y) if declared is None else declared
        elif declared is not None and not np.array_equal(declared, self.classes_):
            raise ValueError(
                f"classes {show(declared)} are not those of the first call of "
                f"partial_fit, {show(self.classes_)}."
            )
        if len(self.classes_) < 2:
            raise ValueError(
                "Classifier can't train when only one class is present: "
                f"y holds the one class {self.classes_[0]!r}."
            )

    def _meaning(self):
        shared = self.label_space_ == "shared"
        return self.spec_, tuple(self.classes_.tolist()) if shared else None

    def _encode(self, y, task, n_tasks):
        if self.label_space_ == "shared":
            codes = encode(y, self.classes_)
            labels = TaskLabels.shared(self.classes_, n_tasks)
        else:
            labels, codes = TaskLabels.per_task(y, task, n_tasks)
        return codes, labels.n_classes, labels

    def _any_targets(self, n):
        return self.classes_[:n]

    def _cells(self, y, task):
        if self.label_space_ == "shared":
            return task
        _, code = np.unique(y, return_inverse=True)
        return task * (code.max() + 1) + code

    def _set_adapted(self, adapted):
        super()._set_adapted(adapted)
        self.classes_ = adapted.labels.vocabulary

    # How much classes count ---------------------------------------------------------

    def _learn_class_weight(self, y, weight):
        self.class_weight_ = None
        if self.class_weight is None:
            return
        self._check_uses_weights("class_weight")
        shared = self.label_space_ == "shared"
        if self.class_weight == "balanced":
            if shared:
                codes = encode(y, self.classes_)
                self.class_weight_ = balanced_weights(codes, weight, len(self.classes_))
            return
        check_class_weight(self.class_weight, self.classes_ if shared else None)
        if shared:
            self.class_weight_ = label_weights(self.class_weight, self.classes_)

    def _row_weights(self, y, task, weight):
        if self.class_weight is None:
            return weight
        if self.class_weight_ is not None:
            of_class = self.class_weight_[encode(y, self.classes_)]
        elif self.class_weight == "balanced":
            of_class = balanced_in_tasks(y, task, weight)
        else:
            of_class = label_weights(self.class_weight, y)
        return of_class if weight is None else weight * of_class

    def _strata(self, y):
        if not self.stratify or self.label_space_ != "shared":
            return None
        return encode(y, self.classes_)
