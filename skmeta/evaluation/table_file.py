"""Tables from disk, and errors that a command-line user can act on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from skmeta.evaluation.cleaning import odd_rows, typed
from skmeta.evaluation.csv_text import read_csv
from skmeta.evaluation.targets import names_of

if TYPE_CHECKING:
    from pandas import DataFrame

    from skmeta.tables.meta_dataset import MetaDataset

__all__ = ["InputError", "check_columns", "closest", "read_table", "table_of"]

_PARQUET = (".parquet", ".pq")


class InputError(ValueError):
    """Something about the table or the options that the user can mend."""


def read_table(
    source: str | Path | Any,
    *,
    target: str | Sequence[str] | None = None,
    groups: str | None = None,
    sep: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
) -> DataFrame:
    """Read a CSV or Parquet file, or take a table from memory.

    Parameters
    ----------
    source : str, Path or table
        ``.parquet`` or ``.pq`` is read as Parquet, anything else as CSV, with comma,
        semicolon, tab or vertical bar between the columns; CSV may be compressed. Or a
        DataFrame of pandas or polars, or a table of Arrow.
    target : str or sequence of str, default=None
        Column to predict, or several, where they are known.
    groups : str, default=None
        Column with the task of each row. It stays as it is written: task 01 is not task
        1.
    sep, decimal, encoding : str, default=None
        Of CSV: what stands between columns and before decimals, and the encoding; None
        finds out.

    Returns
    -------
    DataFrame
        Its rows. Text that holds numbers (1.299,50 €) or dates (24.12.2025) is read as
        such, marks among them (?, n/a) are gaps. What was found out is a list of lines,
        ``table.attrs["notes"]``; ``table.attrs["reading"]`` are the parameters of what
        reads other rows likewise, and ``table.attrs["odd"]`` numbers the rows whose
        target was a word among numbers or dates, and is a gap now.

    Raises
    ------
    InputError
        If the file is missing, empty or not readable; the message says what to do.
    """
    if decimal not in (None, ".", ","):
        raise InputError(f"Decimals follow a point or a comma, not {decimal!r}.")
    mark, notes = decimal or ".", list[str]()
    if isinstance(source, (str, Path)):
        given = {"sep": sep, "decimal": decimal, "encoding": encoding}
        text = [] if groups is None else [groups]
        table, mark, notes = _read_file(Path(source), text=text, **given)
        name = repr(str(source))
    else:
        table, name = _as_pandas(source), "The table"
    table = _without_index(table, [groups, *names_of(target or [])])
    table.columns = [str(each) for each in table.columns]
    twice = table.columns[table.columns.duplicated()].unique()
    if len(twice):
        raise InputError(
            f"{name} has columns of one name: {', '.join(map(repr, twice))}. "
            "Rename them."
        )
    if not len(table):
        raise InputError(f"{name} has column names and no rows.")
    before = table
    table, found, reading = typed(table, target=target, groups=groups, decimal=mark)
    table.attrs["notes"] = [*notes, *found]
    table.attrs["reading"] = reading
    table.attrs["odd"] = {
        name: odd_rows(before[name], table[name])
        for name in names_of(target or [])
        if name in table
    }
    return table


def _as_pandas(source: Any) -> DataFrame:
    import pandas as pd

    if hasattr(source, "to_pandas"):  # polars, Arrow
        source = source.to_pandas()
    if hasattr(source, "collect"):  # a query of polars
        raise InputError("This is a query that has not run: pass table.collect().")
    if not isinstance(source, pd.DataFrame):
        raise InputError(
            "A table is the path of a file, a DataFrame of pandas or polars, an Arrow "
            f"table or a MetaDataset, not {type(source).__name__}."
        )
    return source


def _without_index(table: DataFrame, wanted: Sequence[str | None]) -> DataFrame:
    """Number the rows; of what numbered them before, make columns that are wanted."""
    for place, name in enumerate(table.index.names):
        if name is not None and str(name) in wanted and name not in table.columns:
            table = table.assign(**{str(name): table.index.get_level_values(place)})
    return table.reset_index(drop=True)


def _read_file(
    path: Path, *, text: list[str], **given: str | None
) -> tuple[DataFrame, str, list[str]]:
    """Read a file; return the table, what stands before decimals, and notes."""
    import pandas as pd

    if not path.exists():
        near = closest(path.name, _files_in(path.parent))
        raise InputError(f"There is no file {str(path)!r}.{_did_you_mean(near)}")
    if path.is_dir():
        raise InputError(f"{str(path)!r} is a folder; give one CSV or Parquet file.")
    is_parquet = path.suffix.lower() in _PARQUET
    if is_parquet and find_spec("pyarrow") is None:
        raise InputError(
            "Reading Parquet files needs pyarrow, which is not installed: "
            "pip install pyarrow. Or give the table as CSV."
        )
    try:
        if is_parquet:
            return pd.read_parquet(path), ".", []
        return read_csv(path, text=text, **given)
    except pd.errors.EmptyDataError as error:
        raise InputError(f"{str(path)!r} is empty.") from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{str(path)!r} is not text in {error.encoding.upper()} ({error.reason}). "
            "Give its --encoding, or save it as CSV in UTF-8, or as Parquet with a "
            "name that ends in .parquet."
        ) from error
    except Exception as error:  # whatever a broken file makes pandas raise
        what = "Parquet" if is_parquet else "CSV"
        raise InputError(
            f"{str(path)!r} cannot be read as {what}: {_first_line(error)}"
        ) from error


def table_of(tasks: MetaDataset) -> DataFrame:
    """Write a meta-dataset as one table.

    Parameters
    ----------
    tasks : MetaDataset
        Tasks, with given supports or without.

    Returns
    -------
    DataFrame
        The features, by their names or as "x0", "x1", ...; "target", of several
        "target0", "target1", ...; "task", and "in_support" where supports are given.

    Raises
    ------
    InputError
        If a feature is called like one of these.

    Examples
    --------
    >>> from skmeta import MetaDataset
    >>> from skmeta.evaluation import table_of
    >>> table_of(MetaDataset([[1.0], [2.0]], [0.5, 1.5], ["a", "a"]))
        x0  target task
    0  1.0     0.5    a
    1  2.0     1.5    a
    """
    import pandas as pd

    X = tasks.table
    if isinstance(X, pd.DataFrame):
        table = X.reset_index(drop=True).rename(columns=str)
    else:
        table = pd.DataFrame(np.asarray(X)).add_prefix("x")
    own = {"target": tasks.y}
    if tasks.y.ndim == 2:
        own = {f"target{place}": each for place, each in enumerate(tasks.y.T)}
    own |= {"task": tasks.groups, "in_support": tasks.in_support}
    taken = [name for name in own if name in table.columns]
    if taken:
        raise InputError(f"Rename the features {', '.join(map(repr, taken))}.")
    return table.assign(**{n: each for n, each in own.items() if each is not None})


def closest(name: str, names: Iterable[str]) -> list[str]:
    """Find the names that are most like one, whatever their case.

    Parameters
    ----------
    name : str
        What the user wrote.
    names : iterable of str
        What there is.

    Returns
    -------
    list of str
        Up to three, most alike first.

    Examples
    --------
    >>> from skmeta.evaluation.table_file import closest
    >>> closest("stroe", ["Store", "sales", "day"])
    ['Store']
    """
    by_key: dict[str, str] = {}
    for each in names:
        by_key.setdefault(each.casefold().strip(), each)
    near = get_close_matches(name.casefold().strip(), by_key, n=3, cutoff=0.5)
    return [by_key[key] for key in near]


def check_columns(table: DataFrame, wanted: Iterable[str]) -> None:
    """Raise an InputError with the closest names if a column is not there."""
    for name in wanted:
        if name not in table.columns:
            near = closest(name, table.columns)
            listed = ", ".join(map(repr, list(table.columns)[:20]))
            more = ", ..." if table.shape[1] > 20 else ""
            hint = _did_you_mean(near) or f" It has: {listed}{more}."
            raise InputError(f"The table has no column {name!r}.{hint}")


def _did_you_mean(near: list[str]) -> str:
    return f" Did you mean {' or '.join(map(repr, near))}?" if near else ""


def _files_in(folder: Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir() if path.is_file()]
    except OSError:
        return []


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
