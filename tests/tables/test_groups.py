"""Groups: every row keeps its task."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skmeta.tables.groups import Spans, encode_groups, locate

codes = hnp.arrays(np.intp, st.integers(1, 60), elements=st.integers(0, 7))


@given(codes, st.permutations(range(10)))
def test_padded_spans_hold_each_row_once_in_the_order_of_the_table(code, spans):
    spans = np.array(spans)
    rows, mask = Spans(code, n_spans=10).pad(spans)

    assert rows.shape == mask.shape == (10, max(np.bincount(code).max(), 1))
    assert sorted(rows[mask]) == list(range(len(code)))
    for span, own, real in zip(spans, rows, mask, strict=True):
        np.testing.assert_array_equal(own[real], np.flatnonzero(code == span))
    assert rows.min() >= 0
    assert rows.max() < len(code)


def test_spans_without_any_row_pad_to_one_masked_place():
    rows, mask = Spans(np.empty(0, dtype=np.intp), n_spans=3).pad(np.arange(3))
    assert rows.shape == (3, 1)
    assert not mask.any()


GROUPS = st.one_of(
    hnp.arrays(np.int64, 12, elements=st.integers(-5, 5)),
    hnp.arrays(np.float64, 12, elements=st.integers(-5, 5).map(float)),
    hnp.arrays(bool, 12),
    st.lists(st.text("abé 0", max_size=3), min_size=12, max_size=12),
    st.lists(st.dates(), min_size=12, max_size=12),
)


@given(GROUPS)
def test_groups_of_any_kind_are_numbered_and_named(groups):
    names, task = encode_groups(groups, np.zeros((12, 1)))
    given_names = list(groups)
    assert [names[t] for t in task] == given_names
    assert len(names) == len(set(given_names))


@pytest.mark.parametrize(
    "groups",
    [
        pd.Series(["b", "a", "b"], dtype="category"),
        pd.Series(["b", "a", "b"], dtype="string"),
        pd.Series(["b", "a", "b"]),
        ("b", "a", "b"),
        np.array([["b"], ["a"], ["b"]], dtype=object),
    ],
    ids=["category", "string", "series", "tuple", "column"],
)
def test_groups_come_in_any_container(groups):
    names, task = encode_groups(groups, np.zeros((3, 1)))
    assert list(names) == ["a", "b"]
    np.testing.assert_array_equal(task, [1, 0, 1])


def test_dates_of_numpy_in_a_list_are_those_of_an_array():
    days = np.array(["2024-02-03", "2024-02-05"], dtype="M8[ns]")
    names, _ = encode_groups(list(days), np.zeros((2, 1)))
    np.testing.assert_array_equal(names, days)
    assert names.dtype.kind == "M"


@pytest.mark.parametrize(
    "groups",
    [
        [1.0, np.nan, 2.0],
        [1, None, 2],
        ["a", None, "b"],
        ["a", float("nan"), "b"],
        np.array(["a", np.nan, "b"], dtype=object),
        pd.Series(["a", pd.NA, "b"], dtype="string"),
        pd.Series([1, pd.NA, 2], dtype="Int64"),
        pd.Series(["a", None, "b"], dtype="category"),
        np.array(["2020-01-01", "NaT", "2020-01-02"], dtype="M8[D]"),
        np.array([1, "NaT", 2], dtype="m8[D]"),
        np.array(["a", None, "b"], dtype=np.dtypes.StringDType(na_object=None)),
    ],
    ids=str,
)
def test_a_missing_group_is_refused(groups):
    with pytest.raises(ValueError, match="groups contains NaN"):
        encode_groups(groups, np.zeros((3, 1)))


def test_groups_of_another_length_are_refused_with_both_lengths():
    with pytest.raises(ValueError, match=r"X has 3 rows, groups has 2"):
        encode_groups([1, 2], np.zeros((3, 1)))


def test_groups_with_two_columns_are_refused():
    with pytest.raises(ValueError, match=r"one value per row.*\(3, 2\)"):
        encode_groups(np.zeros((3, 2)), np.zeros((3, 1)))


def test_groups_that_cannot_be_sorted_are_refused_as_bad_values():
    with pytest.raises(ValueError, match="groups"):
        encode_groups(np.array([1, "a", 2], dtype=object), np.zeros((3, 1)))


BIG = 2**53


@pytest.mark.parametrize(
    "groups",
    [
        [BIG, BIG + 1, BIG],
        [2**63, -1, 2**63],
        [2**70, 2**70 + 1, 2**70],
        np.array([2**63, 2**63 + 1, 2**63], dtype=np.uint64),
        [1.5, 2, 1.5],
        [True, False, True],
        ["1", "2", "1"],
        [np.str_("a"), "b", "a"],
        [(1,), (1, 2), (1,)],
    ],
)
def test_different_groups_stay_different(groups):
    names, task = encode_groups(groups, np.empty((3, 1)))
    assert len(names) == 2
    assert names[task].tolist() == list(groups)


@pytest.mark.parametrize("groups", [[1, "1", 1], [BIG + 0.0, "a", b"a"], [1, None, 2]])
def test_groups_of_mixed_types_are_refused(groups):
    with pytest.raises(ValueError, match=r"cannot be sorted together|contains NaN"):
        encode_groups(groups, np.empty((3, 1)))


def test_groups_of_several_types_are_told_by_one_of_each():
    said = r"such as 1 \(int\) and 'a' \(str\)\. Make all of them text"
    for groups in ([1, "a", 1], np.array([1, "a", "b"], dtype=object)):
        with pytest.raises(ValueError, match=said):
            encode_groups(groups, np.empty((3, 1)))


def test_large_integers_are_found_by_any_integer_type():
    names = np.array([BIG, BIG + 2], dtype=np.int64)
    for asked in (
        np.array([BIG + 1], dtype=np.uint64),
        [BIG + 1],
        np.array([BIG + 1], dtype=object),
    ):
        with pytest.raises(ValueError, match=f"{BIG + 1}"):
            locate(names, asked, np.empty((1, 1)), "error")
    asked = np.array([BIG + 2, BIG], dtype=np.uint64)
    assert locate(names, asked, np.empty((2, 1)), "error").tolist() == [1, 0]
    assert locate(names, [float(BIG)], np.empty((1, 1)), "error").tolist() == [0]


def test_tasks_are_found_by_name_and_others_are_none_or_an_error():
    names, X = np.array(["a", "c", "e"]), np.empty((5, 0))
    asked = ["e", "a", "f", "b", "a"]
    assert locate(names, asked, X, "prior").tolist() == [2, 0, -1, -1, 0]
    with pytest.raises(ValueError, match=r"adapted for the groups \['b', 'f'\]"):
        locate(names, asked, X, "error")
    assert locate(names, list("eacca"), X, "error").tolist() == [2, 0, 1, 1, 0]
    assert locate(names, [1, 2, 3, 1, 1], X, "prior").tolist() == [-1] * 5
    assert locate(None, asked, X, "prior").tolist() == [-1] * 5  # it has no name


def test_without_groups_all_rows_are_of_the_only_task():
    X = np.empty((3, 0))
    for names in (None, np.array(["a"])):
        assert locate(names, None, X, "error").tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match="adapted to 2 tasks: pass groups="):
        locate(np.array(["a", "b"]), None, X, "error")


def test_groups_without_an_order_are_refused():
    groups = np.array([frozenset([i % 3]) for i in range(12)])
    with pytest.raises(ValueError, match="neither is before the other"):
        encode_groups(groups, groups)


def test_a_masked_group_is_missing():
    groups = np.ma.masked_array([1, 2, 3], mask=[False, True, False])
    with pytest.raises(ValueError, match="groups contains NaN"):
        encode_groups(groups, groups)
