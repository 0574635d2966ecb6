"""A regressor answers in the unit of its tasks."""

import numpy as np

from skmeta import MetaRegressor
from tests.conftest import QUICK


def test_a_regressor_learns_many_tasks_in_one_call(diabetes):
    X, y, groups = diabetes
    meta = MetaRegressor("maml", **QUICK).fit(X, y, groups=groups)
    rng = np.random.default_rng(0)
    shuffled = rng.permutation(len(y))
    meta.adapt(X[shuffled], y[shuffled], groups=groups[shuffled])
    together = meta.predict(X, groups=groups)
    for task in range(12):
        own = groups == task
        alone = meta.adapt(X[own], y[own]).predict(X[own])
        np.testing.assert_allclose(together[own], alone, rtol=1e-4)


def test_the_prior_of_a_regressor(diabetes):
    X, y, groups = diabetes
    meta = MetaRegressor("maml", unknown_task="prior", **QUICK).fit(X, y, groups=groups)
    prior = meta.adapt().predict(X)
    known = groups < 5
    meta.adapt(X[known], y[known], groups=groups[known])
    answers = meta.predict(X, groups=groups)
    np.testing.assert_allclose(answers[~known], prior[~known], rtol=1e-4)
