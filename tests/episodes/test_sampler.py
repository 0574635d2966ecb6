"""Episodes: what is drawn is drawn once, from the right place, with equal chances."""

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import chisquare

from skmeta.episodes import EpisodeSampler
from skmeta.episodes.table import Table

seeds = st.integers(0, 2**32)


def table_of(y):
    """Make a table whose only feature is the row number."""
    return Table(np.arange(len(y), dtype=np.float64)[:, np.newaxis], y)


@st.composite
def pools(draw):
    """Tasks of unequal size, each row with its class inside its task."""
    sizes = draw(st.lists(st.integers(1, 12), min_size=1, max_size=6))
    task = np.repeat(np.arange(len(sizes)), sizes)
    cell = draw(hnp.arrays(np.intp, len(task), elements=st.integers(0, 3)))
    shuffled = np.random.default_rng(draw(seeds)).permutation(len(task))
    return task[shuffled], cell[shuffled]


@st.composite
def shots(draw):
    low = draw(st.integers(1, 5))
    return low, low + draw(st.integers(0, 3))


@given(pools(), st.integers(2, 5), shots(), st.integers(1, 6), seeds)
def test_an_episode_of_classes_keeps_every_promise(pool, n_way, n_shot, n_query, seed):
    task, cell = pool
    y = 100 + cell
    sampler = EpisodeSampler(
        table_of(y), task, cell, n_way=n_way, n_shot=n_shot, n_query=n_query
    )
    assume(sampler.n_tasks_)
    drawn = sampler.draw(7, np.random.default_rng(seed))
    episode = sampler.episode(*drawn)

    for i in range(7):
        support = rows_of(episode.support, i)
        query = rows_of(episode.query, i)
        both = np.r_[support, query]
        assert len(set(both)) == len(both)  # disjoint, and no row twice
        (one,) = set(task[both])  # every row of one task
        sizes = np.bincount(cell[task == one])
        available = np.count_nonzero(sizes >= 2)
        way = episode.support.n_classes[i].item()
        assert way == min(n_way, available)

        code = episode.support.y[i][episode.support.mask[i]].numpy()
        query_code = episode.query.y[i][episode.query.mask[i]].numpy()
        label_of_code = {}
        for row, c in zip(both, np.r_[code, query_code], strict=True):
            assert label_of_code.setdefault(c, cell[row]) == cell[row]
        assert sorted(label_of_code) == list(range(way))  # renumbered from zero
        assert len(set(label_of_code.values())) == way  # different classes

        full = []
        for c, label in label_of_code.items():
            shot, size = np.count_nonzero(code == c), sizes[label]
            assert min(n_shot[0], size - 1) <= shot <= min(n_shot[1], size - 1)
            assert np.count_nonzero(query_code == c) == min(n_query, size - shot)
            if size > n_shot[1]:
                full.append(shot)
        assert len(set(full)) <= 1  # one shot for all classes of an episode


@given(pools(), shots(), st.integers(1, 6), seeds)
def test_an_episode_of_whole_tasks_keeps_targets_and_counts(
    pool, n_shot, n_query, seed
):
    task, _ = pool
    y = np.arange(len(task), dtype=np.float32) + 0.5
    sampler = EpisodeSampler(table_of(y), task, n_shot=n_shot, n_query=n_query)
    assume(sampler.n_tasks_)
    episode = sampler.episode(*sampler.draw(7, np.random.default_rng(seed)))
    sizes = np.bincount(task)
    for i in range(7):
        support, query = rows_of(episode.support, i), rows_of(episode.query, i)
        assert not set(support) & set(query)
        (one,) = set(task[np.r_[support, query]])
        shot = len(support)
        assert min(n_shot[0], sizes[one] - 1) <= shot <= min(n_shot[1], sizes[one] - 1)
        assert len(query) == min(n_query, sizes[one] - shot)
        for batch, rows in zip(episode, (support, query), strict=True):
            np.testing.assert_array_equal(batch.y[i][batch.mask[i]], y[rows])
    for batch in episode:  # padded to the largest of them, and no wider
        assert batch.mask.shape[1] == batch.mask.sum(dim=1).max()


def rows_of(batch, i):
    return batch.X[i, :, 0][batch.mask[i]].numpy().astype(int)


@given(pools(), shots())
def test_small_cells_are_counted_for_the_warning(pool, n_shot):
    task, cell = pool
    sampler = EpisodeSampler(table_of(cell), task, cell, n_shot=n_shot)
    pairs = {}
    for t, c in zip(task, cell, strict=True):
        pairs[t, c] = pairs.get((t, c), 0) + 1
    drawable = {pair: size for pair, size in pairs.items() if size >= 2}
    n_cells = np.bincount([t for t, _ in drawable], minlength=task.max() + 1)
    usable = {pair: size for pair, size in drawable.items() if n_cells[pair[0]] >= 2}
    assert sampler.n_tasks_ == np.count_nonzero(n_cells >= 2)
    assert sampler.n_cells_ == len(usable)
    assert sampler.n_reduced_ == sum(size <= n_shot[0] for size in usable.values())


@given(st.integers(1, 9), st.integers(1, 40), seeds)
def test_all_tasks_come_before_one_comes_again(n_tasks, n_episodes, seed):
    task = np.repeat(np.arange(n_tasks), 4)
    sampler = EpisodeSampler(table_of(task.astype(np.float32)), task)
    rows, *_ = sampler.draw(n_episodes, np.random.default_rng(seed))
    drawn = task[rows[:, 0, 0]]
    for start in range(0, n_episodes, n_tasks):
        round_ = drawn[start : start + n_tasks]
        assert len(set(round_)) == len(round_)


def test_tasks_and_rows_are_equally_likely():
    task, cell = np.repeat([0, 1, 2], 20), np.tile(np.repeat([0, 1, 2, 3], 5), 3)
    sampler = EpisodeSampler(
        table_of(cell), task, cell, n_way=2, n_shot=(1, 1), n_query=2
    )
    rows, in_support, in_query, _ = sampler.draw(9000, np.random.default_rng(5))
    for chosen in (in_support, in_query):
        times = np.bincount(rows[chosen], minlength=len(task))
        # Drawing without replacement scatters less than chance, so p may be near 1.
        assert chisquare(times).pvalue > 1e-3


def test_code_of_a_class_is_not_tied_to_its_label():
    cell = np.repeat([0, 1], 10)
    sampler = EpisodeSampler(table_of(cell), np.zeros(20, dtype=int), cell, n_way=2)
    rows, *_ = sampler.draw(2000, np.random.default_rng(0))
    first_label = cell[rows[:, 0, 0]]
    assert chisquare(np.bincount(first_label)).pvalue > 1e-3


def test_only_the_rows_that_are_given_are_drawn():
    task, cell = np.repeat([0, 1], 40), np.tile([0, 1], 40)
    rows = np.flatnonzero(np.arange(80) % 8 < 4)
    sampler = EpisodeSampler(table_of(cell), task, cell, rows=rows, n_shot=(2, 2))
    drawn, in_support, in_query, _ = sampler.draw(200, np.random.default_rng(0))
    assert set(drawn[in_support | in_query]) == set(rows)


@pytest.mark.parametrize("n_shot", [(0, 0), (0, 2)])
def test_a_shot_of_zero_leaves_the_support_empty(n_shot):
    task = np.repeat(np.arange(20), 6)
    sampler = EpisodeSampler(table_of(task.astype(np.float32)), task, n_shot=n_shot)
    episode = sampler.episode(*sampler.draw(20, np.random.default_rng(0)))
    shot = episode.support.mask.sum(dim=1)
    assert shot.min() == 0
    assert shot.max() == n_shot[1]
    assert episode.query.mask.any(dim=1).all()


@given(pools(), seeds)
def test_one_seed_draws_the_same_episodes(pool, seed):
    task, cell = pool
    sampler = EpisodeSampler(table_of(cell), task, cell)
    assume(sampler.n_tasks_)
    first, second = (sampler.draw(5, np.random.default_rng(seed)) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


def test_every_row_carries_its_training_class_and_padding_carries_none():
    y = np.repeat([0, 1, 0, 1, 2], [3, 9, 4, 4, 4])
    task = np.repeat([0, 1], [12, 12])
    label = np.repeat([0, 1, 2, 3, 4], [3, 9, 4, 4, 4])
    X = label[:, np.newaxis].astype(np.float64)  # the only feature tells the class
    sampler = EpisodeSampler(Table(X, y, label=label), task, y, n_shot=(5, 5))
    for part in sampler.episode(*sampler.draw(30, np.random.default_rng(0))):
        assert not part.mask.all()
        assert (part.label[~part.mask] == -1).all()
        torch.testing.assert_close(
            part.label[part.mask], part.X[part.mask][:, 0].long()
        )
        assert part.to("cpu").label is not None
    plain = EpisodeSampler(Table(X, y), task, y)
    assert plain.episode(*plain.draw(2, np.random.default_rng(0))).query.label is None


def test_that_share_of_episodes_mixes_the_classes_of_all_tasks():
    y = np.tile(np.arange(4).repeat(10), 6)
    task = np.arange(6).repeat(40)
    table = Table(task[:, np.newaxis].astype(np.float64), y)

    def share_mixed(mix_tasks):
        sampler = EpisodeSampler(table, task, y, n_way=4, mix_tasks=mix_tasks)
        episode = sampler.episode(*sampler.draw(500, np.random.default_rng(0)))
        of_task = episode.query.X[..., 0]
        torch.testing.assert_close(episode.support.n_classes, torch.full((500,), 4))
        return (of_task != of_task[:, :1]).any(dim=1).double().mean().item()

    assert share_mixed(0.0) == 0
    assert abs(share_mixed(0.3) - 0.3) < 0.08
    # Four of 24 classes are of one task by chance in 1 of 700 episodes.
    assert share_mixed(1.0) > 0.98


def test_mixing_more_classes_than_a_task_has_makes_larger_episodes():
    y = np.tile(np.arange(3).repeat(10), 5)
    task = np.arange(5).repeat(30)
    table = Table(np.zeros((150, 1)), y)
    sampler = EpisodeSampler(table, task, y, n_way=10, mix_tasks=0.5)
    ways = sampler.draw(200, np.random.default_rng(0))[3]
    assert set(ways) == {3, 10}


@given(pools(), st.booleans(), shots(), st.integers(1, 6), seeds)
def test_first_rows_come_right_before_a_cut_and_the_query_after_it(
    pool, per_class, n_shot, n_query, seed
):
    task, cell = pool
    own = task if not per_class else 4 * task + cell
    sampler = EpisodeSampler(
        table_of(task),
        task,
        cell if per_class else None,
        n_shot=n_shot,
        n_query=n_query,
        support="first",
    )
    assume(sampler.n_tasks_)
    rows, in_support, in_query, way = sampler.draw(7, np.random.default_rng(seed))
    assert not (in_support & in_query).any()
    for i in range(7):
        shares = []
        for j in range(way[i]):
            support, query = rows[i, j][in_support[i, j]], rows[i, j][in_query[i, j]]
            (one,) = set(own[np.r_[support, query]])
            in_order = np.flatnonzero(own == one)
            start = np.searchsorted(in_order, support[0])
            np.testing.assert_array_equal(
                in_order[start : start + len(support)], support
            )
            shot = len(support)
            assert min(n_shot[0], len(in_order) - 1) <= shot <= n_shot[1]
            rest = len(in_order) - start - shot
            assert len(set(query)) == len(query) == min(n_query, rest)
            assert query.min() > support[-1]
            places = len(in_order) - shot
            shares.append((start / places, (start + 1) / places))
        # One share of the places fits all classes of the episode.
        assert max(low for low, _ in shares) < min(high for _, high in shares)


def test_a_cut_is_at_every_place_that_leaves_a_query():
    task = np.zeros(9, dtype=np.intp)
    sampler = EpisodeSampler(
        table_of(task), task, n_shot=(2, 2), n_query=3, support="first"
    )
    rows, in_support, _, _ = sampler.draw(700, np.random.default_rng(0))
    first = rows[in_support].reshape(700, 2)[:, 0]
    assert chisquare(np.bincount(first, minlength=7)).pvalue > 1e-3
    assert first.max() == 6


@given(pools(), st.sampled_from(["random", "first"]), shots(), seeds)
def test_given_supports_stay_on_their_side(pool, support, n_shot, seed):
    task, _ = pool
    given_rows = np.random.default_rng(seed).random(len(task)) < 0.5
    sampler = EpisodeSampler(
        table_of(task),
        task,
        n_shot=n_shot,
        n_query=4,
        support=support,
        in_support=given_rows,
    )
    n_given = np.bincount(task, given_rows)
    usable = (n_given > 0) & (n_given < np.bincount(task))
    assert sampler.n_tasks_ == usable.sum()
    assert sampler.n_dropped_ == len(usable) - usable.sum()
    assume(usable.any())
    rows, in_support, in_query, _ = sampler.draw(7, np.random.default_rng(seed))
    for own, learnt, asked in zip(rows, in_support, in_query, strict=True):
        known, query = own[learnt], own[asked]
        (one,) = set(task[np.r_[known, query]])
        assert given_rows[known].all()
        assert not given_rows[query].any()
        assert len(set(known)) == len(known) >= min(n_shot[0], n_given[one])
        assert len(set(query)) == len(query)
        if support == "first":
            in_order = np.flatnonzero((task == one) & given_rows)
            np.testing.assert_array_equal(known, in_order[: len(known)])
    assert sampler.n_reduced_ == np.count_nonzero(n_given[usable] < n_shot[0])


def test_classes_of_an_episode_are_cut_at_the_same_share():
    cell = np.tile(np.repeat([0, 1, 2], [1, 1, 2]), 25)  # 25, 25 and 50 rows
    task = np.zeros(len(cell), dtype=np.intp)
    sampler = EpisodeSampler(
        table_of(task), task, cell, n_way=3, n_shot=(1, 1), support="first"
    )
    rows, in_support, _, _ = sampler.draw(50, np.random.default_rng(0))
    shares = np.empty((50, 3))
    for episode, own in enumerate(rows[in_support].reshape(50, 3)):
        for row in own:
            of_class = np.flatnonzero(cell == cell[row])
            place = np.searchsorted(of_class, row)
            shares[episode, cell[row]] = (place + 0.5) / (len(of_class) - 1)
    assert np.ptp(shares, axis=1).max() < 0.05
    assert np.ptp(shares) > 0.8
