"""Tasks by the million: adapt and answer in memory that does not grow with them.

From Parquet to Parquet, so that a process may be killed at any moment and go on where
it was, or batch by batch of rows that come from anywhere. The commands are
``python -m skmeta adapt`` and ``python -m skmeta predict``.
"""

from skmeta.bulk.adapting import adapt_parquet
from skmeta.bulk.batches import adapt_batches, predict_batches
from skmeta.bulk.folder import TaskFolder
from skmeta.bulk.predicting import predict_parquet

__all__ = [
    "TaskFolder",
    "adapt_batches",
    "adapt_parquet",
    "predict_batches",
    "predict_parquet",
]
