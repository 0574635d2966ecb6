"""Rounds of episodes: the rows of many tasks, laid out to split them anywhere."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from skmeta.episodes.sampling import (
    draw_places,
    draw_without_replacement,
    shuffled_places,
)

__all__ = ["Round", "draw_rounds"]


class Round(NamedTuple):
    """Episodes that share no row, unless classes are drawn from one table.

    A task is one *cell* of rows, or one for each of its classes where labels are only
    names inside a task. Supports of more shots hold those of fewer. Where supports are
    given, those of a round are part of them, and the query is what was not given.
    """

    row: np.ndarray  # (n,): row of the table
    episode: np.ndarray  # (n,): which episode it is in
    place: np.ndarray  # (n,): its place in its cell, shuffled or in order
    size: np.ndarray  # (n,): rows of its cell
    task: np.ndarray  # (n_episodes,): the task that the episode is of
    n_given: np.ndarray | None = None  # (n,): rows of its cell given as support
    cell: np.ndarray | None = None  # (n,): which cell it is in, of rows in order

    @property
    def n_able(self) -> np.ndarray:
        """Count the shots that leave a query of a row's cell; below 0 if none does."""
        if self.n_given is None:
            return self.size - 1
        return np.where(self.n_given < self.size, self.n_given, -1)

    def support(self, n_shot: int) -> np.ndarray:
        """Tell which rows are learnt from; a cell keeps a row for the query."""
        return self.place < self._shot(n_shot)

    def query(self, n_shot: int, n_query: int | None = None) -> np.ndarray:
        """Tell which rows are judged on: the next ones, where rows are in order."""
        first = self._shot(n_shot) if self.n_given is None else self.n_given
        query = self.place >= first
        return query if n_query is None else query & (self.place < first + n_query)

    def any_query(
        self, n_shot: int, n_query: int, rng: np.random.Generator
    ) -> np.ndarray:
        """Tell which rows are judged on, any of those that may be asked."""
        if self.cell is None:  # they are in random order
            return self.query(n_shot, n_query)
        may = np.flatnonzero(self.query(n_shot))
        place = shuffled_places(np.unique(self.cell[may], return_inverse=True)[1], rng)
        query = np.zeros(len(self.row), dtype=bool)
        query[may[place < n_query]] = True
        return query

    def _shot(self, n_shot: int) -> np.ndarray:
        if self.n_given is not None:
            return np.minimum(self.n_given, n_shot)
        return np.clip(self.size - 1, min(n_shot, 1), n_shot)

    def only(self, kept: np.ndarray) -> "Round":
        """Keep some of the rows, and the episodes that have any."""
        episodes, episode = np.unique(self.episode[kept], return_inverse=True)
        return Round(
            self.row[kept],
            episode,
            self.place[kept],
            self.size[kept],
            self.task[episodes],
            None if self.n_given is None else self.n_given[kept],
            None if self.cell is None else self.cell[kept],
        )

    @classmethod
    def joined(cls, rounds: Sequence["Round"]) -> "Round":
        """Make one of several; a row then is in as many episodes as it was drawn."""
        first, *others = rounds
        if not others:
            return first
        n_episodes = [len(each.task) for each in rounds]
        start = np.cumsum(n_episodes) - n_episodes
        cell = None
        if first.cell is not None:
            cells = [each.cell for each in rounds if each.cell is not None]
            n_cells = [own.max(initial=-1) + 1 for own in cells]
            before = np.repeat(np.cumsum(n_cells) - n_cells, [len(c) for c in cells])
            cell = np.concatenate(cells) + before
        n_given = None
        if first.n_given is not None:
            given = [each.n_given for each in rounds if each.n_given is not None]
            n_given = np.concatenate(given)
        return cls(
            np.concatenate([each.row for each in rounds]),
            np.concatenate([r.episode + n for r, n in zip(rounds, start, strict=True)]),
            np.concatenate([each.place for each in rounds]),
            np.concatenate([each.size for each in rounds]),
            np.concatenate([each.task for each in rounds]),
            n_given,
            cell,
        )

    def apart(self) -> Iterator["Round"]:
        """Give every episode a round of its own."""
        for episode in range(len(self.task)):
            yield self.only(self.episode == episode)


def draw_rounds(
    task: np.ndarray,
    label: np.ndarray | None,
    *,
    n_way: int | None,
    n_episodes: int | None,
    n_repeats: int,
    rng: np.random.Generator,
    support: str = "random",
    in_support: np.ndarray | None = None,
) -> Iterator[Round]:
    """Shuffle the rows of tasks, or leave them in order.

    Parameters
    ----------
    task : int ndarray of shape (n_rows,)
        Task of each row, 0 .. n_tasks - 1.
    label : int ndarray of shape (n_rows,) or None
        Code of the label of each row, where it is a name inside the task only.
    n_way : int or None
        Draw this many of the classes of a task.
    n_episodes : int or None
        Draw this many tasks in all, each again only when all have come.
    n_repeats : int
        Rounds of all tasks, where ``n_episodes`` is None.
    rng : numpy.random.Generator
        Source of randomness.
    support : {"random", "first"}, default="random"
        Which rows of a task are known first: any, or the first of the table.
    in_support : bool ndarray of shape (n_rows,), default=None
        The rows that are given as support.

    Yields
    ------
    Round
        Every task once at most.
    """
    n_tasks = task.max() + 1
    how: Any = {"rng": rng, "support": support, "in_support": in_support}
    if n_episodes is None and n_way is None:
        for _ in range(n_repeats):
            yield _lay_out(np.arange(len(task)), task, label, np.arange(n_tasks), **how)
        return
    sizes = [n_tasks] * n_repeats
    if n_episodes is not None:
        full, rest = divmod(n_episodes, n_tasks)
        sizes = [n_tasks] * full + [rest] * bool(rest)
    order = np.argsort(task, kind="stable")
    bounds = np.searchsorted(task[order], np.arange(n_tasks + 1))
    for size in sizes:
        drawn = rng.permutation(n_tasks)[:size]
        rows = [order[bounds[each] : bounds[each + 1]] for each in drawn]
        if n_way is not None:
            assert label is not None  # there are no classes to draw without
            rows = [own[_few_classes(label[own], n_way, rng)] for own in rows]
        episode = np.repeat(np.arange(size), [len(own) for own in rows])
        row = np.concatenate(rows)
        own = None if label is None else label[row]
        yield _lay_out(row, episode, own, drawn, **how)


def draw_classes(
    label: np.ndarray,
    *,
    n_way: int,
    n_episodes: int,
    rng: np.random.Generator,
    support: str = "random",
) -> Round:
    """Draw episodes of some classes each from one table."""
    order = np.argsort(label, kind="stable")
    sizes = np.bincount(label)
    first = np.cumsum(sizes) - sizes
    usable = np.flatnonzero(sizes >= 2)
    if not len(usable):
        raise ValueError("No class has two rows, one for a support and one to ask.")
    n_way = min(n_way, len(usable))
    drawn = draw_without_replacement(np.full(n_episodes, len(usable)), n_way, rng)
    rows = [
        np.concatenate([order[first[c] : first[c] + sizes[c]] for c in usable[own]])
        for own in drawn
    ]
    row = np.concatenate(rows)
    episode = np.repeat(np.arange(n_episodes), [len(own) for own in rows])
    task = np.arange(n_episodes)
    return _lay_out(row, episode, label[row], task, rng=rng, support=support)


def _few_classes(label: np.ndarray, n_way: int, rng: np.random.Generator) -> np.ndarray:
    return np.isin(label, rng.permutation(np.unique(label))[:n_way])


def _lay_out(
    row: np.ndarray,
    episode: np.ndarray,
    label: np.ndarray | None,
    task: np.ndarray,
    *,
    rng: np.random.Generator,
    support: str,
    in_support: np.ndarray | None = None,
) -> Round:
    cell = episode if label is None else episode * (label.max() + 1) + label
    _, cell, sizes = np.unique(cell, return_inverse=True, return_counts=True)
    given = None if in_support is None else in_support[row]
    place = draw_places(cell, rng, support=support, in_support=given)
    n_given = None if given is None else np.bincount(cell, given).astype(np.intp)[cell]
    in_order = cell if support == "first" else None
    return Round(row, episode, place, sizes[cell], task, n_given, in_order)
