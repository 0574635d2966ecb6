"""Choose and judge meta-learners: scorers, splits over tasks, curves, paired tests."""

from skmeta.model_selection._compare import Comparison, compare
from skmeta.model_selection._curve import few_shot_curve
from skmeta.model_selection._per_task import PerTask
from skmeta.model_selection._pooled import Pooled, PooledWithTaskMean
from skmeta.model_selection._scorer import FewShotScorer, few_shot_scorer
from skmeta.model_selection._splitters import ClassKFold, TaskSplit

__all__ = [
    "ClassKFold",
    "Comparison",
    "FewShotScorer",
    "PerTask",
    "Pooled",
    "PooledWithTaskMean",
    "TaskSplit",
    "compare",
    "few_shot_curve",
    "few_shot_scorer",
]
