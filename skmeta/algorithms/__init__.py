"""Meta-learning algorithms.

Each is a strategy object that goes into the ``algorithm`` parameter of an estimator.
A new one is a subclass of :class:`Algorithm`.
"""

from typing import TYPE_CHECKING

from skmeta.episodes.spec import Spec
from skmeta.utils.lazily import offers

if TYPE_CHECKING:
    from skmeta.algorithms.anil import ANIL
    from skmeta.algorithms.base import Algorithm
    from skmeta.algorithms.baseline_plus_plus import BaselinePlusPlus
    from skmeta.algorithms.boil import BOIL
    from skmeta.algorithms.cnp import CNP
    from skmeta.algorithms.fomaml import FOMAML
    from skmeta.algorithms.gp import GP
    from skmeta.algorithms.imaml import IMAML
    from skmeta.algorithms.maml import MAML
    from skmeta.algorithms.maml_plus_plus import MAMLPlusPlus
    from skmeta.algorithms.matching import MatchingNet
    from skmeta.algorithms.metaoptnet import MetaOptNet
    from skmeta.algorithms.metasgd import MetaSGD
    from skmeta.algorithms.pooled import Pooled
    from skmeta.algorithms.protonet import ProtoNet
    from skmeta.algorithms.r2d2 import R2D2
    from skmeta.algorithms.relation import RelationNet
    from skmeta.algorithms.reptile import Reptile
    from skmeta.algorithms.shared import (
        Calibration,
        ClassLoss,
        absent_classes,
        add_offset,
        class_loss,
        count_classes,
        count_unexpected,
        embed_episode,
        join_train_rows,
        log_probabilities,
        log_scale,
        log_sum_by_class,
        make_class_loss,
        mask_absent_classes,
        mean_by_class,
        mean_of_rows,
        mean_offset,
        row_losses,
        split_again,
        sum_by_class,
        task_losses,
        unexplained_targets,
    )
    from skmeta.algorithms.siamese import Siamese
    from skmeta.algorithms.simpleshot import SimpleShot

__all__ = [
    "ANIL",
    "BOIL",
    "CNP",
    "FOMAML",
    "GP",
    "IMAML",
    "MAML",
    "R2D2",
    "Algorithm",
    "BaselinePlusPlus",
    "Calibration",
    "ClassLoss",
    "MAMLPlusPlus",
    "MatchingNet",
    "MetaOptNet",
    "MetaSGD",
    "Pooled",
    "ProtoNet",
    "RelationNet",
    "Reptile",
    "Siamese",
    "SimpleShot",
    "Spec",
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
        "anil": ["ANIL"],
        "base": ["Algorithm"],
        "baseline_plus_plus": ["BaselinePlusPlus"],
        "boil": ["BOIL"],
        "cnp": ["CNP"],
        "fomaml": ["FOMAML"],
        "gp": ["GP"],
        "imaml": ["IMAML"],
        "maml": ["MAML"],
        "maml_plus_plus": ["MAMLPlusPlus"],
        "matching": ["MatchingNet"],
        "metaoptnet": ["MetaOptNet"],
        "metasgd": ["MetaSGD"],
        "pooled": ["Pooled"],
        "protonet": ["ProtoNet"],
        "r2d2": ["R2D2"],
        "relation": ["RelationNet"],
        "reptile": ["Reptile"],
        "shared": [
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
        ],
        "siamese": ["Siamese"],
        "simpleshot": ["SimpleShot"],
    },
)
