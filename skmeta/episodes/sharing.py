"""The tasks of a meta-batch that one of several processes takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from skmeta.episodes.episode import Episode
from skmeta.episodes.table import Table
from skmeta.utils.processes import share_of

__all__ = ["Numbers", "Part", "Sharing"]

# What EpisodeSampler.draw returns: rows, in_support, in_query, way.
Numbers = tuple[np.ndarray, ...]


class Part(Episode):
    """One process's tasks of a joint meta-batch, and what part of it they are.

    Attributes
    ----------
    n_tasks : int
        Tasks of all processes.
    n_own : int
        Tasks of this one; with 0 the episode has a task that is another's and counts
        nothing.
    class_share : float
        Share of the rows of training classes that are this process's, divided by its
        share of the tasks: what a mean over such rows must be multiplied by, for a mean
        over tasks of the processes to be that over all rows.
    """

    n_tasks: int
    n_own: int
    class_share: float

    @classmethod
    def of(cls, episode: Episode, n_tasks: int, n_own: int, class_share: float) -> Self:
        """Say of an episode what part it is."""
        part = cls(*episode)
        part.n_tasks, part.n_own, part.class_share = n_tasks, n_own, class_share
        return part


@dataclass(frozen=True)
class Sharing:
    """How processes share meta-batches out.

    All draw the same row numbers, those of the joint meta-batch; each gathers the rows
    of its own tasks.

    Parameters
    ----------
    place, n_processes : int
        Which of how many processes this is.
    n_train_classes : int, default=0
        Training classes that there are weights for; 0 where no loss is a mean over
        their rows.
    whole : bool, default=False
        Gather all rows, and leave the others' tasks out at the end: where augmentations
        draw random numbers, which must be those of one process.
    """

    place: int
    n_processes: int
    n_train_classes: int = 0
    whole: bool = False

    def needed(self, numbers: Numbers) -> Numbers:
        """Return the row numbers to gather, of some task at least."""
        if self.whole:
            return numbers
        own = share_of(len(numbers[0]), self.place, self.n_processes)
        shown = own if own.stop > own.start else slice(0, 1)
        return tuple(each[shown] for each in numbers)

    def counts(self, table: Table, numbers: Numbers) -> np.ndarray | None:
        """Count the rows of training classes of every task, by their weights.

        Where the table is on disk, labels and weights are read of all tasks.

        Parameters
        ----------
        table : Table
            Where the rows are.
        numbers : tuple of ndarray
            Row numbers of all tasks.

        Returns
        -------
        ndarray of shape (n_tasks,) or None
            None where nobody asks, or rows of all tasks are gathered, to be counted
            when they have been changed.
        """
        if self.whole or not self.n_train_classes:
            return None
        return _labelled_numbers(table, numbers, self.n_train_classes)

    def part(self, n_tasks: int, counts: np.ndarray | None, episode: Episode) -> Part:
        """Say of an episode what part of a meta-batch it is.

        Parameters
        ----------
        n_tasks : int
            Tasks of all processes.
        counts : ndarray of shape (n_tasks,) or None
            From :meth:`counts`.
        episode : Episode
            What was gathered of them, and changed.
        """
        own = share_of(n_tasks, self.place, self.n_processes)
        n_own = own.stop - own.start
        if self.whole:
            counts = _labelled_rows(episode, self.n_train_classes)
            episode = episode.of_tasks(own if n_own else slice(0, 1))
        class_share = 1.0
        if n_own and counts is not None and counts.sum() > 0:
            of_rows = counts[own].sum() / counts.sum()
            class_share = float(of_rows * n_tasks / n_own)
        return Part.of(episode, n_tasks, n_own, class_share)


def _labelled_numbers(
    table: Table, numbers: Numbers, n_classes: int
) -> np.ndarray | None:
    """Count the rows of training classes of every task, by their weights."""
    if table.label is None:
        return None
    rows, in_support, in_query, _ = numbers
    # Several targets are labels that a row has or has not: all rows count for each.
    label = table.label if table.label.ndim == 1 else table.label[:, 0]
    counts = _are_of(label[rows], n_classes) & (in_support | in_query)
    if table.weight is not None:
        counts = np.where(counts, table.weight[rows], 0.0)
    return counts.sum(axis=tuple(range(1, rows.ndim)), dtype=np.float64)


def _labelled_rows(episode: Episode, n_classes: int) -> np.ndarray | None:
    rows, _ = episode.join()
    if rows.label is None:
        return None
    label = rows.label if rows.label.ndim == 2 else rows.label[..., 0]
    counts = _are_of(label.numpy(), n_classes)
    if rows.weight is not None:
        counts = np.where(counts, rows.weight.numpy(), 0.0)
    return counts.sum(axis=1, dtype=np.float64)


def _are_of(label: np.ndarray, n_classes: int) -> np.ndarray:
    return (label >= 0) & (label < n_classes)
