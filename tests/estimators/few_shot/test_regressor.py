"""The few-shot regressor goes wherever a scikit-learn regressor goes."""

import copy

import numpy as np
import pytest
from sklearn.base import is_classifier, is_regressor
from sklearn.datasets import load_diabetes
from sklearn.ensemble import StackingRegressor
from sklearn.linear_model import Ridge

from skmeta import FewShotRegressor, MetaRegressor
from tests.quick import TASK, X, Y, regressor


def test_a_regressor_stacks():
    X, y = load_diabetes(return_X_y=True)
    meta = MetaRegressor(
        "maml", max_epochs=2, tasks_per_epoch=64, n_query=5, random_state=0
    ).fit(X[:300], y[:300], groups=np.arange(300) % 12)
    few_shot = FewShotRegressor(meta)
    assert is_regressor(few_shot)
    assert not is_classifier(few_shot)
    stacked = StackingRegressor([("few_shot", few_shot), ("ridge", Ridge())], cv=3)
    stacked.fit(X[300:], y[300:])
    assert stacked.score(X[300:], y[300:]) > 0.1
    expected = copy.deepcopy(meta).adapt(X[300:], y[300:]).predict(X)
    np.testing.assert_array_equal(few_shot.fit(X[300:], y[300:]).predict(X), expected)
    assert meta.adapted_ is None


def test_values_of_a_partial_fit_are_learnt_as_by_one_fit():
    meta = regressor().fit(X, Y, groups=TASK)
    few = FewShotRegressor(meta).partial_fit(X[:4], Y[:4])
    first = few.predict(X)
    twin = copy.copy(few).partial_fit(X[4:9], Y[4:9], sample_weight=np.full(5, 2.0))
    np.testing.assert_array_equal(few.predict(X), first)
    weight = np.repeat([1.0, 2.0], [4, 5])
    whole = FewShotRegressor(meta).fit(X[:9], Y[:9], sample_weight=weight)
    np.testing.assert_allclose(twin.predict(X), whole.predict(X), atol=1e-4)
    with pytest.raises(ValueError, match="pass X and y"):
        few.partial_fit(X, None)
