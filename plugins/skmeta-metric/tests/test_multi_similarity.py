"""The multi-similarity loss against its equation, row by row."""

import numpy as np
import pytest
from naive import MINERS, chord, cosine, mean, meta_loss, naive_miner, naive_pairs
from skmeta_metric import MultiSimilarity


@MINERS
@pytest.mark.parametrize(("name", "distance"), [("cosine", cosine), ("lp", chord)])
def test_multi_similarity_row_by_row(miner, name, distance):
    alpha, beta, base, epsilon, expected = 3.0, 9.0, 0.4, 0.2, []
    for anchors in naive_pairs(distance):
        costs = []
        for every_pair in anchors:
            fellows, strangers = naive_miner(miner, *every_pair, epsilon)
            of_class = sum(np.exp(alpha * (p - base)) for p in fellows)
            of_others = sum(np.exp(beta * (base - n)) for n in strangers)
            costs.append(np.log1p(of_class) / alpha + np.log1p(of_others) / beta)
        expected.append(mean(costs))
    assert expected[0] > 0
    loss, _ = meta_loss(MultiSimilarity(name, alpha, beta, base, miner, epsilon))
    assert loss == pytest.approx(np.mean(expected), rel=1e-9)
