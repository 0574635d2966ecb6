"""Columns as people keep them: numbers read as text, dates, gaps, row numbers, ids."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from numbers import Real
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from skmeta.evaluation.targets import names_of
from skmeta.evaluation.written import (
    ISO,
    NUMBER,
    ODD_KINDS,
    as_dates,
    as_numbers,
    known_dates,
    parse_numbers,
)
from skmeta.tables.arrow import unpacked
from skmeta.tables.preprocessing import columns_of_dates
from skmeta.utils.messages import count, listed, warn

if TYPE_CHECKING:
    from pandas import DataFrame, Series

__all__ = ["AsTyped", "odd_rows", "typed", "useless"]

_GAPS = {
    *("", "?", "??", "-", "--", "---", "–", "—", ".", "..", "...", "*", "/"),
    *("n/a", "na", "n.a.", "n. a.", "#n/a", "#na", "k.a.", "k. a.", "s/d"),
    *("nan", "none", "null", "nil", "(null)", "(none)", "missing", "unknown"),
    *("#value!", "#div/0!", "#ref!", "#null!", "#num!", "#name?", "inf", "-inf"),
}

# Where any text may be a name, these are gaps all the same.
_SURE_GAPS = {"", "?", "??", "n/a", "na", "#n/a", "#na", "nan", "null", "(null)"}

_ID = re.compile(r"(^|[\W_])(id|uuid|guid|rowid|row_?id)($|[\W_])|ID$|Id$")
_FEWEST_UNLIKE = 20  # rows, to take a column for an id because no two are alike


def typed(
    table: DataFrame,
    *,
    target: str | Sequence[str] | None = None,
    groups: str | None = None,
    decimal: str = ".",
) -> tuple[DataFrame, list[str], dict[str, Any]]:
    """Make of columns of text the numbers and dates that they hold.

    Parameters
    ----------
    table : DataFrame
        As it was read.
    target : str or sequence of str, default=None
        Column to predict, or several. Marks such as "?" are gaps there even among
        names.
    groups : str, default=None
        Column that names tasks: it stays text, with marks as of the target.
    decimal : {".", ","}, default="."
        What stands before decimals where a column leaves it open, as 1,234 does.

    Returns
    -------
    table : DataFrame
        Another one.
    notes : list of str
        What was done, a line for each column.
    reading : dict
        Parameters of the :class:`AsTyped` that reads other rows likewise.

    Examples
    --------
    >>> import pandas as pd
    >>> from skmeta.evaluation.cleaning import typed
    >>> table = pd.DataFrame(
    ...     {
    ...         "store": ["a", "a", "b"],
    ...         "price": ["1,299.50", "?", "980.00"],
    ...         "day": ["24.12.2025", "31.12.2025", "02.01.2026"],
    ...     }
    ... )
    >>> table, notes, reading = typed(table, target="price", groups="store")
    >>> table
      store   price        day
    0     a  1299.5 2025-12-24
    1     a     NaN 2025-12-31
    2     b   980.0 2026-01-02
    >>> for note in notes:
    ...     print(note)
    'price' holds numbers with commas between thousands; 1 value is a gap: '?'
    'day' holds dates, day.month.year
    """
    import pandas as pd

    notes: list[str] = []
    columns, dates, marks = {}, {}, {}
    named = {groups, *names_of(target or [])}
    for name in table.columns:
        column, note = _of_one_type(table[name], decimal), None
        if _is_text(column):
            if name != groups:
                column, note, how = _read(column, decimal)
                if how and how not in NUMBER:
                    dates[name] = how
                elif how and how != decimal:
                    marks[name] = how
            if note is None and name in named:
                column, note = _without_marks(column)
        if note:
            notes.append(f"{name!r} holds {note}")
        columns[name] = column
    reading = {"decimal": decimal, "dates": dates, "marks": marks}
    return pd.DataFrame(columns, index=table.index), notes, reading


class AsTyped(TransformerMixin, BaseEstimator):
    """Reads columns of text as those of another table were read.

    A column that held numbers or dates there holds them here, whatever else is written
    between them; of a few rows alone one could not tell. Dates by ISO are read anyway.
    A warning names columns of which most can be read as neither.

    Parameters
    ----------
    decimal : {".", ","}, default="."
        What stands before decimals.
    dates : dict of str to str, default=None
        Formats of columns of dates.
    marks : dict of str to {".", ","}, default=None
        What stands before decimals in columns where it is another.

    Attributes
    ----------
    numbers_ : list of str
        Columns of numbers of the table that ``fit`` was given.

    Examples
    --------
    >>> import pandas as pd
    >>> from skmeta.evaluation.cleaning import AsTyped
    >>> reader = AsTyped(",").fit(pd.DataFrame({"price": [12.5, 1299.0]}))
    >>> reader.transform(pd.DataFrame({"price": ["1.299,00", "on demand"]}))
        price
    0  1299.0
    1     NaN
    """

    def __init__(
        self,
        decimal: str = ".",
        dates: dict[str, str] | None = None,
        marks: dict[str, str] | None = None,
    ):
        self.decimal = decimal
        self.dates = dates
        self.marks = marks

    def fit(self, X: DataFrame, y: Any = None) -> Self:
        """Remember which columns hold numbers."""
        self.numbers_ = [name for name in X.columns if X[name].dtype.kind in "iuf"]
        return self

    def transform(self, X: Any) -> Any:
        """Read columns of text; what is no frame or table stays as it is."""
        import pandas as pd

        if not isinstance(X, pd.DataFrame):
            if not hasattr(X, "to_pandas"):  # polars, Arrow
                return X
            X = X.to_pandas()
        index = X.index
        X = X.reset_index(drop=True)  # rows of one name are several rows
        X.columns = [str(each) for each in X.columns]  # as the table's were called
        marks, unread = self.marks or {}, list[str]()
        for name in X.columns:
            mark = marks.get(name, self.decimal)
            X[name] = column = _of_one_type(X[name], mark)
            if not _is_text(column):
                continue
            text = column.str.strip()
            if name in self.numbers_:
                read = parse_numbers(text.dropna(), mark)
                X[name] = read.values.reindex(X.index)
            elif self.dates and name in self.dates:
                X[name] = known_dates(text, self.dates[name])
            unread += _unread(text, X[name])
        if unread:
            warn(
                "Columns hold what is not written as in the table that they were "
                f"learnt from, and is taken for gaps: {'; '.join(unread)}."
            )
        X.index = index
        return X


def _unread(text: Series, read: Series) -> list[str]:
    """Say of a column if most of what it holds, marks apart, was not read."""
    held = text.notna() & ~text.str.casefold().isin(_GAPS).astype(bool)
    lost = held & read.isna()
    n_lost, n_held = int(lost.sum()), int(held.sum())
    if 2 * n_lost <= n_held:
        return []
    return [
        f"{text.name!r} in {n_lost} of {n_held} rows, such as {text[lost].iloc[0]!r}"
    ]


def odd_rows(before: Series, after: Series) -> list[int]:
    """Number the rows in which a word became a gap that is no mark for one.

    Parameters
    ----------
    before, after : Series of shape (n_rows,)
        A column as it was written, and as :func:`typed` returned it.

    Returns
    -------
    list of int
        Row numbers.

    Examples
    --------
    >>> import pandas as pd
    >>> from skmeta.evaluation.cleaning import odd_rows
    >>> odd_rows(pd.Series(["1.5", "broken", "?"]), pd.Series([1.5, None, None]))
    [1]
    """
    lost = np.flatnonzero(before.notna().to_numpy() & after.isna().to_numpy())
    return [
        int(row)
        for row in lost
        if str(before.iloc[row]).strip().casefold() not in _GAPS
    ]


def useless(table: DataFrame, keep: Iterable[str] = ()) -> dict[str, str]:
    """Name columns that tell nothing about other rows.

    Parameters
    ----------
    table : DataFrame
        With numbers and dates as such.
    keep : iterable of str, default=()
        Columns that are never named, such as the target.

    Returns
    -------
    dict of str to str
        Why, by the name: columns that are empty, number the rows, or identify them.

    Examples
    --------
    >>> import pandas as pd
    >>> from skmeta.evaluation.cleaning import useless
    >>> table = pd.DataFrame({"Unnamed: 0": [0, 1, 2], "sold": [4, 5, 3]})
    >>> useless(table)
    {'Unnamed: 0': 'it numbers the rows'}
    """
    keep = set(keep)
    reasons = {
        str(name): _why_useless(table[name], str(name))
        for name in table.columns
        if name not in keep
    }
    return {name: why for name, why in reasons.items() if why}


def _without_marks(column: Series) -> tuple[Series, str | None]:
    """Take marks for gaps out of names, and blanks from their ends."""
    text = column.str.strip()
    is_mark = text.str.casefold().isin(_SURE_GAPS)
    marks = [repr(mark) for mark in text[is_mark].unique() if mark]
    if not marks:
        return text.mask(is_mark), None
    n_lost = int(is_mark.sum())
    return text.mask(is_mark), f"names; {_gaps(n_lost)}: {listed(marks)}"


def _gaps(n: int) -> str:
    return count(n, "value is a gap", "values are gaps")


def _of_one_type(column: Series, decimal: str) -> Series:
    """Make numbers of objects that are numbers, and text of those that are both.

    Periods become the moments that they begin at, times of day what has passed of it.
    """
    import pandas as pd
    from pandas.api import types

    column = unpacked(column)
    if isinstance(column.dtype, pd.PeriodDtype):
        return column.dt.to_timestamp()
    if column.dtype != object:
        return column
    present = column.dropna()
    holds = types.infer_dtype(present)
    if holds == "time":
        return pd.to_timedelta(column.map(str, na_action="ignore"))
    if holds in ("integer", "floating", "mixed-integer-float", "decimal"):
        return pd.to_numeric(column)
    is_mixed = holds in ("mixed", "mixed-integer")
    if not (is_mixed and all(isinstance(v, str | Real | Decimal) for v in present)):
        return column
    return column.map(
        lambda v: v if isinstance(v, str) else str(v).replace(".", decimal),
        na_action="ignore",
    )


def _is_text(column: Series) -> bool:
    from pandas.api import types

    if (
        isinstance(column.dtype, types.CategoricalDtype)
        or column.dtype.kind in "biufcmM"
    ):
        return False
    present = column.dropna()
    return len(present) > 0 and types.infer_dtype(present, skipna=True) == "string"


def _read(column: Series, decimal: str) -> tuple[Series, str | None, str | None]:
    """Read text as numbers or as dates, if it is; say so, and how they are written."""
    text = column.str.strip()
    text = text.mask(text.str.casefold().isin(_GAPS))
    present = text.dropna()
    if present.empty:
        return column, None, None
    read = as_numbers(present, decimal) or as_dates(present, decimal)
    if read is None:
        return column, None, None
    marks = column[column.notna() & text.isna()].str.strip().unique().tolist()
    odd = [repr(mark) for mark in [*marks, *read.odd] if mark]
    values = read.values.reindex(column.index)
    n_lost = int((values.isna() & column.notna()).sum())
    if not n_lost:
        # Whoever needs them takes these as they are.
        if read.what == f"dates, {ISO}":
            return column, None, None
        return values, read.what, read.how
    shown = f": {listed(odd[:ODD_KINDS])}" if odd else ""
    return values, f"{read.what}; {_gaps(n_lost)}{shown}", read.how


def _why_useless(column: Series, name: str) -> str | None:
    """Say why a column tells nothing about other rows, if so."""
    present = column.dropna()
    if present.empty:
        return "it is empty"
    n_rows = len(column)
    if len(present) < n_rows or n_rows < 3:
        return None
    if column.dtype.kind in "iu":
        if (np.diff(column.to_numpy()) == 1).all():
            return "it numbers the rows"
        if _ID.search(name) and column.is_unique:
            return "it is another number in every row, and called an id"
    is_name = _is_text(column) and not columns_of_dates(column.to_frame())
    if is_name and n_rows >= _FEWEST_UNLIKE and column.is_unique:
        return "it is another text in every row"
    return None
