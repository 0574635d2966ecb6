"""One boosting that is told the task: the few rows of new tasks are in its table."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor

from skmeta.model_selection import TaskAsCategory


@pytest.fixture
def rows():
    """Tasks of two levels, far apart; features say nothing of them."""
    rng = np.random.default_rng(0)
    task = np.repeat(np.arange(40), 24)
    X = rng.normal(size=(len(task), 2))
    return X, 10.0 * (task % 2) + X[:, 0], task


@pytest.mark.parametrize("estimator", [None, "lightgbm", "catboost"])
def test_the_level_of_a_new_task_is_learnt_from_its_rows(rows, estimator):
    X, y, task = rows
    old = task < 30
    told = TaskAsCategory(estimator, kind="regressor")
    told.fit(X[old], y[old], groups=task[old])
    support = ~old & (np.arange(len(y)) % 24 < 16)
    told.adapt(X[support], y[support], groups=task[support])
    query = ~old & ~support
    error = np.abs(told.predict(X[query], groups=task[query]) - y[query])
    assert error.mean() < 2
    told.adapt()
    assert np.abs(told.predict(X[query]) - 5).mean() < 5  # anything between


def test_of_too_many_tasks_the_new_and_the_large_keep_their_names(rows):
    X, y, task = rows
    few_bins = HistGradientBoostingRegressor(max_bins=13, max_iter=1)
    task = np.where(task < 30, task, task + 100)
    place = np.arange(len(task)) % 24
    keep = np.flatnonzero((task % 3 != 0) | (place < 20))  # a third is smaller
    old = keep[task[keep] < 30]
    told = TaskAsCategory(few_bins).fit(X[old], y[old], groups=task[old])
    new = keep[task[keep] > 130][:5]
    told.adapt(X[new], y[new], groups=task[new])
    named = np.flatnonzero(told.codes_ < 12)
    assert len(named) == 12
    assert {30} <= set(named)  # the new one, numbered after the 30 old ones
    assert not any(each % 3 == 0 for each in named if each < 30)


def test_what_is_missing_is_told():
    with pytest.raises(ValueError, match='"lightgbm", "catboost"'):
        TaskAsCategory("xgb", kind="regressor").fit([[0.0]], [0.0], groups=[0])
    with pytest.raises(ValueError, match="kind must be"):
        TaskAsCategory().fit([[0.0]], [0.0], groups=[0])
