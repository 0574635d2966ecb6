"""The triplet loss against its equation, triplet by triplet."""

import numpy as np
import pytest
from naive import chord, mean, meta_loss, naive_miner, naive_pairs
from skmeta_metric import Triplet


@pytest.mark.parametrize("smooth", [False, True])
@pytest.mark.parametrize("miner", [None, "hard", "semihard", "batch_hard"])
def test_triplet_loss_triplet_by_triplet(miner, smooth):
    margin, expected = 0.6, []
    for anchors in naive_pairs(chord):
        costs = []
        for every_pair in anchors:
            fellows, strangers = every_pair
            if miner == "batch_hard":
                fellows, strangers = naive_miner(miner, *every_pair, 0)
            for p in fellows:
                for n in strangers:
                    if miner == "hard" and n > p:
                        continue
                    if miner == "semihard" and not p < n <= p + margin:
                        continue
                    excess = p - n + margin
                    costs.append(np.log1p(np.exp(excess)) if smooth else excess)
        expected.append(mean([cost for cost in costs if cost > 0]))
    assert expected[0] > 0
    assert expected[1] > 0
    loss, _ = meta_loss(Triplet(margin=margin, miner=miner, smooth=smooth))
    assert loss == pytest.approx(np.mean(expected), rel=1e-9)
