"""Rows without a target: how they are told from others."""

from typing import Any, NamedTuple

import numpy as np

from skmeta.utils.unique import as_listed

__all__ = [
    "UnlabelledRows",
    "is_missing",
    "known_targets",
    "missing_cells",
    "missing_targets",
    "with_missing",
]


class UnlabelledRows(NamedTuple):
    """Rows of tasks whose targets are missing."""

    X: np.ndarray  # (n_rows, n_features); may be memory-mapped
    task: np.ndarray  # (n_rows,): task of each row
    place: np.ndarray  # bool (n_rows of the call,): which of its rows these were

    def take(self, chosen: np.ndarray) -> "UnlabelledRows":
        """Keep the rows that a mask chooses."""
        return self._replace(X=self.X[chosen], task=self.task[chosen])


def missing_targets(y: Any) -> np.ndarray | None:
    """Tell which rows have no target: NaN, None, pandas.NA or a mask in its place.

    Parameters
    ----------
    y : array-like of shape (n_rows,) or (n_rows, n_targets)
        Targets, of any type.

    Returns
    -------
    bool ndarray of shape (n_rows,) or None
        True for rows of which no target is known; None where there are none.

    Examples
    --------
    >>> from skmeta.tables.unlabelled import missing_targets
    >>> missing_targets(["cat", None, "dog"])
    array([False,  True, False])
    >>> missing_targets([1, 2, 3]) is None
    True
    """
    missing = missing_cells(y)
    if missing is None or not missing.any():
        return None
    missing = np.asarray(missing.reshape(len(missing), -1).all(axis=1))
    return missing if missing.any() else None


def missing_cells(y: Any) -> np.ndarray | None:
    """Tell which cells hold NaN, None or pandas.NA; None of types that hold none."""
    if hasattr(y, "isna"):  # of pandas
        return np.asarray(y.isna(), dtype=bool)
    try:
        values = np.asarray(y if hasattr(y, "dtype") else np.array(y, dtype=object))
    except (TypeError, ValueError):  # what is no array is refused elsewhere
        return None
    if isinstance(y, np.ma.MaskedArray):
        hidden = np.ma.getmaskarray(y)
        return hidden | np.isnan(y.data) if y.dtype.kind == "f" else hidden
    if values.dtype.kind == "f":
        return np.asarray(np.isnan(values))
    if values.dtype.kind in "mM":
        return np.asarray(np.isnat(values))
    if values.dtype.kind != "O" or not values.ndim:
        return None
    flat = [is_missing(value) for value in values.ravel()]
    return np.array(flat, dtype=bool).reshape(values.shape)


def is_missing(value: Any) -> bool:
    """Tell whether a value stands for none: NaN, None or pandas.NA."""
    try:
        return value is None or bool(value != value)
    except (TypeError, ValueError):  # pandas.NA has no truth value, nor has an array
        return not hasattr(value, "__len__")


def known_targets(y: Any, missing: np.ndarray) -> Any:
    """Return the targets that there are, of the type that they have without the others.

    Parameters
    ----------
    y : array-like of shape (n_rows,) or (n_rows, n_targets)
        Targets.
    missing : bool ndarray of shape (n_rows,)
        As :func:`missing_targets` returned it.

    Returns
    -------
    ndarray of shape (n_known,) or (n_known, n_targets)
        Integers of ``pandas.Int64``, and of lists that None has made objects of.

    Raises
    ------
    ValueError
        If there is none.
    """
    if missing.all():
        return np.empty((0, *np.shape(y)[1:]))
    if hasattr(y, "isna"):
        known = y[~missing].to_numpy()
    elif isinstance(y, np.ma.MaskedArray):
        known = y[~missing]
        return known if np.ma.is_masked(known) else known.data
    else:
        known = np.asarray(y if hasattr(y, "dtype") else np.array(y, dtype=object))
        known = known[~missing]
    return as_listed(known.tolist()) if known.dtype.kind == "O" else known


def with_missing(known: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Put known targets back among those that are missing.

    Parameters
    ----------
    known : ndarray of shape (n_known,)
        Targets that there are.
    missing : bool ndarray of shape (n_rows,)
        True for rows without one.

    Returns
    -------
    ndarray of shape (n_rows,)
        Floats with NaN, or objects with None where the known ones are no floats.
    """
    is_float = known.dtype.kind == "f"
    shape = (len(missing), *known.shape[1:])
    targets = np.full(shape, np.nan if is_float else None)
    if is_float:
        targets = targets.astype(known.dtype)
    targets[~missing] = known
    return targets
