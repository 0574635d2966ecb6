"""Meta-batches of episodes for a training loop, read ahead where rows are on disk."""

import math
from collections.abc import Callable, Iterator
from itertools import chain

import numpy as np

from skmeta.episodes.episode import Episode
from skmeta.episodes.sampler import EpisodeSampler
from skmeta.episodes.sharing import Numbers, Sharing
from skmeta.utils.ahead import one_ahead

__all__ = ["Episodes"]

# Meta-batches whose rows are read from disk at once, and answered by a prior, which
# takes as long for a few rows as for some hundreds; and numbers of all their rows.
_BATCHES_AT_ONCE, _NUMBERS_AT_ONCE = 16, 2**22

# The tasks of a meta-batch of all processes, how many rows of training classes each of
# them has where that is counted, and the episode of the tasks that are needed here.
_Gathered = tuple[int, np.ndarray | None, Episode]


class Episodes:
    """Ready meta-batches for a training loop; every pass over them draws anew.

    Parameters
    ----------
    sampler : EpisodeSampler
        Where episodes come from.
    n_tasks : int
        Tasks in one pass.
    batch_size : int
        Tasks in a meta-batch.
    rng : numpy.random.Generator
        Source of randomness.
    fixed : bool, default=False
        Draw once and give the same meta-batches at every pass, as a validation does.
    change : callable, default=None
        Maps every meta-batch to the one that is given, as task augmentation does.
    sharing : Sharing, default=None
        Give only the tasks of one of several processes, each meta-batch as a
        part of the whole.
    """

    def __init__(
        self,
        sampler: EpisodeSampler,
        n_tasks: int,
        batch_size: int,
        rng: np.random.Generator,
        *,
        fixed: bool = False,
        change: Callable[[Episode], Episode] | None = None,
        sharing: Sharing | None = None,
    ):
        self.sampler: EpisodeSampler | None = sampler
        self.n_tasks = n_tasks
        self.batch_size = batch_size
        self.rng = rng
        self.change = change
        self.sharing = sharing
        self._kept: list[Episode] | None = None
        if fixed:
            self._kept = list(self._draw())
            self.sampler = None  # nor is its table kept

    def __len__(self) -> int:
        return math.ceil(self.n_tasks / self.batch_size)

    def __iter__(self) -> Iterator[Episode]:
        return self._draw() if self._kept is None else iter(self._kept)

    def _draw(self) -> Iterator[Episode]:
        sampler = self.sampler
        assert sampler is not None  # as nothing is kept
        drawn = sampler.draw(self.n_tasks, self.rng)
        gathered = chain.from_iterable(self._gather(sampler, drawn))
        if sampler.table.is_on_disk:
            gathered = chain.from_iterable(one_ahead(self._gather(sampler, drawn)))
        for n_tasks, counts, whole in gathered:
            episode = whole if self.change is None else self.change(whole)
            if self.sharing is None:
                yield episode
            else:
                yield self.sharing.part(n_tasks, counts, episode)

    def _gather(
        self, sampler: EpisodeSampler, drawn: Numbers
    ) -> Iterator[list[_Gathered]]:
        """Gather what was drawn; of rows on disk, those of some meta-batches at once.

        Rows of other processes' tasks are not read.
        """
        sharing, size = self.sharing, self.batch_size
        start, n_batches = 0, 1  # at first few, for somebody waits for them
        while start < len(drawn[0]):
            stop = min(start + n_batches * size, len(drawn[0]))
            parts = [slice(at, min(at + size, stop)) for at in range(start, stop, size)]
            joint = [tuple(each[part] for each in drawn) for part in parts]
            own, counts = joint, [None] * len(joint)
            if sharing is not None:
                own = [sharing.needed(numbers) for numbers in joint]
                counts = [sharing.counts(sampler.table, numbers) for numbers in joint]
            rows = [numbers[0] for numbers in own]
            table, place = sampler.table.in_memory(np.concatenate(rows))
            places = np.split(place, np.cumsum([len(each) for each in rows])[:-1])
            gathered = []
            for there, (_, in_support, in_query, way) in zip(places, own, strict=True):
                episode = sampler.episode(there, in_support, in_query, way, table)
                gathered.append(episode)
            yield [*zip([len(n[0]) for n in joint], counts, gathered, strict=True)]
            start = stop
            if sampler.table.is_on_disk:
                each = rows[0].size * sampler.table.X.shape[1]
                most = max(1, min(_BATCHES_AT_ONCE, _NUMBERS_AT_ONCE // each))
                n_batches = min(2 * n_batches, most)
