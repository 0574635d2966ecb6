"""NT-Xent against its equation, pair by pair."""

import numpy as np
import pytest
from naive import MINERS, chord, cosine, mean, meta_loss, naive_miner, naive_pairs
from skmeta_metric import NTXent


@MINERS
@pytest.mark.parametrize(("name", "distance"), [("cosine", cosine), ("lp", chord)])
def test_ntxent_pair_by_pair(miner, name, distance):
    tau, epsilon, expected = 0.3, 0.2, []
    for anchors in naive_pairs(distance):
        costs = []
        for every_pair in anchors:
            fellows, strangers = naive_miner(miner, *every_pair, epsilon)
            for p in fellows:
                others = sum(np.exp(-n / tau) for n in strangers)
                costs.append(-np.log(np.exp(-p / tau) / (np.exp(-p / tau) + others)))
        expected.append(mean(costs))
    assert expected[0] > 0
    assert expected[1] > 0
    loss, _ = meta_loss(NTXent(name, tau, miner, epsilon))
    assert loss == pytest.approx(np.mean(expected), rel=1e-9)
