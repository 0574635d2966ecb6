"""The rows of a call stay beside their target, task and weight whatever is left out."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skmeta.tables.rows import TaskRows

GROUPS = np.array(["c", "a", "c", "b", "a", "c"])
X = np.arange(12.0).reshape(6, 2)
Y = np.arange(6) * 10


def test_groups_become_tasks_in_the_order_of_their_names():
    rows = TaskRows.of(X, Y, GROUPS)
    assert rows.names.tolist() == ["a", "b", "c"]
    assert rows.task.tolist() == [2, 0, 2, 1, 0, 2]
    assert (len(rows), rows.n_tasks, rows.weight) == (6, 3, None)


def test_without_groups_there_is_one_task_without_a_name():
    rows = TaskRows.of(X, Y, None)
    assert rows.names is None
    assert not rows.task.any()
    assert (len(rows), rows.n_tasks) == (6, 1)


def test_one_group_per_row_is_asked_for():
    with pytest.raises(ValueError, match="X has 6 rows, groups has 5"):
        TaskRows.of(X, Y, GROUPS[:5])


def test_tasks_keep_their_numbers_when_some_rows_are_taken():
    rows = TaskRows.of(X, Y, GROUPS).weighed([1, 2, 3, 4, 5, 6]).take(GROUPS != "b")
    assert rows.task.tolist() == [2, 0, 2, 0, 2]
    assert rows.n_tasks == 3
    assert rows.weight.tolist() == [1, 2, 3, 5, 6]
    np.testing.assert_array_equal(rows.X, X[GROUPS != "b"])
    np.testing.assert_array_equal(rows.y, Y[GROUPS != "b"])


@given(st.lists(st.sampled_from([0.0, 0.5, 2.0]), min_size=6, max_size=6).filter(any))
def test_rows_of_weight_zero_are_as_if_they_had_not_been_given(weight):
    weight = np.array(weight)
    kept = weight > 0
    weighed = TaskRows.of(X, Y, GROUPS).weighed(weight)
    expected = TaskRows.of(X[kept], Y[kept], GROUPS[kept])
    for name in ("X", "y", "task", "names"):
        np.testing.assert_array_equal(getattr(weighed, name), getattr(expected, name))
    np.testing.assert_array_equal(weighed.weight, weight[kept])
    assert weighed.n_tasks == expected.n_tasks


def test_a_single_task_without_a_name_stays_so_when_it_is_weighed():
    rows = TaskRows.of(X, Y, None).weighed([0, 0, 1, 1, 0, 3])
    assert rows.names is None
    assert rows.y.tolist() == [20, 30, 50]
    assert not rows.task.any()


def test_a_table_whose_rows_all_count_is_not_copied():
    assert TaskRows.of(X, Y, GROUPS).weighed(np.ones(6)).X is X


@pytest.mark.parametrize(
    "weight", [np.zeros(6), np.ones(5), [1, 1, 1, 1, 1, -1], [1, 1, 1, 1, 1, np.nan]]
)
def test_weights_that_are_none_are_refused(weight):
    with pytest.raises(ValueError, match=r"[Ss]ample.weight"):
        TaskRows.of(X, Y, GROUPS).weighed(weight)


@pytest.mark.parametrize("dtype", ["bool", "boolean"])
def test_supports_may_be_given_in_a_column_of_pandas(dtype):
    given = [True, False, True, True, False, False]
    rows = TaskRows.of(X, Y, GROUPS, pd.Series(given, dtype=dtype))
    assert rows.in_support.dtype == bool
    assert rows.in_support.tolist() == given
    with pytest.raises(ValueError, match="True or False"):
        TaskRows.of(X, Y, GROUPS, pd.array([*given[:5], None], dtype="boolean"))
