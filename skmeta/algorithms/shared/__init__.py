"""What several algorithms have in common: losses, sums by class, training classes."""

from skmeta.algorithms.shared.by_class import (
    log_probabilities,
    log_scale,
    mean_by_class,
    split_again,
    sum_by_class,
)
from skmeta.algorithms.shared.losses import (
    absent_classes,
    mask_absent_classes,
    mean_of_rows,
    row_losses,
    task_losses,
)
from skmeta.algorithms.shared.training_classes import class_loss, join_train_rows

__all__ = [
    "absent_classes",
    "class_loss",
    "join_train_rows",
    "log_probabilities",
    "log_scale",
    "mask_absent_classes",
    "mean_by_class",
    "mean_of_rows",
    "row_losses",
    "split_again",
    "sum_by_class",
    "task_losses",
]
