"""Tables on disk that are used as if they were in memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from sklearn.utils import _safe_indexing

from skmeta.tables.stored.sources import ArrayRows, FileRows, RowSource

__all__ = ["Folder", "take", "transformed"]

# Rows that are in memory at once.
_AT_ONCE = 65_536


class Folder:
    """Where arrays are written that are memory-mapped afterwards.

    Parameters
    ----------
    path : str, path or None
        Where; None is a temporary folder.

    Attributes
    ----------
    keeper : object or None
        The temporary folder, which goes when this goes.
    """

    def __init__(self, path: Any = None):
        self.keeper = None
        if path is None:
            self.keeper = tempfile.TemporaryDirectory(
                prefix="skmeta-", ignore_cleanup_errors=True
            )
            path = self.keeper.name
        self.path = Path(path)
        self.path.mkdir(parents=True, exist_ok=True)

    def array(self, name: str, shape: tuple[int, ...], dtype: Any) -> _Written:
        """Begin an array, to be written from its first row to the last."""
        return _Written(self.path / f"{name}.npy", shape, np.dtype(dtype))


class _Written:
    """An array whose rows come one block after the other.

    They are written and not mapped, for mapped pages count for the process's memory.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: np.dtype):
        self._path, self._shape, self._dtype = path, shape, dtype
        self._file: BinaryIO = path.open("wb")
        header = {
            "descr": np.lib.format.dtype_to_descr(dtype),
            "fortran_order": False,
            "shape": shape,
        }
        np.lib.format.write_array_header_2_0(self._file, header)
        self.n_rows = 0

    def append(self, rows: Any) -> None:
        """Write some rows."""
        rows = np.ascontiguousarray(rows, dtype=self._dtype)
        self.n_rows += len(rows)
        self._file.write(rows.reshape(-1).view(np.uint8).data)

    def finish(self) -> np.ndarray:
        """Return the array, memory-mapped.

        Raises
        ------
        OSError
            If more or fewer rows have come than there were to be.
        """
        self._file.close()
        if self.n_rows != self._shape[0]:
            raise OSError(
                f"There were to be {self._shape[0]:,} rows, and {self.n_rows:,} have "
                "been read: the files have changed while they were read. Read them "
                "again when nobody writes to them."
            )
        if not np.prod(self._shape):  # which cannot be mapped
            return np.empty(self._shape, self._dtype)
        return np.load(self._path, mmap_mode="r+")


def _source(X: Any) -> RowSource:
    return FileRows(X) if FileRows.can_read(X) else ArrayRows(X)


def take(X: Any, rows: np.ndarray, name: str = "features") -> tuple[Any, Any]:
    """Pick rows of a table, in ascending order; what is on disk stays on disk.

    Parameters
    ----------
    X : array-like or DataFrame
        Table.
    rows : int ndarray
        Rows.
    name : str, default="features"
        Of the file.

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
    folder, source = Folder(), _source(X)
    table = folder.array(name, (len(rows), *X.shape[1:]), X.dtype)
    for start in range(0, len(rows), _AT_ONCE):
        table.append(source[rows[start : start + _AT_ONCE]])
    return table.finish(), folder.keeper


def transformed(transformer: Any, X: np.memmap) -> tuple[np.ndarray, Any]:
    """Transform a memory-mapped table, block by block, to another one.

    Returns
    -------
    table : memmap of shape (n_rows, n_columns)
        What the transformer makes of it.
    keeper : object
        Its temporary folder.
    """
    folder, source, table = Folder(), _source(X), None
    blocks: Iterable[int] = range(0, len(X), _AT_ONCE)
    for start in blocks:
        rows = np.asarray(transformer.transform(source[start : start + _AT_ONCE]))
        if table is None:
            table = folder.array("features", (len(X), *rows.shape[1:]), rows.dtype)
        table.append(rows)
    assert table is not None  # of many rows
    return table.finish(), folder.keeper
