"""Rows of Parquet files, in their order, a batch at a time."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from skmeta.tables.arrow import (
    arrow,
    decoded,
    is_text,
    like,
    open_parquet,
    read_rows,
    refuse_unlike,
    row_groups,
)

__all__ = [
    "Rest",
    "Source",
    "group_kind",
    "names_of",
    "rechunked",
    "targets_of",
]


class Source:
    """A Parquet file, or all of a folder; partitions by Hive's names are columns.

    Parameters
    ----------
    path : str, path-like or list of them
        File or files, or a folder.

    Attributes
    ----------
    schema : pyarrow.Schema
        Of all columns.
    n_rows : int
        Rows of all files.

    Raises
    ------
    ValueError
        If there is no such file, or if one is no Parquet.
    """

    def __init__(self, path: Any):
        self._pa = arrow()
        paths = [path] if isinstance(path, (str, os.PathLike)) else [*path]
        self.name = ", ".join(os.fspath(each) for each in paths)
        for each in paths:
            if not os.path.exists(each):
                raise ValueError(f"There is no file or folder {os.fspath(each)!r}.")
        given = [os.fspath(each) for each in paths]
        try:
            files, self._unlike = open_parquet(given[0] if len(given) == 1 else given)
            self._groups = row_groups(files)
            sizes = [group.row_groups[0].num_rows for group in self._groups]
        except (self._pa.ArrowException, OSError) as error:
            first = str(error).splitlines()[0]
            raise ValueError(
                f"{self.name!r} cannot be read as Parquet: {first}"
            ) from error
        self.schema = files.schema
        self._files = [*files.files]
        self._read = [Path(os.path.realpath(each)) for each in given]
        self._first = np.cumsum([0, *sizes])
        self.n_rows = int(self._first[-1])
        if not self.n_rows:
            raise ValueError(f"There is no row in {self.name!r}.")

    def check(self, columns: Sequence[str]) -> None:
        """Refuse columns that are not there, in one of the files perhaps.

        Raises
        ------
        ValueError
            With the names that are most like those asked for; or if one is of several
            kinds.
        """
        there = self.schema.names
        for name in columns:
            if name not in there:
                hint = like(name, there)
                raise ValueError(f"{self.name!r} has no column {name!r}. {hint}")
        refuse_unlike(columns, self._unlike)
        # A column that a file lacks would come as gaps.
        keys = {*self._partition_keys()}
        for group in self._groups:
            lost = {*columns} - {*group.physical_schema.names} - keys
            if lost:
                raise ValueError(f"{group.path!r} has no columns {sorted(lost)}.")

    def check_apart(self, out: Path) -> None:
        """Refuse to write to a file that is read, or into a folder that is.

        Raises
        ------
        ValueError
            With the file or folder that is read.
        """
        place = Path(os.path.realpath(out))
        for read in self._read:
            if read in (place, *place.parents):
                raise ValueError(
                    f"{str(out)!r} would be written among the rows that are read, "
                    f"which are {str(read)!r}. Name a place outside of it."
                )

    def _partition_keys(self) -> Iterator[str]:
        for file in self._files:
            for part in Path(file).parts[:-1]:
                key, is_set, _ = part.partition("=")
                if is_set:
                    yield key

    def fingerprint(self) -> str:
        """Return a checksum of names, sizes, times and footers of the files.

        A footer has the sizes and ranges of all columns.
        """
        sums = hashlib.sha256()
        root = os.path.commonpath([os.path.dirname(each) for each in self._files])
        for name in self._files:
            about = os.stat(name)
            with open(name, "rb") as file:
                file.seek(max(0, about.st_size - 8))
                size = int.from_bytes(file.read(4), "little") + 8
                file.seek(max(0, about.st_size - size))
                footer = file.read()
            told = (os.path.relpath(name, root), about.st_size, about.st_mtime_ns)
            sums.update(repr(told).encode())
            sums.update(hashlib.sha256(footer).digest())
        return sums.hexdigest()

    def batches(self, columns: Sequence[str], start: int = 0) -> Iterator[Any]:
        """Yield record batches of some columns, in the order of the rows.

        Parameters
        ----------
        columns : sequence of str
            Names.
        start : int, default=0
            Row to begin with.
        """
        at = int(np.searchsorted(self._first[1:], start, side="right"))
        skip = start - int(self._first[at])
        return read_rows(self._groups[at:], self.schema, columns, skip)


class Rest:
    """What is left of record batches, to be taken by numbers of rows.

    Parameters
    ----------
    batches : iterator of pyarrow.RecordBatch
        All of them.
    """

    def __init__(self, batches: Iterator[Any]):
        self._batches = batches
        self._begun: Any = None

    def take(self, n_rows: int) -> Iterator[Any]:
        """Yield record batches of so many rows together.

        Raises
        ------
        ValueError
            If there are fewer.
        """
        while n_rows:
            batch = (
                self._begun if self._begun is not None else next(self._batches, None)
            )
            if batch is None:
                raise ValueError("Rows have gone from the files since they were read.")
            self._begun = batch.slice(n_rows) if len(batch) > n_rows else None
            batch = batch.slice(0, n_rows)
            n_rows -= len(batch)
            yield batch


def rechunked(batches: Iterable[Any], n_rows: int) -> Iterator[Any]:
    """Join record batches, and cut them into tables of so many rows, the last of less.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch
        Of one schema.
    n_rows : int
        Rows of a table.
    """
    pa = arrow()
    waiting: list[Any] = []
    n_waiting = 0
    for batch in batches:
        waiting.append(batch)
        n_waiting += len(batch)
        while n_waiting >= n_rows:
            over = n_waiting - n_rows
            rest = waiting[-1].slice(len(waiting[-1]) - over)
            waiting[-1] = waiting[-1].slice(0, len(waiting[-1]) - over)
            yield pa.Table.from_batches(waiting)
            waiting, n_waiting = [rest], over
    if n_waiting:
        yield pa.Table.from_batches(waiting)


def group_kind(schema: Any, name: str) -> str:
    """Tell what groups are: "integer", "text" or "float".

    Raises
    ------
    ValueError
        If they are something else.
    """
    pa = arrow()
    kind = schema.field(name).type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_integer(kind):
        return "integer"
    if pa.types.is_floating(kind):
        return "float"
    if is_text(kind):
        return "text"
    raise ValueError(
        f"Column {name!r} holds {kind}, and names of tasks are integers, text or "
        "floats here: write them as one of these."
    )


def names_of(column: Any, kind: str, name: str) -> Any:
    """Return groups in the one type that a kind has, without gaps.

    Parameters
    ----------
    column : pyarrow.Array
        Groups.
    kind : {"integer", "text", "float"}
        What the groups of the tasks are.
    name : str
        Of the column, for errors.

    Returns
    -------
    pyarrow.Array
        Of int64, large_string or float64.

    Raises
    ------
    ValueError
        If a group is missing, or none of this kind.
    """
    pa = arrow()
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    of = {"integer": pa.int64(), "text": pa.large_string(), "float": pa.float64()}[kind]
    try:
        names = column.cast(of)
    except pa.ArrowInvalid as error:
        raise ValueError(
            f"Column {name!r} holds groups that are no {kind}: {error}"
        ) from error
    lost = names.null_count
    if kind == "float" and not lost:
        lost = int(np.isnan(names.to_numpy(zero_copy_only=False)).sum())
    if lost:
        raise ValueError(
            f"groups contains NaN: column {name!r} lacks a value in {lost} of "
            f"{len(names)} rows. Every row needs a task: drop the rows without."
        )
    return names


def targets_of(table: Any, names: Sequence[str]) -> Any:
    """Return targets as a call in memory would be given them; gaps are None or NaN."""
    columns = [_target(table.column(name)) for name in names]
    if len(columns) == 1:
        return columns[0]
    return np.column_stack(columns)


def _target(column: Any) -> np.ndarray:
    pa = arrow()
    column = decoded(column)
    if column.null_count and not pa.types.is_floating(column.type):
        return np.array([*column.to_pylist(), None], dtype=object)[:-1]
    return column.to_numpy()
