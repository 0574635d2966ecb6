"""Weights by formulas, and what they must do whatever the answers are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from skmeta.ensemble.weights import HeldOutAnswers, greedy, inverse_loss, shrunk


def held_out(answers, task=None, weight=None):
    answers = np.asarray(answers, dtype=float)
    task = np.arange(len(answers)) if task is None else np.asarray(task)
    weight = np.ones(len(answers)) if weight is None else np.asarray(weight)
    return HeldOutAnswers(answers, task, weight)


def loss_of(judged, weights):
    mean = np.tensordot(weights, judged.answers, axes=(0, 1))
    loss = mean**2
    if mean.ndim == 2:  # the first class is the true one
        loss = -np.log(softmax(mean, axis=1)[:, 0])
    per_task = [
        np.average(
            loss[judged.task == each], weights=judged.weight[judged.task == each]
        )
        for each in np.unique(judged.task)
    ]
    return np.mean(per_task)


@st.composite
def random_answers(draw):
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    n_rows, n_members = draw(st.integers(1, 30)), draw(st.integers(1, 5))
    answers = rng.normal(size=(n_rows, n_members))
    if draw(st.booleans()):
        answers = np.log(rng.dirichlet(np.ones(3), size=(n_rows, n_members)))
        answers -= answers[..., :1]
    task = rng.integers(5, size=n_rows)
    return held_out(answers, task, rng.uniform(0.5, 2, n_rows))


@given(random_answers())
def test_weights_are_convex(judged):
    for weigh in (greedy, inverse_loss, shrunk):
        weights = weigh(judged)
        assert weights.min() >= 0
        assert weights.sum() == pytest.approx(1)


@given(random_answers())
def test_a_greedy_mixture_is_no_worse_than_its_best_member(judged):
    singles = [loss_of(judged, own) for own in np.eye(judged.answers.shape[1])]
    np.testing.assert_allclose(judged.losses(), singles)
    assert loss_of(judged, greedy(judged)) <= min(singles) + 1e-9


def test_errors_that_cancel_get_half_of_the_weight_each():
    error = np.random.default_rng(0).normal(size=50)
    weights = greedy(held_out(np.column_stack([error, -error, 3 * error])))
    np.testing.assert_allclose(weights, [0.5, 0.5, 0], atol=0.03)


def test_a_task_of_many_rows_has_no_more_say():
    few, many = [[1.0, 0.0]], [[0.0, 2.0]] * 9
    weights = greedy(held_out(few + many, task=[0] + 9 * [1]))
    alike = greedy(held_out(few + many[:1]))
    np.testing.assert_array_equal(weights, alike)


def test_weights_by_loss_are_as_its_inverse_sixth_power():
    judged = held_out([[1.0, 2.0]])  # squared errors of 1 and 4
    np.testing.assert_allclose(inverse_loss(judged), [4096 / 4097, 1 / 4097])


def test_who_counts_more_before_keeps_it_against_a_like_one():
    judged = held_out([[1.0, 1.0, 2.0]])
    weights = inverse_loss(judged, np.array([4.0, 1.0, 4.0]))
    np.testing.assert_allclose(weights, np.array([4, 1, 4 / 4096]) / (5 + 4 / 4096))


@pytest.mark.parametrize("n_tasks", [1, 100, 3000])
def test_the_greedy_weights_have_n_of_n_plus_100_of_the_say(n_tasks):
    judged = held_out(np.tile([1.0, 1.1, 1.1], (n_tasks, 1)))
    trust = n_tasks / (n_tasks + 100)
    before = np.array([1.0, 4.0, 1.0])
    by_loss = before * np.array([1, 1.21**-6, 1.21**-6])
    expected = trust * np.array([1, 0, 0]) + (1 - trust) * by_loss / by_loss.sum()
    np.testing.assert_allclose(shrunk(judged, before), expected)
