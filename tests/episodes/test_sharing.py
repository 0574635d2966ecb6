"""Of rows on disk each process reads those of its own tasks."""

import numpy as np
import pytest
import torch

from skmeta.episodes.cells import Cells
from skmeta.episodes.meta_batches import Episodes
from skmeta.episodes.sampler import EpisodeSampler
from skmeta.episodes.sharing import Sharing
from skmeta.episodes.table import Table
from skmeta.tables.stored.index import TaskIndex
from skmeta.tables.stored.sources import ArrayRows
from skmeta.utils.processes import share_of

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


def batches(source, place=None):
    make = ArrayRows if source is not X else np.asarray
    parts = {"y": LABEL, "label": LABEL, "weight": WEIGHT}
    table = Table(source, **{name: make(part) for name, part in parts.items()})
    cells = Cells.stored(TaskIndex.of(TASK))
    sampler = EpisodeSampler(table, cells, n_classes=3, n_shot=(4, 4), n_query=3)
    sharing = None
    if place is not None:
        sharing = Sharing(place, N_PROCESSES, n_train_classes=2)
    drawn = np.random.default_rng(1)
    return [*Episodes(sampler, 22, 4, drawn, sharing=sharing)]


@pytest.mark.parametrize("place", range(N_PROCESSES))
def test_a_process_reads_its_own_tasks_and_gets_what_memory_gives(place):
    recorded = Recorded(X)
    read, held, whole = batches(recorded, place), batches(X, place), batches(X)
    expected = set()
    for one, other, joint in zip(read, held, whole, strict=True):
        own = share_of(len(joint.query.X), place, N_PROCESSES)
        assert one.n_own == other.n_own == own.stop - own.start
        assert one.class_share == other.class_share
        # A process that has none gathers another's first task.
        gathered = joint.of_tasks(own if one.n_own else slice(1))
        for parts in zip(
            *([*each.support, *each.query] for each in (one, other, gathered)),
            strict=True,
        ):
            assert parts[0] is None or all(torch.equal(parts[0], p) for p in parts)
        rows = torch.cat([each.X.flatten(0, 1) for each in gathered])
        expected |= {*map(tuple, rows.numpy())}
    assert len(read) == 6
    seen = {*map(tuple, X[np.concatenate(recorded.read)].astype(np.float32))}
    assert seen == expected
