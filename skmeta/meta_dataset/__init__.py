"""Sets of tasks: tables, lists of tasks and Parquet files in one shape."""

from skmeta.meta_dataset.dataset import MetaDataset, unpack
from skmeta.meta_dataset.task import Task

__all__ = ["MetaDataset", "Task", "unpack"]
