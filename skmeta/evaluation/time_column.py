"""Columns of time: what rows are sorted by, and dates that nobody has asked about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skmeta.evaluation.table_file import InputError
from skmeta.tables.preprocessing import columns_of_dates

if TYPE_CHECKING:
    from pandas import DataFrame, Series

__all__ = ["order_in_time", "passing_dates"]

_ZONE = r"(?:T\d|\d:\d).*(?:[zZ]|[+-]\d{2}(?::?\d{2})?)\s*$"  # behind a time of day


def order_in_time(column: Series) -> np.ndarray:
    """Sort rows by a column of dates or numbers; equal ones keep their order.

    Parameters
    ----------
    column : Series of shape (n_rows,)
        Numbers, dates, or dates as ISO text such as 2024-02-29; none missing.

    Returns
    -------
    int ndarray of shape (n_rows,)
        Row numbers, the earliest first.

    Raises
    ------
    InputError
        If it holds neither, or dates that may be read in several ways.

    Examples
    --------
    >>> import pandas as pd
    >>> from skmeta.evaluation.time_column import order_in_time
    >>> order_in_time(pd.Series(["2024-03-01", "2023-12-24", "2024-03-01 08:30"]))
    array([1, 0, 2])
    """
    import pandas as pd
    from pandas.api import types

    if types.is_datetime64_any_dtype(column) or types.is_timedelta64_dtype(column):
        times = column
    elif types.is_numeric_dtype(column) and not types.is_bool_dtype(column):
        is_whole = column.dtype.kind in "iu"  # nanoseconds are more than floats hold
        times = column if is_whole else column.astype(float)
    else:
        text = column.astype(object).map(str)
        times = pd.to_numeric(text, errors="coerce")
        if times.isna().any():
            _refuse_some_zones(text, column.name)
            times = pd.to_datetime(text, format="ISO8601", errors="coerce", utc=True)
        if times.isna().any():
            raise InputError(
                f"Column {column.name!r} holds {text[times.isna()].iloc[0]!r}: rows "
                "are sorted by numbers, or by dates as year-month-day, 2024-02-29."
            )
    return np.argsort(times.to_numpy(), kind="stable")


def _refuse_some_zones(text: Series, name: object) -> None:
    """Refuse times of which only some say in which zone they are."""
    has_zone = text.str.contains(_ZONE)
    if has_zone.any() and not has_zone.all():
        raise InputError(
            f"Column {name!r} holds {text[has_zone].iloc[0]!r}, with a time zone, and "
            f"{text[~has_zone].iloc[0]!r}, without: which of them is earlier cannot be "
            "told. Give all of them a zone, or none."
        )


def passing_dates(X: DataFrame, task: np.ndarray) -> list[str]:
    """Name the columns of dates that pass while a task goes on.

    Parameters
    ----------
    X : DataFrame of shape (n_rows, n_columns)
        Features.
    task : ndarray of shape (n_rows,)
        Task of each row.

    Returns
    -------
    list of str
        Not those that tell two tasks apart, such as a date of birth: most tasks that
        have two rows have one date.
    """
    passing = []
    for name in columns_of_dates(X):
        by_task = X[name].groupby(task)
        several = by_task.count() >= 2
        if (by_task.nunique()[several] > 1).mean() > 0.5:
            passing.append(str(name))
    return passing
