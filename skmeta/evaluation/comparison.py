"""Meta-learners and plain ways side by side: chosen, fitted, judged, told of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.validation import has_fit_parameter

from skmeta.display import AdaptationDisplay
from skmeta.evaluation.attempts import Attempts
from skmeta.evaluation.choice import Choice, rank_learners, splits_of_tasks
from skmeta.evaluation.cleaning import AsTyped
from skmeta.evaluation.learners import (
    make_meta_learner,
    make_plain_learners,
    meta_parameters,
)
from skmeta.evaluation.problem import Problem
from skmeta.evaluation.progress import Progress
from skmeta.evaluation.table_file import InputError
from skmeta.evaluation.targets import mean_over_targets
from skmeta.evaluation.unlabelled import said_of_unlabelled
from skmeta.evaluation.verdict import Verdict, against_others, make_verdict
from skmeta.evaluation.wording import MetricWording
from skmeta.model_selection import few_shot_curve
from skmeta.model_selection._curve import summarise
from skmeta.tables.meta_dataset import MetaDataset
from skmeta.tables.preprocessing import make_preprocessor
from skmeta.tables.unlabelled import known_targets, missing_targets
from skmeta.utils.messages import count, listed

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Result", "Stopped", "compare_learners", "tidy_scores"]

# An error so many times the median over tasks is no bad day but a divergence.
_FAR_OFF = 1000

# What every learner goes through.
STAGES = ("choosing", "fitting", "judging")
# What a plain way and a meta-learner may take, until they have shown it.
_COSTS = (1.0, 8.0)


@dataclass
class Result:
    """What was found.

    Parameters
    ----------
    problem : Problem
        What was to be learnt.
    metric : MetricWording
        What the scores are, in words.
    shots : list of int
        Support rows.
    meta, plain : list of str
        Names of the learners that were judged.
    curve : DataFrame
        Columns "estimator", "shots", "score", "low", "high", "n_tasks".
    scores : DataFrame
        Columns "estimator", "shots", "task", "score".
    choice : Choice
        Who was chosen to compete, on the tasks to learn from.
    verdict : Verdict
        The answer.
    others : DataFrame
        Every other learner against the chosen plain way, on new tasks, at the shots of
        the verdict: columns "estimator", "n_tasks", "difference", "won", "p_value",
        "p_holm". They do not make the verdict.
    fitted : dict of str to estimator
        Every learner, by all tasks to learn from.
    preprocessor : transformer
        Fitted on the tasks to learn from.
    parameters : dict of str to dict
        Of every meta-learner.
    seconds : dict of str to float
        To choose by and to fit.
    failures : dict of str to str
        Learners that failed, and why.
    remarks : list of str
        What the learners warned of.
    options : dict
        Of :func:`skmeta.evaluation.make_problem`.
    reading : dict
        Of :func:`skmeta.evaluation.read_table`.
    target_scores : DataFrame or None
        Of several targets: columns "estimator", "shots", "task", "target" (its name),
        "score" in the target's own unit.
    adaptation : AdaptationDisplay or None
        Of the chosen meta-learner, if it takes inner steps.
    saved : str or None
        Where the recommended model is.
    source, command : str
        What the table was read from, and by which command line.
    stopped : bool
        Whether Ctrl-C came before all learners were judged.

    Attributes
    ----------
    scores_ : DataFrame
        Every score on new tasks: columns "estimator", "kind" ("meta" or "plain"),
        "shots", "task", "score", which is the higher the better. Of several targets the
        mean, with errors in units of each target's standard deviation.
    target_scores_ : DataFrame or None
        The same for each of several targets, in a column "target" more, and in the unit
        of each.
    best_estimator_ : Pipeline
        The recommended learner, which takes the rows of the table.
    """

    problem: Problem
    metric: MetricWording
    shots: list[int]
    meta: list[str]
    plain: list[str]
    curve: DataFrame
    scores: DataFrame
    choice: Choice
    verdict: Verdict
    others: DataFrame
    fitted: dict[str, Any]
    preprocessor: Any
    parameters: dict[str, dict]
    seconds: dict[str, float]
    failures: dict[str, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    options: dict = field(default_factory=dict)
    reading: dict = field(default_factory=dict)
    target_scores: DataFrame | None = None
    adaptation: AdaptationDisplay | None = None
    saved: str | None = None
    source: str = "a DataFrame"
    command: str = ""
    stopped: bool = False

    @property
    def scores_(self) -> DataFrame:
        """Every score on new tasks."""
        return tidy_scores(self.scores, self.meta)

    @property
    def target_scores_(self) -> DataFrame | None:
        """Every score on new tasks, for each of several targets."""
        if self.target_scores is None:
            return None
        return tidy_scores(self.target_scores, self.meta)

    @cached_property
    def best_estimator_(self) -> Pipeline:
        """The recommended learner behind the preprocessing."""
        return self.pipeline(self.recommended)

    @property
    def recommended(self) -> str:
        """Name of the learner to take: the chosen meta-learner only where it helps."""
        helps = self.verdict.outcome == "helps"
        return self.choice.meta if helps else self.choice.plain

    def pipeline(self, name: str) -> Pipeline:
        """Put a learner behind the preprocessor, so that it takes the table's rows."""
        reader = AsTyped(**self.problem.reading).fit(self.problem.X)
        steps = [("reader", reader), *self.preprocessor.steps]
        return Pipeline([*steps, ("learner", self.fitted[name])])

    @property
    def unlabelled_said(self) -> str:
        """Who learnt of rows without a target, in words; empty where there are none."""
        meta = {name: self.fitted[name] for name in self.meta}
        return said_of_unlabelled(self.problem.n_unlabelled, meta)

    @property
    def estimator_name(self) -> str:
        """Name of the estimator's class."""
        return type(self.fitted[self.choice.meta]).__name__

    @property
    def n_features(self) -> int:
        """Numbers that the columns became."""
        return self.preprocessor.steps[-2][1].n_features_in_

    @property
    def names_by_score(self) -> list[str]:
        """Learners, the best at the shots of the verdict first."""
        at = self.curve[self.curve["shots"] == self.verdict.duel.shots]
        order = at.sort_values("score", ascending=False)["estimator"].tolist()
        return order + [n for n in self.meta + self.plain if n not in order]


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
    import pandas as pd

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

    splits = splits_of_tasks(problem, at, seed)
    held = np.unique(tasks.groups[np.concatenate([judged for _, judged in splits])])
    progress.begin(f"choosing by {count(len(held), 'task')} to learn from")
    ranked = rank_learners(
        learners,
        tasks,
        splits=splits,
        shots=at,
        metric=metric,
        random_state=seed,
        support=problem.support,
        attempt=partial(attempts.run, STAGES[0]),
        units=problem.units if problem.has_several else None,
    )
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
    fitted, judged, stopped = _fit_and_judge(learners, tasks, judge, attempts)
    meta = [name for name in algorithms if name in judged]
    against = [name for name in learners if name in judged and name not in parameters]
    if not meta or not against:
        if stopped and judged:
            found = _of_all_targets(pd.concat(judged.values()), metric, problem)
            raise Stopped(tidy_scores(_by_task(found), meta))
        if stopped:
            raise Stopped(None)
        told = "; ".join(
            f"{name}: {error}" for name, error in attempts.failures.items()
        )
        raise InputError(f"Nothing could be compared. {told}")
    choice = Choice.of(
        ranked[ranked.index.isin(judged)], meta, against, shots=at, n_tasks=len(held)
    )
    told = pd.concat([judged[name] for name in against + meta], ignore_index=True)
    found = _of_all_targets(told, metric, problem)
    scores = _by_task(found)
    remarks = attempts.remarks() + _far_off(scores)
    if stopped:
        left = [n for n in learners if n not in judged and n not in attempts.failures]
        remarks.append(f"stopped before these were judged: {listed(left)}")
    each = " of each class" if problem.label_space == "per_task" else ""
    shot = f"labelled row{each}"
    words = MetricWording(metric, len(problem.targets))
    try:
        verdict = make_verdict(scores, choice, metric=words, shot=shot)
    except ValueError as error:
        raise InputError(str(error)) from error
    return Result(
        problem,
        words,
        shots,
        meta,
        against,
        summarise(found),
        scores,
        choice,
        verdict,
        against_others(scores, choice),
        fitted,
        preprocessor,
        parameters,
        attempts.seconds,
        attempts.failures,
        remarks,
        target_scores=_by_target(told, problem),
        adaptation=None
        if stopped
        else _adaptation(fitted[choice.meta], new_tasks, verdict.duel.shots),
        stopped=stopped,
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


def _fit_and_judge(
    learners: dict[str, Any],
    tasks: MetaDataset,
    judge: Callable[[dict[str, Any]], DataFrame],
    attempts: Attempts,
) -> tuple[dict[str, Any], dict[str, DataFrame], bool]:
    """Fit learners one after another, and judge each; tell whether Ctrl-C came."""
    fitted: dict[str, Any] = {}
    judged: dict[str, DataFrame] = {}
    try:
        for name, own in learners.items():
            model = attempts.run(STAGES[1], name, partial(_fit, own, tasks))
            if model is None:
                continue
            work = partial(judge, {name: model})
            found = attempts.run(STAGES[2], name, work, timed=False)
            if found is not None:
                fitted[name], judged[name] = model, found
    except KeyboardInterrupt:
        return fitted, judged, True
    return fitted, judged, False


def _by_target(told: DataFrame, problem: Problem) -> DataFrame | None:
    """Return the scores of each of several targets, by their names."""
    if not problem.has_several:
        return None
    scores = _by_task(told, "target")
    scores["target"] = [problem.targets[place] for place in scores["target"]]
    return scores


class Stopped(KeyboardInterrupt):
    """Ctrl-C, with what was judged before.

    Parameters
    ----------
    scores : DataFrame or None
        As ``Result.scores_``; None if there are none.
    result : Result, default=None
        Where a meta-learner and a plain way were judged.
    """

    def __init__(self, scores: DataFrame | None, result: Result | None = None):
        super().__init__("stopped")
        self.scores = scores
        self.result = result


def tidy_scores(scores: DataFrame, meta: list[str]) -> DataFrame:
    """Say of every score on a task what kind of learner it is of.

    Parameters
    ----------
    scores : DataFrame
        Columns "estimator", "shots", "task", "score".
    meta : list of str
        Names of the meta-learners.

    Returns
    -------
    DataFrame
        The same, and a column "kind", "meta" or "plain".
    """
    kind = scores["estimator"].isin(meta).map({True: "meta", False: "plain"})
    columns = ["estimator", "kind", *scores.columns[1:]]
    return scores.assign(kind=kind)[columns]


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
