"""Simulated tasks: what is learnt is never what is asked."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsRegressor

from skmeta.ensemble.held_out import ask, simulate, support_sizes
from skmeta.model_selection import PerTask, Pooled
from skmeta.tables.rows import TaskRows

SIZES = np.array([0, 1, 3, 10])


def rng():
    return np.random.default_rng(0)


def row_numbers(rows, of):
    """Find which rows of a table were taken, by their first feature."""
    order = np.argsort(rows.X[:, 0])
    return order[np.searchsorted(rows.X[order, 0], of.X[:, 0])]


def test_every_task_is_asked_with_every_size(rows):
    support, query, size, classes = simulate(rows, SIZES, None, None, rng())
    np.testing.assert_array_equal(size, np.repeat(SIZES, rows.n_tasks))
    shown = np.bincount(support.task, minlength=len(size))
    np.testing.assert_array_equal(shown, size)
    assert (np.bincount(query.task, minlength=len(size)) == 15 - size).all()
    assert classes is None


def test_support_and_query_are_other_rows_of_the_same_task(rows):
    support, query, _, _ = simulate(rows, SIZES, None, None, rng())
    pairs = []
    for part in (support, query):
        number = row_numbers(rows, part)
        np.testing.assert_array_equal(rows.task[number], part.task % rows.n_tasks)
        pairs.append(set(zip(number.tolist(), part.task.tolist(), strict=True)))
    assert not pairs[0] & pairs[1]


def test_sizes_that_hardly_any_task_has_rows_for_are_left_out(rows):
    small = rows.take(np.arange(len(rows)) % 15 < 5)
    size = simulate(small, SIZES, None, None, rng()).size
    assert np.unique(size).tolist() == [0, 1, 3]


def test_no_task_with_two_rows_is_an_error(rows):
    with pytest.raises(ValueError, match="No task has rows"):
        simulate(
            rows.take(np.arange(len(rows)) % 15 == 0), SIZES[1:], None, None, rng()
        )


def test_own_labels_are_shown_as_often_each_and_renamed(rows):
    label = np.array(
        [f"{t}-{x > 0}" for t, x in zip(rows.task, rows.X[:, 0], strict=True)]
    )
    own = TaskRows(rows.X, label, rows.task, rows.names)
    support, _, size, classes = simulate(
        own, np.array([1, 2]), np.unique(label), "per_task", rng()
    )
    assert classes.tolist() == [0, 1]
    for code in classes:
        shown = np.bincount(support.task[support.y == code], minlength=len(size))
        np.testing.assert_array_equal(shown[shown > 0], size[shown > 0])


def test_an_answer_is_that_of_a_member_adapted_to_the_support_alone(rows):
    questions = simulate(rows, SIZES, None, None, rng())
    member = PerTask(Ridge()).fit(rows.X, rows.y, groups=rows.task)
    errors = ask("own", member, questions)
    support, query = questions.support, questions.query
    assert np.isnan(errors[questions.size[query.task] == 0]).all()  # it has no prior
    task = np.flatnonzero(questions.size == 3)[4]
    alone = Ridge().fit(
        support.X[support.task == task], support.y[support.task == task]
    )
    asked = query.task == task
    expected = (alone.predict(query.X[asked]) - query.y[asked]) / np.std(query.y)
    np.testing.assert_allclose(errors[asked], expected)


def test_who_learns_of_all_supports_does_not_see_a_query_in_another_size(rows):
    """The nearest row would be the row itself, and the error 0."""
    train, left_out = rows.take(rows.task < 12), rows.take(rows.task >= 12)
    left_out = TaskRows.of(left_out.X, left_out.y, left_out.task)
    nearest = Pooled(KNeighborsRegressor(1)).fit(train.X, train.y, groups=train.task)
    errors = ask("nearest", nearest, simulate(left_out, SIZES, None, None, rng()))
    assert (errors != 0).all()


def test_sizes_are_dense_where_rows_are_few():
    assert support_sizes(1, 10).tolist() == [0, 1, 2, 3, 6, 10]
    assert support_sizes(5, 5).tolist() == [0, 5]
    assert support_sizes(0, 0).tolist() == [0, 1]
