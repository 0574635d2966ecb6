"""Rows without targets, by their tasks."""

import numpy as np

from skmeta.episodes.episode import Batch
from skmeta.episodes.table import Table
from skmeta.tables.groups import Spans

__all__ = ["Unlabelled"]


class Unlabelled:
    """Rows without targets of some tasks, which go beside the supports of these.

    Parameters
    ----------
    table : Table
        The rows; their targets mean nothing.
    task : int ndarray of shape (n_rows,)
        Task of each row.
    n_tasks : int
        Tasks, those without such rows among them.

    Attributes
    ----------
    sizes : int ndarray of shape (n_tasks,)
        Rows of each task.
    """

    def __init__(self, table: Table, task: np.ndarray, n_tasks: int):
        self._table = table
        self._spans = Spans(task, n_tasks)
        self.sizes = self._spans.sizes

    def beside(self, support: Batch, tasks: np.ndarray) -> Batch:
        """Put them beside the support of these tasks, if one of them has any."""
        if not self.sizes[tasks].any():
            return support
        rows, mask = self._spans.pad(tasks)
        n_classes = support.n_classes.numpy()
        return support._replace(unlabelled=self._table.take(rows, mask, n_classes))
