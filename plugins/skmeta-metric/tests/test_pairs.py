"""Pairs and triplets are mined within tasks, as the library does."""

import pytest
import torch
from naive import EPISODE, meta_loss, naive_tasks
from pytorch_metric_learning import miners
from pytorch_metric_learning.distances import LpDistance
from skmeta_metric import MultiSimilarity, NTXent, Triplet
from skmeta_metric.pairs import hardest, informative, make_pairs

from skmeta.episodes import Batch, Episode


def whole_task(task):
    """Return distances among all rows of a task, and its rows as a batch of one."""
    Z, y, _ = list(naive_tasks())[task]
    Z, y = torch.from_numpy(Z), torch.from_numpy(y)
    batch = Batch(Z[None], y[None], torch.ones(1, len(y)).bool(), torch.tensor([3]))
    return LpDistance()(Z).unsqueeze(0), batch, Z, y


def as_set(*indices):
    return set(zip(*(index.tolist() for index in indices), strict=True))


@pytest.mark.parametrize("task", [0, 1, 2])
def test_batch_hard_is_the_librarys(task):
    d, batch, Z, y = whole_task(task)
    a, p, n = miners.BatchHardMiner()(Z, y)
    _, positive, negative = hardest(make_pairs(d, batch))
    assert as_set(*torch.where(positive[0])) == as_set(a, p)
    assert as_set(*torch.where(negative[0])) == as_set(a, n)


@pytest.mark.parametrize("task", [0, 1, 2])
@pytest.mark.parametrize("epsilon", [0.05, 0.5])
def test_multi_similarity_miner_is_the_librarys(task, epsilon):
    d, batch, Z, y = whole_task(task)
    miner = miners.MultiSimilarityMiner(epsilon, distance=LpDistance())
    a1, p, a2, n = miner(Z, y)
    _, positive, negative = informative(make_pairs(d, batch), epsilon)
    assert as_set(*torch.where(positive[0])) == as_set(a1, p)
    assert as_set(*torch.where(negative[0])) == as_set(a2, n)


@pytest.mark.parametrize("task", [0, 1, 2])
@pytest.mark.parametrize("kind", ["hard", "semihard"])
def test_triplet_miners_are_the_librarys(task, kind):
    d, batch, Z, y = whole_task(task)
    theirs = miners.TripletMarginMiner(margin=0.6, type_of_triplets=kind)(Z, y)
    _, *ours = Triplet(margin=0.6, miner=kind)._triplets(d, batch)
    assert as_set(*ours) == as_set(*theirs)


@pytest.mark.parametrize(
    "algorithm",
    [Triplet(margin=0.6), NTXent(), MultiSimilarity()],
    ids=lambda each: type(each).__name__,
)
def test_where_another_task_lies_does_not_matter(algorithm):
    """Else rows of two tasks were a pair."""
    _, module = meta_loss(algorithm)
    before = torch.stack(
        [algorithm.meta_loss(module, only(EPISODE, task)) for task in range(3)]
    )
    together = algorithm.meta_loss(module, EPISODE)
    torch.testing.assert_close(before.mean(), together)


def only(episode, task):
    def cut(batch):
        own = (None if part is None else part[task : task + 1] for part in batch)
        return Batch(*own)

    return Episode(*map(cut, episode))
