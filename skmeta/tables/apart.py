"""Values that stand far apart from all others of their column, such as -999999."""

from typing import Any

import numpy as np

from skmeta.utils.messages import show, warn

__all__ = ["warn_of_values_apart"]

# Rows that show how a column is spread, and how few say nothing.
_SEEN, _FEWEST = 10_000, 20

# Share of the rows at each end that may stand apart, and from what gap on they do, in
# widths of the column without them. No gap of a heavy tail is as wide as all else.
_ENDS, _GAP = 0.1, 100.0


def warn_of_values_apart(
    X: np.ndarray, low: np.ndarray, high: np.ndarray, names: Any = None
) -> None:
    """Warn of values that leave to the others of their column no difference.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        Rows, or a sample of them.
    low, high : ndarray of shape (n_features,)
        The ends of all rows.
    names : array-like of shape (n_features,), default=None
        Names of the columns.
    """
    if len(X) < _FEWEST:
        return
    seen = np.asarray(X[:: 1 + len(X) // _SEEN], dtype=float)
    found = {}
    for sign, end in ((1.0, high), (-1.0, low)):
        values = np.sort(np.vstack([sign * seen, sign * end]), axis=0)
        for column, value in _first_apart(values):
            found[column] = sign * value
    if not found:
        return
    columns = np.array(sorted(found))
    which = columns if names is None else np.asarray(names, dtype=object)[columns]
    warn(
        f"Columns {show(which)} of X have values, such as {found[columns[0]]:g}, that "
        f"are more than {_GAP:g} times as far from all others of the column as these "
        "from each other, which standardisation makes alike: what tells them apart is "
        "hardly learnt. Do such values stand for gaps? Then make them NaN, which "
        "make_preprocessor() fills; else clip them, take logarithms, or set "
        "normalize='robust'."
    )


def _first_apart(values: np.ndarray) -> list[tuple[int, float]]:
    """Find columns of sorted values whose upper end stands apart, and where it begins.

    The last row is the end of all rows, whether they are seen or not.
    """
    n_rows = len(values)
    first, last = int(_ENDS * n_rows), int((1 - _ENDS) * n_rows)
    inner = values[last - 1 : -1]
    width = inner - values[first]
    is_apart = (width > 0) & (values[last:] - inner > _GAP * width)
    columns = np.flatnonzero(is_apart.any(axis=0))
    rows = last + is_apart.argmax(axis=0)[columns]
    return [*zip(columns.tolist(), values[rows, columns].tolist(), strict=True)]
