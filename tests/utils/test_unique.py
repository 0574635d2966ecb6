"""Values numbered, found and united: what numpy's sort gives, in less time."""

from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skmeta.utils.unique import as_objects, find, number, places_of, runs_of, unite


@given(
    st.one_of(hnp.integer_dtypes(), hnp.unsigned_integer_dtypes())
    .map(lambda dtype: dtype.newbyteorder("="))
    .flatmap(lambda dtype: hnp.arrays(dtype, st.integers(0, 300)))
)
def test_integers_of_any_kind_and_range(values):
    check(values)


@given(
    hnp.arrays(np.int64, st.integers(1, 60), elements=st.integers(0, 50)),
    st.sampled_from([-(2**63), -1, 0, 2**62, 2**63 - 51]),
)
def test_a_narrow_range_anywhere_among_the_integers(values, low):
    check(values + np.int64(low))


@given(hnp.arrays(np.uint64, st.integers(1, 60), elements=st.integers(0, 50)))
def test_the_largest_integers_that_there_are(values):
    check(np.uint64(2**64 - 51) + values)


def test_a_range_too_wide_for_the_difference_of_two():
    check(np.arange(-100, 100).astype(np.int8)[::-1])


@pytest.mark.parametrize(
    "values", [["b", "a", "b"], [2.5, -1.0, 2.5], [True, False, True], [None] * 0]
)
def test_what_are_no_integers(values):
    check(np.array(values))


def test_objects_keep_their_kind():
    names, code = number(np.array(["b", "a", "b"], dtype=object))
    assert names.tolist() == ["a", "b"]
    assert code.tolist() == [1, 0, 1]


def check(values):
    names, code = number(values)
    expected_names, expected_code = np.unique(values, return_inverse=True)
    np.testing.assert_array_equal(names, expected_names)
    assert names.dtype == values.dtype
    np.testing.assert_array_equal(code, expected_code)
    assert code.dtype == np.intp


# Two together ------------------------------------------------------------------------

words = st.text("ab", max_size=4)
values = st.one_of(
    st.tuples(*[st.sets(st.integers(-9, 9))] * 2),
    st.tuples(st.sets(st.integers(-9, 9)), st.sets(st.sampled_from([0.5, 1.0, 7.5]))),
    st.tuples(*[st.sets(words)] * 2),
    st.tuples(*[st.sets(st.integers(2**60, 2**60 + 9))] * 2),
)


@given(values)
def test_united_values_are_those_of_both_and_tell_where_each_has_gone(pair):
    first, second = (np.array(sorted(each)) for each in pair)
    names, place, other = unite(first, second)
    assert names.tolist() == sorted(pair[0] | pair[1])
    assert names[place].tolist() == first.tolist()
    assert names[other].tolist() == second.tolist()


def test_united_names_are_not_cut_and_large_numbers_not_rounded():
    long, short = np.array(["a" * 30]), np.array(["b"])
    assert unite(short, long).names.tolist() == ["a" * 30, "b"]
    signed, unsigned = np.array([2**60 + 1]), np.array([2**63 + 1], dtype=np.uint64)
    assert unite(signed, unsigned).names.tolist() == [2**60 + 1, 2**63 + 1]
    with pytest.raises(TypeError):
        unite(np.array([1]), np.array(["1"]))


@given(st.sets(st.integers(0, 30)), st.lists(st.integers(-5, 35)))
def test_what_is_asked_for_is_found_where_it_is(known, asked):
    names = np.array(sorted(known), dtype=int)
    place, there = find(np.array(asked, dtype=int), names)
    assert there.tolist() == [each in known for each in asked]
    assert names[place[there]].tolist() == [each for each in asked if each in known]


DAYS = np.array(["2024-02-03", "2024-02-05"], dtype="M8[D]")


@pytest.mark.parametrize("unit", ["D", "s", "us", "ns"])
@pytest.mark.parametrize(
    "day",
    [
        date(2024, 2, 5),
        datetime(2024, 2, 5),
        pd.Timestamp("2024-02-05"),
        np.datetime64("2024-02-05"),
    ],
    ids=lambda day: type(day).__name__,
)
def test_dates_are_found_whatever_they_are_written_as(unit, day):
    names = DAYS.astype(f"M8[{unit}]")
    asked = np.array([day], dtype=object)
    place, known = find(asked, names)
    assert known.all()
    assert place.tolist() == [1]
    if isinstance(day, datetime):  # dates alone Python compares with no time
        assert find(names.astype("M8[ns]"), asked)[1].tolist() == [False, True]


@pytest.mark.parametrize(
    "other",
    [
        datetime(2024, 2, 5, tzinfo=UTC),
        pd.Timestamp("2024-02-05") + pd.Timedelta(1, "ns"),
        "2024-02-05",
        20240205,
    ],
    ids=repr,
)
def test_what_is_another_date_is_not_found(other):
    asked = np.array([other], dtype=object)
    assert not find(asked, DAYS.astype("M8[ns]"))[1].any()


def test_nanoseconds_stay_dates_among_objects():
    exact = np.array(["2024-02-03", "2024-02-03T00:00:00.000000001"], dtype="M8[ns]")
    assert as_objects(exact[:1]).tolist() == [datetime(2024, 2, 3)]
    assert as_objects(exact).tolist() == list(exact)
    names, *_ = unite(exact[:1], np.array([datetime(2024, 2, 4)], dtype=object))
    assert names.tolist() == [datetime(2024, 2, 3), datetime(2024, 2, 4)]


def test_a_word_is_not_found_among_numbers():
    assert find(np.array(["1"]), np.array([1]))[1].tolist() == [False]


def test_objects_are_found_among_what_they_are():
    words, numbers = np.array(["a", "b"]), np.array([2**60, 2**60 + 1])
    cases = [
        (words, ["b", "c", "b\0"], [True, False, False]),
        (numbers, [2**60 + 1, 2**60 + 2], [True, False]),
        (numbers, [2**60 + 1, 2**70], [True, False]),
        (numbers, [2.0**60, True], [True, False]),
        (words, ["a", 1], [False, False]),  # cannot be compared
    ]
    for names, asked, expected in cases:
        place, known = find(np.array(asked, dtype=object), names)
        assert known.tolist() == expected
        assert all(names[place[known]] == np.array(asked, dtype=object)[known])


def test_known_values_change_nothing():
    names = np.array(["a", "c", "d"])
    united = unite(names, np.array(["c", "d"], dtype=object))
    assert united.names is names
    assert united.first.tolist() == [0, 1, 2]
    assert united.second.tolist() == [1, 2]


# Runs --------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 6)), max_size=9))
def test_the_places_of_runs_are_those_of_ranges(runs):
    first, sizes = np.array(runs, dtype=int).reshape(-1, 2).T
    expected = [place for start, size in runs for place in range(start, start + size)]
    assert places_of(first, sizes).tolist() == expected


@given(st.lists(st.integers(0, 200), unique=True))
def test_long_runs_are_cut_where_a_place_is_left_out(left_out):
    places = np.setdiff1d(np.arange(201), left_out)
    runs = runs_of(places)
    if runs is None:
        assert 8 * (np.count_nonzero(np.diff(places) != 1) + 1) > len(places)
    else:
        found = np.concatenate([np.arange(201)[run] for run in runs])
        np.testing.assert_array_equal(found, places)
