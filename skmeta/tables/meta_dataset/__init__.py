"""Sets of tasks: tables, lists of tasks and Parquet files in one shape."""

from typing import TYPE_CHECKING

from skmeta.utils.lazily import offers

if TYPE_CHECKING:
    from skmeta.tables.meta_dataset.dataset import MetaDataset, unpack
    from skmeta.tables.meta_dataset.task import Task

__all__ = ["MetaDataset", "Task", "unpack"]

__getattr__, __dir__ = offers(
    __name__,
    {
        "dataset": ["MetaDataset", "unpack"],
        "task": ["Task"],
    },
)
