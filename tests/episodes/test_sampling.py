"""Rows are drawn without replacement and with equal chances."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import chisquare

from skmeta.episodes import sampling
from skmeta.episodes.sampling import draw_support, draw_without_replacement

seeds = st.integers(0, 2**32)


@given(
    hnp.arrays(np.int64, st.integers(0, 20), elements=st.integers(1, 100)),
    st.integers(1, 12),
    seeds,
)
def test_numbers_are_below_their_size_and_different(sizes, k, seed):
    drawn = draw_without_replacement(sizes, k, np.random.default_rng(seed))
    assert drawn.shape == (len(sizes), k)
    for size, row in zip(sizes, drawn, strict=True):
        own, rest = row[: min(k, size)], row[min(k, size) :]
        assert len(set(own)) == len(own)
        assert own.min() >= 0
        assert own.max() < size
        assert not rest.any()


@pytest.mark.parametrize(
    "method", [sampling._draw_by_sorting, sampling._draw_by_redrawing]
)
@pytest.mark.parametrize(("size", "k"), [(4, 2), (5, 3)])
def test_every_order_of_the_numbers_is_equally_likely(method, size, k):
    n_draws = 60_000
    drawn = method(np.full(n_draws, size), k, np.random.default_rng(7))
    orders = list(itertools.permutations(range(size), k))
    count = dict.fromkeys(orders, 0)
    values, counts = np.unique(drawn, axis=0, return_counts=True)
    count.update(zip(map(tuple, values.tolist()), counts, strict=True))
    assert len(count) == len(orders)  # no order that repeats a number
    assert chisquare(list(count.values())).pvalue > 1e-3


def test_both_ways_of_drawing_serve_one_call():
    sizes = np.array([2, 8, 9, 1000])  # sorted up to 4 k = 8, redrawn beyond
    drawn = draw_without_replacement(sizes, 2, np.random.default_rng(0))
    assert all(len(set(row)) == 2 for row in drawn.tolist())
    assert drawn[3].max() > 9


@given(
    hnp.arrays(np.int64, st.integers(1, 60), elements=st.integers(0, 9)),
    st.integers(1, 6),
    seeds,
)
def test_every_cell_gives_its_shot_and_keeps_a_query_row(cell, n_shot, seed):
    in_support = draw_support(cell, n_shot, np.random.default_rng(seed))
    assert in_support.shape == cell.shape
    for one in np.unique(cell):
        size = np.count_nonzero(cell == one)
        expected = 1 if size == 1 else min(n_shot, size - 1)
        assert np.count_nonzero(in_support & (cell == one)) == expected


def test_no_shot_means_no_support():
    assert not draw_support(np.zeros(5, dtype=int), 0, np.random.default_rng(0)).any()


def test_every_row_of_a_cell_is_equally_likely_to_be_support():
    rng = np.random.default_rng(3)
    cell = np.array([0, 1, 0, 1, 0, 0])
    times = sum(draw_support(cell, 2, rng).astype(int) for _ in range(5000))
    assert times.sum() == 5000 * 3  # two of cell 0, one of cell 1
    assert chisquare(times[cell == 0]).pvalue > 1e-3
    assert chisquare(times[cell == 1]).pvalue > 1e-3
