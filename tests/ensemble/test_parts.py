"""What files keep of an ensemble; whole files are tried in tests/saving."""

import copy

import numpy as np
import pytest

from skmeta import LoadError
from skmeta.ensemble import MetaStackingRegressor
from skmeta.ensemble.parts import parts_of, take_parts


def test_who_takes_the_parts_answers_as_whom_they_are_of(stack, table):
    X, y, _ = table
    stack = copy.copy(stack).adapt(X[:6], y[:6])
    again = MetaStackingRegressor()
    take_parts(again, parts_of(stack))
    np.testing.assert_array_equal(again.predict(X), stack.predict(X))


def test_names_of_training_tasks_are_no_part(stack):
    assert "_training_groups" in vars(stack)
    assert "_training_groups" not in parts_of(stack)


@pytest.mark.parametrize(
    "forge",
    [
        lambda weights: weights[:, :1],
        lambda weights: weights[:-1],
        lambda weights: weights[0],
        lambda weights: -weights,
        lambda weights: np.where(weights == weights.max(), np.nan, weights),
    ],
    ids=["a member", "a size", "an axis", "below zero", "nan"],
)
def test_weights_that_are_of_other_members_are_refused(stack, forge):
    parts = parts_of(stack)
    parts["weights_"] = forge(parts["weights_"])
    with pytest.raises(LoadError, match="weights are not those of its members"):
        take_parts(MetaStackingRegressor(), parts)


def test_a_parameter_is_no_part(stack):
    with pytest.raises(LoadError, match="random_state"):
        take_parts(MetaStackingRegressor(), {**parts_of(stack), "random_state": 1})
