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


_NO_CURE = {
    "lists": (
        "Give each of the numbers in a list, such as an embedding, a column of its "
        "own: pandas.DataFrame(X[name].to_list(), index=X.index).add_prefix(name)."
    ),
    "other objects": "Make numbers or text of such objects, or leave the columns out.",
}
_KINDS = ("missing values", "text", "dates", *_NO_CURE)


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
    ValueError, TypeError
        In place of an error of the block, where columns have missing values, text,
        dates, lists or other objects. Others go through as they are. Before the block,
        if there are dates alone, whose numbers depend on the unit that they are kept
        in, or if a masked array hides values, which would be taken for numbers.
    """
    if np.ma.is_masked(X):
        raise ValueError(
            "X is a masked array, and what it hides would be taken for numbers: "
            f"X.filled(numpy.nan) has gaps in its place. {_CURE.format(name=name)}"
        )
    if _are_dates(X):
        raise ValueError(
            f"X is no table of numbers. {_said(_no_numbers(X))} "
            + _CURE.format(name=name)
        )
    try:
        yield
    except (TypeError, ValueError) as error:
        found = _no_numbers(X)
        if not found:
            _refuse_uneven(X, error)
            raise
        # What scikit-learn says first stays first: callers look for its words.
        said = str(error).partition("\n")[0]
        are_objects = [*found] == ["other objects"]
        if not (are_objects or "NaN" in said or "convert" in said):
            said = "X is no table of numbers"
        said = said if said.endswith(".") else f"{said}."
        cures = [cure for kind, cure in _NO_CURE.items() if kind in found]
        if found.keys() - _NO_CURE.keys():
            cures.append(_CURE.format(name=name))
        kind = type(error) if are_objects else ValueError
        raise kind(" ".join([said, _said(found), *cures])) from error


def _refuse_uneven(X: Any, error: Exception) -> None:
    """Say of lists of rows which is the first that has more or fewer numbers."""
    if not isinstance(X, (list, tuple)) or not all(
        hasattr(row, "__len__") for row in X
    ):
        return
    sizes = np.array([len(row) for row in X])
    other = np.flatnonzero(sizes != sizes[:1])
    if len(other):
        raise ValueError(
            f"Row 0 of X has {sizes[0]} features and row {other[0]} has "
            f"{sizes[other[0]]}. Every row needs a number for each."
        ) from error


def _are_dates(X: Any) -> bool:
    """Tell whether numpy would make numbers of dates, as it does where all are."""
    is_frame = hasattr(X, "columns") and hasattr(X, "dtypes")
    kinds = list(X.dtypes) if is_frame else [getattr(X, "dtype", None)]
    return any(getattr(each, "kind", "") in ("m", "M") for each in kinds)


def _no_numbers(X: Any) -> dict[str, list[Any]]:
    """Find what in a table is no number, kind by kind with the columns it is in."""
    kinds: dict[str, list[Any]] = {each: [] for each in _KINDS}
    for column, values in _columns(X):
        kind = _kind(values)
        if kind is not None:
            kinds[kind].append(column)
    return {kind: columns for kind, columns in kinds.items() if columns}


def _said(found: dict[str, list[Any]]) -> str:
    words = [
        f"{kind} in {'column' if len(columns) == 1 else 'columns'} "
        f"{show(np.array(columns, dtype=object), 5)}"
        for kind, columns in found.items()
    ]
    return f"X has {listed(words)}."


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
    known = [value for value in _as_list(values) if not _is_missing(value)]
    # A category of numbers is made of them.
    if any(isinstance(value, str) and not _is_number(value) for value in known):
        return "text"
    if any(hasattr(value, "isoformat") for value in known):
        return "dates"
    if any(isinstance(value, (list, tuple, np.ndarray)) for value in known):
        return "lists"
    if any(not _is_number(value) for value in known):
        return "other objects"
    return "missing values" if len(known) < len(values) else None


def _as_list(values: Any) -> list[Any]:
    """List the values of a column, each as it is, lists among them."""
    array = np.asarray(values)
    return array.tolist() if array.ndim == 1 else [*values]


def _is_missing(value: Any) -> bool:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float) and value != value


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True
