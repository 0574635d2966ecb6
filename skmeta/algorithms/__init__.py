"""Meta-learning algorithms.

Each is a strategy object that goes into the ``algorithm`` parameter of an estimator.
A new one is a subclass of :class:`Algorithm`.
"""

from skmeta.algorithms.base import Algorithm, Spec, mask_absent_classes, task_losses
from skmeta.algorithms.maml import MAML
from skmeta.algorithms.maml_variants import ANIL, BOIL, FOMAML, MetaSGD
from skmeta.algorithms.protonet import ProtoNet

__all__ = [
    "ANIL",
    "BOIL",
    "FOMAML",
    "MAML",
    "Algorithm",
    "MetaSGD",
    "ProtoNet",
    "Spec",
    "mask_absent_classes",
    "task_losses",
]
