"""Text files of tables: in which encoding, with what between columns and decimals."""

from __future__ import annotations

import bz2
import csv
import gzip
import lzma
import re
import warnings
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["read_csv"]

_SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}

# Bytes at the beginning of a file that tell how it is written.
_HEAD = 2**18

_OPEN: dict[str, Callable[[Path], Any]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
}

_BYTE_ORDER_MARKS = {
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}

# One comma with anything but three digits behind it, with more before it than goes
# before a separator of thousands, or with a zero there.
_DECIMAL = r"[-+]?(\d*{0}(\d{{1,2}}|\d{{4,}})|(0|\d{{4,}}){0}\d{{3}})\s*[%€$£]?"
_DECIMAL_COMMA = re.compile(_DECIMAL.format(","))
_DECIMAL_POINT = re.compile(_DECIMAL.format(r"\."))

# What Excel writes before the names of columns.
_SEP_LINE = re.compile(r"sep=(.)")


def read_csv(
    path: Path,
    *,
    sep: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    text: Iterable[str] = (),
) -> tuple[DataFrame, str, list[str]]:
    r"""Read a text file, finding out how it is written.

    Parameters
    ----------
    path : Path
        May be compressed (.gz, .bz2, .xz, .zip).
    sep : str, default=None
        Between columns: comma, semicolon, tab or vertical bar are found out.
    decimal : {".", ","}, default=None
        Before decimals; None finds out.
    encoding : str, default=None
        None finds out: UTF-8 or UTF-16, and Windows-1252 where it is neither.
    text : iterable of str, default=()
        Columns that stay as they are written, for 01 is not 1 in names of tasks.

    Returns
    -------
    table : DataFrame
        As pandas reads it.
    decimal : {".", ","}
        What stands before decimals.
    notes : list of str
        What was found out and is not the usual.

    Raises
    ------
    Exception
        What pandas and the file system raise.
    """
    import pandas as pd

    notes = []
    head = _head(path)
    if encoding is None:
        encoding = _encoding_of(head)
        if encoding not in ("utf-8", "utf-8-sig"):
            notes.append(f"the file was read as {encoding}; --encoding overrules")
    lines = _lines(head, encoding)
    said = _SEP_LINE.fullmatch(lines[0]) if lines else None
    if said:
        sep, lines = sep or said[1], lines[1:]
    if sep is None:
        sep = _separator_of(lines)
        if sep != ",":
            notes.append(f"columns end at a {_SEPARATORS[sep]}; --sep overrules")
    if decimal is None:
        decimal = _decimal_of(lines, sep)
        if decimal == ",":
            notes.append("decimals follow a comma; --decimal overrules")
    n_unnamed, are_empty = _unnamed(lines, sep)
    if n_unnamed and not are_empty:  # which pandas takes for names of rows
        first = "value" if n_unnamed == 1 else f"{n_unnamed} values"
        notes.append(f"the first {first} of each line, without a name, left out")
    with warnings.catch_warnings():
        if are_empty:  # pandas tells of what index_col=False leaves out
            warnings.simplefilter("ignore", pd.errors.ParserWarning)
        table = pd.read_csv(
            path,
            sep=sep,
            decimal=decimal,
            encoding=encoding,
            dtype=dict.fromkeys(text, str),
            skiprows=1 if said else 0,
            skipinitialspace=True,
            index_col=False if are_empty else None,
            low_memory=False,
        )
    return table, decimal, notes


def _head(path: Path) -> bytes:
    suffix = path.suffix.lower()
    if suffix == ".zip":
        with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as f:
            return f.read(_HEAD)
    opened: IO[bytes]
    with _OPEN.get(suffix, lambda path: path.open("rb"))(path) as opened:
        return opened.read(_HEAD)


def _encoding_of(head: bytes) -> str:
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if head.startswith(mark):
            return encoding
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start >= len(head) - 3 and len(head) == _HEAD:
            return "utf-8"  # the head ends inside a letter
    else:
        return "utf-8"
    if b"\0" in head:
        return "utf-8"  # it is no text, which reading it will say
    # Guesses from a few letters go wrong more often than what Excel writes in the West;
    # where they would be right, other letters still tell the same categories apart.
    return "cp1252"


def _lines(head: bytes, encoding: str) -> list[str]:
    lines = head.decode(encoding, errors="replace").splitlines()
    if len(head) == _HEAD:
        lines = lines[:-1]  # which the head cuts off
    return [line for line in lines if line.strip()][:1000]


def _separator_of(lines: list[str]) -> str:
    """Choose what cuts all lines into as many columns; the comma if none does."""

    def n_columns(sep: str) -> int:
        counts = [len(row) for row in csv.reader(lines[:100], delimiter=sep)]
        same = sum(count == counts[0] for count in counts) if counts else 0
        return counts[0] if counts and same >= 0.9 * len(counts) else 0

    best = max(_SEPARATORS, key=n_columns)
    if n_columns(best) > 1:
        return best
    # Lines of unlike length: what the names of the columns have most of.
    found = max(_SEPARATORS, key=lambda sep: lines[0].count(sep) if lines else 0)
    return found if lines and found in lines[0] else ","


def _unnamed(lines: list[str], sep: str) -> tuple[int, bool]:
    """Count cells of a line beyond the names; tell whether lines end with such."""
    if len(sep) != 1:
        return 0, False
    rows = list(csv.reader(lines[:100], delimiter=sep))
    n_unnamed = len(rows[1]) - len(rows[0]) if len(rows) > 1 else 0
    if n_unnamed < 1:
        return 0, False
    behind = [cell for row in rows[1:] for cell in row[len(rows[0]) :]]
    return n_unnamed, not any(cell.strip() for cell in behind)


def _decimal_of(lines: list[str], sep: str) -> str:
    cells = [
        cell.strip() for row in csv.reader(lines[1:], delimiter=sep) for cell in row
    ]
    commas = sum(_DECIMAL_COMMA.fullmatch(cell) is not None for cell in cells)
    points = sum(_DECIMAL_POINT.fullmatch(cell) is not None for cell in cells)
    return "," if commas > points else "."
