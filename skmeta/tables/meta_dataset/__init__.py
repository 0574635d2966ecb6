"""Sets of tasks: tables, lists of tasks and Parquet files in one shape."""

from skmeta.tables.meta_dataset.dataset import MetaDataset, unpack
from skmeta.tables.meta_dataset.task import Task

__all__ = ["MetaDataset", "Task", "unpack"]
