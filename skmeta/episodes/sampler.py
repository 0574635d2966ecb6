"""Episodes: support and query rows of many tasks, drawn by array arithmetic.

An episode is a handful of row numbers drawn from the spans of a table, for all tasks of
an epoch at once and without a Python loop over tasks, classes or rows.
"""

import math
from collections.abc import Iterator

import numpy as np

from skmeta.episodes.cells import Cells
from skmeta.episodes.episode import Batch, Episode
from skmeta.episodes.sampling import draw_without_replacement, stratified_keys
from skmeta.episodes.table import Table
from skmeta.episodes.unlabelled import Unlabelled

__all__ = ["EpisodeSampler"]


class EpisodeSampler:
    """Draw support and query rows of many tasks at once, without replacement.

    A task is made of *cells* from which rows are drawn. With ``cell`` given, the cells
    are the task's classes: an episode takes ``n_way`` of them, renumbered from zero,
    and ``n_shot`` and ``n_query`` rows of each. Without, the whole task is its
    only cell and rows keep their targets.

    Parameters
    ----------
    table : Table
        Rows and targets.
    task : int ndarray of shape (n_rows,) or Cells
        Task of each row, 0 .. n_tasks - 1; or the cells that may be drawn, which then
        say what ``cell``, ``rows``, ``stratum`` and ``in_support`` would.
    cell : int ndarray of shape (n_rows,), default=None
        Class of each row inside its task.
    rows : int ndarray, default=None
        The rows that may be drawn, all if None.
    n_classes : int, default=0
        Classes of every task where the task is its only cell; 0 in regression.
    n_way : int, default=5
        Classes per episode; a task that has fewer uses all of them.
    n_shot : (int, int), default=(5, 5)
        Lowest and highest number of support rows per cell. A cell too small keeps at
        least one row for the query.
    n_query : int, default=15
        Query rows per cell, fewer where the cell has fewer.
    stratum : int ndarray of shape (n_rows,), default=None
        Class of each row, where the whole task is its only cell: every class has its
        share of the support, and a row at least if there are enough. Where supports are
        given it has no part.
    unlabelled : Unlabelled, default=None
        Rows without targets of the tasks, which go beside every support.
    mix_tasks : float, default=0.0
        Where classes are drawn, the share of episodes whose classes come from all tasks
        together.
    support : {"random", "first"}, default="random"
        Which rows of a cell are known first. "first": a cell is cut at a random place,
        its support are the rows up to the cut, in the order of the table, its query are
        rows that come after it.
    in_support : bool ndarray of shape (n_rows,), default=None
        The rows of the table that are given as support: supports are drawn of these (or
        are the first of these), and queries of the others.

    Attributes
    ----------
    cells : Cells
        All cells, those that cannot be drawn among them.
    n_tasks_ : int
        Tasks that can be drawn: those with two rows, and with two classes where classes
        are drawn.
    n_cells_ : int
        Cells of these tasks.
    n_reduced_ : int
        Cells too small for the lowest shot and one query row, or given less.
    n_dropped_ : int
        Cells of a single row, or where supports are given without a row of them or
        without another row, which are not drawn.
    """

    def __init__(
        self,
        table: Table,
        task: np.ndarray | Cells,
        cell: np.ndarray | None = None,
        *,
        rows: np.ndarray | None = None,
        n_classes: int = 0,
        n_way: int = 5,
        n_shot: tuple[int, int] = (5, 5),
        n_query: int = 15,
        stratum: np.ndarray | None = None,
        unlabelled: Unlabelled | None = None,
        mix_tasks: float = 0.0,
        support: str = "random",
        in_support: np.ndarray | None = None,
    ):
        self.table = table
        if isinstance(task, Cells):
            self.cells = task
        else:
            self.cells = Cells.of(
                task, cell, rows=rows, stratum=stratum, in_support=in_support
            )
        self.draws_classes = self.cells.are_classes
        self.n_classes = n_classes
        self.n_way = n_way if self.draws_classes else 1
        self.n_shot = n_shot
        self.n_query = n_query
        self.mix_tasks = mix_tasks
        self.support = support
        self.unlabelled = unlabelled
        self._task = None
        if unlabelled is not None:
            assert not isinstance(task, Cells)  # rows without targets are in memory
            self._task = task
        # Where an episode may have no support, a cell needs no row that is given.
        cells, usable = self.cells, self.cells.can_be_split(min(n_shot[0], 1))
        self._rows = cells.rows
        self._cell_first, self._cell_sizes = cells.first[usable], cells.sizes[usable]
        self._n_given = None if cells.n_given is None else cells.n_given[usable]
        self._stratum_sizes = None if cells.strata is None else cells.strata[usable]
        task_of_cell = cells.task[usable]
        tasks, first, counts = np.unique(
            task_of_cell, return_index=True, return_counts=True
        )
        enough = counts >= (2 if self.draws_classes else 1)
        self._first_cell, self._n_cells = first[enough], counts[enough]

        self.n_tasks_ = int(enough.sum())
        in_task = np.isin(task_of_cell, tasks[enough])
        sizes = self._cell_sizes[in_task]
        self.n_cells_ = len(sizes)
        most = sizes - 1 if self._n_given is None else self._n_given[in_task]
        self.n_reduced_ = int(np.count_nonzero(most < self.n_shot[0]))
        self.n_dropped_ = int(np.count_nonzero(~usable))

    @property
    def is_given(self) -> bool:
        """Whether supports are given."""
        return self._n_given is not None

    @property
    def n_rows_at_most(self) -> int:
        """Rows of the larger part, support or query, of an episode."""
        return self.n_way * max(self.n_shot[1], self.n_query)

    def draw(
        self, n_episodes: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Draw episodes as row numbers.

        Tasks come in a random order and again only when all of them have come.

        Parameters
        ----------
        n_episodes : int
            Tasks to draw.
        rng : numpy.random.Generator
            Source of randomness.

        Returns
        -------
        rows : int ndarray of shape (n_episodes, n_way, highest shot + n_query)
            Row numbers.
        in_support, in_query : bool ndarray of the shape of rows
            Which of them belong to the support, to the query, or to neither (padding).
        way : int ndarray of shape (n_episodes,)
            Cells of each episode.
        """
        n_rounds = math.ceil(n_episodes / self.n_tasks_)
        task = rng.permuted(
            np.tile(np.arange(self.n_tasks_), (n_rounds, 1)), axis=1
        ).ravel()[:n_episodes]

        n_cells, first_cell = self._n_cells[task], self._first_cell[task]
        if self.mix_tasks:
            mixed = rng.random(n_episodes) < self.mix_tasks
            n_cells = np.where(mixed, len(self._cell_sizes), n_cells)
            first_cell = np.where(mixed, 0, first_cell)
        n_way = min(self.n_way, n_cells.max())
        way = np.minimum(n_way, n_cells)
        cell = first_cell[:, np.newaxis] + draw_without_replacement(
            n_cells, n_way, rng
        )  # (episodes, way)
        sizes = self._cell_sizes[cell]

        low, high = self.n_shot
        shot = rng.integers(low, high + 1, size=(n_episodes, 1))
        if self.support == "first" or self._n_given is not None:
            drawn, shot, n_query = self._draw_parts(cell, shot, rng)
            behind = n_query.max()
        else:
            shot = np.minimum(shot, sizes - 1)
            n_drawn = np.minimum(shot + self.n_query, sizes)
            behind = n_query = n_drawn - shot
            width = n_drawn.max()
            if self._stratum_sizes is None:
                drawn = draw_without_replacement(sizes.ravel(), width, rng)
                drawn = drawn.reshape(*cell.shape, width)
            else:
                strata = self._stratum_sizes[cell[:, 0]]
                drawn = self._draw_stratified(strata, n_drawn, shot, rng)
        rows = self._rows[self._cell_first[cell][..., np.newaxis] + drawn]

        place = np.arange(drawn.shape[-1])
        real = (np.arange(n_way) < way[:, np.newaxis])[..., np.newaxis]
        in_query = real & (place < n_query[..., np.newaxis])
        place = place - np.asarray(behind)[..., np.newaxis]  # the query stands first
        in_support = real & (place >= 0) & (place < shot[..., np.newaxis])
        return rows, in_support, in_query, way

    def _draw_parts(
        self, cell: np.ndarray, shot: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Draw the query from one part of a cell's rows, the support from another.

        Returns
        -------
        drawn : int ndarray of shape (n_episodes, n_way, width)
            Places in the cells: the query, then the support.
        shot, n_query : int ndarray of shape (n_episodes, n_way)
            How many of each are drawn.
        """
        sizes = self._cell_sizes[cell]
        start = np.zeros_like(sizes)
        if self._n_given is None:
            # At the same share of all classes of an episode: they drift together.
            shot = np.minimum(shot, sizes - 1)
            share = rng.random((len(cell), 1))
            start = (share * (sizes - shot)).astype(np.intp)
            cut = start + shot
        else:
            cut = self._n_given[cell]
            shot = np.minimum(shot, cut)
        n_query = np.minimum(self.n_query, sizes - cut)
        asked = draw_without_replacement((sizes - cut).ravel(), n_query.max(), rng)
        asked = cut[..., np.newaxis] + asked.reshape(*cell.shape, -1)
        if self.support == "first":
            learnt = start[..., np.newaxis] + np.arange(shot.max())
            learnt = np.minimum(learnt, sizes[..., np.newaxis] - 1)  # padding
        else:
            learnt = draw_without_replacement(cut.ravel(), shot.max(), rng)
            learnt = learnt.reshape(*cell.shape, -1)
        return np.concatenate([asked, learnt], axis=-1), shot, n_query

    def _draw_stratified(
        self,
        sizes: np.ndarray,
        n_drawn: np.ndarray,
        shot: np.ndarray,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """Draw rows of whole tasks, the query first: (n_episodes, 1, width).

        ``sizes`` are the rows of every class of the tasks, (n_episodes, strata).
        """
        width = n_drawn.max()
        each = min(width, sizes.max())  # rows of a class that may be needed
        drawn = draw_without_replacement(sizes.ravel(), each, rng)
        drawn = drawn.reshape(*sizes.shape, each)
        place = np.broadcast_to(np.arange(each), drawn.shape)
        size = sizes[..., np.newaxis]
        key = stratified_keys(place, size, rng.random(size.shape), rng)
        key = np.where(place < size, key, np.inf)
        first = np.cumsum(sizes, axis=1) - sizes
        drawn = np.where(place < size, drawn + first[..., np.newaxis], 0)
        flat = (len(sizes), -1)
        order = np.argsort(key.reshape(flat), axis=1)[:, :width]
        drawn = np.take_along_axis(drawn.reshape(flat), order, axis=1)
        # Support rows have the lowest keys, and stand behind the query.
        at, n_query = np.arange(drawn.shape[1]), n_drawn - shot
        at = np.where(at < n_query, at + shot, np.where(at < n_drawn, at - n_query, at))
        return np.take_along_axis(drawn, at, axis=1)[:, np.newaxis]

    def episodes(
        self, n_tasks: int, at_once: int, rng: np.random.Generator
    ) -> Iterator[Episode]:
        """Draw so many tasks, and gather some of them at a time."""
        yield from self.gathered(self.draw(n_tasks, rng), at_once)

    def gathered(
        self, drawn: tuple[np.ndarray, ...], at_once: int
    ) -> Iterator[Episode]:
        """Gather what :meth:`draw` has drawn, some tasks at a time."""
        for start in range(0, len(drawn[0]), at_once):
            part = slice(start, start + at_once)
            rows, in_support, in_query, way = (each[part] for each in drawn)
            yield self.episode(rows, in_support, in_query, way)

    def episode(
        self,
        rows: np.ndarray,
        in_support: np.ndarray,
        in_query: np.ndarray,
        way: np.ndarray,
        table: Table | None = None,
    ) -> Episode:
        """Gather drawn row numbers, of a ``table`` if not the own, into an episode."""
        if table is None:
            table, place = self.table.in_memory(rows)
        else:
            place = rows
        n_classes = way if self.draws_classes else np.full(len(way), self.n_classes)

        def gather(mask: np.ndarray) -> Batch:
            # Real rows to the front: as wide as the largest cell, and no wider.
            width = max(int(mask.sum(axis=-1).max()), 1)
            order = np.argsort(~mask, axis=-1, kind="stable")[..., :width]
            flat = (len(rows), -1)
            y = None
            if self.draws_classes:
                y = np.broadcast_to(np.arange(order.shape[1])[:, None], order.shape)
                y = y.reshape(flat)
            return table.take(
                np.take_along_axis(place, order, axis=-1).reshape(flat),
                np.take_along_axis(mask, order, axis=-1).reshape(flat),
                n_classes,
                y,
            )

        support = gather(in_support)
        if self.unlabelled is not None and self._task is not None:
            support = self.unlabelled.beside(support, self._task[rows[:, 0, 0]])
        return Episode(support, gather(in_query))
