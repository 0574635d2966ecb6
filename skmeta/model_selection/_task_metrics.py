"""The usual metrics of scikit-learn, of all tasks at once.

A call of scikit-learn's takes a third of a millisecond to two, most of it to check what
it is given, and judges make one for each task, number of shots and repeat. What is not
checked here is left to them: a form returns None where it is not sure of their answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.stats import rankdata
from sklearn.metrics import get_scorer

__all__ = ["form_of"]

_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))

# y and answers in the order of tasks, the first row and the number of rows of each, and
# the classes; returns a score for each task.
_Form = Callable[..., "np.ndarray | None"]


def form_of(scorer: Any) -> _Form | None:
    """Find the form that scores all tasks at once as a scorer scores each.

    Parameters
    ----------
    scorer : callable
        Of scikit-learn, or any other.

    Returns
    -------
    callable or None
        ``form(y, answers, first, size, classes)`` with rows sorted by task; None if
        there is none.
    """
    for name, form in _FORMS.items():
        known = get_scorer(name)
        same = ("_score_func", "_sign", "_kwargs", "_response_method")
        if type(scorer) is type(known) and all(
            getattr(scorer, each, None) == getattr(known, each) for each in same
        ):
            return form
    return None


def _of_errors(summed: Callable) -> _Form:
    """Make the form of a metric of values from what it makes of errors."""

    def form(y, answers, first, size, classes):
        kinds = {y.dtype.kind, answers.dtype.kind}
        if answers.ndim != 1 or not kinds <= {"f", "i", "u"}:
            return None
        if any(each.dtype.itemsize > np.dtype(float).itemsize for each in (y, answers)):
            return None  # a longer type
        # Of what networks answer in single precision, scikit-learn would go on in it
        # where targets are no doubles.
        answers = answers.astype(float, copy=False)
        if not (np.isfinite(y).all() and np.isfinite(answers).all()):
            return None
        y = y.astype(float, copy=False)
        with np.errstate(over="ignore", invalid="ignore"):
            scores = summed(y, y - answers, first, size)
        return scores

    return form


def _mean_absolute(y, error, first, size):
    return -np.add.reduceat(np.abs(error), first) / size


def _mean_squared(y, error, first, size):
    return -np.add.reduceat(error**2, first) / size


def _root_mean_squared(y, error, first, size):
    return -np.sqrt(np.add.reduceat(error**2, first) / size)


def _r2(y, error, first, size):
    constant = np.minimum.reduceat(y, first) == np.maximum.reduceat(y, first)
    mean = np.add.reduceat(y, first) / size
    total = np.add.reduceat((y - np.repeat(mean, size)) ** 2, first)
    if (total[~constant] == 0).any():
        return None
    left = np.add.reduceat(error**2, first)
    return np.where(constant, np.nan, 1 - left / np.where(constant, 1.0, total))


def _accuracy(y, answers, first, size, classes):
    kinds = {each.dtype.kind.replace("u", "i") for each in (y, answers)}
    if answers.ndim != 1 or len(kinds) > 1 or not kinds <= {"U", "i", "b"}:
        return None
    return np.add.reduceat((y == answers).astype(float), first) / size


def _log_loss(y, answers, first, size, classes):
    code = _codes(y, answers, classes)
    if code is None:
        return None
    least = np.finfo(answers.dtype).eps
    total = answers.sum(axis=1, dtype=float)
    if not np.allclose(total, 1, rtol=1e-9 if answers.dtype == float else 1e-5):
        return None
    likely = answers[np.arange(len(y)), code].clip(least, 1 - least)
    return np.add.reduceat(np.log(likely.astype(float)), first) / size


def _roc_auc(y, answers, first, size, classes):
    code = _codes(y, answers, classes)
    if code is None or len(classes) != 2:
        return None
    # Ranks of whole numbers are ranks inside tasks, counted on from task to task.
    task = np.repeat(np.arange(len(size)), size)
    place = np.unique(answers[:, 1], return_inverse=True)[1]
    rank = rankdata(place + task * (place.max() + 1.0)) - first[task]
    n_one = np.add.reduceat(code.astype(float), first)
    n_pairs = n_one * (size - n_one)
    ahead = np.add.reduceat(rank * code, first) - n_one * (n_one + 1) / 2
    return np.divide(ahead, n_pairs, out=np.full(len(size), np.nan), where=n_pairs > 0)


def _codes(y, answers, classes) -> np.ndarray | None:
    """Return the column of each row's class; None where it has none, or is not sure."""
    if classes is None or answers.ndim != 2 or answers.shape[1] != len(classes):
        return None
    if answers.dtype not in _FLOATS or y.dtype.kind != classes.dtype.kind:
        return None
    code = np.searchsorted(classes, y).clip(max=len(classes) - 1)
    if not (classes[code] == y).all() or not np.isfinite(answers).all():
        return None
    if answers.min() < 0 or answers.max() > 1:
        return None
    return code


_FORMS: dict[str, _Form] = {
    "neg_mean_absolute_error": _of_errors(_mean_absolute),
    "neg_mean_squared_error": _of_errors(_mean_squared),
    "neg_root_mean_squared_error": _of_errors(_root_mean_squared),
    "r2": _of_errors(_r2),
    "accuracy": _accuracy,
    "neg_log_loss": _log_loss,
    "roc_auc": _roc_auc,
}
