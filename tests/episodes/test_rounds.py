"""Rounds: supports that grow, and queries apart from them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skmeta.episodes.rounds import Round, draw_classes, draw_rounds


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


def test_a_query_may_be_cut_and_begins_where_the_support_ends():
    task, rng = np.repeat([0, 1], [9, 3]), np.random.default_rng(0)
    (drawn,) = draw_rounds(
        task, None, n_way=None, n_episodes=None, n_repeats=1, rng=rng
    )
    query = drawn.query(2, 4)
    assert np.bincount(task[drawn.row[query]]).tolist() == [4, 1]
    assert sorted(drawn.place[query]) == [2, 2, 3, 4, 5]


def test_each_episode_apart_has_the_rows_and_the_task_that_it_had():
    task, rng = np.array([0, 1, 1, 2, 2, 2]), np.random.default_rng(0)
    (drawn,) = draw_rounds(task, None, n_way=None, n_episodes=3, n_repeats=1, rng=rng)
    assert sorted(drawn.task) == [0, 1, 2]
    apart = list(drawn.apart())
    assert [each.task.tolist() for each in apart] == [[each] for each in drawn.task]
    for number, each in enumerate(apart):
        assert set(task[each.row]) == set(each.task)
        assert not each.episode.any()
        own = drawn.episode == number
        assert (each.place == drawn.place[own]).all()
        assert (each.size == drawn.size[own]).all()


@pytest.mark.parametrize("support", ["random", "first", "given"])
def test_rounds_that_are_joined_are_split_as_each_alone(support):
    task = np.repeat([0, 1, 2], [4, 7, 5])
    in_support = np.arange(len(task)) % 3 == 0 if support == "given" else None
    rounds = list(
        draw_rounds(
            task,
            np.arange(len(task)) % 2,
            n_way=None,
            n_episodes=None,
            n_repeats=3,
            rng=np.random.default_rng(0),
            support="first" if support == "first" else "random",
            in_support=in_support,
        )
    )
    joined = Round.joined(rounds)
    together = [*joined.apart()]
    alone = [episode for each in rounds for episode in each.apart()]
    assert len(together) == len(alone) == 9
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_array_equal(one.row, other.row)
        np.testing.assert_array_equal(one.task, other.task)
        np.testing.assert_array_equal(one.n_able, other.n_able)
        for shot in range(3):
            np.testing.assert_array_equal(one.support(shot), other.support(shot))
    query = joined.any_query(1, 1, np.random.default_rng(0))
    cell = 2 * joined.episode + joined.row % 2
    assert (np.bincount(cell[query]) <= 1).all()  # one of each cell, not of a row's all
    assert len(np.unique(joined.episode[query])) == 9


def test_every_task_comes_again_only_when_all_have_come():
    task, rng = np.repeat(np.arange(4), 3), np.random.default_rng(0)
    rounds = list(
        draw_rounds(task, None, n_way=None, n_episodes=10, n_repeats=99, rng=rng)
    )
    assert [sorted(each.task) for each in rounds[:2]] == [[0, 1, 2, 3]] * 2
    assert len(set(rounds[2].task)) == len(rounds[2].task) == 2
    assert len(rounds) == 3
    for each in rounds:
        assert (task[each.row] == each.task[each.episode]).all()
        assert len(each.row) == 3 * len(each.task)
    assert len({tuple(each.task) for each in rounds[:2]}) == 2  # in another order
    eight = draw_rounds(task, None, n_way=None, n_episodes=8, n_repeats=1, rng=rng)
    assert [len(each.task) for each in eight] == [4, 4]


def test_some_classes_of_each_task_are_drawn_whole():
    task = np.repeat([0, 1], [12, 4])
    label = np.r_[np.arange(12) % 4, np.arange(4) % 2 + 2]
    rounds = list(
        draw_rounds(
            task,
            label,
            n_way=3,
            n_episodes=None,
            n_repeats=20,
            rng=np.random.default_rng(0),
        )
    )
    assert len(rounds) == 20
    seen = set()
    for each in rounds:
        first = label[each.row[task[each.row] == 0]]
        assert np.bincount(first)[np.unique(first)].tolist() == [3, 3, 3]
        seen.add(tuple(np.unique(first)))
        assert sorted(each.row[task[each.row] == 1]) == [12, 13, 14, 15]
    assert len(seen) == 4  # ways to leave one of four classes out


def test_classes_of_two_rows_make_episodes_and_those_of_one_do_not():
    label = np.array([0, 1, 1, 2, 2, 2, 3, 3])
    rng = np.random.default_rng(0)
    drawn = draw_classes(label, n_way=2, n_episodes=60, rng=rng)
    assert drawn.task.tolist() == list(range(60))
    seen = set()
    for each in drawn.apart():
        classes = tuple(np.unique(label[each.row]))
        assert sorted(each.row) == np.flatnonzero(np.isin(label, classes)).tolist()
        assert (each.size == np.bincount(label)[label[each.row]]).all()
        seen.add(classes)
    assert seen == {(1, 2), (1, 3), (2, 3)}
    all_three = draw_classes(label, n_way=9, n_episodes=1, rng=rng)
    assert sorted(all_three.row) == list(range(1, 8))
    with pytest.raises(ValueError, match="No class has two rows"):
        draw_classes(np.arange(5), n_way=2, n_episodes=1, rng=rng)


def test_any_of_the_rows_that_follow_may_be_asked():
    rng, task = np.random.default_rng(0), np.repeat([0, 1], [9, 3])
    seen = set()
    for _ in range(60):
        (drawn,) = draw_rounds(
            task,
            None,
            n_way=None,
            n_episodes=None,
            n_repeats=1,
            rng=rng,
            support="first",
        )
        asked = drawn.row[drawn.any_query(2, 2, rng)]
        assert np.bincount(task[asked]).tolist() == [2, 1]
        seen.update(asked)
    assert seen == {*range(2, 9), 11}
    (drawn,) = draw_rounds(
        task, None, n_way=None, n_episodes=None, n_repeats=1, rng=rng
    )
    np.testing.assert_array_equal(drawn.any_query(2, 2, rng), drawn.query(2, 2))
    assert drawn.n_able.tolist() == [8] * 9 + [2] * 3
    given = np.isin(np.arange(12), [0, 1, 9, 10, 11])
    (drawn,) = draw_rounds(
        task,
        None,
        n_way=None,
        n_episodes=None,
        n_repeats=1,
        rng=rng,
        in_support=given,
    )
    assert drawn.n_able.tolist() == [2] * 9 + [-1] * 3
