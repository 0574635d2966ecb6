"""Values: standard deviations of the mixture."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from skmeta import MetaRegressor
from skmeta.ensemble import MetaStackingRegressor
from skmeta.ensemble.weights import interpolate
from tests.quick import TINY


def test_the_variance_is_that_of_the_mixture(table):
    X, y, task = table
    members = [
        ("one", MetaRegressor("cnp", **TINY)),
        ("other", MetaRegressor("cnp", **{**TINY, "random_state": 1})),
        ("own", LinearRegression()),  # knows none, and is as sure as the others
    ]
    stack = MetaStackingRegressor(members, random_state=0).fit(X, y, groups=task)
    values, deviations = stack.adapt(X[:6], y[:6]).predict(X, return_std=True)
    np.testing.assert_array_equal(values, stack.predict(X))
    fitted = stack.named_estimators_
    one = fitted["one"].adapt(X[:6], y[:6]).predict(X, return_std=True)
    other = fitted["other"].adapt(X[:6], y[:6]).predict(X, return_std=True)
    zero = np.zeros(6, dtype=int)
    own = fitted["own"].adapt(X[:6], y[:6], groups=zero).predict(X)
    [weights] = interpolate(stack.weights_, stack.support_sizes_, np.array([6]))
    means = np.array([one[0], other[0], own])
    between = weights @ (means - weights @ means) ** 2
    within = np.average([one[1] ** 2, other[1] ** 2], axis=0, weights=weights[:2])
    np.testing.assert_allclose(deviations, np.sqrt(within + between), rtol=1e-5)


def test_deviations_that_nobody_knows_are_an_error(table):
    X, y, task = table
    stack = MetaStackingRegressor([("own", LinearRegression())]).fit(X, y, groups=task)
    with pytest.raises(ValueError, match="No member knows standard deviations"):
        stack.adapt(X[:6], y[:6]).predict(X, return_std=True)
