"""Which columns of a frame are what, and which rows must come together.

Frames are sent with columns of our own names, so that no name of the user's stands in
the way: ``x0``, ``x1``, ... are the features, ``y0``, ... the targets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from skmeta.utils.messages import listed

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Columns", "hash_of", "kind_of", "numbered"]

# Rows of a partition, in the number that says where a row is in a whole frame.
ROWS = 2**32


@dataclass(frozen=True)
class Columns:
    """Names in a frame of the user's.

    Parameters
    ----------
    features : list
        Features in the order of the model's.
    groups : hashable
        The task of each row.
    target : list
        Targets; none in a frame of rows to answer.
    weight : hashable, default=None
        Weights of rows.
    by_name : bool, default=False
        Whether the model is given a frame with these names, not an array.
    """

    features: list[Any]
    groups: Any
    target: list[Any]
    weight: Any = None
    by_name: bool = False

    def taken(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Give the columns of a partition our own names, and leave out others."""
        named = {f"x{n}": frame[name] for n, name in enumerate(self.features)}
        named |= {f"y{n}": frame[name] for n, name in enumerate(self.target)}
        named["group"] = frame[self.groups]
        if self.weight is not None:
            named["weight"] = frame[self.weight]
        import pandas as pd

        taken = pd.DataFrame(named, index=frame.index)
        return taken.assign(hash=hash_of(taken["group"]))

    def X(self, rows: pd.DataFrame) -> Any:  # noqa: N802
        """Return the features of rows as the model takes them."""
        X = rows[[f"x{n}" for n in range(len(self.features))]]
        return X.set_axis(self.features, axis=1) if self.by_name else X.to_numpy()

    def y(self, rows: pd.DataFrame) -> Any:
        """Return the targets of rows: a column, or several by name."""
        if len(self.target) == 1:
            return rows["y0"]
        y = rows[[f"y{n}" for n in range(len(self.target))]]
        return y.set_axis(self.target, axis=1)

    def check(self, meta: pd.DataFrame, which: str) -> None:
        """Refuse a frame without these columns, or with kinds that no model takes.

        Raises
        ------
        ValueError
            The message names the columns.
        """
        named = [*self.features, self.groups, *self.target]
        named += [] if self.weight is None else [self.weight]
        lost = [name for name in named if name not in meta.columns]
        if lost:
            shown = listed([repr(name) for name in lost])
            raise ValueError(
                f"The {which} frame has no column {shown}; it has {[*meta.columns]}."
            )
        learnt = [name for name in self.target if name in {*self.features, self.groups}]
        if learnt:
            raise ValueError(
                f"{learnt} cannot be learnt: the model learns from it, or it is the "
                "task of a row."
            )
        twice = [name for name in named if list(meta.columns).count(name) > 1]
        if twice:
            raise ValueError(f"The {which} frame has several columns {twice[0]!r}.")
        kind_of(meta[self.groups].dtype)
        if not self.by_name:
            words = [name for name in self.features if not _is_number(meta[name])]
            if words:
                raise ValueError(
                    f"The model was fitted to an array of numbers, and in the {which} "
                    f"frame {listed([repr(name) for name in words])} are no numbers. "
                    "Fit a Pipeline with skmeta.make_preprocessor() before the "
                    "meta-learner to a frame with these columns, or leave them out by "
                    "features=."
                )


def numbered(frame: pd.DataFrame, number: int) -> pd.DataFrame:
    """Let every row of a partition know its place in the whole frame."""
    return frame.assign(place=number * ROWS + np.arange(len(frame), dtype=np.int64))


def kind_of(dtype: Any) -> str:
    """Say what groups of a type are compared by.

    Returns
    -------
    {"number", "text", "date", "any"}
        "any" where each value says so itself.

    Raises
    ------
    ValueError
        If values of this type name no tasks.
    """
    from pandas import CategoricalDtype
    from pandas.api import types

    if isinstance(dtype, CategoricalDtype):  # dask may not know what is in it
        return "any"
    if types.is_object_dtype(dtype):
        return "any"
    if types.is_bool_dtype(dtype) or types.is_numeric_dtype(dtype):
        return "number"
    if types.is_string_dtype(dtype):
        return "text"
    if types.is_datetime64_any_dtype(dtype):
        return "date"
    raise ValueError(
        f"groups are numbers, words, dates or truth values, and not {dtype}: write "
        "them as words first."
    )


def hash_of(groups: pd.Series) -> np.ndarray:
    """Hash names of tasks, so that what is equal has one hash wherever it is.

    Python's own hashes of words differ from process to process, and those of pandas by
    the type of a column: 1 as an integer has another hash than 1.0.

    Parameters
    ----------
    groups : Series of shape (n_rows,)
        Names of tasks.

    Returns
    -------
    int64 ndarray of shape (n_rows,)
        Hashes.

    Raises
    ------
    ValueError
        If a name is missing, or no name.
    """
    import pandas as pd

    if groups.isna().any():
        raise ValueError(
            f"groups contains NaN, {int(groups.isna().sum())} times in one partition. "
            "Every row needs a task: drop the rows whose task is unknown, or give them "
            "a group of their own."
        )
    if isinstance(groups.dtype, pd.CategoricalDtype):
        groups = groups.astype(groups.dtype.categories.dtype)
    kind = kind_of(groups.dtype)
    if kind != "any":
        return _hash(groups, kind)
    code, names = pd.factorize(groups)
    kinds = np.array([_kind_of_name(name) for name in names])
    hashes = np.empty(len(names), dtype=np.int64)
    for kind in np.unique(kinds).tolist():
        own = np.flatnonzero(kinds == kind)
        hashes[own] = _hash([names[place] for place in own], kind)
    return hashes[code]


def _hash(names: Any, kind: str) -> np.ndarray:
    """Hash names of one kind."""
    import pandas as pd
    from pandas.util import hash_array

    values: Any
    if kind == "number":
        values = np.asarray(names, dtype=np.float64) + 0.0  # there is no -0.0
    elif kind == "text":
        values = np.asarray(names, dtype=object)
    else:
        dates = pd.to_datetime(names, utc=True)
        values = pd.DatetimeIndex(dates).as_unit("s").asi8
    return hash_array(values).view(np.int64)


def _kind_of_name(name: Any) -> str:
    """Say of a name in a column of anything what a column of its own would be."""
    if isinstance(name, str):
        return "text"
    if isinstance(name, datetime):
        return "date"
    if isinstance(name, int | float | np.number | np.bool_):
        return "number"
    raise ValueError(
        f"groups are numbers, words, dates or truth values, and {name!r} is none of "
        "these: write them as words first."
    )


def _is_number(column: pd.Series) -> bool:
    from pandas.api import types

    return bool(types.is_numeric_dtype(column) or types.is_bool_dtype(column))


def names_of(target: Any) -> list[Any]:
    """Return one name or several as a list."""
    is_many = isinstance(target, Sequence) and not isinstance(target, str)
    return list(target) if is_many else [target]
