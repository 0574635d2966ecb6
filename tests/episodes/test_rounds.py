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


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=6),
    st.booleans(),
    st.integers(0, 5),
    st.integers(0, 99),
)
def test_first_rows_are_known_and_what_follows_is_asked(sizes, per_task, shot, seed):
    rng = np.random.default_rng(seed)
    task = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    label = np.arange(len(task)) % 2 if per_task else None
    drawn = next(
        draw_rounds(
            task,
            label,
            n_way=None,
            n_episodes=2 * len(sizes),
            n_repeats=1,
            rng=rng,
            support="first",
        )
    )
    cell = task if label is None else 2 * task + label
    for own in np.unique(cell):
        here = cell[drawn.row] == own
        learnt = drawn.row[here & drawn.support(shot)]
        asked = drawn.row[here & drawn.query(shot, 2)]
        in_order = np.flatnonzero(cell == own)
        np.testing.assert_array_equal(np.sort(learnt), in_order[: len(learnt)])
        np.testing.assert_array_equal(
            np.sort(asked), in_order[len(learnt) : len(learnt) + 2]
        )


def test_rounds_of_given_supports_ask_the_same_whatever_is_known():
    rng = np.random.default_rng(0)
    task = rng.permutation(np.repeat(np.arange(5), 8))
    known = rng.random(40) < 0.5
    for support in ("random", "first"):
        (drawn,) = draw_rounds(
            task,
            None,
            n_way=None,
            n_episodes=None,
            n_repeats=1,
            rng=rng,
            support=support,
            in_support=known,
        )
        for shot in range(10):
            learnt = drawn.row[drawn.support(shot)]
            assert known[learnt].all()
            expected = np.minimum(np.bincount(task, known), shot)
            np.testing.assert_array_equal(
                np.bincount(task[learnt], minlength=5), expected
            )
            asked = np.sort(drawn.row[drawn.query(shot)])
            np.testing.assert_array_equal(asked, np.flatnonzero(~known))
        part = drawn.only(task[drawn.row] > 2)
        assert known[part.row[part.support(3)]].all()
