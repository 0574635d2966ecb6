"""Who competes: meta-learners by name, and plain ways to learn a new task."""

from __future__ import annotations

from collections.abc import Sequence

from sklearn.base import BaseEstimator
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge

from skmeta import plugins
from skmeta.estimators import MetaClassifier, MetaRegressor
from skmeta.evaluation.problem import Problem
from skmeta.evaluation.table_file import InputError
from skmeta.model_selection import PerTask, Pooled, PooledWithTaskMean
from skmeta.utils.messages import listed

__all__ = [
    "check_algorithms",
    "make_meta_learner",
    "make_plain_learners",
    "meta_parameters",
]

_DEFAULT = {
    "classification": ["maml", "protonet", "r2d2"],
    # Without maml: with squared errors its steps may diverge on an odd task.
    "regression": ["cnp", "r2d2", "reptile"],
}


def check_algorithms(names: Sequence[str] | None, problem: Problem) -> list[str]:
    """Return the algorithms to try.

    Parameters
    ----------
    names : list of str or None
        As the user wrote them; None for a few that suit.
    problem : Problem
        What is to be learnt.

    Returns
    -------
    list of str
        Each once.

    Raises
    ------
    InputError
        If a name is unknown or does not learn this kind of target.
    """
    names = list(dict.fromkeys(names or _DEFAULT[problem.kind]))
    for name in names:
        try:
            algorithm = plugins.resolve("algorithm", name)
        except ValueError as error:
            raise InputError(str(error)) from error
        if not _suits(algorithm, problem):
            suited = listed(_DEFAULT[problem.kind])
            raise InputError(
                f"{name!r} does not learn {problem.kind} with {problem.label_space} "
                f"labels. These do: {suited}."
            )
    return names


def _suits(algorithm, problem: Problem) -> bool:
    kind = "classifier" if problem.is_classification else "regressor"
    return kind in algorithm.kinds and problem.label_space in algorithm.label_spaces


def meta_parameters(
    algorithm: str,
    problem: Problem,
    shots: list[int],
    *,
    max_epochs: int,
    random_state: int | None,
) -> dict:
    """Return the parameters of a meta-learner, those of its estimator's class.

    Supports of all the shots that it is judged with train it.
    """
    low, high = min(shots), max(shots)
    parameters = {
        "algorithm": algorithm,
        "n_shot": high if low == high else (low, high),
        "max_epochs": max_epochs,
        "random_state": random_state,
    }
    if problem.is_classification:
        parameters["label_space"] = problem.label_space
    return parameters


def make_meta_learner(parameters: dict, problem: Problem) -> BaseEstimator:
    """Make a meta-learner, not yet fitted."""
    estimator = MetaClassifier if problem.is_classification else MetaRegressor
    return estimator(**parameters)


def make_plain_learners(
    problem: Problem, random_state: int | None
) -> dict[str, BaseEstimator]:
    """Make what people would do without meta-learning, by name.

    Pooling is left out where labels are names inside a task: what is learnt of the
    labels of one task says nothing about those of another.
    """
    # Numbers are standardised by the tasks that are learnt from, so a penalty of one
    # suits.
    if problem.is_classification:
        own = {
            "commonest class per task": PerTask(DummyClassifier(strategy="prior")),
            "logistic regression per task": PerTask(LogisticRegression(max_iter=500)),
        }
        boosting = HistGradientBoostingClassifier(
            learning_rate=0.05, max_leaf_nodes=15, random_state=random_state
        )
    else:
        own = {
            "mean per task": PerTask(DummyRegressor()),
            "ridge regression per task": PerTask(Ridge()),
        }
        boosting = HistGradientBoostingRegressor(
            learning_rate=0.05, max_leaf_nodes=15, random_state=random_state
        )
    if problem.label_space == "per_task":
        return own
    return own | {
        "pooled boosting": Pooled(boosting),
        "pooled boosting + task mean": PooledWithTaskMean(boosting),
    }
