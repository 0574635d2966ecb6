"""What a file calls things: the keys and class names of its formats.

A rename in the code does not reach a file: what stands on the left stays, and points to
the new name on the right. A key that comes or goes in a way that the code of yesterday
cannot read asks for a new format.
"""

import sys
from typing import Any

from skmeta.algorithms import (
    baseline_plus_plus,
    cnp,
    gp,
    matching,
    metaoptnet,
    protonet,
    r2d2,
    relation,
    siamese,
    simpleshot,
)
from skmeta.algorithms.base import Algorithm
from skmeta.algorithms.gaussian import Posterior
from skmeta.algorithms.inner_loop import learner as inner_loop
from skmeta.algorithms.maml import MAML
from skmeta.algorithms.shared.graph import GraphRows, WithGraph
from skmeta.engine.landmarks import LandmarkedState
from skmeta.episodes.scaling import ScaledState, Statistics
from skmeta.model_selection import (
    GPBoost,
    MixedLinear,
    PerTask,
    Pooled,
    PooledWithResidual,
    PooledWithTaskMean,
    TaskAsCategory,
    TaskMean,
)
from skmeta.model_selection._strategy import Strategy

__all__ = [
    "ADAPTED",
    "CALIBRATION",
    "FITTED",
    "LABELS",
    "SPEC",
    "STRATEGIES",
    "SUPPORTS",
    "state_class",
    "state_name",
]


def _themselves(*names: str) -> dict[str, str]:
    return {name: name for name in names}


FITTED = _themselves(
    "_sklearn_output_config",
    "algorithm_",
    "augment_",
    "backbone_",
    "class_weight_",
    "classes_",
    "feature_names_in_",
    "given_class_weight_",
    "high_",
    "label_space_",
    "largest_task_",
    "low_",
    "mean_",
    "n_features_in_",
    "n_query_",
    "n_shot_",
    "n_tasks_",
    "n_way_",
    "normalize_",
    "prior_",
    "scale_",
    "target_high_",
    "target_low_",
    "target_mean_",
    "target_names_",
    "target_scale_",
    "target_spread_",
    "target_widest_",
    "target_within_",
    "tasks_",
    "temperature_",
    "unknown_",
    "unknown_label_",
    "unlabelled_",
    "within_",
)
"""Keys of what ``fit`` learns, and the attributes of the estimator."""

SPEC = _themselves(
    *("n_features", "n_outputs", "kind", "label_space", "n_train_classes", "n_parts"),
    *("from_pool", "fixed_split", "n_targets", "of_images", "long_tails"),
)
"""Keys of a ``Spec``, and its fields; the last four only where they say something."""

ADAPTED = {
    "names": "names",
    "n_tasks": "n_tasks",
    "n_rows": "n_rows",
    "_order": "order",
    "_states": "states",
    "_bounds": "bounds",
}
"""Keys of ``AdaptedTasks``, and its attributes; its labels have keys below."""

LABELS = _themselves("vocabulary", "members", "first", "n_classes")
"""Keys of ``TaskLabels``, and its attributes."""

CALIBRATION = _themselves("sizes", "n_tasks", "scores", "levels")
"""Keys of a ``Calibration``, and its attributes."""

SUPPORTS = _themselves("X", "y", "sizes", "weight", "offset")
"""Keys of ``Supports``, and its fields."""

STRATEGIES: dict[str, type[Strategy]] = {
    cls.__name__: cls
    for cls in (
        *(GPBoost, MixedLinear, PerTask, Pooled, PooledWithResidual),
        *(PooledWithTaskMean, TaskAsCategory, TaskMean),
    )
}
"""Ways without meta-learning; what they learn is called as their attributes are."""

# Many are called "_State" for that was the name of their classes when format 1 began. A
# new one is best called as its class is.
_STATES: dict[tuple[type[Algorithm], str], type] = {
    (Algorithm, "TaskScaledState"): ScaledState,
    (Algorithm, "Statistics"): Statistics,
    (Algorithm, "LandmarkedState"): LandmarkedState,
    (Algorithm, "GraphRows"): GraphRows,
    (Algorithm, "WithGraph"): WithGraph,
    (MAML, "State"): inner_loop.State,
    (baseline_plus_plus.BaselinePlusPlus, "_State"): baseline_plus_plus.State,
    (cnp.CNP, "_Averages"): cnp.Averages,
    (cnp.CNP, "_Rows"): cnp.Context,
    (gp.GP, "Posterior"): Posterior,
    (matching.MatchingNet, "_State"): matching.State,
    (metaoptnet.MetaOptNet, "_State"): metaoptnet.State,
    (protonet.ProtoNet, "_State"): protonet.State,
    (r2d2.R2D2, "_State"): r2d2.State,
    (relation.RelationNet, "_State"): relation.State,
    (siamese.Siamese, "_State"): siamese.State,
    (simpleshot.SimpleShot, "_State"): protonet.State,
}
"""What the state of an algorithm is made of, by the algorithm and the file's name."""


def state_class(algorithm: Any, name: str) -> type | None:
    """Return the class that a file calls so, in a state that an algorithm left.

    Of a plugin's algorithm, it is the named tuple of this name in its own module.
    """
    for cls in type(algorithm).__mro__:
        known = _STATES.get((cls, name))
        if known is not None:
            return known
        found = getattr(sys.modules.get(cls.__module__), name, None)
        if isinstance(found, type) and issubclass(found, tuple):
            return found if hasattr(found, "_fields") else None
    return None


def state_name(algorithm: Any, cls: type) -> str | None:
    """Return what a file calls a class of an algorithm's state, if it can name it."""
    names = [name for (_, name), known in _STATES.items() if known is cls]
    for name in [*names, cls.__name__]:
        if state_class(algorithm, name) is cls:
            return name
    return None
