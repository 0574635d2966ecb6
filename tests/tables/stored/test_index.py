"""An index knows the rows of every task, and is small."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skmeta.tables.stored import index as module
from skmeta.tables.stored.index import Runs, TaskIndex

N_ROWS, N_TASKS = 400_000, 4_000


def rows_of(index, task):
    first = index.first[task]
    return index.rows[np.arange(first, first + index.sizes[task])]


@given(st.lists(st.sampled_from("abcd"), min_size=1), st.integers(1, 7))
def test_an_index_is_that_of_the_groups_whatever_the_blocks(groups, at_once):
    groups = np.array(groups)
    blocks = [groups[i : i + at_once] for i in range(0, len(groups), at_once)]
    names, task = np.unique(groups, return_inverse=True)
    in_blocks = TaskIndex.of_runs(lambda: map(Runs.of, blocks))
    for index in (TaskIndex.of(groups), in_blocks):
        assert np.array_equal(index.names, names)
        assert np.array_equal(index[np.arange(len(groups))], task)
        assert np.array_equal(index[slice(0, len(groups))], task)
        for each in range(len(names)):
            assert np.array_equal(rows_of(index, each), np.flatnonzero(task == each))


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1))
def test_rows_are_left_out_with_tasks_that_have_no_other(rows):
    task, out = np.array(rows).T
    task, out = task.astype(int), out.astype(bool)
    index = TaskIndex.of(task).without([np.flatnonzero(out)], len(task))
    assert np.array_equal(index.names, np.unique(task[~out]))
    for place, name in enumerate(index.names):
        left = np.flatnonzero((task == name) & ~out)
        assert np.array_equal(rows_of(index, place), left)


@pytest.mark.parametrize(
    ("is_sorted", "most"), [(True, 40 * N_TASKS), (False, 8.5 * N_ROWS)]
)
def test_an_index_takes_some_bytes_a_task_or_eight_a_row(is_sorted, most):
    groups = np.repeat(np.random.default_rng(0).permutation(N_TASKS), N_ROWS // N_TASKS)
    if not is_sorted:
        np.random.default_rng(1).shuffle(groups)
    tracemalloc.start()
    try:
        index = TaskIndex.of(groups)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(index) == N_ROWS
    assert held < most + 40 * N_TASKS


def test_one_column_names_tasks_as_an_array_does():
    index = TaskIndex.of(np.array([["b"], ["a"], ["b"]]))
    assert index.names.tolist() == ["a", "b"]
    assert index[np.arange(3)].tolist() == [1, 0, 1]


def test_names_are_put_together_in_between(monkeypatch):
    monkeypatch.setattr(module, "_NAMES_AT_ONCE", 3)
    blocks = [np.array(list("baab")), np.array(list("cda")), np.array(list("ee"))]
    index = TaskIndex.of_runs(lambda: map(Runs.of, blocks))
    assert "".join(index.names) == "abcde"
    assert index.sizes.tolist() == [3, 2, 1, 1, 2]


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([1.0, np.nan], "groups contains NaN"),
        (["a", None], "groups contains NaN"),
        (["a", pd.NA], "groups contains NaN"),
        ([], "no row"),
        ([[1, 2], [3, 4]], "one value per row"),
    ],
)
def test_groups_that_name_no_tasks_are_errors(groups, message):
    with pytest.raises(ValueError, match=message):
        TaskIndex.of(np.array(groups))
