"""Rows of Arrow's tables and of Parquet files, in their order, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import Any

__all__ = ["arrow", "decoded", "like", "read_rows", "row_groups"]

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
