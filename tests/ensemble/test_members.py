"""What members count for before any task has judged them."""

from types import SimpleNamespace

import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmeta.ensemble import MetaStackingRegressor
from skmeta.ensemble.judging import Judged
from skmeta.ensemble.members import say_before
from skmeta.ensemble.weights import HeldOutAnswers

AROUND, ALONE, PLAIN = (
    SimpleNamespace(prior_="boosting"),
    SimpleNamespace(prior_=None),
    SimpleNamespace(),
)


def test_a_learner_around_a_prior_counts_as_two():
    piped = make_pipeline(StandardScaler(), AROUND)
    members = [AROUND, ALONE, PLAIN, [AROUND, AROUND], [ALONE], piped]
    assert say_before(members).tolist() == [2, 1, 1, 2, 1, 2]


def judged(members, errors):
    answers = HeldOutAnswers(np.array(errors), np.arange(len(errors)), np.ones(100))
    return Judged(3, members, [answers])


def weights_of(stack, members, errors):
    # One that was judged has failed in the last fit.
    fitted = {"alone": ALONE, "around": AROUND}
    stack._learn_weights(fitted, [judged(members, errors)], 1)
    return stack.weights_[0]


def test_a_member_that_is_gone_does_not_take_the_head_start_of_another():
    errors = np.tile([2.0, 1.0, 1.0], (100, 1))
    weights = weights_of(MetaStackingRegressor(), ["gone", "alone", "around"], errors)
    # Half of the say is of the greedy ones, which take the first of two alike.
    np.testing.assert_allclose(weights, [0.5 + 0.5 / 3, 0.5 * 2 / 3], rtol=1e-3)


def test_greedy_weights_know_no_head_start():
    errors = np.tile([2.0, 1.0, 1.0], (100, 1))
    stack = MetaStackingRegressor(weights="greedy")
    assert weights_of(stack, ["gone", "alone", "around"], errors).tolist() == [1, 0]
