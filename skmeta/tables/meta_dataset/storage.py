"""Tables on disk that are used as if they were in memory."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing

__all__ = ["make_table", "take"]

# Rows that are in memory at once.
_AT_ONCE = 65_536


def make_table(
    folder: Any, n_rows: int, n_columns: int, dtype: np.dtype
) -> tuple[np.ndarray, Any]:
    """Make a memory-mapped table to be written.

    Parameters
    ----------
    folder : str, path or None
        Where; None is a temporary folder.
    n_rows, n_columns : int
        Its shape.
    dtype : dtype
        Of its numbers.

    Returns
    -------
    table : memmap of shape (n_rows, n_columns)
        Zeros.
    keeper : object or None
        The temporary folder, which goes when this goes.
    """
    keeper = None
    if folder is None:
        keeper = tempfile.TemporaryDirectory(
            prefix="skmeta-", ignore_cleanup_errors=True
        )
        folder = keeper.name
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "features.npy"
    if not n_rows:  # which cannot be mapped
        return np.empty((0, n_columns), dtype), keeper
    return np.lib.format.open_memmap(path, "w+", dtype, (n_rows, n_columns)), keeper


def take(X: Any, rows: np.ndarray) -> tuple[Any, Any]:
    """Pick rows of a table, in ascending order; what is on disk stays on disk.

    Parameters
    ----------
    X : array-like or DataFrame
        Table.
    rows : int ndarray
        Rows.

    Returns
    -------
    table : array-like or DataFrame
        A view of a memory-mapped table where the rows stand together, and else another
        memory-mapped table.
    keeper : object or None
        Its temporary folder, if it has one of its own.
    """
    if not isinstance(X, np.memmap):
        return _safe_indexing(X, rows), None
    if len(rows) and rows[-1] - rows[0] + 1 == len(rows):
        return X[rows[0] : rows[-1] + 1], None
    table, keeper = make_table(None, len(rows), X.shape[1], X.dtype)
    for start in range(0, len(rows), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        table[part] = X[rows[part]]
    return table, keeper
