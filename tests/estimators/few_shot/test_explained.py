"""What explains ordinary estimators explains a task of a meta-learner."""

import numpy as np
import pandas as pd
import pytest
from sklearn.inspection import partial_dependence, permutation_importance

from skmeta import FewShotClassifier, FewShotRegressor, MetaClassifier, MetaRegressor


@pytest.fixture(scope="module")
def slopes():
    """Tasks whose first column tells, at a level of their own; the second does not."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(900, 2)), columns=["tells", "idle"])
    groups = np.repeat(np.arange(30), 30)
    level = rng.normal(size=30)[groups]
    return X, 2 * X["tells"].to_numpy() + level, groups


@pytest.fixture(scope="module")
def tasks(slopes):
    """Return both kinds of estimator, each knowing a new task, and its rows."""
    X, y, groups = slopes
    known, new = groups < 29, groups == 29
    how = {"max_epochs": 5, "random_state": 0}
    values = MetaRegressor("gp", **how).fit(X[known], y[known], groups=groups[known])
    classes = MetaClassifier("protonet", **how)
    classes.fit(X[known], y[known] > 0, groups=groups[known])
    return [
        (FewShotRegressor(values).fit(X[new], y[new]), X[new], y[new]),
        (FewShotClassifier(classes).fit(X[new], y[new] > 0), X[new], y[new] > 0),
    ]


@pytest.mark.parametrize("which", [0, 1])
def test_permutations_find_the_column_that_tells(tasks, which):
    few, X, y = tasks[which]
    found = permutation_importance(few, X, y, n_repeats=5, random_state=0)
    tells, idle = found.importances_mean
    assert tells > 0.1
    assert abs(idle) < 0.1 * tells


@pytest.mark.parametrize("which", [0, 1])
def test_partial_dependence_rises_with_it(tasks, which):
    few, X, _ = tasks[which]
    found = {
        name: partial_dependence(few, X, [name], grid_resolution=8)["average"][0]
        for name in X.columns
    }
    assert (np.diff(found["tells"]) > 0).all()
    assert np.ptp(found["idle"]) < 0.2 * np.ptp(found["tells"])


@pytest.mark.parametrize("which", [0, 1])
def test_shapley_values_add_up_to_the_answers(tasks, which):
    shap = pytest.importorskip("shap", reason="the package shap")
    few, X, _ = tasks[which]
    answer = few.predict if which == 0 else lambda rows: few.predict_proba(rows)[:, 1]
    values = shap.Explainer(answer, X, seed=0)(X[:5])
    np.testing.assert_allclose(
        values.values.sum(axis=1) + values.base_values, answer(X[:5]), atol=1e-3
    )
    tells, idle = np.abs(values.values).mean(axis=0)
    assert idle < 0.2 * tells
