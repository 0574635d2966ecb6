"""Columns with values that stand far apart are told of, and heavy tails are not."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_wine

from skmeta.tables.apart import warn_of_values_apart
from skmeta.tables.sizes import range_of
from tests.quick import TASK, X, Y, regressor

WINE = load_wine().data


def told(values, names=None):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of_values_apart(values, *range_of(values), names)
    return [str(each.message) for each in caught]


@pytest.mark.parametrize("value", [1e12, -999999.0, -1e9])
@pytest.mark.parametrize("n_rows", [1, 8])
def test_values_that_stand_apart_are_told_of_with_their_column(value, n_rows):
    rows = WINE.copy()
    rows[:n_rows, 4] = value
    (said,) = told(rows, names=[f"c{i}" for i in range(13)])
    assert "Columns ['c4'] of X" in said
    assert f"such as {value:g}" in said
    (said,) = told(rows)
    assert "Columns [4] of X" in said


def test_real_columns_and_heavy_tails_are_not_told_of():
    rng = np.random.default_rng(0)
    tails = np.exp(3 * rng.normal(size=(5000, 5)))
    rare = rng.random((5000, 5)) < 0.001
    counts = rng.poisson(0.3, (5000, 5)) * rng.integers(1, 50, (5000, 1))
    for values in (WINE, tails, -tails, rare.astype(float), counts, tails[:15]):
        assert told(values) == []


def test_the_end_of_all_rows_counts_where_some_are_seen():
    rows = np.random.default_rng(0).normal(size=(30_001, 1))
    rows[17] = 1e12
    assert len(told(rows)) == 1


@pytest.mark.filterwarnings("ignore:Meta-learning does not help")
def test_fit_tells_where_columns_are_standardised():
    rows = pd.DataFrame({"x": X[:, 0], "sensor": np.cos(np.arange(len(X)))})
    rows.loc[3, "sensor"] = -999999
    with pytest.warns(UserWarning, match=r"Columns \['sensor'\] of X have values"):
        regressor().fit(rows, Y, groups=TASK)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="Columns")
        regressor(normalize="robust").fit(rows, Y, groups=TASK)
