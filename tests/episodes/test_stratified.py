"""Supports that rare classes take part in."""

import numpy as np
import pytest

from skmeta.episodes import EpisodeSampler
from skmeta.episodes.sampling import draw_support
from skmeta.episodes.table import Table

pytestmark = pytest.mark.filterwarnings(
    "ignore:Meta-learning does not help", "ignore:.*are too small for"
)


def test_a_stratified_support_has_every_class_and_keeps_proportions():
    rng = np.random.default_rng(0)
    stratum = np.repeat([0, 1, 2], [70, 29, 1])
    task = np.zeros(100, dtype=int)
    counts = np.mean(
        [
            np.bincount(stratum[draw_support(task, 10, rng, stratum)], minlength=3)
            for _ in range(300)
        ],
        axis=0,
    )
    assert counts[2] == 1
    np.testing.assert_allclose(counts, [6.4, 2.6, 1.0], atol=0.4)
    few = [draw_support(task, 2, rng, stratum) for _ in range(300)]
    assert all(len(np.unique(stratum[each])) == 2 for each in few)
    natural = [draw_support(task, 10, rng) for _ in range(300)]
    assert np.mean([stratum[each].max() == 2 for each in natural]) < 0.3


@pytest.mark.parametrize("shot", [(4, 4), (1, 6)])
def test_training_draws_stratified_supports(shot):
    rng = np.random.default_rng(0)
    task = rng.permutation(np.repeat(np.arange(12), rng.integers(2, 40, 12)))
    stratum = np.where(rng.random(len(task)) < 0.15, rng.integers(1, 4, len(task)), 0)
    sampler = EpisodeSampler(
        Table(np.zeros((len(task), 1)), stratum),
        task,
        n_classes=4,
        n_shot=shot,
        n_query=7,
        stratum=stratum,
    )
    drawn = sampler.draw(200, rng)
    for rows, in_support, in_query, _ in zip(*drawn, strict=True):
        support, query = rows[in_support], rows[in_query]
        both = np.concatenate([support, query])
        assert len(np.unique(both)) == len(both)
        (own,) = np.unique(task[both])
        size = np.sum(task == own)
        n_strata = len(np.unique(stratum[task == own]))
        assert shot[0] <= len(support) <= shot[1] or len(support) == size - 1
        assert len(query) == min(7, size - len(support))
        n_seen = len(np.unique(stratum[support]))
        assert n_seen == min(n_strata, len(support))
    plain = EpisodeSampler(
        sampler.table, task, n_classes=4, n_shot=shot, n_query=7
    ).draw(200, rng)
    assert [each.shape for each in plain] == [each.shape for each in drawn]


def test_training_queries_keep_natural_proportions():
    rng = np.random.default_rng(0)
    stratum = np.tile(np.repeat([0, 1], [80, 20]), 3)
    task = np.repeat(np.arange(3), 100)
    sampler = EpisodeSampler(
        Table(np.zeros((300, 1)), stratum), task, n_query=20, stratum=stratum
    )
    rows, _, query, _ = sampler.draw(600, rng)
    assert stratum[rows[query]].mean() == pytest.approx(0.2, abs=0.02)
