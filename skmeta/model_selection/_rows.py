"""Rows of tables, arrays or DataFrames: more of them, and with further columns."""

from itertools import count
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import _get_feature_names, _num_samples

from skmeta.tables.arrow import pandas_of, with_names
from skmeta.tables.preprocessing import make_preprocessor
from skmeta.utils.messages import listed

__all__ = [
    "Scaler",
    "append_columns",
    "as_array",
    "as_frame",
    "n_rows",
    "names_of",
    "stack_rows",
]


def n_rows(X: Any) -> int:
    """Count the rows of an array, a list or a DataFrame."""
    return int(_num_samples(X))


def as_array(X: Any) -> np.ndarray:
    """Make an array of a list of rows.

    Raises
    ------
    ValueError
        If it is none.
    """
    try:
        rows = np.asarray(X)
    except ValueError as error:
        raise ValueError(
            f"X is no table: its rows differ in length ({error})."
        ) from error
    if rows.ndim < 1:
        raise ValueError(f"X must hold rows, and is {X!r}.")
    return rows


def names_of(X: Any) -> np.ndarray | None:
    """Return the names of the columns of a table, None if not all of them are words."""
    try:
        names: np.ndarray | None = _get_feature_names(X)
    except TypeError:  # some are words and others numbers
        return None
    return names


def stack_rows(above: Any, *below: Any) -> Any:
    """Put rows under others; categories stay those of the uppermost.

    Parameters
    ----------
    above, *below : array-like of shape (n_rows, n_features)
        DataFrames if ``above`` is one.

    Returns
    -------
    DataFrame or ndarray of shape (n_rows of all, n_features)
        With a missing value for a category that ``above`` does not have.

    Raises
    ------
    ValueError
        If they are sparse, or of types that do not go together.
    """
    if any(map(issparse, (above, *below))):
        raise ValueError("X is sparse, and rows are put under others: X.toarray().")
    if not hasattr(above, "iloc"):
        parts = [np.asarray(each) for each in (above, *below)]
        try:
            return np.concatenate(parts)
        except TypeError as error:  # in words of numpy
            others = listed(sorted({str(each.dtype) for each in parts[1:]}))
            raise ValueError(
                f"X of {others} does not go with rows of {parts[0].dtype} that are "
                "there already: convert the columns as for the training."
            ) from error
    import pandas as pd

    frames = [pd.DataFrame(each, columns=above.columns) for each in below]
    return pd.concat([above, *(same_categories(each, above) for each in frames)])


def append_columns(X: Any, more: np.ndarray, names: list[str]) -> Any:
    """Put columns of numbers beside those of a table.

    Parameters
    ----------
    X : array-like of shape (n_rows, n_features)
        Rows.
    more : float ndarray of shape (n_rows, n_more)
        Further columns.
    names : list of str
        What they are called in a DataFrame, with "_" behind where there are columns of
        that name; numbers where its columns are called by such.

    Returns
    -------
    DataFrame or ndarray of shape (n_rows, n_features + n_more)
        As ``X`` is.
    """
    if hasattr(X, "iloc"):
        wider = X.copy()
        for name, column in zip(names, more.T, strict=True):
            wider[_free_name(name, wider.columns)] = column
        return wider
    return np.column_stack([np.asarray(X), more])


def _free_name(name: str, columns: Any) -> Any:
    """Return a name that no column has, of the kind that theirs are."""
    if not any(isinstance(own, str) for own in columns):
        return next(place for place in count(len(columns)) if place not in columns)
    while name in columns:
        name += "_"
    return name


def as_frame(X: Any, like: Any = None) -> Any:
    """Make a DataFrame whose columns have plain names, "x0", "x1", and so on.

    Parameters
    ----------
    X : array-like of shape (n_rows, n_features)
        Rows.
    like : DataFrame, default=None
        What this function has returned for other rows, whose categories are meant.

    Returns
    -------
    DataFrame of shape (n_rows, n_features)
        A new one, numbered from 0.
    """
    import pandas as pd

    frame = X.copy() if hasattr(X, "iloc") else pd.DataFrame(np.asarray(X))
    frame = frame.reset_index(drop=True)
    frame.columns = [f"x{place}" for place in range(frame.shape[1])]
    return frame if like is None else same_categories(frame, like)


def same_categories(frame: Any, like: Any) -> Any:
    """Give columns the categories that those of another DataFrame have."""
    dtypes = {name: dtype for name, dtype in like.dtypes.items() if dtype == "category"}
    return frame.astype({n: d for n, d in dtypes.items() if n in frame})


class Scaler(TransformerMixin, BaseEstimator):
    """Standardise, for linear models; make numbers first of what is none.

    The columns of a DataFrame become numbers, and gaps are filled, by
    :func:`skmeta.make_preprocessor`.

    Attributes
    ----------
    steps_ : transformer
        Fitted.
    names_ : list or None
        Of the columns of a table, by which those of an array are known later.
    """

    def fit(self, X, y=None):
        """Learn the scale of every column.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Rows.
        y : None
            Not looked at.

        Returns
        -------
        self : object
            Fitted.
        """
        X = pandas_of(X)
        self.names_ = X.columns.tolist() if hasattr(X, "iloc") else None
        steps = make_pipeline(make_preprocessor(), StandardScaler())
        if not hasattr(X, "iloc"):
            rows = np.asarray(X)
            if rows.dtype.kind in "fiub" and np.isfinite(rows).all():
                steps = StandardScaler()
        self.steps_ = steps.fit(X)
        return self

    def transform(self, X):
        """Standardise rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Rows.

        Returns
        -------
        float ndarray of shape (n_rows, n_numbers)
            Numbers of about the same size.
        """
        X = pandas_of(X)
        names = getattr(self, "names_", None)  # older files have none
        if names is not None and not hasattr(X, "iloc"):
            X = with_names(np.asarray(X), names)
        return np.asarray(self.steps_.transform(X))
