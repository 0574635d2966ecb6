"""Rows for estimators that keep them, apart from those that somebody may change."""

from __future__ import annotations

import copy
from typing import Any

from sklearn.pipeline import Pipeline
from sklearn.preprocessing import RobustScaler, StandardScaler

__all__ = ["rows_for"]

# Modules of estimators that keep nothing of their rows, or copies.
_KEEP_NOTHING = (
    "sklearn.linear_model.",
    "sklearn.ensemble._hist_gradient_boosting.",
    "lightgbm.",
    "catboost.",
    "xgboost.",
)


def rows_for(estimator: Any, X: Any) -> Any:
    """Return rows that an estimator may keep: a copy, unless it is known to keep none.

    Nearest neighbours and kernel methods answer by the rows of ``fit`` themselves. Were
    these the user's, who changes a table would change answers.

    Parameters
    ----------
    estimator : estimator
        To be fitted to the rows.
    X : array-like
        Rows.
    """
    return X if _keeps_none(estimator) else copy.deepcopy(X)


def _keeps_none(estimator: Any) -> bool:
    while isinstance(estimator, Pipeline):
        first = estimator.steps[0][1]
        if type(first) in (StandardScaler, RobustScaler) and first.copy:
            return True  # what comes after has rows of its own
        estimator = first
    return f"{type(estimator).__module__}.".startswith(_KEEP_NOTHING)
