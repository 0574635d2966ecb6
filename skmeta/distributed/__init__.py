"""Many tasks on several machines: over partitions of Dask frames, each task whole."""

from skmeta.distributed.frames import DistributedTasks, adapt, adapt_predict

__all__ = ["DistributedTasks", "adapt", "adapt_predict"]
