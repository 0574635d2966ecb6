"""Which targets are missing, and what the others are."""

import numpy as np
import pandas as pd
import pytest

from skmeta.tables.rows import TaskRows
from skmeta.tables.unlabelled import known_targets, missing_targets

SOME = {
    "floats": np.array([1.0, np.nan, 3.0]),
    "single precision": np.array([1, np.nan, 3], dtype=np.float32),
    "a list with None": [1, None, 3],
    "strings with None": ["a", None, "b"],
    "strings with NaN": ["a", np.nan, "b"],
    "objects with pandas.NA": np.array(["a", pd.NA, "b"], dtype=object),
    "pandas.Int64": pd.Series([1, pd.NA, 3], dtype="Int64"),
    "an array of pandas.Int64": pd.array([1, pd.NA, 3], dtype="Int64"),
    "pandas strings": pd.Series(["a", None, "b"]),
    "categories": pd.Series(["a", None, "b"], dtype="category"),
    "booleans": pd.Series([True, None, False], dtype="boolean"),
    "a column": np.array([[1.0], [np.nan], [3.0]]),
    "two targets": np.array([[1.0, 2.0], [np.nan, np.nan], [3.0, 4.0]]),
}


@pytest.mark.parametrize("y", SOME.values(), ids=SOME)
def test_the_second_target_is_missing(y):
    missing = missing_targets(y)
    assert missing.tolist() == [False, True, False]
    known = known_targets(y, missing)
    assert len(known) == 2
    assert known.dtype.kind in "ifUb"


@pytest.mark.parametrize(
    "y",
    [
        np.array([1.0, 2.0]),
        np.array([1, 2]),
        ["a", "b"],
        ["nan", "None"],
        pd.Series([1, 2], dtype="Int64"),
        np.array([[1.0, np.nan], [2.0, 3.0]]),  # a part of a row is missing only
        np.array([np.inf, 1.0]),
        7,
        None,
    ],
    ids=repr,
)
def test_no_target_is_missing(y):
    assert missing_targets(y) is None


def test_integers_stay_integers_where_pandas_has_them():
    y = pd.Series([3, pd.NA, 5], dtype="Int64")
    assert known_targets(y, missing_targets(y)).dtype == np.int64


def test_dates_stay_dates():
    y = pd.Series(pd.to_datetime(["2024-02-01", None, "2024-02-03"]))
    known = known_targets(y, missing_targets(y))
    assert known.astype("datetime64[D]").astype(str).tolist() == [
        "2024-02-01",
        "2024-02-03",
    ]


X, Y = np.arange(12.0).reshape(6, 2), np.array([1, 2, 3])
MISSING = np.array([False, True, False, True, False, True])
GROUPS = np.array(["b", "a", "b", "c", "a", "a"])


def test_rows_without_targets_stand_apart_and_keep_their_tasks():
    rows = TaskRows.of(X, Y, GROUPS, missing=MISSING)
    assert rows.names.tolist() == ["a", "b", "c"]
    assert rows.task.tolist() == [1, 1, 0]
    assert rows.X[:, 0].tolist() == [0, 4, 8]
    assert rows.unlabelled.task.tolist() == [0, 2, 0]
    assert rows.unlabelled.X[:, 0].tolist() == [2, 6, 10]


def test_a_weight_of_zero_leaves_rows_without_targets_out_too():
    rows = TaskRows.of(X, Y, GROUPS, missing=MISSING).weighed([1, 2, 0, 0, 3, 1])
    assert rows.names.tolist() == ["a", "b"]
    assert rows.task.tolist() == [1, 0]
    assert rows.weight.tolist() == [1, 3]
    assert rows.unlabelled.task.tolist() == [0, 0]
    assert rows.unlabelled.X[:, 0].tolist() == [2, 10]
