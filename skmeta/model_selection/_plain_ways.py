"""What meta-learning has to beat: the plain ways to learn a new task, by name."""

from __future__ import annotations

from typing import Any

from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline

from skmeta.model_selection._boosting import is_installed, make_boosting
from skmeta.model_selection._gpboost import GPBoost
from skmeta.model_selection._mixed_linear import MixedLinear
from skmeta.model_selection._one_model import Pooled, PooledWithTaskMean
from skmeta.model_selection._per_task import PerTask
from skmeta.model_selection._rows import Scaler
from skmeta.model_selection._strategy import Strategy
from skmeta.model_selection._task_as_category import TaskAsCategory
from skmeta.model_selection._task_mean import TaskMean
from skmeta.model_selection._with_residual import PooledWithResidual

__all__ = ["plain_ways"]


def plain_ways(
    kind: str,
    *,
    random_state: int | None = 0,
    rivals: str | bool = "installed",
    support: str = "random",
) -> dict[str, Strategy]:
    """Return what people do without meta-learning, by name.

    ======================  ============================================================
    mean                    the mean of the support, shrunken: :class:`TaskMean`
    own nearest             the nearest row of the support: :class:`PerTask`
    own linear              ridge or logistic regression on the support
    pooled linear           the same on the rows of all training tasks: :class:`Pooled`
    pooled boosting         gradient boosting on them
    boosting + mean         told the mean of the support: :class:`PooledWithTaskMean`
    boosting + residual     shifted by what it leaves: :class:`PooledWithResidual`
    boosting + group        told the task: :class:`TaskAsCategory`
    lightgbm + group        LightGBM, told the task
    catboost + group        CatBoost, told the task
    gpboost                 boosting with a random intercept: :class:`GPBoost`
    mixed linear            random intercept and slopes: :class:`MixedLinear`
    ======================  ============================================================

    Parameters
    ----------
    kind : {"classifier", "regressor"}
        Kind of target.
    random_state : int or None, default=0
        Of all that draw.
    rivals : "installed" or bool, default="installed"
        Whether those of other packages are among them: where the package is there,
        always, or never. ``pip install "skmeta[rivals]"`` brings all.
    support : {"random", "first"}, default="random"
        Which rows of a task are known, for those that choose by simulated supports.

    Returns
    -------
    dict of str to Strategy
        Not yet fitted. All take shared labels of any number of classes; "mean" and what
        begins with "own" also labels that are names inside a task.

    Examples
    --------
    >>> from skmeta.model_selection import plain_ways
    >>> list(plain_ways("regressor", rivals=False))[:3]
    ['mean', 'own nearest', 'own linear']
    """
    if kind == "classifier":
        linear, pooled = (
            LogisticRegression(max_iter=300),
            LogisticRegression(C=0.5, max_iter=500),
        )
        nearest = KNeighborsClassifier(1)
    else:
        linear, pooled, nearest = Ridge(), Ridge(), KNeighborsRegressor(1)
    own = {"preprocessor": Scaler(), "prior_rows": 2.0}  # on few rows, all are too sure
    boosting = make_boosting(None, kind, random_state)
    simulated: dict[str, Any] = {"support": support, "random_state": random_state}
    ways: dict[str, Strategy] = {
        "mean": TaskMean(kind),
        "own nearest": PerTask(nearest, **own),
        "own linear": PerTask(linear, **own),
        "pooled linear": Pooled(make_pipeline(Scaler(), pooled), with_supports=False),
        "pooled boosting": Pooled(boosting, with_supports=False),
        "boosting + mean": PooledWithTaskMean(boosting, **simulated),
        "boosting + residual": PooledWithResidual(boosting, **simulated),
        "boosting + group": TaskAsCategory(kind=kind, random_state=random_state),
        "lightgbm + group": TaskAsCategory(
            "lightgbm", kind=kind, random_state=random_state
        ),
        "catboost + group": TaskAsCategory(
            "catboost", kind=kind, random_state=random_state
        ),
        "gpboost": GPBoost(kind),
        "mixed linear": MixedLinear(kind, **simulated),
    }
    for package in ("lightgbm", "catboost", "gpboost"):
        if rivals is False or (rivals == "installed" and not is_installed(package)):
            ways = {n: way for n, way in ways.items() if not n.startswith(package)}
    return ways
