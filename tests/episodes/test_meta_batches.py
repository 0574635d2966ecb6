"""Meta-batches: every pass over them draws anew, or gives the same."""

import numpy as np
import torch

from skmeta.episodes import Episodes, EpisodeSampler
from skmeta.episodes.table import Table


def test_episodes_are_drawn_anew_unless_they_are_fixed():
    task = np.repeat(np.arange(10), 30)
    X, y = np.arange(300.0)[:, np.newaxis], task.astype(np.float32)
    sampler = EpisodeSampler(Table(X, y), task)

    def passes(fixed):
        meta_batches = Episodes(sampler, 10, 4, np.random.default_rng(0), fixed=fixed)
        assert len(meta_batches) == 3
        both = [list(meta_batches), list(meta_batches)]
        assert [len(each.support.X) for each in both[0]] == [4, 4, 2]
        return [torch.cat([each.support.X for each in one]) for one in both]

    assert torch.equal(*passes(fixed=True))
    assert not torch.equal(*passes(fixed=False))
