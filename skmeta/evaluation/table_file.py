"""Tables from disk, and errors that a command-line user can act on."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pandas import DataFrame

    from skmeta.tables.meta_dataset import MetaDataset

__all__ = ["InputError", "check_columns", "closest", "read_table", "table_of"]

_PARQUET = (".parquet", ".pq")


class InputError(ValueError):
    """Something about the table or the options that the user can mend."""


def read_table(path: str | Path) -> DataFrame:
    """Read a CSV or Parquet file.

    Parameters
    ----------
    path : str or Path
        ``.parquet`` or ``.pq`` is read as Parquet, anything else as CSV, with comma,
        semicolon or tab between the columns; CSV may be compressed.

    Returns
    -------
    DataFrame
        Its rows.

    Raises
    ------
    InputError
        If the file is missing, empty or not readable; the message says what to do.
    """
    import pandas as pd

    path = Path(path)
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
        table = pd.read_parquet(path) if is_parquet else _read_csv(path)
    except pd.errors.EmptyDataError as error:
        raise InputError(f"{str(path)!r} is empty.") from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{str(path)!r} is not text in UTF-8 ({error.reason}). Save it as CSV in "
            "UTF-8, or as Parquet with a name that ends in .parquet."
        ) from error
    except Exception as error:  # whatever a broken file makes pandas raise
        what = "Parquet" if is_parquet else "CSV"
        raise InputError(
            f"{str(path)!r} cannot be read as {what}: {_first_line(error)}"
        ) from error
    table.columns = [str(name) for name in table.columns]
    twice = table.columns[table.columns.duplicated()].unique()
    if len(twice):
        raise InputError(
            f"{str(path)!r} has columns of one name: {', '.join(map(repr, twice))}. "
            "Rename them."
        )
    if not len(table):
        raise InputError(f"{str(path)!r} has column names and no rows.")
    return table


def table_of(tasks: MetaDataset) -> DataFrame:
    """Write a meta-dataset as one table.

    Parameters
    ----------
    tasks : MetaDataset
        Tasks, with given supports or without.

    Returns
    -------
    DataFrame
        The features, by their names or as "x0", "x1", ...; "target", "task", and
        "in_support" where supports are given.

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

    if isinstance(tasks.X, pd.DataFrame):
        table = tasks.X.reset_index(drop=True)
    else:
        table = pd.DataFrame(np.asarray(tasks.X)).add_prefix("x")
    own = {"target": tasks.y, "task": tasks.groups, "in_support": tasks.in_support}
    taken = [name for name in own if name in table.columns]
    if taken:
        raise InputError(f"Rename the features {', '.join(map(repr, taken))}.")
    return table.assign(**{n: each for n, each in own.items() if each is not None})


def _read_csv(path: Path) -> DataFrame:
    import pandas as pd

    table = pd.read_csv(path, low_memory=False)
    if table.shape[1] == 1:
        name = str(table.columns[0])
        for separator in (";", "\t"):
            if separator in name:
                return pd.read_csv(path, sep=separator, low_memory=False)
    return table


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
