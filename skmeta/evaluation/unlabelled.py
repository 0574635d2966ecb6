"""Rows without a target: which of them a task has besides, and who learns of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from skmeta.ensemble.members import flat
from skmeta.pipelines import last_step
from skmeta.utils.messages import count, listed

if TYPE_CHECKING:
    from pandas import DataFrame, Series

__all__ = ["said_of_unlabelled", "sort_by_targets", "useful_in_tasks"]


def sort_by_targets(
    table: DataFrame, targets: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Tell rows with all targets, and rows without any, from all others.

    A gap is no target; what was written there and is none, such as a word among
    numbers or an infinite number, is an error of the table: the row is neither.

    Parameters
    ----------
    table : DataFrame of shape (n_rows, n_columns)
        As it was read.
    targets : sequence of str
        Columns to predict.

    Returns
    -------
    has_all, has_none : bool ndarray of shape (n_rows,)
        Labelled rows and unlabelled ones.

    Examples
    --------
    >>> import pandas as pd
    >>> from skmeta.evaluation.unlabelled import sort_by_targets
    >>> table = pd.DataFrame({"sold": [4.0, None, float("inf")]})
    >>> sort_by_targets(table, ["sold"])
    (array([ True, False, False]), array([False,  True, False]))
    """
    is_gap = np.column_stack([table[name].isna() for name in targets])
    is_wrong = np.column_stack([_is_infinite(table[name]) for name in targets])
    for place, name in enumerate(targets):
        is_wrong[table.attrs.get("odd", {}).get(name, []), place] = True
    has_all = ~(is_gap | is_wrong).any(axis=1)
    return has_all, (is_gap & ~is_wrong).all(axis=1)


def _is_infinite(column: Series) -> np.ndarray:
    if column.dtype.kind != "f":
        return np.zeros(len(column), dtype=bool)
    return np.isinf(column.to_numpy(dtype=float, na_value=np.nan))


def useful_in_tasks(
    task: np.ndarray,
    is_known: np.ndarray,
    in_support: np.ndarray | None,
    n_known: int | None,
    missing: str,
) -> tuple[np.ndarray, list[str]]:
    """Tell which unlabelled rows may be known beside the labelled ones of their task.

    Parameters
    ----------
    task : ndarray of shape (n_rows,)
        Task of each row.
    is_known : bool ndarray of shape (n_rows,)
        Rows with a target.
    in_support : bool ndarray of shape (n_known_rows,) or None
        Which of these are given as support, if that is said.
    n_known : int or None
        Where rows come in an order, the most that are known of a task, and the first
        ones. What comes after the first row that is asked was not there when it was.
    missing : str
        What is missing, for notes: such as "'sold' is missing".

    Returns
    -------
    useful : bool ndarray of shape (n_rows,)
        Not those of tasks without any labelled row, which are neither learnt from nor
        judged, nor those that come too late.
    notes : list of str
        How many there are, and how many are left out and why.
    """
    import pandas as pd

    of_task = pd.Series(is_known).groupby(task)
    alone = ~is_known & ~of_task.transform("any").to_numpy()
    late = np.zeros(len(task), dtype=bool)
    if n_known is not None:
        is_asked = is_known & (of_task.cumsum().to_numpy() > n_known)
        if in_support is not None:
            is_asked[is_known] = ~in_support
        late = ~is_known & pd.Series(is_asked).groupby(task).cummax().to_numpy()
    useful = ~is_known & ~alone & ~late
    n_alone = len(np.unique(task[alone]))
    notes = [
        f"{count(int(which.sum()), 'row')} {text}"
        for which, text in (
            (
                useful,
                f"without a target ({missing}): unlabelled rows of their "
                "tasks, which meta-learners get beside the known ones; plain ways do "
                "without, and nobody is asked for them",
            ),
            (
                alone,
                f"of {count(n_alone, 'task')} without any target ({missing}) "
                "left out: such a task can neither be learnt from nor judged",
            ),
            (
                late,
                f"without a target ({missing}) left out: they come after "
                "rows that are asked, and would not be there by then",
            ),
        )
        if which.any()
    ]
    return useful, notes


def said_of_unlabelled(n_rows: int, fitted: Mapping[str, Any]) -> str:
    """Say who learnt of unlabelled rows; empty where there are none.

    Parameters
    ----------
    n_rows : int
        Unlabelled rows.
    fitted : dict of str to estimator
        Every learner.

    Returns
    -------
    str
        A sentence or two.
    """
    if not n_rows:
        return ""
    given = [name for name, each in fitted.items() if _takes(each)]
    used = [name for name in given if _uses(fitted[name])]
    text = (
        f"{count(n_rows, 'row')} without a target stood beside the known rows of their "
        f"tasks for {listed(given)}; the plain ways had none of them, and nobody was "
        "asked for them. "
    )
    if not used:
        why = "on the tasks to learn from, none gained"
        if not any(_can_use(fitted[name]) for name in given):
            why = "none of these learns from them here"
        return f"{text}They changed no answer: {why}."
    others = [name for name in given if name not in used]
    left = f"; {listed(others)} left them alone" if others else ""
    return f"{text}They counted for {listed(used)}{left}."


def _takes(learner: Any) -> bool:
    return getattr(last_step(learner), "_takes_unlabelled", False)


def _uses(learner: Any) -> bool:
    """Tell whether unlabelled rows change the answers of a fitted learner."""
    last: Any = last_step(learner)
    if hasattr(last, "named_estimators_"):
        return any(_uses(each) for each in _fits(last))
    if getattr(last, "normalize", None) == "task":
        return True
    if not _can_use(last):
        return False
    algorithm: Any = last.algorithm_
    worth = last.unlabelled_ if algorithm.unlabelled == "auto" else algorithm.unlabelled
    return bool(np.any(worth))


def _can_use(learner: Any) -> bool:
    """Tell whether a learner would have them count if it gained."""
    last: Any = last_step(learner)
    if hasattr(last, "named_estimators_"):
        return any(_can_use(each) for each in _fits(last))
    uses = getattr(getattr(last, "algorithm_", None), "uses_unlabelled", False)
    return uses and last.spec_.n_targets == 1


def _fits(ensemble: Any) -> list[Any]:
    """List what the members of an ensemble that take such rows have learnt."""
    return [each for each in flat(ensemble.named_estimators_).values() if _takes(each)]
