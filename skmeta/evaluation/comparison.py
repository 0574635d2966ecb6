"""Meta-learners and plain ways side by side: fitted, judged, the better one told."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skmeta.display import AdaptationDisplay
from skmeta.evaluation.learners import (
    make_meta_learner,
    make_plain_learners,
    meta_parameters,
)
from skmeta.evaluation.problem import Problem
from skmeta.evaluation.table_file import InputError
from skmeta.evaluation.verdict import Verdict, make_verdict
from skmeta.evaluation.wording import MetricWording
from skmeta.model_selection import compare
from skmeta.tables.preprocessing import make_preprocessor
from skmeta.utils.messages import count

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Result", "compare_learners"]

# An error so many times the median over tasks is no bad day but a divergence.
_FAR_OFF = 1000


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
    verdict : Verdict
        The answer.
    fitted : dict of str to estimator
        Every learner.
    preprocessor : transformer
        Fitted on the tasks to learn from.
    parameters : dict of str to dict
        Of every meta-learner.
    seconds : dict of str to float
        To fit.
    failures : dict of str to str
        Learners that failed, and why.
    remarks : list of str
        What the learners warned of.
    options : dict
        Of :func:`skmeta.evaluation.make_problem`.
    adaptation : AdaptationDisplay or None
        Of the best meta-learner, if it takes inner steps.
    saved : str or None
        Where the best model is.
    """

    problem: Problem
    metric: MetricWording
    shots: list[int]
    meta: list[str]
    plain: list[str]
    curve: DataFrame
    scores: DataFrame
    verdict: Verdict
    fitted: dict[str, Any]
    preprocessor: Any
    parameters: dict[str, dict]
    seconds: dict[str, float]
    failures: dict[str, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    options: dict = field(default_factory=dict)
    adaptation: AdaptationDisplay | None = None
    saved: str | None = None

    @property
    def best_meta(self) -> str:
        """Name of the best meta-learner."""
        return self.verdict.duel.meta

    @property
    def best(self) -> str:
        """Name of the best learner of all."""
        return self.names_by_score[0]

    def pipeline(self, name: str) -> Pipeline:
        """Put a learner behind the preprocessor, so that it takes the table's rows."""
        return Pipeline([*self.preprocessor.steps, ("learner", self.fitted[name])])

    @property
    def estimator_name(self) -> str:
        """Name of the estimator's class."""
        return type(self.fitted[self.best_meta]).__name__

    @property
    def n_features(self) -> int:
        """Numbers that the columns became."""
        return self.fitted[self.best_meta].n_features_in_

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
    shots: list[int],
    metric: str,
    max_epochs: int,
    random_state: int | None,
    tell: Callable[[str], None],
) -> Result:
    """Fit every learner on some tasks, judge it on the others.

    Parameters
    ----------
    problem : Problem
        What is to be learnt.
    algorithms : list of str
        Names of meta-learning algorithms.
    shots : list of int
        Support rows, sorted.
    metric : str
        Name of a scikit-learn scorer.
    max_epochs : int
        Most epochs of meta-training.
    random_state : int or None
        Seed.
    tell : callable
        Called with a line about what goes on.

    Returns
    -------
    Result
        Without what is saved.

    Raises
    ------
    InputError
        If no meta-learner or no plain way works, or the metric does not suit.
    """
    X, y, groups = problem.train
    # A row far out would throw the gradient steps of a task of few rows off.
    clip = FunctionTransformer(np.clip, kw_args={"a_min": -4, "a_max": 4})
    preprocessor = make_pipeline(make_preprocessor(), StandardScaler(), clip)
    try:
        Z = preprocessor.fit_transform(X)
        Z_test = preprocessor.transform(problem.test[0])
    except ValueError as error:
        raise InputError(
            f"The columns cannot be turned into numbers: {error}"
        ) from error
    parameters = {
        name: meta_parameters(
            name, problem, shots, max_epochs=max_epochs, random_state=random_state
        )
        for name in algorithms
    }
    learners = make_plain_learners(problem, random_state) | {
        name: make_meta_learner(own, problem).set_params(verbose=1)
        for name, own in parameters.items()
    }
    fitted, seconds, failures = {}, {}, {}
    warned: dict[str, Any] = {}
    for place, (name, learner) in enumerate(learners.items(), start=1):
        tell(f"[{place}/{len(learners)}] {name}")
        start = perf_counter()
        with _collecting_warnings(name, warned):
            try:
                fitted[name] = learner.fit(Z, y, groups=groups)
            except (ValueError, TypeError, RuntimeError) as error:
                failures[name] = str(error).strip() or type(error).__name__
                tell(f"      failed: {failures[name]}")
        if name in fitted and name in parameters:
            learner.set_params(verbose=0)
        seconds[name] = perf_counter() - start
    meta = [name for name in algorithms if name in fitted]
    plain = [name for name in learners if name in fitted and name not in parameters]
    if not meta or not plain:
        told = "; ".join(f"{name}: {error}" for name, error in failures.items())
        raise InputError(f"Nothing could be compared. {told}")

    tell(f"judging on {count(len(np.unique(problem.test[2])), 'new task')}")
    y_test, groups_test = problem.test[1:]
    with _collecting_warnings("judging", warned):
        try:
            found = compare(
                {name: fitted[name] for name in plain + meta},
                Z_test,
                y_test,
                groups_test,
                shots=shots,
                metric=metric,
                random_state=random_state,
            )
        except ValueError as error:
            raise InputError(f"{metric}: {error}") from error
    by_task = ["estimator", "shots", "task"]
    scores = found.per_task.groupby(by_task, sort=False)["score"].mean().reset_index()
    remarks = [f"{', '.join(who)}: {what}" for what, who in warned.items()]
    remarks += _far_off(scores)
    each = " of each class" if problem.label_space == "per_task" else ""
    shot, words = f"labelled row{each}", MetricWording(metric)
    try:
        verdict = make_verdict(scores, meta, plain, metric=words, shot=shot)
    except ValueError as error:
        raise InputError(str(error)) from error
    return Result(
        problem,
        words,
        shots,
        meta,
        plain,
        found.scores,
        scores,
        verdict,
        fitted,
        preprocessor,
        parameters,
        seconds,
        failures,
        remarks,
        adaptation=_adaptation(
            fitted[verdict.duel.meta], Z_test, y_test, groups_test, verdict.duel.shots
        ),
    )


@contextmanager
def _collecting_warnings(name: str, warned: dict[str, list[str]]) -> Iterator[None]:
    """Collect what is warned of, and by whom."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for warning in caught:
        text = str(warning.message)
        is_ours = issubclass(warning.category, (UserWarning, RuntimeWarning))
        too_fine = issubclass(warning.category, ConvergenceWarning)
        # Whether it helps is what the verdict says, by the tasks kept for judging.
        known = text.startswith("Meta-learning does not help")
        if is_ours and not too_fine and not known:
            who = warned.setdefault(text, [])
            if name not in who:
                who.append(name)


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


def _adaptation(meta, Z, y, groups, n_shot: int) -> AdaptationDisplay | None:
    """Score after every inner step, of a learner that takes some."""
    if "inner_steps" not in meta.algorithm_.get_params(deep=False) or not n_shot:
        return None
    score = None if hasattr(meta, "classes_") else _minus_error
    return AdaptationDisplay.from_estimator(
        meta, Z, y, groups, n_shot=n_shot, score=score, plot=False
    )


def _minus_error(y: np.ndarray, answers: np.ndarray) -> float:
    return -float(np.abs(y - answers).mean())


_minus_error.__name__ = "minus_absolute_error"
