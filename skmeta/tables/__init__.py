"""What a user's table means: whose rows are whose, what labels say, how much counts."""

from typing import TYPE_CHECKING

from skmeta.utils.lazily import offers

if TYPE_CHECKING:
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

__getattr__, __dir__ = offers(
    __name__,
    {
        "groups": ["Spans", "encode_groups"],
        "labels": ["TaskLabels", "infer_label_space"],
        "meta_dataset": ["MetaDataset", "Task"],
        "preprocessing": ["make_preprocessor"],
    },
)
