"""Tasks out of Parquet files, a batch of rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from skmeta.tables.arrow import (
    arrow,
    columns_of,
    decoded,
    frame_of,
    like,
    open_parquet,
    read_rows,
    refuse_unlike,
    row_groups,
)
from skmeta.tables.meta_dataset.storage import Folder
from skmeta.tables.stored.index import Runs, TaskIndex
from skmeta.tables.stored.rows import are_many
from skmeta.tables.targets import one_or_several

__all__ = ["read", "read_arrow"]

# Numbers that float32 holds exactly.
_SHORT = ("bool", "int8", "int16", "uint8", "uint16", "halffloat", "float")


def read(path: Any, *parts: Any) -> tuple:
    """Read the parts of a meta-dataset; see :meth:`MetaDataset.from_parquet`."""
    files, unlike = open_parquet(path)
    return _read(files, unlike, f" in {path}", *parts)


def read_arrow(table: Any, *parts: Any) -> tuple:
    """Read the parts of a meta-dataset; see :meth:`MetaDataset.from_arrow`."""
    pa = arrow()
    if isinstance(table, pa.dataset.Dataset):
        return _read(table, {}, "", *parts)
    if not isinstance(table, (pa.Table, pa.RecordBatch)):
        if not hasattr(table, "__arrow_c_stream__"):
            raise TypeError(
                "from_arrow takes a table or a dataset of pyarrow, or what gives "
                f"itself as such a table, and no {type(table).__name__}."
            )
        table = pa.table(table)  # a frame of pandas or polars, for example
    return _read(pa.dataset.dataset(table), {}, "", *parts)


def _read(
    files: Any,
    unlike: dict[str, str],
    where: str,
    target: str,
    groups: str,
    columns: Sequence[str] | None,
    support: str | None,
    preprocessor: Any,
    folder: Any,
) -> tuple:
    about = [target, groups, *([] if support is None else [support])]
    columns = _features_of(files.schema, columns, about)
    refuse_unlike([*columns, *about], unlike)
    if preprocessor is None:
        _check_numbers(files.schema, columns)
    n_rows = files.count_rows()
    if not n_rows:
        raise ValueError(f"There is no row{where}.")
    where_to = Folder(folder)
    write = partial(_write_features, files, columns, preprocessor, where_to, n_rows)
    if are_many(n_rows):  # else targets and tasks are as small as nothing
        index, y, in_support = _about_on_disk(files, where_to, *about)
        X, _ = write([])
        names, task = index.names, index
    else:
        X, beside = write(about)
        y = _targets(beside, target)
        names, task = _encode(beside, groups)
        in_support = None if support is None else _values(beside, support)
    if in_support is not None and in_support.dtype != bool:
        raise ValueError(f"Column {support!r} must hold True and False only.")
    named = columns if preprocessor is None and columns else None
    return X, y, names, task, in_support, where_to.keeper, named


def _features_of(
    schema: Any, columns: Sequence[str] | None, about: Sequence[str]
) -> list[str]:
    """Return the columns to learn from: those that are asked for, or all others.

    Raises
    ------
    ValueError
        If a column is not there, or if one is the target and something else.
    """
    target, _, *support = about
    for name in about:
        if not isinstance(name, str):
            raise ValueError(
                f"target, groups and support name one column each, not {name!r}. Of "
                "several targets make a MetaDataset(X, y, groups) of arrays."
            )
    if isinstance(columns, str):
        columns = [columns]
    if columns is None:
        columns = [name for name in columns_of(schema) if name not in about]
    _check_names([*columns, *about], schema.names)
    if target in (*support, *columns):  # groups of a pool of classes are its labels
        raise ValueError(
            f"{target!r} cannot be learnt: tasks are learnt from it, or it says which "
            "rows are support."
        )
    return [*columns]


def _about_on_disk(
    files: Any, folder: Folder, target: str, groups: str, support: str | None = None
) -> tuple[TaskIndex, np.ndarray, np.ndarray | None]:
    """Number the tasks, and write targets and supports to files."""

    def write(column: str, to: str) -> np.ndarray:
        return _column_on_disk(lambda: _batches(files, [column]), column, folder, to)

    index = _index(lambda: _batches(files, [groups]), groups)
    y = write(target, "targets")
    return index, y, None if support is None else write(support, "support")


def _write_features(
    files: Any,
    columns: list[str],
    preprocessor: Any,
    folder: Folder,
    n_rows: int,
    about: Sequence[str],
) -> tuple[np.ndarray, list[Any]]:
    """Write features to a file; return them, and batches of what is read beside."""
    short = all(str(files.schema.field(name).type) in _SHORT for name in columns)
    X: Any = None
    beside = []
    for batch in _batches(files, list(dict.fromkeys([*columns, *about]))):
        if preprocessor is None:
            numbers = [_numbers(batch.column(name)) for name in columns]
            rows = np.column_stack(numbers) if columns else np.empty((len(batch), 0))
        else:
            frame = frame_of(batch.select(columns))
            rows = np.asarray(preprocessor.transform(frame))
        if X is None:
            dtype = np.float32 if short and preprocessor is None else np.float64
            X = folder.array("features", (n_rows, rows.shape[1]), dtype)
        X.append(rows)
        if about:
            beside.append(batch.select(list(dict.fromkeys(about))))
    return X.finish(), beside


def _index(batches: Callable[[], Iterator], name: str) -> TaskIndex:
    """Number the tasks by one column, without a name for each row."""

    def runs() -> Iterator[Runs]:
        for batch in batches():
            column = batch.column(name).dictionary_encode()
            _refuse_without_task(column, name)
            starts, code, n_rows = Runs.of(column.indices.to_numpy())
            given = column.dictionary.to_numpy(zero_copy_only=False)
            yield Runs(starts, given[code], n_rows)

    return TaskIndex.of_runs(runs)


def _column_on_disk(
    batches: Callable[[], Iterator], name: str, folder: Folder, to: str
) -> np.ndarray:
    """Write a column to a file; words with room for the longest of them."""
    pa = arrow()

    def parts() -> Iterator[np.ndarray]:
        for batch in batches():
            column = batch.column(name)
            if column.null_count:
                raise _lacking(column.null_count, len(column), name)
            column = decoded(column)
            if pa.types.is_decimal(column.type):
                column = column.cast(pa.float64())
            part = column.to_numpy(zero_copy_only=False)
            yield part.astype(str) if part.dtype.kind == "O" else part

    dtypes, n_rows = set(), 0
    for part in parts():
        dtypes.add(part.dtype)
        n_rows += len(part)
    written = folder.array(to, (n_rows,), np.result_type(*dtypes))
    for part in parts():
        written.append(part)
    return written.finish()


def _batches(files: Any, columns: list[str]) -> Iterator:
    """Yield the rows of all files, of one row group after the other.

    Raises
    ------
    OSError
        If a file has gone, or cannot be read.
    """
    try:
        yield from read_rows(row_groups(files), files.schema, columns)
    except OSError as error:
        raise OSError(
            f"The table cannot be read to its end: {error}. Files must stay as they "
            "are until all of them are read."
        ) from error


def _check_names(named: Sequence[str], there: Sequence[str]) -> None:
    for name in named:
        if name not in there:
            raise ValueError(f"No column {name!r}. {like(name, there)}")


def _check_numbers(schema: Any, columns: Sequence[str]) -> None:
    pa = arrow()

    def is_number(kind: Any) -> bool:
        tests = (
            pa.types.is_integer,
            pa.types.is_floating,
            pa.types.is_boolean,
            pa.types.is_decimal,
        )
        return any(test(kind) for test in tests)

    others = {
        name: str(schema.field(name).type)
        for name in columns
        if not is_number(schema.field(name).type)
    }
    if others:
        raise ValueError(
            f"Columns that are no numbers: {others}. Leave them out by columns=, or "
            "pass preprocessor=, such as a fitted skmeta.make_preprocessor()."
        )


def _numbers(column: Any) -> np.ndarray:
    pa, kind = arrow(), column.type
    if pa.types.is_boolean(kind):
        column = column.cast(pa.int8())
    elif pa.types.is_decimal(kind):
        column = column.cast(pa.float64())
    # A column with gaps comes as floats with NaN, of which the estimators tell.
    return column.to_numpy(zero_copy_only=False)


def _values(batches: list, name: str) -> np.ndarray:
    column = _joined(batches, name)
    if column.null_count:
        raise _lacking(column.null_count, len(column), name)
    return decoded(column).to_numpy()


def _targets(batches: list, name: str) -> np.ndarray:
    """Return targets as a meta-dataset in memory has them; gaps are NaN or None."""
    column = decoded(_joined(batches, name))
    if not column.null_count or arrow().types.is_floating(column.type):
        return column.to_numpy()
    given = np.empty(len(column), dtype=object)
    given[:] = column.to_pylist()
    return one_or_several(given)


def _joined(batches: list, name: str) -> Any:
    return arrow().chunked_array([batch.column(name) for batch in batches])


def _lacking(n_lost: int, n_rows: int, name: str) -> ValueError:
    return ValueError(
        f"Column {name!r} lacks {n_lost} of {n_rows} values. Every row needs one: drop "
        "the rows without."
    )


def _refuse_without_task(column: Any, name: str) -> None:
    lost = column.null_count
    if not lost and arrow().types.is_floating(column.type.value_type):
        chunks = getattr(column, "chunks", [column])
        lost = sum(int(_without_name(each).sum()) for each in chunks)
    if lost:
        raise ValueError(
            f"groups contains NaN: column {name!r} lacks {lost} of {len(column)} "
            "values. Every row needs a task."
        )


def _without_name(column: Any) -> np.ndarray:
    """Tell which values of a dictionary's column are NaN."""
    is_nan = np.isnan(column.dictionary.to_numpy(zero_copy_only=False))
    found: np.ndarray = is_nan[column.indices.to_numpy()]
    return found


def _encode(batches: list, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Number the tasks in the order of their names, without a name per row."""
    parts = [batch.column(name).dictionary_encode() for batch in batches]
    column = arrow().chunked_array(parts).unify_dictionaries()
    _refuse_without_task(column, name)
    codes = np.concatenate([part.indices.to_numpy() for part in column.chunks])
    given = column.chunk(0).dictionary.to_numpy(zero_copy_only=False)
    names, place = np.unique(given, return_inverse=True)
    there, task = np.unique(place[codes], return_inverse=True)
    return names[there], task
