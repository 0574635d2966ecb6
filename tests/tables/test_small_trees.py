"""Small trees: the same answers as scikit-learn's, to the last bit."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris, load_wine
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)

from skmeta.tables.prior import Prior, make_part
from skmeta.tables.small_trees import SmallTrees


def many(X, seed=0, n=20_000):
    """Rows near those of a table, values that it has itself among them."""
    rng = np.random.default_rng(seed)
    columns = [rng.choice(column, n) for column in X.T]
    noise = rng.normal(size=(n, X.shape[1])) * X.std(axis=0)
    return np.where(rng.random((n, 1)) < 0.5, 0, noise) + np.transpose(columns)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("load", [load_wine, load_iris])
def test_classes_have_the_probabilities_of_scikit_learn(load, dtype):
    X, y = load(return_X_y=True)
    part = make_part("boosting", "classifier", seed=0).fit(X.astype(dtype), y)
    rows = many(X).astype(dtype)
    quick = SmallTrees.of(part).predict_proba(rows)
    np.testing.assert_array_equal(quick, part.predict_proba(rows))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("loss", "n_rows"),  # of many rows trees have 14 nodes, else 7
    [("squared_error", 1000), ("poisson", 1000), ("squared_error", 200_000)],
)
def test_values_are_those_of_scikit_learn(loss, dtype, n_rows):
    X, y = load_diabetes(return_X_y=True)
    part = make_part("boosting", "regressor", seed=0, n_rows=n_rows)
    part.set_params(loss=loss, min_samples_leaf=3)
    part.fit(X.astype(dtype), y)
    rows = many(X).astype(dtype)
    np.testing.assert_array_equal(SmallTrees.of(part).predict(rows), part.predict(rows))


def test_thresholds_between_two_numbers_of_single_precision_are_kept():
    X = np.float64([[1.0], [1.0 + 1e-9], [1.0 + 2e-7], [2.0]]).repeat(30, axis=0)
    part = make_part("boosting", "regressor", seed=0).fit(X, X[:, 0] > 1.0)
    for dtype in (np.float32, np.float64):
        rows = X.astype(dtype)
        np.testing.assert_array_equal(
            SmallTrees.of(part).predict(rows), part.predict(rows)
        )


def test_two_classes_have_one_output():
    X, y = load_wine(return_X_y=True)
    part = make_part("boosting", "classifier", seed=0).fit(X, y == 1)
    rows = many(X)
    quick = SmallTrees.of(part).predict_proba(rows)
    np.testing.assert_array_equal(quick, part.predict_proba(rows))


def test_others_are_left_to_scikit_learn():
    X, y = load_diabetes(return_X_y=True)
    categorical = HistGradientBoostingRegressor(categorical_features=[1]).fit(X, y)
    assert SmallTrees.of(categorical) is None
    assert SmallTrees.of(HistGradientBoostingRegressor().fit(X, y)) is None  # large
    assert SmallTrees.of(RandomForestRegressor(n_estimators=2).fit(X, y)) is None

    class Own(HistGradientBoostingClassifier):
        pass

    assert SmallTrees.of(Own(max_leaf_nodes=4).fit(X, y > 150)) is None


def test_a_prior_asks_them_where_rows_are_many_and_have_no_gaps(monkeypatch):
    X, y = load_diabetes(return_X_y=True)
    part = make_part("boosting", "regressor", seed=0)
    prior = Prior([part.fit(X, y)])
    rows, gaps = many(X), many(X)
    gaps[::7, 0] = np.nan
    wanted, of_gaps = part.predict(rows), part.predict(gaps)
    asked = []
    monkeypatch.setattr(
        type(part), "predict", lambda self, X: asked.append(len(X)) or of_gaps[: len(X)]
    )
    np.testing.assert_array_equal(prior.offsets(rows)[:, 0, 0], np.float32(wanted))
    assert asked == []
    prior.offsets(rows[:100])  # so few take as long either way
    np.testing.assert_array_equal(prior.offsets(gaps)[:, 0, 0], np.float32(of_gaps))
    assert asked == [100, len(gaps)]


def test_trees_may_differ_in_their_number_of_nodes_or_have_none():
    X = np.linspace(0.0, 1.0, 1000)[:, np.newaxis]
    y = (X[:, 0] > 0.9) + (X[:, 0] > 0.99)
    few = make_part("boosting", "regressor", seed=0).set_params(min_samples_leaf=80)
    none = make_part("boosting", "regressor", seed=0).set_params(min_samples_leaf=600)
    # A chain of up to sixteen, of which the lower half may be one node or eight.
    more = clone(few).set_params(max_leaf_nodes=17, min_samples_leaf=5)
    for part in (few, none, more):
        part.fit(X, y)
        np.testing.assert_array_equal(SmallTrees.of(part).predict(X), part.predict(X))
    for part, most in ((few, 8), (more, 17)):
        sizes = {t.get_n_leaf_nodes() for each in part._predictors for t in each}
        assert len(sizes) > 1
        assert max(sizes) > most // 2
