"""The members that ``estimators=None`` stands for."""

from typing import Any

from skmeta.estimators import MetaClassifier, MetaRegressor
from skmeta.model_selection import PooledWithResidual, plain_ways
from skmeta.tables.prior import make_part

__all__ = ["class_members", "value_members"]

# In one cycle, r2d2 needs a tenth of its usual epochs and no tasks that are held out.
_QUICKLY: dict[str, Any] = {"lr": 0.02, "lr_schedule": "one_cycle", "max_epochs": 20}


def class_members(
    label_space: str,
    n_shot: Any,
    random_state: int | None,
    support: str = "random",
    **rejecting: Any,
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
    support : {"random", "first"}, default="random"
        Which rows of a task are known first.
    **rejecting : dict
        ``reject`` and ``unknown_label`` of the meta-learners, where they are asked for.

    Returns
    -------
    list of (str, estimator)
        Not fitted.
    """
    given: dict[str, Any] = {
        "n_shot": n_shot,
        "support": support,
        "random_state": random_state,
    }
    if label_space == "per_task":
        given["label_space"] = label_space
        return [
            ("gp", MetaClassifier("gp", **given, **rejecting)),
            ("protonet", MetaClassifier("protonet", **given, **rejecting)),
            ("own_linear", _plain("classifier", given, "own linear")),
        ]
    if label_space == "shared":
        given["label_space"] = label_space
    members = [
        ("gp", MetaClassifier("gp", **given, **rejecting)),
        ("mixed_linear", _plain("classifier", given, "mixed linear")),
        ("boosting_residual", _boosting("classifier", given)),
    ]
    if rejecting:  # else nobody but gp would tell unknown rows
        other = MetaClassifier("gp", prior=None, **given, **rejecting)
        members.insert(1, ("gp_alone", other))
    return members


def value_members(
    n_shot: Any, random_state: int | None, support: str = "random"
) -> list[tuple[str, Any]]:
    """Return members for values.

    Parameters
    ----------
    n_shot : int or (int, int)
        Support rows that meta-learners train with.
    random_state : int or None
        Seed of the members.
    support : {"random", "first"}, default="random"
        Which rows of a task are known first.

    Returns
    -------
    list of (str, estimator)
        Not fitted.
    """
    given: dict[str, Any] = {
        "n_shot": n_shot,
        "support": support,
        "random_state": random_state,
    }
    other = given | {"random_state": None if random_state is None else random_state + 1}
    return [
        ("gp", MetaRegressor("gp", **given)),
        ("r2d2", MetaRegressor("r2d2", **_QUICKLY, **given)),
        ("r2d2_again", MetaRegressor("r2d2", **_QUICKLY, **other)),
        ("mixed_linear", _plain("regressor", given, "mixed linear")),
        ("boosting_residual", _boosting("regressor", given)),
    ]


def _plain(kind: str, given: dict[str, Any], name: str) -> Any:
    """Return the plain way of a name, with what meta-learners are given."""
    how = {name: given[name] for name in ("random_state", "support")}
    return plain_ways(kind, rivals=False, **how)[name]


def _boosting(kind: str, given: dict[str, Any]) -> PooledWithResidual:
    """Make boosting, shifted by what it leaves; of the few trees of a prior."""
    seed = given["random_state"] or 0
    return PooledWithResidual(
        make_part("boosting", kind, seed), support=given["support"], random_state=seed
    )
