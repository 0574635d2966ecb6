"""Choose and judge meta-learners: scorers, splits over tasks, curves, paired tests.

What they have to beat are strategies without meta-learning, with the verbs of a
meta-learner; :func:`plain_ways` has all of them by name.
"""

from typing import TYPE_CHECKING

from skmeta.utils.lazily import offers

if TYPE_CHECKING:
    from skmeta.model_selection._compare import Comparison, compare
    from skmeta.model_selection._curve import few_shot_curve
    from skmeta.model_selection._gpboost import GPBoost
    from skmeta.model_selection._mixed_linear import MixedLinear
    from skmeta.model_selection._one_model import Pooled, PooledWithTaskMean
    from skmeta.model_selection._per_task import PerTask
    from skmeta.model_selection._plain_ways import plain_ways
    from skmeta.model_selection._scorer import FewShotScorer, few_shot_scorer
    from skmeta.model_selection._splitters import ClassKFold, TaskSplit
    from skmeta.model_selection._task_as_category import TaskAsCategory
    from skmeta.model_selection._task_mean import TaskMean
    from skmeta.model_selection._with_residual import PooledWithResidual

__all__ = [
    "ClassKFold",
    "Comparison",
    "FewShotScorer",
    "GPBoost",
    "MixedLinear",
    "PerTask",
    "Pooled",
    "PooledWithResidual",
    "PooledWithTaskMean",
    "TaskAsCategory",
    "TaskMean",
    "TaskSplit",
    "compare",
    "few_shot_curve",
    "few_shot_scorer",
    "plain_ways",
]

__getattr__, __dir__ = offers(
    __name__,
    {
        "_compare": ["Comparison", "compare"],
        "_curve": ["few_shot_curve"],
        "_gpboost": ["GPBoost"],
        "_mixed_linear": ["MixedLinear"],
        "_one_model": ["Pooled", "PooledWithTaskMean"],
        "_per_task": ["PerTask"],
        "_plain_ways": ["plain_ways"],
        "_scorer": ["FewShotScorer", "few_shot_scorer"],
        "_splitters": ["ClassKFold", "TaskSplit"],
        "_task_as_category": ["TaskAsCategory"],
        "_task_mean": ["TaskMean"],
        "_with_residual": ["PooledWithResidual"],
    },
)
