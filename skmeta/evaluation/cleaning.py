"""Columns as people keep them: numbers read as text, dates, gaps, row numbers, ids."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skmeta.utils.messages import count, listed

if TYPE_CHECKING:
    from pandas import DataFrame, Series

__all__ = ["clean"]

_GAPS = {
    *("", "?", "??", "-", "--", "---", "–", "—", ".", "..", "...", "*", "/"),
    *("n/a", "na", "n.a.", "n. a.", "#n/a", "#na", "k.a.", "k. a.", "s/d"),
    *("nan", "none", "null", "nil", "(null)", "(none)", "missing", "unknown"),
    *("#value!", "#div/0!", "#ref!", "#null!", "#num!", "#name?", "inf", "-inf"),
}

# Where any text may be a name, these are gaps all the same.
_SURE_GAPS = {"", "?", "??", "n/a", "na", "#n/a", "#na", "nan", "null", "(null)"}

_CURRENCIES = "€$£¥₹₽"
_NUMBER = {
    ".": r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d*)?(?:[eE][-+]?\d+)?",
    ",": r"[-+]?(?:\d{1,3}(?:\.\d{3})+|\d+)?(?:,\d*)?(?:[eE][-+]?\d+)?",
}
_SPACED = r"(?<=\d)[\s'\u2019](?=\d{3}(?:\D|$))"  # blanks, or Swiss apostrophes
_WORDS = {".": "a point before decimals", ",": "a comma before decimals"}

# Of the values of a column that holds numbers or dates, so many may be none, and of so
# few kinds.
_ODD_SHARE = 0.02
_ODD_KINDS = 5

_TIMES = ("", " %H:%M", " %H:%M:%S", "T%H:%M", "T%H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
_MONTH_SECOND = {
    "%d.%m.%Y": "day.month.year",
    "%d.%m.%y": "day.month.year",
    "%d/%m/%Y": "day/month/year",
    "%d/%m/%y": "day/month/year",
    "%d-%m-%Y": "day-month-year",
}
_MONTH_FIRST = {
    "%m/%d/%Y": "month/day/year",
    "%m/%d/%y": "month/day/year",
    "%m-%d-%Y": "month-day-year",
    "%m.%d.%Y": "month.day.year",
}
_ISO = "year-month-day"
_PLAIN_DATES = {
    "%Y-%m-%d": _ISO,
    "%Y/%m/%d": "year/month/day",
    "%Y.%m.%d": "year.month.day",
    "%d %b %Y": "day, name of the month, year",
    "%d %B %Y": "day, name of the month, year",
    "%d. %B %Y": "day, name of the month, year",
    "%d-%b-%Y": "day, name of the month, year",
    "%d-%b-%y": "day, name of the month, year",
    "%b %d, %Y": "name of the month, day, year",
    "%B %d, %Y": "name of the month, day, year",
}
_TRIED = 200  # values on which formats are tried before a whole column

_ID = re.compile(r"(^|[\W_])(id|uuid|guid|rowid|row_?id)($|[\W_])|ID$|Id$")
_FEWEST_UNLIKE = 20  # rows, to take a column for an id because no two are alike


class _Read(NamedTuple):
    """A column of text that was something else."""

    values: Series
    what: str
    odd: list[str]  # values that were none, and are gaps now


def clean(
    table: DataFrame,
    *,
    target: str,
    groups: str,
    keep: Iterable[str] = (),
    decimal: str = ".",
) -> tuple[DataFrame, list[str]]:
    """Make of columns what they hold, and leave out those that only count rows.

    Parameters
    ----------
    table : DataFrame
        As it was read.
    target : str
        Column to predict.
    groups : str
        Column that names tasks, which stays text.
    keep : iterable of str, default=()
        Columns besides these two that are never left out.
    decimal : {".", ","}, default="."
        What stands before decimals where a column leaves it open, as 1,234 does.

    Returns
    -------
    table : DataFrame
        Another one.
    notes : list of str
        What was done, a line for each column.

    Examples
    --------
    >>> import pandas as pd
    >>> from skmeta.evaluation.cleaning import clean
    >>> table = pd.DataFrame(
    ...     {
    ...         "Unnamed: 0": [0, 1, 2],
    ...         "store": ["a", "a", "b"],
    ...         "price": ["1,299.50", "?", "980.00"],
    ...         "day": ["24.12.2025", "31.12.2025", "02.01.2026"],
    ...     }
    ... )
    >>> table, notes = clean(table, target="price", groups="store")
    >>> table
      store   price        day
    0     a  1299.5 2025-12-24
    1     a     NaN 2025-12-31
    2     b   980.0 2026-01-02
    >>> for note in notes:
    ...     print(note)
    'Unnamed: 0' left out: it numbers the rows
    'price' holds numbers with commas between thousands; 1 value is a gap: '?'
    'day' holds dates, day.month.year
    """
    import pandas as pd

    keep = {target, groups, *keep}
    notes, columns = [], {}
    for name in table.columns:
        column, note = table[name], None
        if _is_text(column):
            if name != groups:
                column, note = _read(column, decimal)
            if note is None and name in (target, groups):
                column, note = _without_marks(column)
        why = None if name in keep else _why_useless(column, str(name))
        if why:
            notes.append(f"{name!r} left out: {why}")
            continue
        if note:
            notes.append(f"{name!r} holds {note}")
        columns[name] = column
    return pd.DataFrame(columns, index=table.index), notes


def _without_marks(column: Series) -> tuple[Series, str | None]:
    """Take marks for gaps out of names, and blanks from their ends."""
    text = column.str.strip()
    is_mark = text.str.casefold().isin(_SURE_GAPS)
    marks = [repr(mark) for mark in text[is_mark].unique() if mark]
    if not marks:
        return text.mask(is_mark), None
    n_lost = int(is_mark.sum())
    gaps = "value is a gap" if n_lost == 1 else "values are gaps"
    return text.mask(is_mark), f"names; {count(n_lost, gaps, gaps)}: {listed(marks)}"


def _is_text(column: Series) -> bool:
    from pandas.api import types

    if (
        isinstance(column.dtype, types.CategoricalDtype)
        or column.dtype.kind in "biufcmM"
    ):
        return False
    present = column.dropna()
    return len(present) > 0 and types.infer_dtype(present, skipna=True) == "string"


def _read(column: Series, decimal: str) -> tuple[Series, str | None]:
    """Read text as numbers or as dates, if it is; say how."""
    text = column.str.strip()
    text = text.mask(text.str.casefold().isin(_GAPS))
    present = text.dropna()
    if present.empty:
        return column, None
    read = _as_numbers(present, decimal) or _as_dates(present, decimal)
    if read is None:
        return column, None
    marks = column[column.notna() & text.isna()].str.strip().unique().tolist()
    odd = [repr(mark) for mark in [*marks, *read.odd] if mark]
    values = read.values.reindex(column.index)
    n_lost = int((values.isna() & column.notna()).sum())
    if not n_lost:
        # Whoever needs them takes these as they are.
        is_plain = read.what == f"dates, {_ISO}"
        return (column, None) if is_plain else (values, read.what)
    gaps = "value is a gap" if n_lost == 1 else "values are gaps"
    shown = f": {listed(odd[:_ODD_KINDS])}" if odd else ""
    return values, f"{read.what}; {count(n_lost, gaps, gaps)}{shown}"


def _as_numbers(present: Series, decimal: str) -> _Read | None:
    import pandas as pd

    text = present.str.replace(r"^\((.*)\)$", r"-\1", regex=True)  # as accountants do
    text = text.str.replace("−", "-")
    money = text.str.contains(f"[{_CURRENCIES}]", regex=True)
    if money.any():
        text = text.str.replace(rf"\s*[{_CURRENCIES}]\s*", "", regex=True)
    percent = text.str.endswith("%")
    if percent.any():
        text = text.str.replace(r"\s*%$", "", regex=True)
    spaced = text.str.contains(_SPACED, regex=True)
    if spaced.any():
        text = text.str.replace(_SPACED, "", regex=True)
    if text.str.match(r"[-+]?0\d").any():  # 007 is a name
        return None
    digits = text.str.contains(r"\d", regex=True)
    fits = {mark: text.str.fullmatch(_NUMBER[mark]) & digits for mark in (".", ",")}
    other = "," if decimal == "." else "."
    mark = other if fits[other].sum() > fits[decimal].sum() else decimal
    odd = present[~fits[mark]]
    if _too_many(odd, present):
        return None
    good = text[fits[mark]]
    thousands = "," if mark == "." else "."
    grouped = good.str.contains(thousands, regex=False).any()
    good = good.str.replace(thousands, "", regex=False)
    values = pd.to_numeric(good.str.replace(",", ".", regex=False), errors="coerce")
    what = ["numbers"]
    if grouped or spaced.any():
        between = {",": "commas", ".": "points"}[thousands] if grouped else "spaces"
        what.append(f"with {between} between thousands")
    if mark != decimal and good.str.contains(mark, regex=False).any():
        what.append(f"with {_WORDS[mark]}")
    if money.any():
        what.append("of money")
    if percent.any():
        if not percent[fits[mark]].all():
            return None  # some are shares and some are not
        what.append("in percent")
    return _Read(values.astype(float), " ".join(what), odd.unique().tolist())


def _as_dates(present: Series, decimal: str) -> _Read | None:
    import pandas as pd

    if not present.str.contains(r"\d", regex=True).any():
        return None
    some = present.drop_duplicates().iloc[:_TRIED]

    def read(text: Series, format: str) -> Series:
        return pd.to_datetime(text, format=format, errors="coerce")

    def fitting(formats: Iterable[str]) -> str | None:
        for date in formats:
            for time in _TIMES:
                if not _too_many(some[read(some, date + time).isna()], some):
                    values = read(present, date + time)
                    if not _too_many(present[values.isna()], present):
                        return date + time
        return None

    day, month = fitting(_MONTH_SECOND), fitting(_MONTH_FIRST)
    chosen = day or month or fitting(_PLAIN_DATES)
    if chosen is None:
        return None
    doubt = ""
    if day and month:
        n_day, n_month = (read(present, each).notna().sum() for each in (day, month))
        if n_day == n_month:
            # Either may be meant. With points, and where decimals follow a comma, days
            # come first.
            chosen = day if decimal == "," or "." in day else month
            doubt = ", or the month and the day the other way round: no date tells"
        else:
            chosen = day if n_day > n_month else month
    values = read(present, chosen)
    named = {**_MONTH_SECOND, **_MONTH_FIRST, **_PLAIN_DATES}
    order = next(words for date, words in named.items() if chosen.startswith(date))
    odd = present[values.isna()].unique().tolist()
    return _Read(values, f"dates, {order}{doubt}", odd)


def _too_many(odd: Series, present: Series) -> bool:
    """Tell whether what is none is more than a few marks for gaps."""
    if odd.empty:
        return False
    is_rare = len(odd) <= _ODD_SHARE * len(present)
    return not is_rare or odd.nunique() > _ODD_KINDS


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
    if _is_text(column) and n_rows >= _FEWEST_UNLIKE and column.is_unique:
        return "it is another text in every row"
    return None
