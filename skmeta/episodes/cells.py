"""What episodes draw rows from: tasks, or classes of tasks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from skmeta.tables.groups import Spans
from skmeta.tables.stored.index import TaskIndex, sorted_by
from skmeta.tables.stored.sources import read_in_blocks

__all__ = ["Cells"]

# Parts of a task that a number of a task and a part of it has room for.
_MOST_PARTS = 2**32


@dataclass(frozen=True)
class Cells:
    """Cells, each a task or a class of a task, and the order of their rows.

    Parameters
    ----------
    rows : indexable
        Row numbers by their place, cell after cell. Inside a cell rows that are given
        as support come before the others, or those of one stratum before those of the
        next.
    first, sizes : int ndarray of shape (n_cells,)
        Where the rows of each cell begin in ``rows``, and how many they are.
    task : int ndarray of shape (n_cells,)
        Task of each cell; cells are sorted by it.
    are_classes : bool, default=False
        Whether cells are classes of tasks.
    n_given : int ndarray of shape (n_cells,), default=None
        Rows of each cell that are given as support; None where none are.
    strata : int ndarray of shape (n_cells, n_strata), default=None
        Rows of each stratum of each cell; None where there are none.
    """

    rows: Any
    first: np.ndarray
    sizes: np.ndarray
    task: np.ndarray
    are_classes: bool = False
    n_given: np.ndarray | None = None
    strata: np.ndarray | None = None

    @classmethod
    def of(
        cls,
        task: np.ndarray,
        cell: np.ndarray | None = None,
        *,
        rows: np.ndarray | None = None,
        stratum: np.ndarray | None = None,
        in_support: np.ndarray | None = None,
    ) -> Self:
        """Find the cells of rows in memory.

        Parameters
        ----------
        task : int ndarray of shape (n_rows,)
            Task of each row.
        cell : int ndarray of shape (n_rows,), default=None
            Class of each row inside its task; None where tasks are the cells.
        rows : int ndarray, default=None
            The rows that cells are made of, all if None.
        stratum : int ndarray of shape (n_rows,), default=None
            Class of each row, for supports that have a share of each. Where supports
            are given it has no part.
        in_support : bool ndarray of shape (n_rows,), default=None
            The rows that are given as support.
        """
        rows = np.arange(len(task)) if rows is None else rows
        per_task = 1 if cell is None else cell.max() + 1
        code = task * per_task + (0 if cell is None else cell)
        codes, cell_of_row = np.unique(code[rows], return_inverse=True)
        spans = Spans(cell_of_row, len(codes))
        own, order = cell_of_row[spans.rows], rows[spans.rows]
        n_given = strata = None
        if in_support is not None:
            given = in_support[order]
            order = order[np.lexsort((~given, own))]
            n_given = np.bincount(own, given, minlength=len(codes)).astype(np.intp)
        elif stratum is not None:
            part = stratum[order]
            order = order[np.lexsort((part, own))]
            n_strata = part.max() + 1
            sizes = np.bincount(own * n_strata + part, minlength=len(codes) * n_strata)
            strata = sizes.reshape(len(codes), n_strata)
        are_classes = cell is not None
        return cls(
            order,
            spans.first,
            spans.sizes,
            codes // per_task,
            are_classes,
            n_given,
            strata,
        )

    @classmethod
    def stored(
        cls,
        index: TaskIndex,
        cell: Any = None,
        *,
        stratum: Any = None,
        in_support: Any = None,
    ) -> Self:
        """Find the cells of rows on disk; as :meth:`of`.

        It holds a few numbers for each cell, and row numbers, of four or eight bytes,
        unless rows are sorted by cell.

        Parameters
        ----------
        index : TaskIndex
            The tasks.
        cell, stratum, in_support : RowSource of shape (n_rows,), default=None
            As in :meth:`of`.
        """
        if in_support is not None:
            stratum = None
        parts = [p for p in (cell, stratum, in_support) if p is not None]
        if not parts:
            tasks = np.arange(index.n_tasks)
            return cls(index.rows, index.first, index.sizes, tasks)

        def keys() -> Iterator[np.ndarray]:
            for part, read in read_in_blocks(len(parts[0]), *parts):
                block = list(read) if len(parts) > 1 else [read]
                task = index[part]
                key = np.zeros(len(task), dtype=np.int64)
                if cell is not None or stratum is not None:
                    key += block[0]
                if in_support is not None:
                    key = 2 * key + ~block[-1]
                yield np.where(task < 0, -1, task * _MOST_PARTS + key)

        rows, key, sizes = sorted_by(keys, len(parts[0]))
        task, part = np.divmod(key, _MOST_PARTS)
        own = part // 2 if in_support is not None else part
        if cell is None:
            own = np.zeros_like(own)
        is_next = np.ones(len(key), dtype=bool)  # another cell than the one before
        is_next[1:] = (task[1:] != task[:-1]) | (own[1:] != own[:-1])
        begin, of_cell = np.flatnonzero(is_next), np.cumsum(is_next) - 1
        of_cells = np.add.reduceat(sizes, begin)
        n_given = strata = None
        if in_support is not None:
            given = part % 2 == 0
            n_given = np.bincount(of_cell, sizes * given).astype(np.intp)
        elif stratum is not None:
            strata = np.zeros((len(begin), part.max() + 1), dtype=np.intp)
            strata[of_cell, part] = sizes
        first = np.cumsum(of_cells) - of_cells
        is_class = cell is not None
        return cls(rows, first, of_cells, task[begin], is_class, n_given, strata)

    def take(self, chosen: np.ndarray) -> Cells:
        """Keep the cells that a mask chooses, and no stratum beyond the last of them.

        They are those of a table that has these cells alone.
        """
        strata = None
        if self.strata is not None:
            strata = self.strata[chosen]
            n_strata = strata.any(axis=0).nonzero()[0].max(initial=0) + 1
            strata = strata[:, :n_strata]
        return Cells(
            self.rows,
            self.first[chosen],
            self.sizes[chosen],
            self.task[chosen],
            self.are_classes,
            None if self.n_given is None else self.n_given[chosen],
            strata,
        )

    def can_be_split(self, least_given: int = 1) -> np.ndarray:
        """Tell which cells have a row for the support and another for the query.

        Parameters
        ----------
        least_given : int, default=1
            Rows that must be given as support, where they are given.

        Returns
        -------
        bool ndarray of shape (n_cells,)
            True for those that have.
        """
        if self.n_given is None:
            return self.sizes >= 2
        return (self.n_given >= least_given) & (self.n_given < self.sizes)

    def tasks_to_split(self) -> np.ndarray:
        """Return the tasks that can be split, of classes those with two such classes.

        Returns
        -------
        int ndarray
            Their numbers.
        """
        task, n_cells = np.unique(self.task[self.can_be_split()], return_counts=True)
        return task[n_cells >= (2 if self.are_classes else 1)]
