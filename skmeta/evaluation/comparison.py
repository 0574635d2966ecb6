"""Meta-learners and plain ways side by side: chosen, fitted, judged, told of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.validation import has_fit_parameter

from skmeta.display import AdaptationDisplay
from skmeta.evaluation.attempts import Attempts
from skmeta.evaluation.choice import Choice, rank_learners, splits_of_tasks
from skmeta.evaluation.findings import Result, Stopped, tidy_scores
from skmeta.evaluation.learners import (
    make_meta_learner,
    make_plain_learners,
    meta_parameters,
)
from skmeta.evaluation.problem import Problem
from skmeta.evaluation.progress import Progress
from skmeta.evaluation.table_file import InputError
from skmeta.evaluation.targets import mean_over_targets
from skmeta.evaluation.verdict import Verdict, against_others, make_verdict
from skmeta.evaluation.wording import MetricWording
from skmeta.model_selection import few_shot_curve
from skmeta.model_selection._curve import summarise
from skmeta.tables.meta_dataset import MetaDataset
from skmeta.tables.preprocessing import make_preprocessor
from skmeta.tables.unlabelled import known_targets, missing_targets
from skmeta.utils.messages import count, listed

if TYPE_CHECKING:
    from pandas import DataFrame, Series

__all__ = ["compare_learners"]

# An error so many times the median over tasks is no bad day but a divergence.
_FAR_OFF = 1000

# What every learner goes through.
STAGES = ("choosing", "fitting", "judging")
# What a plain way and a meta-learner may take, until they have shown it.
_COSTS = (1.0, 8.0)


def compare_learners(
    problem: Problem,
    algorithms: list[str],
    *,
    plain: list[str] | None = None,
    shots: list[int],
    metric: str,
    max_epochs: int | None,
    random_state: int | None,
    progress: Progress | None = None,
) -> Result:
    """Choose on the tasks to learn from, fit to all of them, judge on the others.

    One meta-learner and one plain way are chosen by a split of the tasks to learn from,
    and the verdict is about these two: on the new tasks nothing is chosen.

    Parameters
    ----------
    problem : Problem
        What is to be learnt.
    algorithms : list of str
        Names of meta-learning algorithms.
    plain : list of str, default=None
        Names of plain ways; None for all that suit.
    shots : list of int
        Support rows, sorted.
    metric : str
        Name of a scikit-learn scorer.
    max_epochs : int or None
        Most epochs of meta-training; None for what each algorithm recommends.
    random_state : int or None
        Seed.
    progress : Progress, default=None
        Is told what goes on; None shows it on standard error.

    Returns
    -------
    Result
        Without what is saved.

    Raises
    ------
    InputError
        If no meta-learner or no plain way works, or the metric does not suit.
    Stopped
        By Ctrl-C, before a meta-learner and a plain way were judged.
    """
    preprocessor, tasks, new_tasks = _numbers_of(problem)
    parameters = {
        name: meta_parameters(
            name, problem, shots, max_epochs=max_epochs, random_state=random_state
        )
        for name in algorithms
    }
    learners = make_plain_learners(problem, random_state, plain) | {
        name: make_meta_learner(own, problem) for name, own in parameters.items()
    }
    seed = random_state
    if seed is None:  # all learners meet the same supports
        seed = int(np.random.default_rng().integers(2**31))
    if progress is None:
        costs = {name: _COSTS[name in parameters] for name in learners}
        progress = Progress(STAGES, costs)
    attempts = Attempts(progress)
    at = shots[len(shots) // 2]
    ranked, n_held = _rank(problem, learners, tasks, at, metric, seed, attempts)
    progress.begin(
        "fitting to all tasks to learn from, judging on "
        f"{count(len(new_tasks), 'new task')}"
    )
    judge = partial(
        few_shot_curve,
        X=new_tasks,
        shots=shots,
        metric=metric,
        test_groups=new_tasks.names,
        random_state=seed,
        support=problem.support,
        per_task=True,
        per_target=problem.has_several,
    )
    judged = _fit_and_judge(learners, tasks, judge, attempts)
    meta = [name for name in algorithms if name in judged.told]
    against = [n for n in learners if n in judged.told and n not in parameters]
    if not meta or not against:
        raise _nothing_to_compare(judged, meta, metric, problem, attempts)
    told = judged.of(against + meta)
    found = _of_all_targets(told, metric, problem)
    scores = _by_task(found)
    of_judged = ranked[ranked.index.isin(judged.told)]
    choice = Choice.of(of_judged, meta, against, shots=at, n_tasks=n_held)
    words = MetricWording(metric, len(problem.targets))
    verdict = _verdict(scores, choice, words, problem)
    adaptation = None
    if not judged.is_stopped:
        chosen = judged.fitted[choice.meta]
        adaptation = _adaptation(chosen, new_tasks, verdict.duel.shots)
    return Result(
        problem=problem,
        metric=words,
        shots=shots,
        meta=meta,
        plain=against,
        curve=summarise(found),
        scores=scores,
        choice=choice,
        verdict=verdict,
        others=against_others(scores, choice),
        fitted=judged.fitted,
        preprocessor=preprocessor,
        parameters=parameters,
        seconds=attempts.seconds,
        failures=attempts.failures,
        remarks=_remarks(attempts, scores, learners, judged),
        target_scores=_by_target(told, problem),
        adaptation=adaptation,
        stopped=judged.is_stopped,
    )


def _numbers_of(problem: Problem) -> tuple[Pipeline, MetaDataset, MetaDataset]:
    """Fit a preprocessor to the tasks to learn from, and make numbers of all tasks."""
    # A row far out would throw the gradient steps of a task of few rows off.
    clip = FunctionTransformer(np.clip, kw_args={"a_min": -4, "a_max": 4})
    preprocessor = make_pipeline(make_preprocessor(), StandardScaler(), clip)
    try:
        preprocessor.fit(problem.train[0])
        tasks, new_tasks = (
            problem.tasks(preprocessor.transform, test=test) for test in (False, True)
        )
    except ValueError as error:
        raise InputError(
            f"The columns cannot be turned into numbers: {error}"
        ) from error
    return preprocessor, tasks, new_tasks


def _rank(
    problem: Problem,
    learners: dict[str, Any],
    tasks: MetaDataset,
    shots: int,
    metric: str,
    seed: int,
    attempts: Attempts,
) -> tuple[Series, int]:
    """Score learners on left-out tasks to learn from; tell how many these are."""
    splits = splits_of_tasks(problem, shots, seed)
    held = np.unique(tasks.groups[np.concatenate([judged for _, judged in splits])])
    attempts.progress.begin(f"choosing by {count(len(held), 'task')} to learn from")
    ranked = rank_learners(
        learners,
        tasks,
        splits=splits,
        shots=shots,
        metric=metric,
        random_state=seed,
        support=problem.support,
        attempt=partial(attempts.run, STAGES[0]),
        units=problem.units if problem.has_several else None,
    )
    return ranked, len(held)


@dataclass
class _Judged:
    """Learners that were fitted and judged.

    Parameters
    ----------
    fitted : dict of str to estimator
        By all tasks to learn from.
    told : dict of str to DataFrame
        How each did on new tasks.
    is_stopped : bool
        Whether Ctrl-C came before the last one.
    """

    fitted: dict[str, Any] = field(default_factory=dict)
    told: dict[str, DataFrame] = field(default_factory=dict)
    is_stopped: bool = False

    def of(self, names: list[str]) -> DataFrame:
        """Return how some learners did, one after another."""
        import pandas as pd

        return pd.concat([self.told[name] for name in names], ignore_index=True)


def _fit_and_judge(
    learners: dict[str, Any],
    tasks: MetaDataset,
    judge: Callable[[dict[str, Any]], DataFrame],
    attempts: Attempts,
) -> _Judged:
    """Fit learners one after another, and judge each."""
    judged = _Judged()
    try:
        for name, own in learners.items():
            model = attempts.run(STAGES[1], name, partial(_fit, own, tasks))
            if model is None:
                continue
            work = partial(judge, {name: model})
            told = attempts.run(STAGES[2], name, work, timed=False)
            if told is not None:
                judged.fitted[name], judged.told[name] = model, told
    except KeyboardInterrupt:
        judged.is_stopped = True
    return judged


def _nothing_to_compare(
    judged: _Judged, meta: list[str], metric: str, problem: Problem, attempts: Attempts
) -> Stopped | InputError:
    """Return what to raise where no learner of one of the two kinds was judged."""
    if not judged.is_stopped:
        failed = attempts.failures.items()
        why = "; ".join(f"{name}: {error}" for name, error in failed)
        return InputError(f"Nothing could be compared. {why}")
    if not judged.told:
        return Stopped(None)
    found = _of_all_targets(judged.of([*judged.told]), metric, problem)
    return Stopped(tidy_scores(_by_task(found), meta))


def _verdict(
    scores: DataFrame, choice: Choice, metric: MetricWording, problem: Problem
) -> Verdict:
    each = " of each class" if problem.label_space == "per_task" else ""
    try:
        return make_verdict(scores, choice, metric=metric, shot=f"labelled row{each}")
    except ValueError as error:
        raise InputError(str(error)) from error


def _remarks(
    attempts: Attempts, scores: DataFrame, learners: dict[str, Any], judged: _Judged
) -> list[str]:
    """Say what learners warned of, whose answers are far off, and who is missing."""
    remarks = attempts.remarks() + _far_off(scores)
    if judged.is_stopped:
        known = judged.told.keys() | attempts.failures.keys()
        left = listed([name for name in learners if name not in known])
        remarks.append(f"stopped before these were judged: {left}")
    return remarks


def _by_target(told: DataFrame, problem: Problem) -> DataFrame | None:
    """Return the scores of each of several targets, by their names."""
    if not problem.has_several:
        return None
    scores = _by_task(told, "target")
    scores["target"] = [problem.targets[place] for place in scores["target"]]
    return scores


def _of_all_targets(found: DataFrame, metric: str, problem: Problem) -> DataFrame:
    if not problem.has_several:
        return found
    return mean_over_targets(found, metric, problem.units)


def _by_task(found: DataFrame, *more: str) -> DataFrame:
    """Average the repeats of each task."""
    by_task = ["estimator", "shots", "task", *more]
    return found.groupby(by_task, sort=False)["score"].mean().reset_index()


def _fit(learner: Any, tasks: MetaDataset) -> Any:
    own = clone(learner)
    rows, y, missing = slice(None), tasks.y, missing_targets(tasks.y)
    if missing is not None and not getattr(own, "_takes_unlabelled", False):
        rows, y = ~missing, known_targets(y, missing)
    given: dict[str, Any] = {"groups": tasks.groups[rows]}
    if tasks.in_support is not None and has_fit_parameter(own, "in_support"):
        given["in_support"] = tasks.in_support[rows]
    return own.fit(tasks.X[rows], y, **given)


def _far_off(scores: DataFrame) -> list[str]:
    """Say whose mean is spoilt by a few tasks on which adaptation diverged."""
    size = scores["score"].abs()
    middle = size.groupby(scores["estimator"]).transform("median")
    far = scores[size > _FAR_OFF * middle.clip(lower=np.finfo(float).tiny)]
    return [
        f"{name}: its answers are far off on {count(own['task'].nunique(), 'task')}, "
        "where adaptation must have diverged; they spoil its mean"
        for name, own in far.groupby("estimator", sort=False)
    ]


def _adaptation(meta: Any, tasks: MetaDataset, n_shot: int) -> AdaptationDisplay | None:
    """Score after every inner step, of a learner that takes some."""
    if (
        not hasattr(meta, "algorithm_")
        or "inner_steps" not in meta.algorithm_.get_params(deep=False)
        or not n_shot
    ):
        return None
    score = None
    if not hasattr(meta, "classes_") and tasks.y.ndim == 1:
        score = _minus_error
    return AdaptationDisplay.from_estimator(
        meta, tasks, n_shot=n_shot, score=score, plot=False
    )


def _minus_error(y: np.ndarray, answers: np.ndarray) -> float:
    return -float(np.abs(y - answers).mean())


_minus_error.__name__ = "minus_absolute_error"
