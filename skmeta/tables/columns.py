"""Columns that are no numbers: what they hold, and who makes numbers of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from skmeta.utils.messages import listed, show

__all__ = ["naming_the_preprocessor"]

_CURE = (
    "make_preprocessor() makes numbers of such columns: learn from what "
    "skmeta.make_preprocessor().fit_transform(X, y) returns, or put it before the "
    "learner, make_pipeline(make_preprocessor(), {name}(...)), with "
    "sklearn.set_config(enable_metadata_routing=True)."
)


@contextmanager
def naming_the_preprocessor(X: Any, name: str) -> Iterator[None]:
    """Say of rows that scikit-learn refuses which columns are no numbers, and the cure.

    Parameters
    ----------
    X : array-like
        Rows that are checked inside the block.
    name : str
        Class of the estimator that checks them.

    Raises
    ------
    ValueError
        In place of an error of the block, where columns have missing values, text or
        dates. Others go through as they are. Before the block, if there are dates
        alone, whose numbers depend on the unit that they are kept in, or if a masked
        array hides values, which would be taken for numbers.
    """
    if np.ma.is_masked(X):
        raise ValueError(
            "X is a masked array, and what it hides would be taken for numbers: "
            f"X.filled(numpy.nan) has gaps in its place. {_CURE.format(name=name)}"
        )
    if _are_dates(X):
        raise ValueError(
            f"X is no table of numbers. X has {listed(_no_numbers(X))}. "
            + _CURE.format(name=name)
        )
    try:
        yield
    except (TypeError, ValueError) as error:
        found = _no_numbers(X)
        if not found:
            raise
        # What scikit-learn says first stays first: callers look for its words.
        said = str(error).partition("\n")[0]
        said = (
            said if "NaN" in said or "convert" in said else "X is no table of numbers"
        )
        said = said if said.endswith(".") else f"{said}."
        raise ValueError(
            f"{said} X has {listed(found)}. {_CURE.format(name=name)}"
        ) from error


def _are_dates(X: Any) -> bool:
    """Tell whether numpy would make numbers of dates, as it does where all are."""
    dtypes = getattr(X, "dtypes", None)
    kinds = [getattr(X, "dtype", None)] if dtypes is None else list(dtypes)
    return any(getattr(each, "kind", "") in ("m", "M") for each in kinds)


def _no_numbers(X: Any) -> list[str]:
    """Say what in a table is no number, kind by kind with the columns it is in."""
    kinds: dict[str, list[Any]] = {"missing values": [], "text": [], "dates": []}
    for column, values in _columns(X):
        kind = _kind(values)
        if kind is not None:
            kinds[kind].append(column)
    return [
        f"{kind} in {'column' if len(columns) == 1 else 'columns'} "
        f"{show(np.array(columns, dtype=object), 5)}"
        for kind, columns in kinds.items()
        if columns
    ]


def _columns(X: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the columns of a frame by name, or of an array by number."""
    if hasattr(X, "columns") and hasattr(X, "dtypes"):
        for name in X.columns:
            values = X[name]
            if getattr(values, "ndim", 1) == 1:  # of two columns with one name
                yield name, values
        return
    try:
        array = np.asarray(X)
    except ValueError:  # lists of different lengths
        return
    if array.ndim == 2:
        yield from enumerate(array.T)


def _kind(values: Any) -> str | None:
    """Tell what a column holds that is no number; None of one of numbers."""
    dtype = str(getattr(values, "dtype", "")).lower()
    if dtype.startswith(("datetime", "timedelta", "date", "duration", "period")):
        return "dates"
    known = [value for value in np.asarray(values).tolist() if not _is_missing(value)]
    # A category of numbers is made of them.
    if any(isinstance(value, str) and not _is_number(value) for value in known):
        return "text"
    if any(hasattr(value, "isoformat") for value in known):
        return "dates"
    return "missing values" if len(known) < len(values) else None


def _is_missing(value: Any) -> bool:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float) and value != value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
