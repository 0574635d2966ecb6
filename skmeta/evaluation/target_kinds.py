"""Columns of targets: classes or numbers, and what they are to the learners."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import skew

from skmeta.evaluation.table_file import InputError
from skmeta.utils.messages import listed

if TYPE_CHECKING:
    from pandas import DataFrame, Series

__all__ = ["read_targets"]

# Whole numbers of so few different values are taken for classes.
_MOST_NUMERIC_CLASSES = 10

# Numbers have a long tail if they are so skewed, and their logarithms at most so much;
# of so few rows that cannot be told.
_LONG, _EVEN = 3.0, 1.0
_FEWEST_FOR_A_TAIL = 50

_PLAIN_LABELS = ([0, 1], ["0", "1"], ["False", "True"])


def read_targets(
    columns: DataFrame, forced: str | None
) -> tuple[str, str, np.ndarray, list[str]]:
    """Find out the kind of one target, or of several, which must be of one kind.

    Parameters
    ----------
    columns : DataFrame of shape (n_rows, n_targets)
        Targets, none missing.
    forced : {"classification", "regression"} or None
        Kind, if it is said.

    Returns
    -------
    kind : {"classification", "regression"}
        Kind.
    because : str
        Why it is taken for that.
    y : ndarray of shape (n_rows,) or (n_rows, n_targets)
        Floats, or whole numbers, booleans and strings that name classes; of several
        targets that are classes 0 and 1.
    notes : list of str
        Which class of a target is 1, where it is not plain, and which numbers have a
        long tail.

    Raises
    ------
    InputError
        If a target does not vary, is not of the kind that is forced, or if several are
        of different kinds, or have more than two classes.

    Examples
    --------
    >>> import pandas as pd
    >>> from skmeta.evaluation.target_kinds import read_targets
    >>> table = pd.DataFrame({"open": ["no", "yes"] * 2, "sold": [0, 1, 1, 0]})
    >>> kind, because, y, notes = read_targets(table, None)
    >>> kind, y.tolist()
    ('classification', [[0, 0], [1, 1], [0, 1], [1, 0]])
    >>> notes
    ["'open' is 1 for 'yes', 0 for 'no'"]
    """
    names = [*columns.columns]
    kind, because = _kind_of_all(columns, forced)
    parts = [_as_target(columns[name], kind, name) for name in names]
    for name, own in zip(names, parts, strict=True):
        if len(np.unique(own)) < 2:
            raise InputError(
                f"The target {name!r} is {own[0]!s} in every row: there is nothing to "
                "learn. Is it the right column?"
            )
    if kind == "regression":
        notes = [note for note in map(_note_on_tail, parts, names) if note]
        y = parts[0] if len(names) == 1 else np.column_stack(parts)
        return kind, because, y, notes
    if len(names) == 1:
        return kind, because, parts[0], []
    return kind, because, *_as_indicators(parts, names)


def _as_labels(values: np.ndarray, name: str) -> tuple[np.ndarray, str | None]:
    """Write a target of two classes as a label that a row has, 1, or has not, 0.

    1 is the class that comes last in order; a note says which where it is not plain.
    """
    classes, labels = np.unique(values, return_inverse=True)
    no, yes = classes.tolist()
    note = None
    if [no, yes] not in _PLAIN_LABELS:
        note = f"{name!r} is 1 for {yes!r}, 0 for {no!r}"
    return labels.astype(np.int64), note


def _kind_of_all(columns: DataFrame, forced: str | None) -> tuple[str, str]:
    """Find out the kind of one target, or of several, which must be of one kind."""
    found = {name: _kind_of(columns[name], forced, name) for name in columns.columns}
    kinds = {kind for kind, _ in found.values()}
    if len(found) == 1:
        return next(iter(found.values()))
    if len(kinds) > 1:
        told = [f"{name!r} for {kind}" for name, (kind, _) in found.items()]
        raise InputError(
            "Targets are learnt together if all are numbers, or all are labels that a "
            f"row has or has not. These are taken {listed(told)}: say --task, or name "
            "those of one kind."
        )
    kind = kinds.pop()
    if forced:
        return kind, "as asked for"
    numbers = "all of them hold numbers"
    return kind, numbers if kind == "regression" else "each is one of two classes"


def _as_indicators(
    parts: list[np.ndarray], names: list[str]
) -> tuple[np.ndarray, list[str]]:
    """Write targets of two classes each as labels that a row has or has not."""
    for name, own in zip(names, parts, strict=True):
        n_classes = len(np.unique(own))
        if n_classes > 2:
            raise InputError(
                f"Several targets that are classes are labels that a row has or has "
                f"not, and {name!r} has {n_classes} classes. Evaluate it by itself, "
                "make a column of each of its classes, or say --task regression if its "
                "values are numbers."
            )
    columns, notes = zip(*map(_as_labels, parts, names), strict=True)
    return np.column_stack(columns), [note for note in notes if note]


def _kind_of(column: Series, forced: str | None, name: str) -> tuple[str, str]:
    from pandas.api import types

    n_values = column.nunique()
    holds_numbers = types.is_numeric_dtype(column) and not types.is_bool_dtype(column)
    if forced:
        if forced == "regression" and not types.is_numeric_dtype(column):
            raise InputError(
                f"Regression needs numbers, and {name!r} holds {column.iloc[0]!r}."
            )
        return forced, "as asked for"
    if types.is_bool_dtype(column):
        return "classification", "it is true or false"
    if not holds_numbers:
        if n_values > len(column) / 2:
            raise InputError(
                f"{name!r} holds {n_values:,} different values in {len(column):,} "
                "rows: too many to be classes, and they are no numbers. Is it the "
                "right column?"
            )
        return "classification", f"it holds {n_values} different names"
    whole = bool((column == column.round()).all())
    if whole and n_values <= _MOST_NUMERIC_CLASSES:
        return "classification", f"it holds {n_values} different whole numbers"
    return "regression", f"it holds {n_values:,} different numbers"


def _note_on_tail(values: np.ndarray, name: str) -> str | None:
    """Say of numbers that grow by factors, such as prices, that they do."""
    if len(values) < _FEWEST_FOR_A_TAIL or values.min() < 0:
        return None
    logarithm, called = np.log, "numpy.log"
    if values.min() == 0:
        logarithm, called = np.log1p, "numpy.log1p"
    if skew(values) < _LONG or abs(skew(logarithm(values))) > _EVEN:
        return None
    return (
        f"{name!r} has a long tail: a few rows are most of any squared error, and what "
        "is known of a task of large numbers says little. If errors in per cent are "
        f"what counts, let the target be its logarithm ({called})"
    )


def _as_target(column: Series, kind: str, name: str) -> np.ndarray:
    from pandas.api import types

    if kind == "regression":
        return column.to_numpy(dtype=float)
    if isinstance(column.dtype, types.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype)
    if types.infer_dtype(column, skipna=False) == "boolean":
        return column.to_numpy(dtype=bool)
    if column.dtype.kind in "iu":  # no float tells long ones apart
        return column.to_numpy(dtype=np.int64)
    if types.is_numeric_dtype(column) and not types.is_bool_dtype(column):
        values = column.to_numpy(dtype=float)
        if (values != np.round(values)).any():
            raise InputError(
                f"Classification needs classes, and {name!r} holds numbers such as "
                f"{values[values != np.round(values)][0]:g}."
            )
        return values.astype(np.int64)
    return column.astype(object).map(str).to_numpy(dtype=str)
