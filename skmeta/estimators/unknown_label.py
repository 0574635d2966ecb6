"""What a classifier answers to rows of unknown classes, and how many it keeps."""

from numbers import Integral, Real
from typing import Any

import numpy as np

__all__ = [
    "choose_unknown_label",
    "refuse_for_indicators",
    "refuse_unknown_label",
    "share_to_keep",
    "with_unknown",
]

# What reject=True stands for.
_SHARE = 0.95


def share_to_keep(reject: Any) -> float | None:
    """Return the share of known rows to keep, None if no row may be rejected.

    Examples
    --------
    >>> from skmeta.estimators.unknown_label import share_to_keep
    >>> share_to_keep(True), share_to_keep(0.9), share_to_keep(False)
    (0.95, 0.9, None)
    """
    if reject is None or not bool(reject):
        return None
    return _SHARE if isinstance(reject, (bool, np.bool_)) else float(reject)


def choose_unknown_label(given: Any, y: np.ndarray) -> Any:
    """Return the label of rows that are of no class.

    Parameters
    ----------
    given : label or "auto"
        As the user says.
    y : ndarray of shape (n_rows,)
        Labels.

    Raises
    ------
    ValueError
        If it is of another kind than the labels, or if these are False and True.
    """
    is_text = _is_text(y)
    if isinstance(given, str) and given == "auto":
        if y.dtype.kind == "b":
            raise ValueError(
                "Labels are False and True, and there is no third one to call rows "
                "of unknown classes. Give labels as numbers or words."
            )
        return "unknown" if is_text else -1
    if isinstance(given, str) != is_text or (
        not is_text and not isinstance(given, Real)
    ):
        kind = "a word" if is_text else "a number"
        raise ValueError(f"unknown_label={given!r} must be {kind}, as the labels are.")
    return given


def refuse_unknown_label(y: Any, unknown_label: Any) -> None:
    """Refuse to learn from rows whose label says that nobody knows their class.

    Raises
    ------
    ValueError
        If there are any.
    """
    if (np.asarray(y) == unknown_label).any():
        raise ValueError(
            f"{unknown_label!r} is a label of some rows, and the answer to "
            "rows of unknown classes. Set unknown_label to another, or leave these "
            "rows out: nothing is learnt from them."
        )


def refuse_for_indicators(y: np.ndarray) -> None:
    """Refuse several columns of labels, of which a row may have none.

    Raises
    ------
    ValueError
        If there are several.
    """
    if y.ndim > 1:
        raise ValueError(
            "y has several columns, labels that a row has or has not, and a "
            "row that has none of them is no row of an unknown class. Set "
            "reject=None."
        )


def with_unknown(
    answers: np.ndarray, is_unknown: np.ndarray, unknown_label: Any
) -> np.ndarray:
    """Put the label of unknown classes in the place of some answers.

    The labels' type widens, if need be, also where there is none: it must not depend on
    the rows.
    """
    if answers.dtype.kind in "OT":
        unknown = np.array(unknown_label, dtype=answers.dtype)
    else:
        unknown = np.asarray(unknown_label)
        if answers.dtype.kind in "iu" and isinstance(unknown_label, Integral):
            unknown = unknown.astype(np.min_scalar_type(int(unknown_label)))
    return np.where(is_unknown, unknown, answers)


def _is_text(y: np.ndarray) -> bool:
    """Tell whether labels are words."""
    if y.dtype.kind == "O":
        return all(isinstance(label, str) for label in y)
    return y.dtype.kind in "UST"
