"""Tasks, joined of tables of their own."""

from datetime import datetime

import numpy as np
import pandas as pd
import pytest

from skmeta import MetaDataset
from skmeta.tables.meta_dataset.task import Task

pytestmark = pytest.mark.filterwarnings(
    "ignore:Meta-learning does not help", "ignore:.*are too small for"
)


def test_tasks_with_rows_of_their_own():
    first = ([[0.0], [1.0]], [0, 1]), ([[2.0]], [1])
    second = ([[3.0]], [0]), ([[4.0], [5.0]], [1, 0])
    tasks = MetaDataset.from_tasks([first, second], names=["y", "x"])
    assert tasks.names.tolist() == ["x", "y"]
    (X, y), (X_new, y_new) = tasks["y"].support, tasks["y"].query
    assert (X.ravel().tolist(), y.tolist()) == ([0, 1], [0, 1])
    assert (X_new.ravel().tolist(), y_new.tolist()) == ([2], [1])
    again = MetaDataset.from_tasks(list(tasks))  # with their names
    assert again.names.tolist() == ["x", "y"]
    assert again.in_support.tolist() == [True, False, False, True, True, False]
    whole = MetaDataset.from_tasks([([[0.0], [1.0]], [0, 1]), ([[3.0]], [0])])
    assert whole.names.tolist() == [0, 1]
    with pytest.raises(ValueError, match="has no fixed support and query"):
        _ = whole[0].query


@pytest.mark.parametrize(
    ("tasks", "names", "message"),
    [
        ([], None, "no task"),
        ([([[1.0]], [0]), ([[1.0, 2.0]], [0])], None, "Columns differ.*task 1"),
        ([([[1.0]], [0, 1])], None, "Lengths differ in task 0: 1 rows .* and 2"),
        ([([[1.0]], [0])] * 2, ["a", "a"], r"come twice: \['a'\]"),
        ([([[1.0]], [0])] * 2, ["a"], "1 names for 2 tasks"),
        ([([[1.0]], [0])] * 2, [1, "1"], "cannot be sorted together"),
        ([([[1.0]], [0])] * 2, ["a", None], "groups contains NaN"),
        ([([[1.0]], [0]), ([[1.0]], ["a"])], None, "words such as .*and numbers"),
        ([(([[1.0]], [0]), ([[1.0]], ["0"]))], None, "words such as .*and numbers"),
        (
            [Task([[1.0]], [0], [True]), Task([[1.0]], [0])],
            None,
            "Task 1 has no fixed support",
        ),
    ],
)
def test_lists_of_tasks_that_do_not_fit_are_errors(tasks, names, message):
    with pytest.raises(ValueError, match=message):
        MetaDataset.from_tasks(tasks, names)


def test_names_that_one_float_would_stand_for_are_two():
    names = [2**53 + 1, 2**53, 0.5]
    tasks = MetaDataset.from_tasks([([[1.0]], [0])] * 3, names)
    assert tasks.names.tolist() == [0.5, 2**53, 2**53 + 1]


def test_names_that_are_dates_of_pandas_stay_dates():
    days = np.array(["2024-02-05", "2024-02-03"], dtype="M8[ns]")
    tasks = MetaDataset.from_tasks([([[1.0]], [0]), ([[2.0]], [1])], days)
    assert [task.name for task in tasks] == [datetime(2024, 2, 3), datetime(2024, 2, 5)]
    assert tasks[pd.Timestamp("2024-02-05")].X.tolist() == [[1.0]]
    again = MetaDataset.from_tasks([*tasks])
    assert again[datetime(2024, 2, 5)].X.tolist() == [[1.0]]
    with pytest.raises(KeyError, match=r"datetime\.datetime\(2024, 2, 3"):
        tasks[datetime(2024, 2, 4)]
