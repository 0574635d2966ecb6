"""Columns that know the target: often it was written into them afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.model_selection import cross_val_score
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

if TYPE_CHECKING:
    from pandas import DataFrame, Series

__all__ = ["giveaways"]

# Of the rows that are looked at, and the leaves that a column may cut them into.
_MOST_ROWS = 4000
_LEAVES = 256

# Shares of the variance, and of what the commonest class leaves, from which on a single
# column says almost all.
_SURE = 0.99
_FEWEST_ROWS = 30
_SLIPS = 2  # rows: where few are, a threshold may lie a little off


def giveaways(X: DataFrame, y: np.ndarray, kind: str) -> list[str]:
    """Name columns that predict the target alone, almost perfectly.

    Parameters
    ----------
    X : DataFrame of shape (n_rows, n_columns)
        Features.
    y : ndarray of shape (n_rows,)
        Targets.
    kind : {"classification", "regression"}
        Kind of target.

    Returns
    -------
    list of str
        Names, by a decision tree over the one column, on rows that it has not seen: it
        explains 99 % of the variance, or errs on at most a hundredth as many rows as
        are not of the commonest class (or on two).

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skmeta.evaluation.giveaways import giveaways
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"day": rng.normal(size=200), "sold": rng.normal(size=200)})
    >>> giveaways(X, np.where(X["sold"] > 0, "yes", "no"), "classification")
    ['sold']
    """
    rng = np.random.default_rng(0)
    rows = rng.permutation(len(X))[:_MOST_ROWS]
    if len(rows) < _FEWEST_ROWS:
        return []
    X, y = X.iloc[rows], y[rows]
    if kind == "classification":
        y = np.unique(y, return_inverse=True)[1]
        size = np.bincount(y)
        # Too few that are not of the commonest class, or of every class.
        if size.max() > len(y) - 10 or len(size) > len(y) / 4:
            return []
    return [str(name) for name in X.columns if _knows(X[name], y, kind)]


def _knows(column: Series, y: np.ndarray, kind: str) -> bool:
    try:
        values = _as_numbers(column)
    except TypeError:  # lists and the like, which nobody learns from
        return False
    if kind == "regression":
        tree = DecisionTreeRegressor(max_leaf_nodes=_LEAVES, random_state=0)
        return bool(cross_val_score(tree, values, y, cv=2).mean() >= _SURE)
    tree = DecisionTreeClassifier(max_leaf_nodes=_LEAVES, random_state=0)
    # Both folds in their own order: a class of one row is in one of them alone.
    n = len(y) // 2
    folds = [(np.arange(n), np.arange(n, len(y))), (np.arange(n, len(y)), np.arange(n))]
    right = cross_val_score(tree, values, y, cv=folds).mean()
    n_others = len(y) - np.bincount(y).max()
    n_allowed = max((1 - _SURE) * n_others, _SLIPS)
    return bool((1 - right) * len(y) <= n_allowed)


def _as_numbers(column: Series) -> np.ndarray:
    """Write a column as numbers, whatever it holds; names by where they stand."""
    from pandas.api import types

    if types.is_numeric_dtype(column):
        values = column.to_numpy(dtype=float, na_value=np.nan)
    elif column.dtype.kind in "mM":
        moments = column.to_numpy(dtype=f"{column.dtype.kind}8[ns]")
        values = moments.astype("int64").astype(float)
    else:
        values = column.astype("category").cat.codes.to_numpy(dtype=float)
    values = np.where(np.isinf(values), np.nan, values)
    return values.reshape(-1, 1)
