"""Choose and judge meta-learners: scorers, splits over tasks, curves, paired tests.

What they have to beat are strategies without meta-learning, with the verbs of a
meta-learner: :class:`PerTask`, :class:`Pooled`, :class:`PooledWithTaskMean`,
:class:`Hierarchical`.
"""

from skmeta.model_selection._compare import Comparison, compare
from skmeta.model_selection._curve import few_shot_curve
from skmeta.model_selection._hierarchical import Hierarchical
from skmeta.model_selection._one_model import Pooled, PooledWithTaskMean
from skmeta.model_selection._per_task import PerTask
from skmeta.model_selection._scorer import FewShotScorer, few_shot_scorer
from skmeta.model_selection._splitters import ClassKFold, TaskSplit

__all__ = [
    "ClassKFold",
    "Comparison",
    "FewShotScorer",
    "Hierarchical",
    "PerTask",
    "Pooled",
    "PooledWithTaskMean",
    "TaskSplit",
    "compare",
    "few_shot_curve",
    "few_shot_scorer",
]
