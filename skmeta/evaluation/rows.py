"""Which rows of a table can be learnt from, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from skmeta.evaluation.table_file import InputError
from skmeta.evaluation.time_column import order_in_time
from skmeta.evaluation.unlabelled import sort_by_targets
from skmeta.utils.messages import count, listed

if TYPE_CHECKING:
    from pandas import DataFrame, Series

__all__ = ["usable_rows"]


def usable_rows(
    table: DataFrame, targets: Sequence[str], groups: str, time: str | None
) -> tuple[DataFrame, np.ndarray, list[str]]:
    """Take the rows that have all targets or none, a task, and a time if there is one.

    Parameters
    ----------
    table : DataFrame of shape (n_rows, n_columns)
        As it was read.
    targets : sequence of str
        Columns to predict.
    groups : str
        Column with the task of each row.
    time : str or None
        Column to sort the rows by.

    Returns
    -------
    table : DataFrame of shape (n_usable, n_columns)
        In the order of time, or as they were.
    is_known : bool ndarray of shape (n_usable,)
        Rows with all targets.
    notes : list of str
        How many were left out, and why.

    Raises
    ------
    InputError
        If none is left.
    """
    is_known, kept, notes = _by_targets(table, targets)
    for name, what in ((groups, "task"), (time, "time")):
        if name is None:
            continue
        has = _is_there(table[name])
        if not has[kept].any():
            raise InputError(f"Column {name!r} holds nothing but missing values.")
        n_lost = int((kept & ~has).sum())
        if n_lost:
            rows = count(n_lost, "row")
            notes.append(f"{rows} without a {what} ({name!r} is missing) left out")
        kept &= has
    table, is_known = table[kept], is_known[kept]
    if time is not None:
        order = order_in_time(table[time])
        table, is_known = table.iloc[order], is_known[order]
    return table, is_known, notes


def _by_targets(
    table: DataFrame, targets: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Tell which rows have all targets, which of the others may stay, and what not."""
    quoted = listed([repr(name) for name in targets])
    is_known, is_unlabelled = sort_by_targets(table, targets)
    for name in targets:
        if not table[name].notna().any():
            raise InputError(f"Column {name!r} holds nothing but missing values.")
    if not is_known.any():
        raise InputError(f"No row has all targets, {quoted}.")
    kept = is_known | is_unlabelled
    if kept.all():
        return is_known, kept, []
    without = f"a target ({quoted} holds none there)"
    if len(targets) > 1:
        without = f"some of {quoted}"
    rows = count(int((~kept).sum()), "row")
    note = (
        f"{rows} without {without} left out: nobody learns from them here, nor is "
        "asked for them"
    )
    return is_known, kept, [note]


def _is_there(column: Series) -> np.ndarray:
    has = column.notna().to_numpy()
    if column.dtype.kind == "f":
        has = has & np.isfinite(column.to_numpy(dtype=float, na_value=np.nan))
    return has
