"""The mixed linear model: effects of tasks around a pooled model."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.linear_model import LogisticRegression, Ridge

from skmeta.exceptions import NotAdaptedError
from skmeta.model_selection import MixedLinear, PerTask, Pooled, few_shot_curve


def tasks_of_a_level(n_tasks=40, n_rows=40, spread=2.0, seed=0):
    rng = np.random.default_rng(seed)
    task = np.repeat(np.arange(n_tasks), n_rows)
    X = rng.normal(size=(len(task), 3))
    level = rng.normal(scale=spread, size=n_tasks)
    y = 1.5 * X[:, 0] + level[task] + rng.logistic(size=len(task)) > 0
    return X, np.where(y, "yes", "no"), task


def values_of_a_level(spread=2.0):
    X, _, task = tasks_of_a_level()
    rng = np.random.default_rng(1)
    y = 1.5 * X[:, 0] + rng.normal(scale=spread, size=40)[task]
    return X, y + rng.normal(size=len(y)), task


@pytest.fixture(scope="module")
def fitted():
    X, y, task = tasks_of_a_level()
    model = MixedLinear("classifier")
    return model.fit(X[task < 30], y[task < 30], groups=task[task < 30])


def test_the_effects_of_a_task_have_the_least_loss_with_their_prior(fitted):
    X, y, task = tasks_of_a_level()
    rows = np.flatnonzero(task >= 30)
    fitted.adapt(X[rows], y[rows], groups=task[rows])
    Z = fitted.preprocessor_.transform(X)
    design = np.column_stack([Z, np.ones(len(X))])
    offset = fitted.pooled_.predict_log_proba(Z)
    variance = np.append(np.full(3, fitted.slope_variance_), 0.0)[:, np.newaxis]
    variance[-1] = fitted.intercept_variance_
    for number in range(2):
        own = task == 30 + number
        target = (y[own, np.newaxis] == ["no", "yes"]).astype(float)

        def loss(flat, own=own, target=target):
            effects = flat.reshape(4, 2)
            logits = offset[own] + design[own] @ effects
            likely = (target * logits).sum(axis=1) - np.logaddexp(*logits.T)
            return (effects**2 / (2 * variance)).sum() - likely.sum()

        best = minimize(loss, np.zeros(8), tol=1e-10).x.reshape(4, 2)
        np.testing.assert_allclose(fitted.effects_[number], best, atol=2e-3)


def test_values_have_the_best_linear_unbiased_prediction():
    X, y, task = values_of_a_level()
    model = MixedLinear("regressor")
    model.fit(X[task < 30], y[task < 30], groups=task[task < 30])
    own = np.flatnonzero(task == 35)[:5]
    answers = model.adapt(X[own], y[own]).predict(X)
    Z = model.preprocessor_.transform(X)
    design = np.column_stack([Z, np.ones(len(X))])
    variance = np.append(np.full(3, model.slope_variance_), model.intercept_variance_)
    cov = model.noise_ * (design * variance) @ design[own].T  # of all rows and support
    gain = np.linalg.inv(cov[own] + 0.7 * model.noise_ * np.eye(5))
    pooled = model.pooled_.predict(Z)
    expected = pooled + cov @ gain @ (y[own] - pooled[own])
    np.testing.assert_allclose(answers, expected)


@pytest.mark.parametrize("kind", ["classifier", "regressor"])
def test_without_rows_the_pooled_model_answers(kind):
    X, y, task = tasks_of_a_level() if kind == "classifier" else values_of_a_level()
    model = MixedLinear(kind).fit(X, y, groups=task).adapt()
    Z = model.preprocessor_.transform(X)
    if kind == "classifier":
        pooled = LogisticRegression(C=0.5, max_iter=500).fit(Z, y).predict_proba(Z)
        np.testing.assert_allclose(model.predict_proba(X), pooled, atol=1e-6)
    else:
        np.testing.assert_allclose(model.predict(X), Ridge().fit(Z, y).predict(Z))


def test_tasks_do_not_hear_of_each_other(fitted):
    X, y, task = tasks_of_a_level()
    few = np.flatnonzero((task >= 30) & (np.arange(len(task)) % 40 < 7))
    rows = task == 33
    own = few[task[few] == 33]
    together = fitted.adapt(X[few], y[few], groups=task[few])
    together = together.predict_proba(X[rows], groups=task[rows])
    alone = fitted.adapt(X[own], y[own]).predict_proba(X[rows])
    np.testing.assert_allclose(together, alone, atol=1e-3)


def test_it_beats_a_model_per_task_and_one_for_all_where_tasks_differ_in_level():
    X, y, task = tasks_of_a_level()
    curve = few_shot_curve(
        {
            "mixed": MixedLinear("classifier"),
            "per task": PerTask(LogisticRegression()),
            "pooled": Pooled(LogisticRegression()),
        },
        X,
        y,
        task,
        shots=(0, 5),
        metric="neg_log_loss",
    ).set_index(["estimator", "shots"])
    assert ("mixed", 0) in curve.index  # it has a prior
    score = curve.xs(5, level="shots").score
    assert score["mixed"] > max(score["per task"], score["pooled"]) + 0.02


def test_three_classes_that_tasks_prefer_each_in_their_way():
    rng = np.random.default_rng(0)
    task = np.repeat(np.arange(60), 20)
    X = rng.normal(size=(len(task), 2))
    logits = 2 * np.column_stack([X, -X[:, 0]]) + rng.normal(0, 2, (60, 3))[task]
    y = np.array(["a", "b", "c"])[(logits + rng.gumbel(size=logits.shape)).argmax(1)]
    train, first = task < 40, np.arange(len(task)) % 20 < 8
    model = MixedLinear("classifier").fit(X[train], y[train], groups=task[train])
    shown, asked = ~train & first, ~train & ~first
    before = model.adapt().predict(X[asked])
    model.adapt(X[shown], y[shown], groups=task[shown])
    after = model.predict(X[asked], groups=task[asked])
    assert (after == y[asked]).mean() > (before == y[asked]).mean() + 0.08


@pytest.mark.parametrize(("spread", "chosen"), [(0.0, 0.03), (6.0, 5.0)])
def test_the_prior_is_as_wide_as_tasks_differ(spread, chosen):
    X, y, task = tasks_of_a_level(spread=spread)
    model = MixedLinear("classifier").fit(X, y, groups=task)
    assert model.intercept_variance_ == chosen


def test_tasks_of_one_row_do_not_hinder():
    X, y, task = tasks_of_a_level(n_tasks=30, n_rows=8)
    task = np.where(np.arange(len(task)) % 8 == 0, 100 + np.arange(len(task)), task)
    model = MixedLinear("classifier").fit(X, y, groups=task)
    assert np.isfinite(model.adapt(X[:3], y[:3]).predict_proba(X)).all()


def test_names_inside_tasks_are_refused():
    X, y, task = tasks_of_a_level(n_tasks=4)
    with pytest.raises(ValueError, match="per_task labels"):
        MixedLinear("classifier").fit(X, 2 * task + (y == "yes"), groups=task)
    with pytest.raises(ValueError, match='"classifier" or "regressor"'):
        MixedLinear("classes").fit(X, y, groups=task)


def test_it_is_a_strategy_like_the_others(fitted):
    X, y, task = tasks_of_a_level(n_tasks=6)
    assert is_classifier(fitted)
    assert is_regressor(MixedLinear("regressor"))
    table = pd.DataFrame(X).add_prefix("c").assign(c1=pd.Categorical(X[:, 1] > 0))
    fresh = clone(fitted).fit(table, pd.Series(y), groups=pd.Series(task))
    with pytest.raises(NotAdaptedError):
        fresh.predict(table)
    fresh.adapt(table[:40], y[:40])
    assert set(fresh.predict(table)) <= {"no", "yes"}
    np.testing.assert_allclose(fresh.predict_proba(table).sum(axis=1), 1)
    few_shot_curve([fresh], table, y, task, shots=3)


def test_a_column_that_was_constant_is_heard_of_when_it_varies():
    """As one that varied is, and neither may lead anywhere."""
    X, y, task = values_of_a_level()
    X[:, 2] = 5.0
    model = MixedLinear("regressor").fit(X, y, groups=task)
    heard = model._design(np.array([[0.0, 0.0, 5.5], [0.0, 0.0, 1e9]]))[:, 2]
    np.testing.assert_allclose(heard, [0.5, 1e3], rtol=1e-5)
    heard = model._design(np.array([[X[:, 0].max() + 0.5, 0, 5], [1e9, 0, 5]]))[:, 0]
    high = (X[:, 0].max() - X[:, 0].mean()) / X[:, 0].std()
    np.testing.assert_allclose(heard - high, [0.5 / X[:, 0].std(), 1e3], rtol=1e-5)
