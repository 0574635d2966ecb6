"""Supports of training tasks: drawn as those of new tasks will come."""

import numpy as np
import pytest

from skmeta.model_selection import _simulated
from skmeta.model_selection._simulated import (
    choose,
    draw_supports,
    folds_of_tasks,
    mean_task_loss,
    row_losses,
    simulate,
)


def test_a_support_has_any_number_of_rows_that_leaves_some_to_judge():
    sizes = np.array([1, 2, 3, 4, 30])
    task = np.random.default_rng(0).permutation(np.repeat(np.arange(5), sizes))
    rng = np.random.default_rng(1)
    seen = {
        tuple(np.bincount(task[draw_supports(task, 1, 3, rng)], minlength=5).tolist())
        for _ in range(300)
    }
    drawn = np.array(sorted(seen))
    assert [sorted(set(column)) for column in drawn.T.tolist()] == [
        [1],
        [1],
        [1],
        [1, 2],
        [1, 2, 3],
    ]


def test_every_row_of_a_task_is_as_likely_to_be_support():
    task, rng = np.repeat([0, 1], [5, 10]), np.random.default_rng(0)
    share = np.mean([draw_supports(task, 2, 2, rng) for _ in range(2000)], axis=0)
    np.testing.assert_allclose(share, np.repeat([2 / 5, 2 / 10], [5, 10]), atol=0.05)


def test_each_draw_parts_the_rows_of_all_tasks():
    task = np.arange(120) % 12
    draws = simulate(task, max_shot=4, n_draws=3, random_state=0)
    assert len(draws) == 3
    for support, query in draws:
        assert sorted([*support, *query]) == list(range(120))
    assert not np.array_equal(draws[0][0], draws[1][0])
    again = simulate(task, max_shot=4, n_draws=3, random_state=0)
    assert all(np.array_equal(a, b) for a, b in zip(draws[2], again[2], strict=True))


@pytest.mark.parametrize(
    ("n_tasks", "n_draws", "n_seen"), [(12, 1, 10), (10, 1, 10), (5, 2, 5), (1, 9, 1)]
)
def test_many_tasks_are_drawn_fewer_times_and_not_all(
    monkeypatch, n_tasks, n_draws, n_seen
):
    monkeypatch.setattr(_simulated, "_MOST_TASKS", 10)
    task = np.arange(6 * n_tasks) % n_tasks
    draws = simulate(task, max_shot=4, n_draws=9, random_state=0)
    assert len(draws) == n_draws
    for support, query in draws:
        assert len(set(task[support])) == len(set(task[query])) == n_seen


def test_as_many_tasks_as_are_enough_are_not_drawn_among(monkeypatch):
    task = np.arange(60) % 10
    supports = []
    for most in (10, 11):
        monkeypatch.setattr(_simulated, "_MOST_TASKS", most)
        ((support, _),) = simulate(task, max_shot=4, n_draws=1, random_state=0)
        supports.append(support.tolist())
    assert supports[0] == supports[1]


def test_folds_judge_each_task_once_and_whole():
    task = np.arange(60) % 6
    folds = folds_of_tasks(task, 4, 0)
    assert len(folds) == 4
    assert sorted(np.concatenate([judged for _, judged in folds])) == list(range(60))
    for fitted, judged in folds:
        assert not set(task[fitted]) & set(task[judged])
    assert len(folds_of_tasks(task, 9, 0)) == 6
    ((fitted, judged),) = folds_of_tasks(np.zeros(3, int), 4, 0)
    assert fitted.tolist() == judged.tolist() == [0, 1, 2]
    two = folds_of_tasks(np.arange(4) % 2, 4, 0)
    assert sorted(judged.tolist() for _, judged in two) == [[0, 2], [1, 3]]


def test_a_task_counts_once_however_many_rows_it_has():
    loss, task = np.array([1.0, 3.0, 8.0, 8.0, 8.0]), np.array([4, 4, 9, 9, 9])
    assert mean_task_loss(loss, task) == (2 + 8) / 2


def test_losses_are_squares_or_minus_logarithms():
    values = row_losses(np.array([[1.0], [2.0]]), np.array([1.5, 0.0]))
    assert values.tolist() == [0.25, 4.0]
    codes, said = np.eye(2), np.array([[3.0, 1.0], [1.0, 0.0]])
    likely = [0.75, 1e-4 / (1 + 1e-4)]
    np.testing.assert_allclose(row_losses(codes, said), -np.log(likely))


def test_of_equal_candidates_the_first_is_chosen():
    assert choose(["bb", "a", "c"], len) == "a"
