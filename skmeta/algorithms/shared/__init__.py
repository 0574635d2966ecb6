"""What several algorithms have in common: losses, sums by class, priors and more.

Plugins find what is listed here in :mod:`skmeta.algorithms`. What only one method
needs, such as the solver of ``crammer_singer``, is imported from its file, and so are
factors and inverses of covariances (``cholesky``).
"""

from typing import TYPE_CHECKING

from skmeta.utils.lazily import offers

if TYPE_CHECKING:
    from skmeta.algorithms.shared.by_class import (
        log_probabilities,
        log_scale,
        log_sum_by_class,
        mean_by_class,
        split_again,
        sum_by_class,
    )
    from skmeta.algorithms.shared.calibration import Calibration, count_classes
    from skmeta.algorithms.shared.losses import (
        absent_classes,
        mask_absent_classes,
        mean_of_rows,
        row_losses,
        task_losses,
    )
    from skmeta.algorithms.shared.offsets import (
        add_offset,
        count_unexpected,
        mean_offset,
        unexplained_targets,
    )
    from skmeta.algorithms.shared.training_classes import (
        ClassLoss,
        class_loss,
        embed_episode,
        join_train_rows,
        make_class_loss,
    )

__all__ = [
    "Calibration",
    "ClassLoss",
    "absent_classes",
    "add_offset",
    "class_loss",
    "count_classes",
    "count_unexpected",
    "embed_episode",
    "join_train_rows",
    "log_probabilities",
    "log_scale",
    "log_sum_by_class",
    "make_class_loss",
    "mask_absent_classes",
    "mean_by_class",
    "mean_of_rows",
    "mean_offset",
    "row_losses",
    "split_again",
    "sum_by_class",
    "task_losses",
    "unexplained_targets",
]

__getattr__, __dir__ = offers(
    __name__,
    {
        "by_class": [
            "log_probabilities",
            "log_scale",
            "log_sum_by_class",
            "mean_by_class",
            "split_again",
            "sum_by_class",
        ],
        "calibration": ["Calibration", "count_classes"],
        "losses": [
            "absent_classes",
            "mask_absent_classes",
            "mean_of_rows",
            "row_losses",
            "task_losses",
        ],
        "offsets": [
            "add_offset",
            "count_unexpected",
            "mean_offset",
            "unexplained_targets",
        ],
        "training_classes": [
            "ClassLoss",
            "class_loss",
            "embed_episode",
            "join_train_rows",
            "make_class_loss",
        ],
    },
)
