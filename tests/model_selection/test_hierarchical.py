"""Hierarchical logistic regression: the posterior's mode, chosen by held-out tasks."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from sklearn.base import clone, is_classifier
from sklearn.linear_model import LogisticRegression

from skmeta.exceptions import NotAdaptedError
from skmeta.model_selection import Hierarchical, PerTask, Pooled, few_shot_curve


def tasks_of_a_level(n_tasks=40, n_rows=40, spread=2.0, seed=0):
    rng = np.random.default_rng(seed)
    task = np.repeat(np.arange(n_tasks), n_rows)
    X = rng.normal(size=(len(task), 3))
    level = rng.normal(scale=spread, size=n_tasks)
    y = 1.5 * X[:, 0] + level[task] + rng.logistic(size=len(task)) > 0
    return X, np.where(y, "yes", "no"), task


@pytest.fixture(scope="module")
def fitted():
    X, y, task = tasks_of_a_level()
    return Hierarchical().fit(X[task < 30], y[task < 30], groups=task[task < 30])


def test_the_weights_of_a_task_have_the_least_loss_with_their_prior(fitted):
    X, y, task = tasks_of_a_level()
    rows = np.flatnonzero(task >= 30)
    fitted.adapt(X[rows], y[rows], groups=task[rows])
    design = np.column_stack([fitted.scaler_.transform(X), np.ones(len(X))])
    variance = np.append(np.full(3, fitted.variance_), fitted.bias_variance_)
    for number in range(2):
        own = task == 30 + number
        sign = np.where(y[own] == "yes", 1, -1)

        def loss(weights, own=own, sign=sign):
            apart = (weights - fitted.weights_) ** 2 / (2 * variance)
            margin = sign * (design[own] @ weights)
            return np.logaddexp(0, -margin).sum() + apart.sum()

        best = minimize(loss, np.zeros(4), tol=1e-10)
        np.testing.assert_allclose(fitted.task_weights_[number], best.x, atol=1e-4)


def test_without_rows_the_pooled_regression_answers(fitted):
    X, y, task = tasks_of_a_level()
    train = task < 30
    pooled = LogisticRegression(C=0.1, max_iter=500)
    pooled.fit(fitted.scaler_.transform(X[train]), y[train])
    np.testing.assert_allclose(
        fitted.adapt().predict_proba(X),
        pooled.predict_proba(fitted.scaler_.transform(X)),
    )


def test_tasks_do_not_hear_of_each_other(fitted):
    X, y, task = tasks_of_a_level()
    few = np.flatnonzero((task >= 30) & (np.arange(len(task)) % 40 < 7))
    rows = task == 33
    own = few[task[few] == 33]
    together = fitted.adapt(X[few], y[few], groups=task[few])
    together = together.predict_proba(X[rows], groups=task[rows])
    alone = fitted.adapt(X[own], y[own]).predict_proba(X[rows])
    np.testing.assert_allclose(together, alone)


def test_it_beats_a_model_per_task_and_one_for_all_where_tasks_differ_in_level():
    X, y, task = tasks_of_a_level()
    curve = few_shot_curve(
        {
            "hierarchical": Hierarchical(),
            "per task": PerTask(LogisticRegression()),
            "pooled": Pooled(LogisticRegression()),
        },
        X,
        y,
        task,
        shots=(0, 5),
        metric="neg_log_loss",
    ).set_index(["estimator", "shots"])
    assert ("hierarchical", 0) in curve.index  # it has a prior
    score = curve.xs(5, level="shots").score
    assert score["hierarchical"] > max(score["per task"], score["pooled"]) + 0.02


@pytest.mark.parametrize(("spread", "chosen"), [(0.0, 0.25), (3.0, 2.0)])
def test_the_prior_is_as_wide_as_tasks_differ(spread, chosen):
    X, y, task = tasks_of_a_level(spread=spread)
    assert Hierarchical().fit(X, y, groups=task).bias_variance_ == chosen


def test_tasks_of_one_row_do_not_hinder():
    X, y, task = tasks_of_a_level(n_tasks=30, n_rows=8)
    task = np.where(np.arange(len(task)) % 8 == 0, 100 + np.arange(len(task)), task)
    model = Hierarchical().fit(X, y, groups=task)
    assert np.isfinite(model.adapt(X[:3], y[:3]).predict_proba(X)).all()


def test_more_classes_and_names_inside_tasks_are_refused():
    X, y, task = tasks_of_a_level(n_tasks=4)
    with pytest.raises(ValueError, match="y has 3 classes"):
        Hierarchical().fit(X, np.arange(len(y)) % 3, groups=task)
    with pytest.raises(ValueError, match="per_task labels"):
        Hierarchical().fit(X, 2 * task + (y == "yes"), groups=task)


def test_it_is_a_strategy_like_the_others(fitted):
    X, y, task = tasks_of_a_level(n_tasks=6)
    assert is_classifier(fitted)
    table = pd.DataFrame(X).add_prefix("c")
    fresh = clone(fitted).fit(table, pd.Series(y), groups=pd.Series(task))
    with pytest.raises(NotAdaptedError):
        fresh.predict(table)
    fresh.adapt(table[:40], y[:40])
    assert set(fresh.predict(table)) <= {"no", "yes"}
    np.testing.assert_allclose(fresh.predict_proba(table).sum(axis=1), 1)
    few_shot_curve([fresh], table, y, task, shots=3)
