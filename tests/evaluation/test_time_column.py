"""Columns of time: read as numbers or dates, never guessed."""

import numpy as np
import pandas as pd
import pytest

from skmeta.evaluation import InputError
from skmeta.evaluation.time_column import order_in_time, passing_dates

DAYS = pd.to_datetime(["2024-02-29", "2023-12-31", "2024-02-29", "1999-01-01"])


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(DAYS),
        pd.Series(DAYS.tz_localize("UTC")),
        pd.Series(DAYS.astype(str)),
        pd.Series(DAYS.strftime("%Y-%m-%dT%H:%M:%SZ")),
        pd.Series(DAYS - DAYS[0]),
        pd.Series([10, 9, 10, -1]),
        pd.Series([1.5, 1.25, 1.5, -np.inf]),
        pd.Series(["10", "9", "10", "1"]),  # numbers as text, not by their letters
        pd.Series([3, 2, 3, 1], dtype="Int64"),
        pd.Series(np.array([3, 2, 3, 1]) + 1_700_000_000_000_000_000),  # nanoseconds
    ],
)
def test_rows_are_sorted_by_time_and_equal_ones_stay_in_order(column):
    assert order_in_time(column).tolist() == [3, 1, 0, 2]


@pytest.mark.parametrize("value", ["03/04/2024", "Tuesday", "4.3.2024"])
def test_what_may_be_read_in_several_ways_is_refused(value):
    column = pd.Series(["2024-01-01", value], name="day")
    with pytest.raises(InputError, match=f"'day' holds '{value}'"):
        order_in_time(column)


def test_times_of_which_only_some_have_a_zone_are_refused():
    zoned = ["2024-01-01T10:00:00Z", "2024-01-01T10:00:00+02:00"]
    assert order_in_time(pd.Series(zoned)).tolist() == [1, 0]
    for other in ("2024-01-01T09:30:00", "2024-01-02", "2024-01"):
        with pytest.raises(InputError, match="time zone"):
            order_in_time(pd.Series([*zoned, other], name="day"))
    plain = pd.Series(["2024-01-02", "2024-01-01 10:00:00", "2024-01"])
    assert order_in_time(plain).tolist() == [2, 1, 0]


def test_dates_that_pass_inside_tasks_are_named_and_dates_of_tasks_are_not():
    task = np.repeat(["a", "b", "c"], 3)
    X = pd.DataFrame(
        {
            "born": np.repeat(["1990-01-01", "1991-01-01", "1992-02-02"], 3),
            "day": np.tile(DAYS[:3].astype(str), 3),
            "moment": np.tile(DAYS[1:], 3),
            "number": np.arange(9),
            "text": list("abcabcabc"),
        }
    )
    assert passing_dates(X, task) == ["day", "moment"]
    assert passing_dates(X, np.arange(9)) == []  # no task goes on
