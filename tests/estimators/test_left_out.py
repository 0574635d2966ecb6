"""Classes are left out in turn, and tasks are made of them alone."""

import numpy as np
import pytest

from skmeta.estimators.left_out import leave_out, simulate
from skmeta.tables.rows import TaskRows


def rows_of(n_tasks, n_classes, n_rows):
    """Return rows whose feature is their own number."""
    y = np.tile(np.repeat(np.arange(n_classes), n_rows), n_tasks)
    task = np.repeat(np.arange(n_tasks), n_classes * n_rows)
    X = np.arange(len(y))[:, np.newaxis]
    return TaskRows(X, y, task, np.arange(n_tasks))


@pytest.mark.parametrize("n_classes", [4, 5, 6, 13, 40])
def test_every_class_of_a_pool_is_left_out_about_as_often(n_classes):
    rows = rows_of(1, n_classes, 3)
    parts = [*leave_out(rows, "classes", "per_task", np.random.default_rng(0))]
    times = np.sum([np.isin(range(n_classes), rows.y[p.judged]) for p in parts], axis=0)
    assert times.max() - times.min() <= 1
    for part in parts:
        n_out = len(np.unique(rows.y[part.judged]))
        assert 2 <= n_out <= n_classes - 2
        np.testing.assert_array_equal(part.train, ~part.judged)
        assert not np.isin(rows.y[part.train], rows.y[part.judged]).any()


def test_labels_that_mean_the_same_everywhere_are_left_out_of_all_tasks():
    rows = rows_of(6, 5, 4)
    for part in leave_out(rows, "groups", "shared", np.random.default_rng(0)):
        unknown = np.unique(rows.y[part.is_unknown])
        assert len(unknown) == 2
        assert not np.isin(rows.y[part.train], unknown).any()
        assert not np.isin(rows.task[part.train], rows.task[part.judged]).any()


@pytest.mark.parametrize(
    ("tasks", "space", "n_tasks"),
    [("classes", "per_task", 1), ("groups", "per_task", 6), ("groups", "shared", 6)],
)
@pytest.mark.parametrize("in_order", [False, True])
def test_tasks_hold_rows_that_were_left_out_and_know_some_classes(
    tasks, space, n_tasks, in_order
):
    rows = rows_of(n_tasks, 8, 15)
    rng = np.random.default_rng(0)
    for part in leave_out(rows, tasks, space, rng):
        asked = simulate(rows, part, space == "shared", 5, 5, in_order, rng)
        support, query = asked.support, asked.query
        assert part.judged[support.X[:, 0]].all()
        assert part.judged[query.X[:, 0]].all()
        for task in range(len(asked.size)):
            own, is_own = support.task == task, query.task == task
            assert len(np.unique(rows.task[support.X[own, 0]])) == 1
            rest = np.setdiff1d(query.X[is_own], support.X[own])
            assert len(rest) == is_own.sum()  # no row is on both sides
            if in_order:
                for label in np.unique(support.y[own]):
                    few = support.X[own & (support.y == label)]
                    later = query.X[is_own & (query.y == label)]
                    assert few.max() < later.min(initial=len(rows))
            is_known = asked.is_known[is_own]
            labels = query.y[is_own]
            if space == "per_task":
                known, counts = np.unique(support.y[own], return_counts=True)
                np.testing.assert_array_equal(counts, asked.size[task])
                np.testing.assert_array_equal(np.isin(labels, known), is_known)
            else:
                assert own.sum() == asked.size[task]
                unknown = part.is_unknown[query.X[is_own, 0]]
                np.testing.assert_array_equal(unknown, ~is_known)
                assert not part.is_unknown[support.X[own, 0]].any()
            assert 0 < is_known.sum() < len(is_known)
