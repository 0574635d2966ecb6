"""The loss of a meta-batch is the mean of the library's for its tasks."""

import numpy as np
import pytest
import torch
from naive import meta_loss, naive_tasks
from pytorch_metric_learning import losses
from pytorch_metric_learning.distances import LpDistance
from skmeta_metric import MultiSimilarity, NTXent, Triplet


@pytest.mark.parametrize(
    ("algorithm", "theirs"),
    [
        (
            Triplet("lp", margin=0.6),
            losses.TripletMarginLoss(margin=0.6),
        ),
        (NTXent("cosine", 0.3), losses.NTXentLoss(temperature=0.3)),
        (NTXent("lp", 0.3), losses.NTXentLoss(temperature=0.3, distance=LpDistance())),
        (
            MultiSimilarity("cosine", 3.0, 9.0, base=0.3, miner=None),
            losses.MultiSimilarityLoss(alpha=3.0, beta=9.0, base=0.7),
        ),
    ],
    ids=lambda each: " ".join(repr(each).split())[:40],
)
def test_loss_of_a_batch_is_the_mean_of_the_librarys_for_its_tasks(algorithm, theirs):
    expected = []
    for Z, y, n_support in naive_tasks():
        pairs = [
            (a, b, y[a] == y[b])
            for a in range(len(Z))
            for b in range(n_support)
            if a != b
        ]
        indices = [
            torch.tensor([pair[side] for pair in pairs if pair[2] == same]).long()
            for same in (True, False)
            for side in (0, 1)
        ]
        rows = torch.from_numpy(Z)
        expected.append(float(theirs(rows, indices_tuple=tuple(indices))))
    loss, _ = meta_loss(algorithm)
    assert loss == pytest.approx(np.mean(expected), rel=1e-9)
