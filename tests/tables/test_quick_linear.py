"""Linear models: the same answers as scikit-learn's, to rounding."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmeta.tables.prior import Prior, make_part
from skmeta.tables.quick_linear import QuickLinear


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("least", [0, 1])  # three classes, and two
def test_classes_have_the_probabilities_of_scikit_learn(least, dtype):
    X, y = load_iris(return_X_y=True)
    X, y = X[y >= least].astype(dtype) + dtype(100.0), y[y >= least]
    part = make_part("linear", "classifier", seed=0).fit(X, y)
    quick = QuickLinear.of(part)
    np.testing.assert_allclose(
        quick.predict_proba(X), part.predict_proba(X), rtol=2e-4, atol=1e-9
    )
    assert quick.classes_.tolist() == part.classes_.tolist()


@pytest.mark.parametrize("n_targets", [None, 1, 2])
def test_values_are_those_of_scikit_learn(n_targets):
    X, y = load_diabetes(return_X_y=True)
    if n_targets is not None:
        y = np.column_stack([y, X[:, 0]])[:, :n_targets]
    part = make_part("linear", "regressor", seed=0).fit(X, y)
    answers = QuickLinear.of(part).predict(X).reshape(part.predict(X).shape)
    np.testing.assert_allclose(answers, part.predict(X))


def test_others_are_left_to_scikit_learn():
    X, y = load_iris(return_X_y=True)
    for part in (
        LogisticRegression(max_iter=500),
        make_pipeline(StandardScaler(with_mean=False), Ridge()),
        make_pipeline(StandardScaler(with_std=False), Ridge()),
        make_pipeline(StandardScaler(), LogisticRegression(solver="liblinear")),
        make_pipeline(StandardScaler(), StandardScaler(), Ridge()),
    ):
        assert QuickLinear.of(part.fit(X, y > 0)) is None


def test_a_prior_changes_rows_before_it_asks_whether_they_are_many_or_few():
    X, y = load_diabetes(return_X_y=True)
    parts = [make_part(name, "regressor", seed=0) for name in ("linear", "boosting")]
    prior = Prior([part.fit(X, y) for part in [*parts, Ridge()]])  # one is not quick
    many = np.tile(X, (40, 1))  # more than are answered at once
    for rows in (X[:5], many):
        wanted = prior.offsets(2 * rows)
        np.testing.assert_allclose(
            prior.offsets(rows, lambda given: 2 * given), wanted, rtol=1e-5
        )
        for place, part in enumerate(prior.parts):
            np.testing.assert_allclose(
                wanted[:, place, 0], part.predict(2 * rows), rtol=1e-5
            )
