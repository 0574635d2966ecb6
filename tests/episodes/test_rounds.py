"""Rounds: supports that grow, and queries apart from them."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from skmeta.episodes.rounds import draw_rounds


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=6),
    st.booleans(),
    st.integers(0, 5),
    st.integers(0, 99),
)
def test_supports_are_nested_and_never_in_the_query(sizes, per_task, shot, seed):
    task = np.repeat(np.arange(len(sizes)), sizes)
    label = np.arange(len(task)) % 2 if per_task else None
    rng = np.random.default_rng(seed)
    (drawn,) = draw_rounds(
        task, label, n_way=None, n_episodes=None, n_repeats=1, rng=rng
    )
    support, more = drawn.support(shot), drawn.support(shot + 1)
    query = drawn.query(shot)
    assert (support <= more).all()
    assert not (support & query).any()
    assert (support | query).all()
    cell = task if label is None else 2 * task + label
    sizes = np.bincount(cell[drawn.row])[cell[drawn.row]]
    in_query = np.bincount(cell[drawn.row], query)[cell[drawn.row]]
    assert (in_query[sizes > 1] >= 1).all()
