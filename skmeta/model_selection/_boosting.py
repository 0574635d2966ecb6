"""Boosting as all plain ways have it: scikit-learn's, and those of other packages."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from threadpoolctl import threadpool_limits

from skmeta.tables.own_rows import rows_for

__all__ = [
    "fit_boosting",
    "fit_clone",
    "is_installed",
    "make_boosting",
    "ready_for",
]

# Rows from which boosting by threads is sooner done than by one. With fewer, threads
# wait for each other: twice as long at best, ten times where torch was imported after
# parts of scikit-learn or another process is busy.
_WORTH_THREADS = 2**15


def is_installed(package: str) -> bool:
    """Tell whether a package is there, without importing it."""
    return find_spec(package) is not None


def make_boosting(name: str | None, kind: str, random_state: int | None) -> Any:
    """Make an estimator with the parameters that suit tables of many small tasks.

    Parameters
    ----------
    name : {"lightgbm", "catboost"} or None
        Package; None is scikit-learn.
    kind : {"classifier", "regressor"}
        Kind of target.
    random_state : int or None
        Seed.

    Returns
    -------
    classifier or regressor
        Not yet fitted. That of other packages runs on one thread, so that many can run
        side by side; so does scikit-learn's where :func:`fit_boosting` or
        :func:`fit_clone` fits it to few rows.

    Raises
    ------
    ImportError
        If the package is not there.
    ValueError
        If there is no such name.
    """
    classifies = kind == "classifier"
    if name is None:
        histograms: Any = HistGradientBoostingRegressor
        if classifies:
            histograms = HistGradientBoostingClassifier
        return histograms(
            learning_rate=0.05,
            max_leaf_nodes=15,
            max_iter=150,
            early_stopping=False,
            random_state=random_state,
        )
    if name not in ("lightgbm", "catboost"):
        raise ValueError(
            f'estimator must be "lightgbm", "catboost", None or an estimator, not '
            f"{name!r}."
        )
    need(name)
    if name == "lightgbm":
        import lightgbm

        leaves = lightgbm.LGBMClassifier if classifies else lightgbm.LGBMRegressor
        return leaves(
            learning_rate=0.05,
            num_leaves=15,
            n_estimators=150,
            min_child_samples=5,
            cat_smooth=5,
            cat_l2=5,
            max_cat_threshold=64,
            verbose=-1,
            n_jobs=1,
            random_state=random_state,
        )
    import catboost

    trees = catboost.CatBoostClassifier if classifies else catboost.CatBoostRegressor
    return trees(
        iterations=300,
        learning_rate=0.06,
        depth=5,
        verbose=0,
        thread_count=1,
        random_seed=random_state,
        allow_writing_files=False,
    )


def need(package: str) -> None:
    """Tell what to install, if a package is not there."""
    if not is_installed(package):
        raise ImportError(f'{package} is not here: pip install "skmeta[rivals]"')


def fit_boosting(model: Any, frame: Any, y: np.ndarray) -> Any:
    """Fit to a DataFrame, whose columns of dtype category are categories."""
    if _is_catboost(model):
        model.set_params(cat_features=_category_columns(frame))
    with _threads_that_pay(len(frame)):
        return model.fit(ready_for(model, frame), y)


def fit_clone(estimator: Any, X: Any, y: np.ndarray) -> Any:
    """Fit a clone of any estimator, by as many threads as pay.

    It keeps no rows but its own.
    """
    X, y = rows_for(estimator, X), rows_for(estimator, y)
    with _threads_that_pay(len(y)):
        return clone(estimator).fit(X, y)


def _threads_that_pay(n_rows: int) -> AbstractContextManager:
    """Compute in one OpenMP thread inside the block, where there are few rows."""
    if n_rows >= _WORTH_THREADS:
        return nullcontext()
    return threadpool_limits(limits=1, user_api="openmp")


def ready_for(model: Any, frame: Any) -> Any:
    """Write categories as a model wants them: CatBoost takes no gaps among them."""
    if not _is_catboost(model):
        return frame
    return frame.astype(dict.fromkeys(_category_columns(frame), str))


def _is_catboost(model: Any) -> bool:
    return type(model).__module__.partition(".")[0] == "catboost"


def _category_columns(frame: Any) -> list[str]:
    return [name for name, dtype in frame.dtypes.items() if dtype == "category"]
