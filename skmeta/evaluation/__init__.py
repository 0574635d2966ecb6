"""From a table on disk to a report on whether meta-learning helps, and how much.

``python -m skmeta evaluate`` is its face.
"""

from skmeta.evaluation.evaluate import evaluate
from skmeta.evaluation.findings import Stopped
from skmeta.evaluation.problem import Problem, make_problem
from skmeta.evaluation.result import Evaluation
from skmeta.evaluation.table_file import InputError, read_table, table_of

__all__ = [
    "Evaluation",
    "InputError",
    "Problem",
    "Stopped",
    "evaluate",
    "make_problem",
    "read_table",
    "table_of",
]
