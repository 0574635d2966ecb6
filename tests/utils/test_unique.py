"""Numbering values by a table gives what numpy's sort gives, bit for bit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skmeta.utils.unique import number


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
