"""Rows put in buckets on disk: a sort by numbers in a fixed amount of memory."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from skmeta.tables.arrow import arrow
from skmeta.utils.files import sync_folder

__all__ = ["Buckets", "hashes", "read_bucket"]

# Bytes of rows that wait to be written.
_WAITING = 2**26


class Buckets:
    """Streams of Arrow in a folder, one for each bucket, in the order rows came.

    Parameters
    ----------
    folder : Path
        Made anew; what was there is gone.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self._pa = arrow()
        self._waiting: list[tuple[Any, np.ndarray]] = []
        self._n_bytes = 0
        self._n_rows = np.zeros(0, dtype=np.int64)

    def add(self, batch: Any, bucket: np.ndarray) -> None:
        """Put the rows of a record batch into buckets, by the number of each."""
        self._waiting.append((batch, bucket))
        self._n_bytes += batch.get_total_buffer_size()
        if self._n_bytes > _WAITING:
            self._write()

    def close(self) -> list[int]:
        """Write what waits, see that it lasts, and count the rows of each bucket."""
        self._write()
        for path in self.folder.iterdir():
            with open(path, "rb+") as file:
                os.fsync(file.fileno())
        sync_folder(self.folder)
        return self._n_rows.tolist()

    def _write(self) -> None:
        if not self._waiting:
            return
        pa = self._pa
        batches, numbers = zip(*self._waiting, strict=True)
        self._waiting, self._n_bytes = [], 0
        table, bucket = pa.Table.from_batches(batches), np.concatenate(numbers)
        order = np.argsort(bucket, kind="stable")
        table = table.take(pa.array(order)).combine_chunks()
        n_rows = np.bincount(bucket, minlength=len(self._n_rows))
        self._n_rows = np.pad(self._n_rows, (0, len(n_rows) - len(self._n_rows)))
        self._n_rows += n_rows
        ends = np.cumsum(n_rows)
        for number in np.flatnonzero(n_rows).tolist():
            part = table.slice(ends[number] - n_rows[number], n_rows[number])
            with (
                open(_path(self.folder, number), "ab") as file,
                pa.ipc.new_stream(file, part.schema, options=_options()) as stream,
            ):
                stream.write_table(part)

    @staticmethod
    def remove(folder: Path) -> None:
        """Remove all buckets."""
        shutil.rmtree(folder)


def _path(folder: Path, number: int) -> Path:
    return folder / f"{number:06d}.arrows"


def read_bucket(folder: Path, number: int) -> Iterator[Any]:
    """Yield the record batches of a bucket, in the order rows came."""
    pa = arrow()
    path = _path(folder, number)
    if not path.exists():
        return
    with open(path, "rb") as file:
        n_bytes = path.stat().st_size
        while file.tell() < n_bytes:  # each writing left a stream of its own
            yield from pa.ipc.open_stream(file)


def _options() -> Any:
    pa = arrow()
    kind = "lz4" if pa.Codec.is_available("lz4") else None
    return pa.ipc.IpcWriteOptions(compression=kind)


def hashes(names: Any) -> np.ndarray:
    """Give each name of a task a number of 64 bits, the same on every machine.

    Parameters
    ----------
    names : pyarrow.Array
        Of int64, float64 or large_string, without gaps.

    Returns
    -------
    uint64 ndarray of shape (n_rows,)
        Numbers: a part of the BLAKE2 of words, the splitmix64 of others, which takes
        no two for one.
    """
    pa = arrow()
    if pa.types.is_large_string(names.type):
        coded = names.dictionary_encode()
        words = coded.dictionary.to_pylist()
        sums = b"".join(
            blake2b(word.encode(), digest_size=8).digest() for word in words
        )
        return np.frombuffer(sums, dtype="<u8")[coded.indices.to_numpy()]
    values = names.to_numpy(zero_copy_only=False)
    if values.dtype.kind == "f":
        values = values + 0.0  # -0.0 is 0.0
    return _mixed(values.view(np.uint64))


def _mixed(values: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        values = values + np.uint64(0x9E3779B97F4A7C15)
        values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return values ^ (values >> np.uint64(31))
