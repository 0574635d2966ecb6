"""One model for all tasks, with their targets' means."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

from skmeta.model_selection import Pooled, PooledWithTaskMean, compare


def test_pooled_learns_of_training_rows_and_supports(diabetes):
    X, y, groups = diabetes
    new = groups == 11
    pooled = Pooled(Ridge()).fit(X[~new], y[~new], groups=groups[~new])
    support = np.flatnonzero(new)[:5]
    pooled.adapt(X[support], y[support])
    rows = np.r_[np.flatnonzero(~new), support]
    expected = Ridge().fit(X[rows], y[rows]).predict(X[new])
    np.testing.assert_allclose(pooled.predict(X[new]), expected)
    with pytest.raises(ValueError, match="pass groups="):
        Pooled(Ridge()).fit(X, y)


def test_pooled_may_leave_supports_out(diabetes):
    X, y, groups = diabetes
    new = groups == 11
    pooled = Pooled(Ridge(), with_supports=False).fit(
        X[~new], y[~new], groups=groups[~new]
    )
    expected = Ridge().fit(X[~new], y[~new]).predict(X[new])
    for support in (np.flatnonzero(new)[:5], np.flatnonzero(new)[5:9]):
        pooled.adapt(X[support], y[support])
        np.testing.assert_allclose(pooled.predict(X[new]), expected)


def test_the_task_mean_is_what_makes_the_difference():
    rng = np.random.default_rng(0)
    level = rng.normal(scale=10, size=40)  # tasks differ in level and in nothing else
    task = np.repeat(np.arange(40), 30)
    X = rng.normal(size=(len(task), 2))
    y = X[:, 0] + level[task]
    scores = compare(
        {"told": PooledWithTaskMean(Ridge()), "pooled": Pooled(Ridge())},
        X,
        y,
        task,
        metric="neg_mean_absolute_error",
        shots=10,
        n_repeats=1,
    ).scores.set_index("estimator")
    assert scores.score["told"] > -1.5
    assert scores.score["pooled"] < -4


@pytest.mark.parametrize("names", [["support_size", "support_mean_0"], [0, 1]])
def test_what_it_is_told_hides_no_column_of_the_table(names):
    rng = np.random.default_rng(0)
    X, task = rng.normal(size=(40, 2)), np.repeat(np.arange(8), 5)
    y = X @ [1.0, 2.0]
    told = PooledWithTaskMean(Ridge()).fit(X, y, groups=task)
    named = pd.DataFrame(X, columns=names)
    by_name = PooledWithTaskMean(Ridge()).fit(named, y, groups=task)
    np.testing.assert_allclose(by_name.estimator_.coef_, told.estimator_.coef_)
    answers = by_name.adapt(named[:5], y[:5]).predict(named)
    np.testing.assert_allclose(answers, told.adapt(X[:5], y[:5]).predict(X))


def test_rows_of_another_type_than_those_of_the_training_are_refused_in_words():
    rng = np.random.default_rng(0)
    X, task = rng.normal(size=(40, 2)), np.arange(40) // 10
    pooled = Pooled(Ridge()).fit(X, X.sum(axis=1), groups=task)
    dates = X[:3].astype("datetime64[D]")
    with pytest.raises(ValueError, match=r"X of datetime64.* rows of float64"):
        pooled.adapt(dates, [1.0, 2.0, 3.0])
