"""Sizes of numbers: too large or too small ones are refused, targets get a unit."""

import math
from typing import Any

import numpy as np

from skmeta.utils.messages import show

__all__ = [
    "as_values",
    "range_of",
    "refuse_extreme_columns",
    "refuse_extreme_targets",
    "unit_of",
]

# Beyond these, squares of numbers, and sums of them, are near the end of all numbers.
_SMALLEST, _LARGEST = 1e-100, 1e100

# Within these, the single precision of most libraries holds differences and squares.
_SMALL, _LARGE = 1e-12, 1e12


def refuse_extreme_columns(
    low: np.ndarray, high: np.ndarray, names: Any = None
) -> None:
    """Refuse features that are too large, or too small, to be squared.

    Parameters
    ----------
    low, high : ndarray of shape (n_features,)
        Range of the rows that are learnt from.
    names : array-like of shape (n_features,), default=None
        Names of the columns.

    Raises
    ------
    ValueError
        If there are some; with the columns.
    """
    size = np.maximum(np.abs(low), np.abs(high))
    lost = np.flatnonzero((size > _LARGEST) | ((size > 0) & (size < _SMALLEST)))
    if not len(lost):
        return
    which = lost if names is None else np.asarray(names, dtype=object)[lost]
    raise ValueError(
        f"Columns {show(which)} of X hold values of a scale of {size[lost[0]]:.0e}, "
        "whose squares are beyond all numbers. Give them in another unit, or leave "
        "them out."
    )


def as_values(y: np.ndarray) -> np.ndarray:
    """Return targets as floats, of which differences and squares can be taken.

    There are none of truth values, and those of short or unsigned numbers run over.

    Parameters
    ----------
    y : ndarray of shape (n_rows, ...)
        Those of single and double precision stay as they are.

    Raises
    ------
    ValueError
        If they are words, dates or complex.
    """
    if y.dtype.kind not in "biuf":
        raise ValueError(
            f"y must hold numbers, for values are learnt, and is of type {y.dtype}: "
            f"{show(y[:3])}."
        )
    return y if y.dtype in (np.float32, np.float64) else y.astype(np.float64)


def refuse_extreme_targets(
    low: np.ndarray, high: np.ndarray, *, in_single: bool = False
) -> None:
    """Refuse values that are too large, or too small, to be squared.

    Parameters
    ----------
    low, high : ndarray of shape (n_targets,) or ()
        Their range.
    in_single : bool, default=False
        Whether single precision must do, as nothing gives them another scale.

    Raises
    ------
    ValueError
        If they are.
    """
    smallest, largest = (_SMALL, _LARGE) if in_single else (_SMALLEST, _LARGEST)
    size = max(np.abs(low).max(), np.abs(high).max())
    if size > largest or 0 < size < smallest:
        raise ValueError(
            f"y holds values of a scale of {size:.0e}, whose squares are beyond all "
            f"numbers{' of single precision' if in_single else ''}. Give them in "
            "another unit."
        )


def range_of(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the lowest and the highest value of each column."""
    low, high = (end(values, axis=0).astype(float) for end in (np.min, np.max))
    return low, high


def unit_of(y: np.ndarray) -> float:
    """Choose a unit for values, such that single precision can hold what is made of it.

    Parameters
    ----------
    y : ndarray of shape (n_rows,)
        Values.

    Returns
    -------
    float
        1 for values of usual scales; else a power of two, which changes no digit.

    Examples
    --------
    >>> import numpy as np
    >>> from skmeta.tables.sizes import unit_of
    >>> unit_of(np.array([3.0, -4e5]))
    1.0
    >>> unit_of(np.array([3e40, -4e40])) == 2.0**134
    True
    """
    if not len(y):
        return 1.0
    low, high = range_of(np.ravel(y))
    size = max(abs(low), abs(high))
    if size == 0 or _SMALL < size < _LARGE:
        return 1.0
    return math.ldexp(1.0, math.frexp(size)[1] - 1)
