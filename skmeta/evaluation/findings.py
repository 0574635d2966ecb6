"""What a comparison has found: scores, who was chosen, the verdict, the learners."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sklearn.pipeline import Pipeline

from skmeta.display import AdaptationDisplay
from skmeta.evaluation.choice import Choice
from skmeta.evaluation.cleaning import AsTyped
from skmeta.evaluation.problem import Problem
from skmeta.evaluation.unlabelled import said_of_unlabelled
from skmeta.evaluation.verdict import Verdict
from skmeta.evaluation.wording import MetricWording

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Result", "Stopped", "tidy_scores"]


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
