"""Columns of targets: one or several, checked, and by their names."""

from collections.abc import Sequence
from numbers import Number
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import column_or_1d

from skmeta.tables.unlabelled import known_targets, missing_targets, with_missing
from skmeta.utils.messages import show
from skmeta.utils.unique import as_listed

__all__ = [
    "as_columns",
    "as_indicators",
    "as_they_are",
    "check_n_targets",
    "declared_labels",
    "has_columns",
    "n_targets_of",
    "one_or_several",
    "refuse_for_labels",
    "target_names_of",
    "without_sparsity",
]


def has_columns(y: Any) -> bool:
    """Tell whether targets come in several columns.

    One column alone is a single target in another shape.
    """
    shape = getattr(y, "shape", None)
    if shape is None:
        try:
            shape = np.asarray(y).shape
        except ValueError:  # a list of lists that differ, which validation refuses
            return False
    return len(shape) == 2 and shape[1] > 1


def one_or_several(y: Any) -> np.ndarray:
    """Return targets as (rows,), or as (rows, targets) where there are several.

    Raises
    ------
    ValueError
        If they are neither.
    """
    missing = missing_targets(y)
    if missing is None:
        y = as_they_are(y)
    else:
        y = with_missing(as_they_are(known_targets(y, missing)), missing)
    return np.asarray(y) if has_columns(y) else column_or_1d(y)


def n_targets_of(y: np.ndarray) -> int:
    """Count the targets of validated rows."""
    return 1 if y.ndim == 1 else y.shape[1]


def as_columns(y: np.ndarray) -> np.ndarray:
    """Return targets as (rows, targets), of a single one too."""
    return y.reshape(-1, 1) if y.ndim == 1 else y


def without_sparsity(y: Any) -> Any:
    """Return targets as an array where they are a sparse matrix."""
    return y.toarray() if issparse(y) else y


def as_they_are(y: Any, name: str = "y") -> Any:
    """Return targets such that scikit-learn takes none of them for another.

    It makes words of a list of words and numbers, so that 1 and "1" are one label;
    floats of the integers that pandas keeps with room for gaps, so that large ones are
    no more told apart; numbers of what a masked array hides; and nothing of numbers
    that stand as objects, because other rows of their column have none.

    Parameters
    ----------
    y : array-like of shape (n_rows,) or (n_rows, n_targets)
        Targets, none of them missing altogether.
    name : str, default="y"
        What errors call them.

    Returns
    -------
    array-like
        An array where one of these is so, else the same object.

    Raises
    ------
    ValueError
        If a masked array hides some targets of a row, or words stand beside numbers, or
        if targets are lists or the like.

    Examples
    --------
    >>> import pandas as pd
    >>> from skmeta.tables.targets import as_they_are
    >>> as_they_are(pd.Series([3, 5], dtype="Int64"))
    array([3, 5])
    """
    y = without_sparsity(y)
    if isinstance(y, (list, tuple)):
        return as_they_are(as_listed(y), name)
    if isinstance(y, np.ma.MaskedArray):
        if np.ma.is_masked(y):
            raise ValueError(
                "y is a masked array and hides some targets of a row. Mask all of them "
                "where a row has no target, and none elsewhere."
            )
        return y.data
    dtype: Any = getattr(y, "dtype", None)
    if getattr(dtype, "kind", "") in "iub" and hasattr(dtype, "numpy_dtype"):
        return y.to_numpy(dtype=dtype.numpy_dtype)  # of pandas
    if getattr(dtype, "kind", "") == "O":
        values = np.asarray(y)
        _refuse_unlike_labels(values, name)
        plain = as_listed(values.tolist())
        return plain if plain.dtype.kind in "biuf" else y
    return y


def _refuse_unlike_labels(y: np.ndarray, name: str) -> None:
    """Refuse labels of which neither is before the other, as numpy's sort would.

    Those that are no labels at all, too.
    """
    values = y.ravel().tolist()
    first = {type(value): value for value in values}
    for value in first.values():
        if isinstance(value, (list, tuple, set, dict, np.ndarray)):
            raise ValueError(
                f"{name} holds values of type {type(value).__name__}, such as "
                f"{str(value)[:60]}, and a target is one number or word. Several "
                f"targets are columns, of shape (n_rows, n_targets): "
                f"numpy.array({name}.tolist()) where all have as many."
            )
    words = [value for kind, value in first.items() if issubclass(kind, str)]
    numbers = [value for kind, value in first.items() if issubclass(kind, Number)]
    if words and numbers:
        raise ValueError(
            f"{name} holds words and numbers, such as {str(words[0])!r} and "
            f"{numbers[0]}, which cannot be sorted, and it is not plain whether 1 and "
            "'1' are the same. Make one type of them: words by "
            f"[str(value) for value in {name}], or numbers by "
            f"pandas.to_numeric({name}, errors='coerce'), which leaves gaps."
        )


def declared_labels(classes: Any) -> np.ndarray:
    """Return the labels that were declared as ``classes``, sorted.

    Raises
    ------
    ValueError
        If some are words and some numbers.
    """
    return np.unique(as_they_are([*classes], "classes"))


def target_names_of(y: Any) -> np.ndarray | None:
    """Return the names of the columns of targets, if all of them are words."""
    columns = getattr(y, "columns", None)
    if columns is None or not all(isinstance(name, str) for name in columns):
        return None
    return np.asarray(columns, dtype=object)


def check_n_targets(y: np.ndarray, n_targets: int) -> None:
    """Refuse more or fewer targets than are learnt.

    Raises
    ------
    ValueError
        If there are.
    """
    if n_targets_of(y) != n_targets:
        given = "a single target" if y.ndim == 1 else f"{y.shape[1]} targets"
        learnt = f"{n_targets} targets" if n_targets > 1 else "a single one"
        raise ValueError(f"y has {given}, but fit has learnt {learnt}.")


def as_indicators(y: np.ndarray) -> np.ndarray:
    """Return columns that say of each row whether it has a label, as whole numbers.

    Raises
    ------
    ValueError
        If they hold anything but 0 and 1.
    """
    if y.dtype.kind in "biufO" and np.isin(y, (0, 1)).all():
        return y.astype(np.int64)
    raise ValueError(
        "y has several columns, and a classifier takes them for labels that a row has "
        f"or has not: 0 and 1. It holds {show(y[:2].ravel(), 4)}. For columns of more "
        "classes fit a meta-learner to each, or make indicators of their classes, by "
        "OneHotEncoder or MultiLabelBinarizer."
    )


def refuse_for_labels(names: Sequence[str]) -> None:
    """Refuse parameters that mean nothing where a row has several labels.

    Raises
    ------
    ValueError
        If there are any.
    """
    if names:
        raise ValueError(
            "y has several columns, labels that a row has or has not, for which "
            f"{' and '.join(names)} cannot be given: the labels mean the same in "
            "every task, and none excludes another."
        )
