"""From a table as it comes, with text, dates and gaps, to numbers."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils.validation import (
    _check_feature_names_in,
    check_is_fitted,
    validate_data,
)

from skmeta.tables.arrow import unpacked

if TYPE_CHECKING:  # for annotations alone: pandas is imported where it is used
    from pandas import DataFrame, Series
    from sklearn.utils import Tags

__all__ = ["columns_of_dates", "make_preprocessor"]

_DAY = 86_400  # seconds
_LENGTH_OF_DATE = 10
_NUMBERS = ("boolean", "integer", "floating", "mixed-integer-float", "decimal")
_NUMBERS += ("timedelta",)
_ISO_DATE = r"\s*\d{4}-\d{2}-\d{2}"


def make_preprocessor(
    *, max_categories: int = 30, add_indicator: bool = True
) -> ColumnTransformer:
    r"""Make a transformer from the columns of a DataFrame to numbers.

    What becomes of a column is decided in ``fit``, by what it holds there:

    ==========================  ========================================================
    numbers, booleans,          the number; missing (and infinite) values become the
    durations                   median
    categories, text            a column for each of the ``max_categories`` commonest
                                values, missing being one, and one for all rarer values
                                and those that ``fit`` has not seen
    dates and times, also as    days since 1970, and where in the year, the week and the
    ISO text (2024-02-29)       day they are, as sine and cosine; missing ones as above
    one value throughout,       nothing
    or none
    ==========================  ========================================================

    Columns that had gaps in ``fit`` also get a column that says where the gaps are.
    Text that holds numbers only (as CSV files with odd marks for gaps have) stays text.

    Parameters
    ----------
    max_categories : int, default=30
        Most columns that a column of text becomes.
    add_indicator : bool, default=True
        Say in columns of their own where numbers and dates were missing.

    Returns
    -------
    sklearn.compose.ColumnTransformer
        Not yet fitted; an ordinary transformer, for a DataFrame or an array. A column
        that is missing in ``transform`` is a ValueError that names it; one that is new
        there is ignored.

    See Also
    --------
    sklearn.preprocessing.StandardScaler : Not needed; the estimators of skmeta
        standardise, see their parameter ``normalize``.

    Notes
    -----
    ``skrub.TableVectorizer`` does the same work and was the other candidate. On eight
    real tables with gaps and categories (``benchmarks/preprocessing.py``) linear models
    score the same on the numbers of both; this one, on a ColumnTransformer, takes a
    tenth of the time or so for the few rows of a new task, takes infinite values for
    missing ones instead of failing, says which column holds text in place of
    numbers, and needs no package but pandas. Where a column of text should be read by
    its letters, skrub's ``StringEncoder`` is the better choice.

    Examples
    --------
    >>> import pandas as pd
    >>> from skmeta import make_preprocessor
    >>> table = pd.DataFrame(
    ...     {
    ...         "age": [31, None, 54],
    ...         "city": ["Oslo", "Lima", None],
    ...         "insured": [True, None, False],
    ...     }
    ... )
    >>> preprocessor = make_preprocessor().set_output(transform="pandas")
    >>> preprocessor.fit_transform(table).T
                               0     1     2
    age                     31.0  42.5  54.0
    insured                  1.0   0.5   0.0
    missingindicator_age     0.0   1.0   0.0
    missingindicator_insured 0.0   1.0   0.0
    city_Lima                0.0   1.0   0.0
    city_Oslo                1.0   0.0   0.0
    city_nan                 0.0   0.0   1.0
    """

    def impute() -> SimpleImputer:
        return SimpleImputer(strategy="median", add_indicator=add_indicator)

    encoder = OneHotEncoder(
        max_categories=max_categories,
        handle_unknown="infrequent_if_exist",
        sparse_output=False,
    )
    return ColumnTransformer(
        [
            ("numbers", make_pipeline(_Numbers(), impute()), _columns_of_numbers),
            ("categories", make_pipeline(_Categories(), encoder), _columns_of_text),
            ("dates", make_pipeline(_Dates(), impute()), _columns_of_dates),
        ],
        verbose_feature_names_out=False,
    )


# Which column is what ----------------------------------------------------------------


def _columns_of_numbers(X: Any) -> list:
    return _columns_of("number", X)


def _columns_of_text(X: Any) -> list:
    return _columns_of("text", X)


def _columns_of_dates(X: Any) -> list:
    return columns_of_dates(X)  # files call it by the name with the underscore


def columns_of_dates(X: Any) -> list:
    """Name the columns of a table that hold dates, as such or as ISO text."""
    return _columns_of("date", X)


def _columns_of(kind: str, X: Any) -> list:
    frame = _frame(X)
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()].unique().tolist()
        raise ValueError(f"There are columns of one name: {str(twice)[1:-1]}.")
    kinds = [_kind(unpacked(frame[name])) for name in frame.columns]
    return [name for name, own in zip(frame.columns, kinds, strict=True) if own == kind]


def _frame(X: Any) -> DataFrame:
    """Return a DataFrame of pandas, whatever kind of table X is."""
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError(
            "make_preprocessor works with pandas, which is not installed: "
            "pip install pandas"
        ) from error
    if isinstance(X, pd.DataFrame):
        return X
    if hasattr(X, "to_pandas"):  # polars, pyarrow
        return X.to_pandas()
    return pd.DataFrame(X)


def _kind(column: Series) -> str | None:
    """Tell what a column holds; None for nothing that could tell two rows apart."""
    from pandas.api import types

    present = column.dropna()
    try:
        n_values = present.nunique()
    except TypeError as error:
        raise ValueError(
            f"Column {column.name!r} holds values of "
            f"{type(present.iloc[0]).__name__!r}, of which no number can be made. "
            "Drop it, or turn it into text or numbers."
        ) from error
    if not n_values or (n_values == 1 and len(present) == len(column)):
        return None
    dtype = column.dtype
    if isinstance(dtype, types.CategoricalDtype):
        return "text"
    if types.is_numeric_dtype(dtype) or types.is_timedelta64_dtype(dtype):
        return "number"
    if types.is_datetime64_any_dtype(dtype):
        return "date"
    holds = types.infer_dtype(present, skipna=True)
    if holds in _NUMBERS:
        return "number"
    if holds in ("datetime", "datetime64", "date"):
        return "date"
    if holds == "string" and _is_date_text(present):
        return "date"
    return "text"


def _is_date_text(present: Series) -> bool:
    import pandas as pd

    if not present.str.match(_ISO_DATE).all():
        return False
    parsed = pd.to_datetime(present, format="ISO8601", errors="coerce", utc=True)
    return bool(parsed.notna().all())


# What becomes of it ------------------------------------------------------------------


class _ColumnEncoder(TransformerMixin, BaseEstimator):
    """A transformer that learns no more than the names of its columns."""

    def fit(self, X: Any, y: Any = None) -> Self:
        validate_data(self, X, skip_check_array=True)
        return self

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.string = True
        return tags


class _Numbers(OneToOneFeatureMixin, _ColumnEncoder):
    """Make floats, NaN for all that is missing or infinite."""

    def transform(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        return _by_column(_numbers, X)


class _Categories(OneToOneFeatureMixin, _ColumnEncoder):
    """Make text, NaN for what is missing; 1 and 1.0 are one value."""

    def fit(self, X: Any, y: Any = None) -> Self:
        super().fit(X)
        self.whole_ = True
        return self

    def transform(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        # Those that were fitted before call 1.0 so, and know no other name for it.
        whole = getattr(self, "whole_", False)
        return _by_column(partial(_texts, whole=whole), X)


class _Dates(_ColumnEncoder):
    """Make days since 1970, and places in the year, the week and the day."""

    def fit(self, X: Any, y: Any = None) -> Self:
        super().fit(X)
        parts = _by_column(_date_parts, X)
        # The hour tells nothing where all dates are whole days, nor does the year of
        # times of one day; such columns stay out.
        with np.errstate(invalid="ignore"):
            low = np.nanmin(parts, axis=0, initial=np.inf)
            high = np.nanmax(parts, axis=0, initial=-np.inf)
        self.varies_ = low < high
        return self

    def transform(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        return _by_column(_date_parts, X)[:, self.varies_]

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        names = _check_feature_names_in(self, input_features)
        parts = ("day", *(f"{each}_{f}" for each in _CYCLES for f in ("sin", "cos")))
        named = [f"{name}_{part}" for name in names for part in parts]
        return np.array(named, dtype=object)[self.varies_]


def _by_column(encode: Callable[[Series], np.ndarray], X: Any) -> np.ndarray:
    frame = _frame(X)
    columns = (unpacked(frame[name]) for name in frame.columns)
    return np.column_stack([encode(column) for column in columns])


def _is_of_dates(column: Series) -> bool:
    """Tell whether pandas would make numbers of dates, in a unit of its own."""
    return column.dtype.kind == "M" or str(column.dtype).startswith("period")


def _numbers(column: Series) -> np.ndarray:
    import pandas as pd

    if _is_of_dates(column):
        if not column.notna().any():  # pandas makes a number of no date, or fails
            return np.full(len(column), np.nan)
        raise ValueError(
            f"Column {column.name!r} held numbers in fit and now holds dates. Make the "
            "same numbers of them, or fit to dates."
        )
    if column.dtype == object and pd.api.types.infer_dtype(column) == "timedelta":
        column = pd.to_timedelta(column)
    if pd.api.types.is_timedelta64_dtype(column.dtype):
        column = column.dt.total_seconds() / _DAY
    try:
        values = pd.to_numeric(column).to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"Column {column.name!r} held numbers in fit and now holds what is none: "
            f"{error}."
        ) from error
    return np.where(np.isfinite(values), values, np.nan)


def _texts(column: Series, *, whole: bool) -> np.ndarray:
    """Write values as text; whole floats as integers, which a gap makes floats of."""
    values = column.astype(object).to_numpy()
    if whole:
        values = [
            int(value) if isinstance(value, float) and value.is_integer() else value
            for value in values
        ]
    return np.array(
        [
            np.nan if missing else str(value)
            for value, missing in zip(values, column.isna(), strict=True)
        ],
        dtype=object,
    )


_CYCLES = ("year", "week", "time")
_ZONE = re.compile(r"(?<=\d)\s*(?:Z|[+-]\d{2}:?(?:\d{2})?)$")


def _without_zone(column: Series) -> Series:
    """Return dates as a clock showed them at the place where they were taken."""
    if column.dtype.kind == "M":
        has_zone = getattr(column.dtype, "tz", None) is not None
        return column.dt.tz_localize(None) if has_zone else column

    def local(value: Any) -> Any:
        if isinstance(value, str):
            text = value.strip()
            return _ZONE.sub("", text) if len(text) > _LENGTH_OF_DATE else text
        has_zone = getattr(value, "tzinfo", None) is not None
        return value.replace(tzinfo=None) if has_zone else value

    return column.map(local)


def _date_parts(column: Series) -> np.ndarray:
    import pandas as pd

    is_number = pd.api.types.is_numeric_dtype(column.dtype)
    if is_number and column.notna().any():  # 2024 would be a year, or nanoseconds
        raise ValueError(
            f"Column {column.name!r} held dates in fit and now holds numbers. Make "
            "dates of them, by pandas.to_datetime and the unit that they are in."
        )
    try:
        dates = pd.to_datetime(
            _without_zone(column),
            utc=True,
            format=None if column.dtype.kind == "M" else "ISO8601",
        )
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"Column {column.name!r} held dates in fit and now holds what is none: "
            f"{error}"
        ) from error
    dates = pd.DatetimeIndex(dates)
    missing = dates.isna()
    epoch = pd.Timestamp(0, tz="UTC")
    day = (dates - epoch).total_seconds().to_numpy(dtype=float) / _DAY
    time = day % 1
    year = (dates.day_of_year.to_numpy(dtype=float) - 1 + time) / 365.25
    week = (dates.day_of_week.to_numpy(dtype=float) + time) / 7
    angles = 2 * np.pi * np.column_stack([year, week, time])
    waves = np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(len(day), -1)
    parts = np.column_stack([day, waves])
    parts[missing] = np.nan
    return parts
