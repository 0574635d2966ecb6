"""How numbers and dates are written: which of them a text means."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pandas import Series

__all__ = [
    "ISO",
    "NUMBER",
    "ODD_KINDS",
    "Read",
    "as_dates",
    "as_numbers",
    "known_dates",
    "parse_numbers",
]

_CURRENCIES = "€$£¥₹₽"
NUMBER = {
    ".": r"[-+]?(?:[1-9]\d{0,2}(?:,\d{3})+|\d+)?(?:\.\d*)?(?:[eE][-+]?\d+)?",
    ",": r"[-+]?(?:[1-9]\d{0,2}(?:\.\d{3})+|\d+)?(?:,\d*)?(?:[eE][-+]?\d+)?",
}
_NO_AMOUNT = (
    r"[-+]?0\d|\d{16,}$"  # 007, and numbers of accounts that no float tells apart
)
_SPACED = r"(?<=\d)[\s'\u2019](?=\d{3}(?:\D|$))"  # blanks, or Swiss apostrophes
_WORDS = {".": "a point before decimals", ",": "a comma before decimals"}

# Of the values of a column that holds numbers or dates, so many may be none, and of so
# few kinds.
_ODD_SHARE = 0.02
ODD_KINDS = 5

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
ISO = "year-month-day"
_ISO_DATE = r"\d{4}-\d{2}-\d{2}(?:[ T]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?"
_PLAIN_DATES = {
    "%Y-%m-%d": ISO,
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


class Read(NamedTuple):
    """A column of text that was something else."""

    values: Series
    what: str
    odd: list[str]  # values that were none, and are gaps now
    how: str  # format of dates, or what stands before decimals


def as_numbers(present: Series, decimal: str) -> Read | None:
    """Read values without gaps as numbers, if all but a few are."""
    if present.str.match(_NO_AMOUNT).any():
        return None
    read = parse_numbers(present, decimal)
    good = present[read.values.notna()]
    percent = good.str.endswith("%")
    if percent.any() and not percent.all():
        return None  # some are shares and some are not
    signs = good.str.extract(f"([{_CURRENCIES}])", expand=False)
    if signs.nunique() > 1:
        return None  # 5 € and 5 $ are not the same
    return None if _too_many(present[read.values.isna()], present) else read


def parse_numbers(present: Series, decimal: str) -> Read:
    """Read values as numbers; what is none is NaN."""
    import pandas as pd

    text = present.str.replace(r"^\((.*)\)$", r"-\1", regex=True)  # as accountants do
    text = text.str.replace("−", "-")
    money = text.str.contains(f"[{_CURRENCIES}]", regex=True).any()
    text = text.str.replace(rf"\s*[{_CURRENCIES}]\s*", "", regex=True)
    percent = text.str.endswith("%").any()
    text = text.str.replace(r"\s*%$", "", regex=True)
    spaced = text.str.contains(_SPACED, regex=True).any()
    text = text.str.replace(_SPACED, "", regex=True)
    digits = text.str.contains(r"\d", regex=True)
    fits = {mark: text.str.fullmatch(NUMBER[mark]) & digits for mark in (".", ",")}
    other = "," if decimal == "." else "."
    mark = other if fits[other].sum() > fits[decimal].sum() else decimal
    thousands = "," if mark == "." else "."
    good = text[fits[mark]]
    grouped = good.str.contains(thousands, regex=False).any()
    plain = good.str.replace(thousands, "", regex=False)
    plain = plain.str.replace(",", ".", regex=False)
    values = pd.to_numeric(plain, errors="coerce").astype(float)
    what = ["amounts of money" if money else "percentages" if percent else "numbers"]
    if grouped or spaced:
        between = {",": "commas", ".": "points"}[thousands] if grouped else "spaces"
        what.append(f"with {between} between thousands")
    if mark != decimal and good.str.contains(mark, regex=False).any():
        what.append(f"with {_WORDS[mark]}")
    odd = present[~fits[mark]].unique().tolist()
    return Read(values.reindex(present.index), " ".join(what), odd, mark)


def as_dates(present: Series, decimal: str) -> Read | None:
    """Read values without gaps as dates, if all but a few are."""
    if not present.str.contains(r"\d", regex=True).any():
        return None
    some = present.drop_duplicates().iloc[:_TRIED]

    def fitting(formats: Iterable[str]) -> str | None:
        for date in formats:
            for time in _TIMES:
                if not _too_many(some[_parse_dates(some, date + time).isna()], some):
                    values = _parse_dates(present, date + time)
                    if not _too_many(present[values.isna()], present):
                        return date + time
        return None

    day, month = fitting(_MONTH_SECOND), fitting(_MONTH_FIRST)
    chosen = day or month or fitting(_PLAIN_DATES)
    if chosen is None:
        return None
    doubt = ""
    if day and month:
        both = (_parse_dates(present, each).notna().sum() for each in (day, month))
        n_day, n_month = both
        if n_day == n_month:
            # Either may be meant. With points, and where decimals follow a comma, days
            # come first.
            chosen = day if decimal == "," or "." in day else month
            doubt = ", or the month and the day the other way round: no date tells"
        else:
            chosen = day if n_day > n_month else month
    values = _parse_dates(present, chosen)
    named = {**_MONTH_SECOND, **_MONTH_FIRST, **_PLAIN_DATES}
    order = next(words for date, words in named.items() if chosen.startswith(date))
    odd = present[values.isna()].unique().tolist()
    return Read(values, f"dates, {order}{doubt}", odd, chosen)


def _parse_dates(text: Series, format: str) -> Series:
    import pandas as pd

    return pd.to_datetime(text, format=format, errors="coerce")


def known_dates(text: Series, format: str) -> Series:
    """Read dates of a format, or by ISO, which cannot be meant otherwise."""
    import pandas as pd

    dates = _parse_dates(text, format)
    is_iso = dates.isna() & text.str.fullmatch(_ISO_DATE).eq(True)
    if not is_iso.any():
        return dates
    iso = pd.to_datetime(text.where(is_iso), format="ISO8601", errors="coerce")
    return dates.fillna(iso)


def _too_many(odd: Series, present: Series) -> bool:
    """Tell whether what is none is more than a few marks for gaps."""
    if odd.empty:
        return False
    is_rare = len(odd) <= _ODD_SHARE * len(present)
    return not is_rare or odd.nunique() > ODD_KINDS
