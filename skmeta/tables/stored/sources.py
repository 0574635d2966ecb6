"""Arrays whose rows are read, or computed, when they are asked for.

They are indexed by slices and by arrays of row numbers, as numpy's are, and give numpy
arrays. So what takes rows out of a table need not know where the table is.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import numpy as np

from skmeta.utils.ahead import one_ahead

__all__ = [
    "ArrayRows",
    "FileRows",
    "RowNumbers",
    "RowSource",
    "by_rows",
    "read_in_blocks",
]

# Numbers of a table that are in memory at once.
_AT_ONCE = 2**22

# Bytes between two rows below which they are read together: to copy them costs as much
# as another call of the operating system.
_GAP = 2**14

# Bytes of rows and of what lies between them that are in memory at once.
_BYTES_AT_ONCE = 2**25

# Rows that are compared with what is mapped, to tell whether a file is still the same.
_COMPARED = 16


class RowSource(ABC):
    """An array of rows that are not in memory.

    Attributes
    ----------
    shape : tuple of int
        As of an array.
    dtype : dtype
        Of what is read.
    """

    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        """Read rows: a slice of them, or those with some numbers, of any shape."""
        if isinstance(rows, slice):
            start, stop, step = rows.indices(len(self))
            if step == 1:
                return self._run(start, max(start, stop))
            rows = np.arange(start, stop, step)
        return self._rows(np.asarray(rows))

    @abstractmethod
    def _run(self, start: int, stop: int) -> np.ndarray:
        """Read rows that stand together."""

    @abstractmethod
    def _rows(self, rows: np.ndarray) -> np.ndarray:
        """Read rows by their numbers."""

    def astype(self, dtype: Any) -> RowSource:
        """Return the same rows as numbers of another type."""
        return _Computed(lambda values: values.astype(dtype, copy=False), self)

    def fingerprint(self) -> str:
        """Tell in short what is in all rows, of one block after the other."""
        found = hashlib.sha256(f"{self.shape} {self.dtype}".encode())
        for _, block in read_in_blocks(len(self), self):
            if block.dtype.hasobject:
                found.update(repr(block.tolist()).encode())
            else:
                found.update(np.ascontiguousarray(block).view(np.uint8).data)
        return found.hexdigest()


class ArrayRows(RowSource):
    """Rows of an array, for those that take rows of a source.

    Parameters
    ----------
    array : ndarray of shape (n_rows, ...)
        In memory, or memory-mapped.
    """

    def __init__(self, array: np.ndarray):
        self.array = array
        self.shape, self.dtype = array.shape, array.dtype

    def _run(self, start: int, stop: int) -> np.ndarray:
        return np.asarray(self.array[start:stop])

    def _rows(self, rows: np.ndarray) -> np.ndarray:
        return np.asarray(self.array[rows])


class FileRows(RowSource):
    """Rows of a memory-mapped array, read by calls of the operating system.

    Pages of a mapped file that are looked at stay in the process's memory, and a file
    that has become shorter kills the process. What is read does neither.

    Parameters
    ----------
    array : memmap of shape (n_rows, ...)
        Contiguous, in the order of its file; it may be a run of rows of a larger one.

    Raises
    ------
    OSError
        If the file is not there any more, or if another one is in its place.
    """

    def __init__(self, array: np.memmap):
        self.shape, self.dtype = array.shape, array.dtype
        self.path = os.fspath(array.filename)  # type: ignore[arg-type]
        self._start = _start_of(array)
        self._row_bytes = array.dtype.itemsize * int(np.prod(array.shape[1:]))
        self._descriptor = os.open(self.path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._descriptor)
        self._as_opened = self._state()
        self._check_is_mapped(array)

    @staticmethod
    def can_read(array: Any) -> bool:
        """Tell whether an array is what its file holds."""
        return (
            hasattr(os, "preadv")
            and isinstance(array, np.memmap)
            and isinstance(array.filename, str | os.PathLike)
            and os.path.isfile(array.filename)  # its name may have gone
            and array.mode != "c"  # changes of it are in memory alone
            and bool(array.flags.c_contiguous)
            and array.dtype.isnative
            and array.size > 0
        )

    def _check_is_mapped(self, array: np.memmap) -> None:
        """Refuse a file that has replaced the mapped one, which goes by the name."""
        mapped: Any = array._mmap  # type: ignore[attr-defined]
        rows = np.linspace(0, len(self) - 1, _COMPARED).astype(np.int64)
        if (
            mapped.size() != self._as_opened[0]
            or self[rows].tobytes() != np.asarray(array[rows]).tobytes()
        ):
            raise OSError(
                f"{self.path} is another file than the one that was mapped: it has "
                "been replaced since. Map it again, by np.load(path, mmap_mode='r') or "
                "np.memmap."
            )

    def _state(self) -> tuple[int, int]:
        now = os.fstat(self._descriptor)
        return now.st_size, now.st_mtime_ns

    def _run(self, start: int, stop: int) -> np.ndarray:
        found = np.empty((stop - start, *self.shape[1:]), self.dtype)
        self._check_unchanged()
        self._fill(found, start)
        return found

    def _rows(self, rows: np.ndarray) -> np.ndarray:
        flat = rows.ravel().astype(np.int64, copy=False)
        if not len(flat):
            return np.empty((*rows.shape, *self.shape[1:]), self.dtype)
        order = np.argsort(flat, kind="stable")
        wanted = flat[order]
        if wanted[0] < 0 or wanted[-1] >= len(self):
            raise IndexError(f"There are {len(self)} rows, 0 .. {len(self) - 1}.")
        self._check_unchanged()
        found = np.empty((len(flat), *self.shape[1:]), self.dtype)
        found[order] = self._sorted(wanted)
        return found.reshape(*rows.shape, *self.shape[1:])

    def _sorted(self, wanted: np.ndarray) -> np.ndarray:
        """Read rows by their ascending numbers, those near each other together."""
        apart = np.diff(wanted) > max(1, _GAP // max(1, self._row_bytes))
        begin = np.append(0, np.flatnonzero(apart) + 1)
        end = np.append(begin[1:], len(wanted)) - 1
        first, sizes = wanted[begin], wanted[end] - wanted[begin] + 1  # of the runs
        n_read = int(sizes.sum())
        if n_read * self._row_bytes > _BYTES_AT_ONCE and n_read > 2 * len(wanted):
            halves = np.array_split(wanted, 2)
            return np.concatenate([self._sorted(half) for half in halves])
        place = np.cumsum(sizes) - sizes
        read = np.empty((n_read, *self.shape[1:]), self.dtype)
        for row, at, size in zip(
            first.tolist(), place.tolist(), sizes.tolist(), strict=True
        ):
            self._fill(read[at : at + size], row)
        return read[wanted + np.repeat(place - first, end - begin + 1)]

    def _fill(self, rows: np.ndarray, first: int) -> None:
        """Read as many rows as there is room for, from one on."""
        room = memoryview(rows.reshape(-1).view(np.uint8))  # type: ignore[arg-type]
        position = self._start + first * self._row_bytes
        while len(room):
            n_bytes = os.preadv(self._descriptor, [room], position)
            if not n_bytes:
                raise self._changed()
            room, position = room[n_bytes:], position + n_bytes

    def _check_unchanged(self) -> None:
        if self._state() != self._as_opened:
            raise self._changed()

    def _changed(self) -> OSError:
        return OSError(
            f"{self.path} has changed while it was learnt from: another size, or "
            "written to. What has been read of it does not belong together; call fit "
            "again when nobody writes to it."
        )


class RowNumbers(RowSource):
    """The number of each row, for what depends on it."""

    dtype = np.dtype(np.int64)

    def __init__(self, n_rows: int):
        self.shape = (n_rows,)

    def _run(self, start: int, stop: int) -> np.ndarray:
        return np.arange(start, stop)

    def _rows(self, rows: np.ndarray) -> np.ndarray:
        return rows


class _Computed(RowSource):
    """What a function makes of the rows of sources, read at the same places."""

    def __init__(self, function: Callable[..., np.ndarray], *sources: RowSource):
        self._function, self._sources = function, sources

    @cached_property
    def _one(self) -> np.ndarray:
        return self[:1]

    @property
    def shape(self) -> tuple[int, ...]:  # type: ignore[override]
        return (len(self._sources[0]), *self._one.shape[1:])

    @property
    def dtype(self) -> np.dtype:  # type: ignore[override]
        return self._one.dtype

    def __len__(self) -> int:
        return len(self._sources[0])

    def _run(self, start: int, stop: int) -> np.ndarray:
        return self._function(*(each[start:stop] for each in self._sources))

    def _rows(self, rows: np.ndarray) -> np.ndarray:
        found = self._function(*(each[rows.ravel()] for each in self._sources))
        return found.reshape(*rows.shape, *found.shape[1:])


def by_rows(function: Callable[..., np.ndarray], *arrays: Any) -> Any:
    """Compute something of each row: now, or when rows on disk are read.

    Parameters
    ----------
    function : callable
        Of as many arrays of rows; what it makes of a row depends on that row alone.
    *arrays : ndarray or RowSource, each of shape (n_rows, ...)
        What it is given.

    Returns
    -------
    ndarray or RowSource of shape (n_rows, ...)
        A source if one of the arrays is one.

    Examples
    --------
    >>> import numpy as np
    >>> from skmeta.tables.stored.sources import ArrayRows, by_rows
    >>> by_rows(np.square, np.array([1, 2, 3]))
    array([1, 4, 9])
    >>> by_rows(np.square, ArrayRows(np.array([1, 2, 3])))[np.array([2, 0])]
    array([9, 1])
    """
    if not any(isinstance(each, RowSource) for each in arrays):
        return function(*arrays)
    sources = [e if isinstance(e, RowSource) else ArrayRows(e) for e in arrays]
    return _Computed(function, *sources)


def _start_of(array: np.memmap) -> int:
    """Return where the first number of a mapped array stands in its file."""
    mapped: Any = array._mmap  # type: ignore[attr-defined]
    offset = array.offset
    of_map = offset - offset % mmap.ALLOCATIONGRANULARITY
    return of_map + array.ctypes.data - np.frombuffer(mapped, np.uint8).ctypes.data


def read_in_blocks(
    n_rows: int, *sources: Any, n_columns: int = 1
) -> Iterator[tuple[slice, Any]]:
    """Read the rows of sources block by block, one of them ahead.

    Parameters
    ----------
    n_rows : int
        Rows of each.
    *sources : RowSource or ndarray of shape (n_rows, ...)
        What is read.
    n_columns : int, default=1
        Numbers in a row; there are at most some four million in a block.

    Yields
    ------
    part : slice
        Where the block stands.
    block : ndarray, or a tuple of them
        Of the only source, or of each.
    """
    at_once = max(1, _AT_ONCE // max(1, n_columns))

    def read() -> Iterator[tuple[slice, Any]]:
        for start in range(0, n_rows, at_once):
            part = slice(start, min(start + at_once, n_rows))
            blocks = tuple(each[part] for each in sources)
            yield part, blocks[0] if len(blocks) == 1 else blocks

    return one_ahead(read())
