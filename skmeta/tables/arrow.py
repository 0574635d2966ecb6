"""Rows of Arrow's tables and of Parquet files, in their order, a batch at a time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import Any

__all__ = [
    "arrow",
    "columns_of",
    "decoded",
    "frame_of",
    "is_text",
    "like",
    "open_parquet",
    "pandas_of",
    "read_rows",
    "refuse_unlike",
    "row_groups",
    "unpacked",
    "with_names",
]

# Rows that are read at once.
_AT_ONCE = 65_536


def arrow() -> Any:
    """Return pyarrow, or say how it is installed.

    Raises
    ------
    ImportError
        If it is not.
    """
    try:
        import pyarrow
        import pyarrow.compute
        import pyarrow.dataset
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError(
            "Parquet files are read by pyarrow, which is not installed: "
            "pip install 'skmeta[parquet]'"
        ) from error
    return pyarrow


def like(name: str, there: Sequence[str]) -> str:
    """Say which columns are called nearly so, or which there are."""
    near = get_close_matches(str(name), there, n=3, cutoff=0.5)
    return f"Did you mean one of {near}?" if near else f"It has {[*there][:20]}."


def open_parquet(path: Any) -> tuple[Any, dict[str, str]]:
    """Open a Parquet file, or all of a folder or a list, as one table.

    The type of a column holds what each of the files has in it: pyarrow alone would
    take that of the first file, and cut down to it what the others have.

    Parameters
    ----------
    path : str, path-like or list of str
        File or files, or a folder; names of folders such as ``store=7`` are a column.

    Returns
    -------
    files : pyarrow.dataset.Dataset
        Of all files.
    unlike : dict of str
        Columns that are of one kind in one file and of another elsewhere, and which
        these are.
    """
    pa = arrow()
    how = {"format": "parquet", "partitioning": "hive"}
    files = pa.dataset.dataset(path, **how)
    fields = {field.name: field for field in files.schema}
    unlike: dict[str, str] = {}
    for file in files.get_fragments():
        for field in file.physical_schema:
            there = fields.setdefault(field.name, field)
            if there.type == field.type or field.name in unlike:
                continue
            kind = _common_type(there, field)
            if kind is None:
                unlike[field.name] = f"{there.type}, and {field.type} in {file.path!r}"
            else:
                fields[field.name] = pa.field(field.name, kind)
    for name, field in fields.items():
        if pa.types.is_string_view(field.type):  # for which much is not written yet
            fields[name] = pa.field(name, pa.large_string())
    schema = pa.schema([*fields.values()], metadata=files.schema.metadata)
    if not schema.equals(files.schema):
        files = pa.dataset.dataset(path, schema=schema, **how)
    return files, unlike


def _common_type(one: Any, other: Any) -> Any:
    """Return the type that holds the values of two fields, None if there is none."""
    pa = arrow()
    schemas = [pa.schema([one]), pa.schema([other])]
    try:
        merged = pa.unify_schemas(schemas, promote_options="permissive")
        return merged.field(0).type
    except pa.ArrowException:
        both_text = is_text(one.type) and is_text(other.type)
        return pa.large_string() if both_text else None


def is_text(kind: Any) -> bool:
    """Tell whether a type is one of words, numbers of a dictionary's among them."""
    types = arrow().types
    if types.is_dictionary(kind):
        kind = kind.value_type
    tests = (types.is_string, types.is_large_string, types.is_string_view)
    return any(test(kind) for test in tests)


def refuse_unlike(columns: Iterable[str], unlike: dict[str, str]) -> None:
    """Refuse to read columns that are of several kinds.

    Parameters
    ----------
    columns : iterable of str
        Columns that are to be read.
    unlike : dict of str
        From :func:`open_parquet`.

    Raises
    ------
    ValueError
        If one of them is.
    """
    for name in columns:
        if name in unlike:
            raise ValueError(
                f"Column {name!r} is {unlike[name]}: write it as one kind in all files."
            )


def columns_of(schema: Any) -> list[str]:
    """List the columns of a table, those left out that pandas has written as its index.

    Nobody who wrote a frame meant the numbers of its rows to be learnt from.

    Parameters
    ----------
    schema : pyarrow.Schema
        Of a table or a file.
    """
    about = schema.pandas_metadata or {}
    index = [each for each in about.get("index_columns", []) if isinstance(each, str)]
    return [name for name in schema.names if name not in index]


def frame_of(table: Any) -> Any:
    """Make a frame of all columns, called as in the table, whatever is an index.

    Parameters
    ----------
    table : pyarrow.Table or RecordBatch
        Perhaps with what pandas has noted of the frame that it was.
    """
    about = table.schema.pandas_metadata
    if about:
        about |= {"index_columns": []}
        noted = {**table.schema.metadata, b"pandas": json.dumps(about).encode()}
        table = table.replace_schema_metadata(noted)
    frame = table.to_pandas()
    frame.columns = table.schema.names  # pandas has noted others, numbers perhaps
    return frame


def pandas_of(X: Any) -> Any:
    """Return a table of polars or Arrow as a frame of pandas, all else as it is.

    Parameters
    ----------
    X : array-like
        Rows. A table stays as it is, too, where pandas or pyarrow are not installed.
    """
    if hasattr(X, "iloc") or not hasattr(X, "to_pandas"):
        return X
    try:
        return frame_of(X) if hasattr(X, "combine_chunks") else X.to_pandas()
    except ImportError:
        return X


def unpacked(column: Any) -> Any:
    """Return a column of pandas that Arrow holds as one that numpy holds.

    Dates, decimals, durations and zones of time of the former are none to the functions
    of pandas that look for them.

    Parameters
    ----------
    column : Series
        Any other stays as it is.
    """
    import pandas as pd

    kind = getattr(pd, "ArrowDtype", None)
    if kind is None or not isinstance(column.dtype, kind):
        return column
    values = arrow().chunked_array(column.array.__arrow_array__()).to_pandas()
    return values.set_axis(column.index).rename(column.name)


def with_names(X: Any, names: Any) -> Any:
    """Give the columns of an array names, where pandas is there to keep them.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_columns)
        Looked at by the frame, and not copied: a mapped file stays one.
    names : list of str
        As many as there are columns.
    """
    try:
        import pandas as pd
    except ImportError:
        return X
    return pd.DataFrame(X, columns=names, copy=False)


def row_groups(files: Any) -> list[Any]:
    """List the parts of a dataset that are read one after another.

    Parameters
    ----------
    files : pyarrow.dataset.Dataset
        Of Parquet files, or of anything else.

    Returns
    -------
    list of pyarrow.dataset.Fragment
        The row groups of Parquet files; other fragments as they are.
    """
    parts: list[Any] = []
    for file in files.get_fragments():
        has_groups = hasattr(file, "split_by_row_group")
        parts += file.split_by_row_group() if has_groups else [file]
    return parts


def read_rows(
    parts: Iterable[Any], schema: Any, columns: Sequence[str], skip: int = 0
) -> Iterator[Any]:
    """Yield record batches of some columns, in the order of the rows.

    Parameters
    ----------
    parts : iterable of pyarrow.dataset.Fragment
        From :func:`row_groups`.
    schema : pyarrow.Schema
        Of the dataset.
    columns : sequence of str
        Names.
    skip : int, default=0
        Rows to leave out at the beginning.
    """
    # A scan of whole files reads ahead, in the end more than it is asked for.
    options = arrow().dataset.ParquetFragmentScanOptions(pre_buffer=False)
    how: dict[str, Any] = {"batch_size": _AT_ONCE, "use_threads": False}
    of_parquet = {"batch_readahead": 1, "fragment_scan_options": options}
    named = [*dict.fromkeys(columns)]
    for part in parts:
        own = of_parquet if hasattr(part, "row_groups") else {}
        for batch in part.to_batches(schema=schema, columns=named, **how, **own):
            if skip >= len(batch):
                skip -= len(batch)
            else:
                yield batch.slice(skip)
                skip = 0


def decoded(column: Any) -> Any:
    """Return a column whose values are not numbers of a dictionary's.

    Parameters
    ----------
    column : pyarrow.Array or ChunkedArray
        Of any type.
    """
    if arrow().types.is_dictionary(column.type):
        return column.cast(column.type.value_type)
    return column
