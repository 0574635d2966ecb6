"""The tables of benchmarks/grouped.py: whose rows are known, asked and learnt from."""

from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def grouped(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import _grouped

    return _grouped


@pytest.mark.parametrize(
    ("name", "kind", "shape", "n_tasks"),
    [
        ("contraception", "classes", (1767, 7), 57),
        ("insteval", "classes", (7385, 6), 300),
        ("dietox", "values", (861, 8), 72),
        ("remifentanil", "values", (1992, 10), 65),
    ],
)
def test_a_table_is_the_same_wherever_it_is_read(grouped, name, kind, shape, n_tasks):
    table = grouped.load(name)
    assert (table.kind, table.X.shape) == (kind, shape)
    assert np.isfinite(table.X).all()
    assert np.isfinite(table.y).all()
    n_rows = np.unique(table.groups, return_counts=True)[1]
    assert len(n_rows) == n_tasks <= grouped.MAX_TASKS
    assert grouped.MIN_ROWS <= n_rows.min() <= n_rows.max() <= grouped.MAX_ROWS
    assert (table.n_classes > 0) == (kind == "classes")


def test_tasks_to_learn_from_are_never_asked(grouped):
    groups = np.repeat(np.arange(60).astype(str), 15)
    learnt, new = grouped.split(groups, seed=1)
    asked = new[3][1]
    for size, (known, own) in new.items():
        assert set(np.unique(groups[known], return_counts=True)[1]) == {size}
        assert not set(known) & set(own)
        assert np.array_equal(own, asked)  # so that sizes can be compared
        assert set(groups[known]) == set(groups[own])
        assert not set(groups[known]) & set(groups[learnt])
    assert set(new[3][0]) < set(new[8][0])
    assert len(np.unique(groups[asked])) == 24  # 40 %


def test_small_tasks_are_asked_after_fewer_rows(grouped):
    groups = np.repeat(np.arange(60), 8)  # 8 known rows would leave none to ask
    assert list(grouped.split(groups)[1]) == [3]


def test_a_loss_is_a_mean_within_each_task(grouped):
    groups = np.array(["b", "a", "b"])
    values = grouped.task_losses(
        "values", np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 6.0]), groups, 2.0
    )
    np.testing.assert_allclose(values, [0, (1 + 9) / 2 / 2])  # "a", then "b"
    certain = np.array([[1.0, 0.0], [1.0, 0.0], [0.5, 0.5]])
    classes = grouped.task_losses("classes", np.array([0, 1, 1]), certain, groups)
    np.testing.assert_allclose(
        classes, [-np.log(1e-4 / (1 + 1e-4)), (np.log(1 + 1e-4) + np.log(2)) / 2]
    )
