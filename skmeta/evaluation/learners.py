"""Who competes: meta-learners by name, and plain ways to learn a new task."""

from __future__ import annotations

from collections.abc import Sequence

from sklearn.base import BaseEstimator

from skmeta import plugins
from skmeta.ensemble import MetaStackingClassifier, MetaStackingRegressor
from skmeta.estimators import MetaClassifier, MetaRegressor
from skmeta.evaluation.problem import Problem
from skmeta.evaluation.table_file import InputError, closest
from skmeta.model_selection import plain_ways
from skmeta.utils.messages import listed

__all__ = [
    "check_algorithms",
    "check_plain",
    "make_meta_learner",
    "make_plain_learners",
    "meta_parameters",
]

_STACK = "stack"
# The meta-learners that are tried where nobody names others: algorithms, and "stack"
# for several learners together. What is added here competes with all that is there: it
# is fitted, chosen, judged and saved as they are.
_DEFAULT = {
    "classification": ["gp", "stack", "protonet"],
    "regression": ["gp", "stack", "cnp"],
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
        if name == _STACK:
            continue
        try:
            algorithm = plugins.resolve("algorithm", name)
        except ValueError as error:
            raise InputError(str(error)) from error
        if not _suits(algorithm, problem):
            suited = listed(_DEFAULT[problem.kind])
            what = f"{problem.kind} with {problem.label_space} labels"
            if problem.has_several:
                what = f"several targets ({problem.kind})"
            raise InputError(f"{name!r} does not learn {what}. These do: {suited}.")
    return names


def _suits(algorithm, problem: Problem) -> bool:
    kind = "classifier" if problem.is_classification else "regressor"
    if problem.has_several and not algorithm.several_targets:
        return False
    return kind in algorithm.kinds and problem.label_space in algorithm.label_spaces


def meta_parameters(
    algorithm: str,
    problem: Problem,
    shots: list[int],
    *,
    max_epochs: int | None,
    random_state: int | None,
) -> dict:
    """Return the parameters of a meta-learner, those of its estimator's class.

    Supports of all the shots that it is judged with train it.
    """
    low, high = min(shots), max(shots)
    parameters = {
        "algorithm": algorithm,
        "n_shot": high if low == high else (low, high),
        "random_state": random_state,
    }
    if problem.support != "random":
        parameters["support"] = problem.support
    if algorithm == _STACK:  # its members know how long they train
        del parameters["algorithm"]
    elif max_epochs is not None:
        parameters["max_epochs"] = max_epochs
    if problem.is_classification:
        parameters["label_space"] = problem.label_space
    return parameters


def make_meta_learner(parameters: dict, problem: Problem) -> BaseEstimator:
    """Make a meta-learner, not yet fitted."""
    classifier, regressor = MetaClassifier, MetaRegressor
    if "algorithm" not in parameters:
        classifier, regressor = MetaStackingClassifier, MetaStackingRegressor
    return (classifier if problem.is_classification else regressor)(**parameters)


def check_plain(names: Sequence[str] | None, problem: Problem) -> list[str]:
    """Return the plain ways to set the meta-learners against.

    Parameters
    ----------
    names : list of str or None
        As the user wrote them; None for all that suit.
    problem : Problem
        What is to be learnt.

    Returns
    -------
    list of str
        Each once.

    Raises
    ------
    InputError
        If a name is unknown, or its package is not there.
    """
    known = list(make_plain_learners(problem, 0))
    for name in names or []:
        if name not in known:
            near = closest(name, known)
            hint = f"Did you mean {' or '.join(map(repr, near))}?"
            if not near:
                hint = f"There are {listed(known)}."
            raise InputError(
                f"There is no plain way {name!r} for {problem.kind} with "
                f"{problem.label_space} labels. {hint}"
            )
    return list(dict.fromkeys(names or known))


def make_plain_learners(
    problem: Problem, random_state: int | None, names: Sequence[str] | None = None
) -> dict[str, BaseEstimator]:
    """Make what people would do without meta-learning, by name.

    What learns of the labels of other tasks is left out where labels are names inside a
    task: they say nothing about those of another.

    Parameters
    ----------
    problem : Problem
        What is to be learnt.
    random_state : int or None
        Seed.
    names : list of str, default=None
        Which of them; None for all that suit.

    Returns
    -------
    dict of str to Strategy
        Those of :func:`skmeta.model_selection.plain_ways`, not fitted.
    """
    kind = "classifier" if problem.is_classification else "regressor"
    ways = plain_ways(kind, random_state=random_state, support=problem.support)
    if problem.label_space == "per_task":
        ways = {name: way for name, way in ways.items() if way.of_names_inside_tasks}
    return {name: way for name, way in ways.items() if names is None or name in names}
