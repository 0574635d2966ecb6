"""A column that knows the target is named, and no other."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine

from skmeta.evaluation.giveaways import giveaways


def drawn(n=600, seed=0):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "temp": rng.normal(size=n),
            "day": pd.Timestamp(2026, 1, 1) + pd.to_timedelta(rng.integers(99, size=n)),
            "town": rng.choice(["a", "b", None], size=n),
        }
    )
    return X, rng


def test_a_copy_of_a_value_is_named_however_it_is_scaled():
    X, rng = drawn()
    y = rng.lognormal(size=600)
    X["parts"] = [[1, 2]] * 600  # which nobody can learn from
    X["moment"] = X["day"].dt.tz_localize("Europe/Berlin")
    X["sold eur"] = 7 * y + 3
    X["rounded"] = y.round(2)
    X["hint"] = y + 0.5 * rng.normal(size=600) * y.std()
    assert giveaways(X, y, "regression") == ["sold eur", "rounded"]


@pytest.mark.parametrize("rare", [False, True])
def test_a_class_under_another_name_is_named(rare):
    X, rng = drawn()
    share = [0.9, 0.05, 0.05] if rare else [0.4, 0.3, 0.3]
    y = rng.choice(["none", "some", "all"], p=share, size=600)
    X["code"] = pd.Series(y).map({"none": "N", "some": "S", "all": "A"})
    X["amount"] = np.select([y == "none", y == "some"], [0.0, 1.0], 2.0)
    X["hint"] = np.where(rng.random(600) < 0.9, X["amount"], 1.0)
    assert giveaways(X, y, "classification") == ["code", "amount"]


@pytest.mark.parametrize("load", [load_breast_cancer, load_iris, load_wine])
def test_good_features_of_real_tables_are_none(load):
    X, y = load(return_X_y=True, as_frame=True)
    assert giveaways(X, y.to_numpy(), "classification") == []


def test_good_features_of_values_are_none():
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    assert giveaways(X, y.to_numpy(), "regression") == []


def test_what_cannot_be_told_is_not_told():
    X, rng = drawn(20)
    X["y"] = y = rng.normal(size=20)
    assert giveaways(X, y, "regression") == []
    X, rng = drawn(600)
    y = np.r_[np.zeros(597), np.ones(3)]
    X["y"] = y
    assert giveaways(X, y, "classification") == []
