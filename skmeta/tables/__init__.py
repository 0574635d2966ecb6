"""What a user's table means: whose rows are whose, what labels say, how much counts."""

from skmeta.tables.groups import Spans, encode_groups
from skmeta.tables.labels import TaskLabels, infer_label_space
from skmeta.tables.meta_dataset import MetaDataset, Task
from skmeta.tables.preprocessing import make_preprocessor

__all__ = [
    "MetaDataset",
    "Spans",
    "Task",
    "TaskLabels",
    "encode_groups",
    "infer_label_space",
    "make_preprocessor",
]
