"""Who competes for the verdict, chosen on tasks to learn from alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.model_selection import KFold, ShuffleSplit

from skmeta.evaluation.new_tasks import large_enough
from skmeta.evaluation.problem import Problem
from skmeta.evaluation.targets import mean_over_targets
from skmeta.model_selection import few_shot_curve
from skmeta.model_selection._curve import summarise
from skmeta.tables.groups import encode_groups
from skmeta.tables.meta_dataset import MetaDataset

if TYPE_CHECKING:
    from pandas import Series

__all__ = ["Choice", "rank_learners", "splits_of_tasks"]

# Of so many tasks a single split is enough to choose by; of fewer there are folds.
_MANY_TASKS = 40
_N_FOLDS = 3
_HELD_SHARE = 0.3


@dataclass(frozen=True)
class Choice:
    """The meta-learner and the plain way that meet for the verdict.

    Parameters
    ----------
    meta, plain : str
        Their names.
    shots : int
        Support rows that they were chosen at, and are judged at.
    scores : Series
        Mean score of every learner on left-out tasks to learn from, by its name, the
        best first.
    n_tasks : int
        Tasks that were left out, of those to learn from.
    """

    meta: str
    plain: str
    shots: int
    scores: Series
    n_tasks: int

    @classmethod
    def of(
        cls,
        scores: Series,
        meta: Sequence[str],
        plain: Sequence[str],
        *,
        shots: int,
        n_tasks: int,
    ) -> Choice:
        """Take the first of each by their scores; those without a score come last."""
        order = [*scores.index, *meta, *plain]
        best_meta = next(name for name in order if name in meta)
        best_plain = next(name for name in order if name in plain)
        return cls(best_meta, best_plain, shots, scores, n_tasks)


def splits_of_tasks(
    problem: Problem, shots: int, random_state: int | None
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Split the tasks to learn from once more.

    Parameters
    ----------
    problem : Problem
        What is to be learnt.
    shots : int
        Support rows; tasks need one row more to be left out.
    random_state : int or None
        Seed.

    Returns
    -------
    list of (int ndarray, int ndarray)
        Rows of ``problem.tasks(..., test=False)`` to fit to and to judge on: a single
        split, or three folds of few tasks.
    """
    _, y, groups = problem.train
    names, task = encode_groups(groups, y)
    given = problem.train_support
    enough = large_enough(y, task, problem.label_space, shots + 1, given)
    usable = np.flatnonzero(enough)
    if len(usable) < _MANY_TASKS:
        n_folds = min(_N_FOLDS, len(usable))
        folds: Any = KFold(n_folds, shuffle=True, random_state=random_state)
    else:
        folds = ShuffleSplit(1, test_size=_HELD_SHARE, random_state=random_state)
    groups = problem.tasks(np.asarray, test=False).groups  # of unlabelled rows, too
    held = [
        np.isin(groups, names[usable[left_out]]) for _, left_out in folds.split(usable)
    ]
    return [(np.flatnonzero(~own), np.flatnonzero(own)) for own in held]


def rank_learners(
    learners: dict[str, Any],
    tasks: MetaDataset,
    *,
    splits: list[tuple[np.ndarray, np.ndarray]],
    shots: int,
    metric: str,
    random_state: int,
    support: str,
    attempt: Callable[[str, Callable[[], Any]], Any],
    units: np.ndarray | None = None,
) -> Series:
    """Score every learner on tasks to learn from that it has not seen.

    Parameters
    ----------
    learners : dict of str to estimator
        Not fitted.
    tasks : MetaDataset
        Those to learn from.
    splits : list of (int ndarray, int ndarray)
        Of ``splits_of_tasks``.
    shots : int
        Support rows.
    metric : str
        Name of a scikit-learn scorer.
    random_state : int
        Draws supports, the same for all.
    support : {"random", "first"}
        Which rows of a task are known first.
    attempt : callable
        Called with a name and what to do; returns None where it fails.
    units : float ndarray of shape (n_targets,), default=None
        Standard deviation of each of several targets, whose scores are averaged.

    Returns
    -------
    Series
        Mean score over tasks by name, the best first; without those that failed or
        have no answer.
    """
    import pandas as pd

    means = {}
    for name, learner in learners.items():
        score = partial(
            few_shot_curve,
            {name: learner},
            tasks,
            shots=shots,
            metric=metric,
            cv=splits,
            random_state=random_state,
            support=support,
            per_task=True,
            per_target=units is not None,
        )
        found = attempt(name, score)
        if found is None or not len(found):
            continue
        if units is not None:
            found = mean_over_targets(found, metric, units)
        means[name] = summarise(found)["score"].iloc[0]
    return pd.Series(means, dtype=float).dropna().sort_values(ascending=False)
