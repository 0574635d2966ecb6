"""The members that ``estimators=None`` stands for."""

from typing import Any

from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.linear_model import LogisticRegression

from skmeta.estimators import MetaClassifier, MetaRegressor
from skmeta.model_selection import PerTask, PooledWithTaskMean

__all__ = ["class_members", "value_members"]

_BOOSTING = {"learning_rate": 0.05, "max_leaf_nodes": 15, "early_stopping": False}


def class_members(
    label_space: str, n_shot: Any, random_state: int | None
) -> list[tuple[str, Any]]:
    """Return members for classes.

    Parameters
    ----------
    label_space : {"auto", "shared", "per_task"}
        "auto" where it is not known yet, and taken for "shared".
    n_shot : int or (int, int)
        Support rows that meta-learners train with.
    random_state : int or None
        Seed of the members.

    Returns
    -------
    list of (str, estimator)
        Not fitted.
    """
    given = {"n_shot": n_shot, "random_state": random_state}
    if label_space == "per_task":
        given["label_space"] = label_space
        return [
            ("protonet", MetaClassifier("protonet", **given)),
            ("r2d2", MetaClassifier("r2d2", **given)),
            ("logistic", PerTask(LogisticRegression(max_iter=500))),
        ]
    if label_space == "shared":
        given["label_space"] = label_space
    boosting = HistGradientBoostingClassifier(**_BOOSTING, random_state=random_state)
    return [
        ("protonet", MetaClassifier("protonet", **given)),
        ("cnp", MetaClassifier("cnp", **given)),
        ("boosting", PooledWithTaskMean(boosting)),
    ]


def value_members(n_shot: Any, random_state: int | None) -> list[tuple[str, Any]]:
    """Return members for values.

    Parameters
    ----------
    n_shot : int or (int, int)
        Support rows that meta-learners train with.
    random_state : int or None
        Seed of the members.

    Returns
    -------
    list of (str, estimator)
        Not fitted.
    """
    given = {"n_shot": n_shot, "random_state": random_state}
    boosting = HistGradientBoostingRegressor(**_BOOSTING, random_state=random_state)
    return [
        ("r2d2", MetaRegressor("r2d2", **given)),
        ("cnp", MetaRegressor("cnp", **given)),
        ("boosting", PooledWithTaskMean(boosting)),
    ]
