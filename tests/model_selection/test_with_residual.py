"""One model for all, shifted by task."""

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression, Ridge

from skmeta.model_selection import PooledWithResidual


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    task = np.repeat(np.arange(60), 12)
    X = rng.normal(size=(len(task), 2))
    level = rng.normal(scale=2, size=60)[task]
    return X, X[:, 0] + level + rng.normal(size=len(task)), task


def test_values_are_shifted_by_the_shrunken_mean_of_what_is_left(rows):
    X, y, task = rows
    shifted = PooledWithResidual(Ridge()).fit(X, y, groups=task)
    assert shifted.strength_ == pytest.approx(1 / 4, rel=0.5)
    pooled = Ridge().fit(X, y).predict(X)
    rest = (y - pooled)[:3].sum() / (3 + shifted.strength_)
    answers = shifted.adapt(X[:3], y[:3]).predict(X)
    np.testing.assert_allclose(answers, pooled + rest)
    np.testing.assert_allclose(shifted.adapt().predict(X), pooled)


def test_classes_have_the_most_likely_intercepts(rows):
    X, y, task = rows
    label = np.digitize(y, [-1, 1])
    model = LogisticRegression()
    shifted = PooledWithResidual(model).fit(X, label, groups=task)
    assert shifted.variance_ >= 1
    known = model.fit(X, label).predict_log_proba(X)
    answers = shifted.adapt(X[:9], label[:9]).predict_proba(X)

    def loss(b):
        logits = known[:9] + b
        likely = logits[np.arange(9), label[:9]] - np.log(np.exp(logits).sum(axis=1))
        return b @ b / (2 * shifted.variance_) - likely.sum()

    expected = np.exp(known + minimize(loss, np.zeros(3), tol=1e-10).x)
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(answers, expected, atol=1e-3)


def test_a_class_that_folds_have_not_seen_is_no_obstacle(rows):
    X, y, task = rows
    label = np.where(task == 3, "rare", np.where(y > 0, "up", "down"))
    shifted = PooledWithResidual(LogisticRegression()).fit(X, label, groups=task)
    shifted.adapt(X[:5], label[:5])
    np.testing.assert_allclose(shifted.predict_proba(X).sum(axis=1), 1)
