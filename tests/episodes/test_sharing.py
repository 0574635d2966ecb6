"""Of rows on disk each process reads those of its own tasks."""

import numpy as np
import pytest
import torch

from skmeta.episodes.cells import Cells
from skmeta.episodes.sampler import Episodes, EpisodeSampler
from skmeta.episodes.sharing import Sharing
from skmeta.episodes.table import Table
from skmeta.tables.stored.index import TaskIndex
from skmeta.tables.stored.sources import ArrayRows

N_TASKS, SIZE, N_PROCESSES = 11, 9, 3
TASK = np.repeat(np.arange(N_TASKS), SIZE)
rng = np.random.default_rng(0)
X, LABEL = rng.normal(size=(len(TASK), 2)), rng.integers(0, 3, len(TASK))
WEIGHT = rng.uniform(0.5, 2.0, len(TASK)).astype(np.float32)


class Recorded(ArrayRows):
    """Remembers which rows were read."""

    def __init__(self, array):
        super().__init__(array)
        self.read = []

    def _rows(self, rows):
        self.read.append(rows)
        return super()._rows(rows)


def batches(place, source):
    make = ArrayRows if source is not X else np.asarray
    parts = {"y": LABEL, "label": LABEL, "weight": WEIGHT}
    table = Table(source, **{name: make(part) for name, part in parts.items()})
    cells = Cells.stored(TaskIndex.of(TASK))
    sampler = EpisodeSampler(table, cells, n_classes=3, n_shot=(4, 4), n_query=3)
    sharing = Sharing(place, N_PROCESSES, n_train_classes=2)
    drawn = np.random.default_rng(1)
    return [*Episodes(sampler, 22, 4, drawn, sharing=sharing)]


@pytest.mark.parametrize("place", range(N_PROCESSES))
def test_a_process_reads_its_own_tasks_and_gets_what_memory_gives(place):
    recorded = Recorded(X)
    read, held = batches(place, recorded), batches(place, X)
    own = set()
    for one, other in zip(read, held, strict=True):
        assert (one.n_tasks, one.n_own) == (other.n_tasks, other.n_own)
        assert one.class_share == other.class_share
        for ours, theirs in zip(
            [*one.support, *one.query], [*other.support, *other.query], strict=True
        ):
            assert ours is theirs is None or torch.equal(ours, theirs)
        rows = torch.cat([b.X[b.mask] for b in (one.support, one.query)]).numpy()
        own |= {*map(tuple, rows)}
    assert len(read) == 6
    seen = {*map(tuple, X[np.concatenate(recorded.read)].astype(np.float32))}
    assert seen == own
