"""Rows that are named, and come in another order in one place than in another."""

from typing import Any

from skmeta.utils.messages import warn

__all__ = ["warn_of_other_order"]


def warn_of_other_order(X: Any, **beside: Any) -> None:
    """Warn if targets or groups have the rows' names in another order than ``X`` has.

    Rows are taken by their place, as everywhere in scikit-learn. Names that pandas
    gave to the same rows show where that is not meant: after one of them was sorted.

    Parameters
    ----------
    X : array-like of shape (n_rows, ...)
        Features. Without an index of pandas there is nothing to compare.
    **beside : array-like of shape (n_rows, ...) or None
        What comes with them, by the name of the argument.

    Warns
    -----
    UserWarning
        If both have an index, of the same names, each once, in different orders.
    """
    index = _index_of(X)
    if index is None:
        return
    other = [
        name
        for name, values in beside.items()
        if _is_another_order(index, _index_of(values))
    ]
    if other:
        warn(
            f"X and {' and '.join(other)} have the same index, in different orders. "
            "Rows are taken by their place, not by their index: if that is not meant, "
            f"pass {other[0]}.loc[X.index]; if it is, {other[0]}.to_numpy()."
        )


def _index_of(values: Any) -> Any:
    return values.index if hasattr(values, "iloc") else None


def _is_another_order(index: Any, other: Any) -> bool:
    if other is None or other is index or len(other) != len(index):
        return False
    if other.equals(index) or not (index.is_unique and other.is_unique):
        return False
    return bool(other.isin(index).all())
