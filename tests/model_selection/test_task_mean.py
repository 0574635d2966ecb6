"""The shrunken mean: as much shrunken as tasks are alike."""

import numpy as np
import pytest

from skmeta.model_selection import TaskMean
from skmeta.model_selection._task_mean import variance_ratio


def test_the_ratio_of_variances_is_found():
    rng = np.random.default_rng(0)
    task = np.repeat(np.arange(2000), rng.integers(2, 9, size=2000))
    y = rng.normal(scale=2, size=2000)[task] + rng.normal(scale=3, size=len(task))
    assert variance_ratio(y, task) == pytest.approx(9 / 4, rel=0.1)


def test_tasks_that_do_not_differ_are_answered_by_the_mean_of_all():
    rng = np.random.default_rng(0)
    y, task = rng.normal(size=900), np.repeat(np.arange(300), 3)
    X = np.zeros((900, 1))
    mean = TaskMean("regressor").fit(X, y, groups=task)
    answer = mean.adapt(X[:3], np.full(3, 50.0)).predict(X[:1])
    assert abs(answer - y.mean()) < 2


def test_tasks_that_differ_are_answered_by_their_own_mean():
    task = np.repeat(np.arange(30), 5)
    X, y = np.zeros((150, 1)), 10.0 * task + np.arange(150) % 2
    mean = TaskMean("regressor").fit(X, y, groups=task)
    np.testing.assert_allclose(mean.adapt(X[:3], y[:3]).predict(X[:1]), 1 / 3, atol=0.1)
    np.testing.assert_allclose(mean.adapt().predict(X[:1]), y.mean())


def test_shares_of_classes_are_probabilities():
    rng = np.random.default_rng(0)
    task = np.repeat(np.arange(50), 8)
    liked = rng.integers(3, size=50)[task]
    y = np.where(rng.random(len(task)) < 0.7, liked, rng.integers(3, size=len(task)))
    X = np.zeros((len(y), 1))
    mean = TaskMean("classifier").fit(X, y, groups=task)
    shares = mean.adapt(X[:4], [2, 2, 0, 2]).predict_proba(X[:1])[0]
    k, whole = mean.strength_, np.bincount(y) / len(y)
    np.testing.assert_allclose(shares, ([1, 0, 3] + k * whole) / (4 + k))


def test_names_inside_a_task_are_answered_by_their_shares():
    task = np.repeat(np.arange(4), 4)
    X, y = np.zeros((16, 1)), 10 * task + np.arange(16) % 2
    mean = TaskMean("classifier").fit(X, y, groups=task)
    mean.adapt(X[:3], ["cat", "cat", "dog"])
    np.testing.assert_allclose(mean.predict_proba(X[:1]), [[2 / 3, 1 / 3]])
    with pytest.raises(ValueError, match="no prior"):
        mean.adapt()
