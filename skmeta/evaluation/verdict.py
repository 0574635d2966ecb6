"""Does meta-learning help? An answer in plain words, with the test behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skmeta.evaluation.choice import Choice
from skmeta.evaluation.wording import MetricWording, show_p
from skmeta.model_selection._statistics import (
    differences,
    holm,
    student_half_width,
    wilcoxon_p_value,
)
from skmeta.utils.messages import count

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Duel", "Verdict", "against_others", "make_verdict"]

# With fewer tasks than this, Wilcoxon's test cannot come below 5 %.
_FEWEST_PAIRS = 6
_LEVEL = 0.05


@dataclass(frozen=True)
class Duel:
    """The chosen meta-learner against the chosen plain way, at one number of shots.

    Parameters
    ----------
    shots : int
        Support rows.
    meta, plain : str
        Who competes.
    tasks : ndarray of shape (n_tasks,)
        Names of the tasks that both have a score for.
    meta_scores, plain_scores : float ndarray of shape (n_tasks,)
        Scores, higher being better.
    """

    shots: int
    meta: str
    plain: str
    tasks: np.ndarray
    meta_scores: np.ndarray
    plain_scores: np.ndarray

    @property
    def gains(self) -> np.ndarray:
        """What the meta-learner gains on every task."""
        return differences(self.meta_scores, self.plain_scores)

    @property
    def gain(self) -> float:
        """Mean gain over tasks."""
        return float(self.gains.mean())

    @property
    def half_width(self) -> float:
        """Half the width of the 95 % confidence interval of the gain."""
        return float(student_half_width(self.gains))

    @property
    def p_value(self) -> float:
        """Two-sided Wilcoxon signed-rank test over tasks; 1 if nothing differs."""
        return wilcoxon_p_value(self.gains)

    @property
    def n_won(self) -> int:
        """Tasks on which the meta-learner is ahead."""
        return int((self.gains > 0).sum())

    @property
    def n_lost(self) -> int:
        """Tasks on which it is behind."""
        return int((self.gains < 0).sum())

    @property
    def outcome(self) -> str:
        """Tell who is ahead: "helps", "hurts" or "level"."""
        if self.p_value >= _LEVEL or self.gain == 0:
            return "level"
        return "helps" if self.gain > 0 else "hurts"


@dataclass(frozen=True)
class Verdict:
    """The answer, at one number of shots and at all of them.

    Parameters
    ----------
    duel : Duel
        At the number of shots that the answer is about.
    duels : list of Duel
        At every number of shots, in their order.
    headline, text : str
        The answer for people.
    """

    duel: Duel
    duels: list[Duel]
    headline: str
    text: str

    @property
    def outcome(self) -> str:
        """Tell whether meta-learning "helps", "hurts" or is "level"."""
        return self.duel.outcome


def make_verdict(
    scores: DataFrame, choice: Choice, *, metric: MetricWording, shot: str
) -> Verdict:
    """Set the chosen meta-learner against the chosen plain way.

    Parameters
    ----------
    scores : DataFrame
        Columns "estimator", "shots", "task", "score" on new tasks; higher being better.
    choice : Choice
        Who competes, at how many shots; chosen without the new tasks, so that the
        test on them is a single one.
    metric : MetricWording
        What the scores are, in words.
    shot : str
        What is counted by the shots, such as "labelled row".

    Returns
    -------
    Verdict
        At the shots of the choice.

    Raises
    ------
    ValueError
        If no task has a score for both there.
    """
    duels = [_duel(scores, choice, each) for each in sorted(scores["shots"].unique())]
    duels = [duel for duel in duels if duel is not None]
    duel = next((each for each in duels if each.shots == choice.shots), None)
    if duel is None:
        raise ValueError(
            f"No task has a score for both {choice.meta} and {choice.plain} at "
            f"{choice.shots} shots."
        )
    headline, text = _in_words(duel, metric, shot)
    return Verdict(duel, duels, headline, text + _elsewhere(duel, duels, metric, shot))


def against_others(scores: DataFrame, choice: Choice) -> DataFrame:
    """Test every other learner against the chosen plain way.

    Parameters
    ----------
    scores : DataFrame
        As of ``make_verdict``.
    choice : Choice
        Who competes, and is left out here.

    Returns
    -------
    DataFrame
        A row per learner, at the shots of the choice: "estimator", "n_tasks",
        "difference" (mean over tasks, plus being better), "won" (share of tasks, a tie
        counting half), "p_value" (Wilcoxon signed rank, two-sided), "p_holm" (for all
        rows).
    """
    import pandas as pd

    table = _table(scores, choice.shots)
    rows = []
    for name in table.columns.drop([choice.meta, choice.plain], errors="ignore"):
        if choice.plain not in table:
            continue
        gains = differences(*table[[name, choice.plain]].dropna().to_numpy().T)
        if len(gains):
            won = ((gains > 0) + 0.5 * (gains == 0)).mean()
            p_value = wilcoxon_p_value(gains)
            rows.append((name, len(gains), gains.mean(), won, p_value))
    columns = ["estimator", "n_tasks", "difference", "won", "p_value"]
    tests = pd.DataFrame(rows, columns=columns)
    tests = tests.assign(p_holm=holm(tests["p_value"].to_numpy()))
    return tests.sort_values("difference", ascending=False, ignore_index=True)


def _table(scores: DataFrame, shots: int) -> DataFrame:
    of_shots = scores[scores["shots"] == shots]
    return of_shots.pivot_table(index="task", columns="estimator", values="score")


def _duel(scores: DataFrame, choice: Choice, shots: int) -> Duel | None:
    table, names = _table(scores, shots), [choice.meta, choice.plain]
    if not set(names) <= set(table):  # without a row to learn from, some have no answer
        return None
    pairs = table[names].dropna()
    if not len(pairs):
        return None
    of_meta, of_plain = pairs.to_numpy().T
    tasks = pairs.index.to_numpy()
    return Duel(int(shots), choice.meta, choice.plain, tasks, of_meta, of_plain)


def _in_words(duel: Duel, metric: MetricWording, shot: str) -> tuple[str, str]:
    n_tasks = len(duel.tasks)
    facts = (
        f"{duel.meta} and {duel.plain}, chosen on tasks to learn from, met on new ones."
        f" After {count(duel.shots, shot, _plural(shot))} of a new task, {duel.meta} "
        f"has {_article(metric.title)} of {metric.show(duel.meta_scores.mean())}; the "
        f"plain way {duel.plain} has {metric.show(duel.plain_scores.mean())} "
        f"({metric.better} is better). {duel.meta} is ahead on {duel.n_won} and behind "
        f"on {duel.n_lost} of {count(n_tasks, 'new task')} "
        f"(Wilcoxon p {_is(duel.p_value)})."
    )
    if duel.outcome == "helps":
        return "Meta-learning helps here.", facts
    advice = f" Take the plain way, {duel.plain}: it is simpler."
    if duel.outcome == "hurts":
        return "Meta-learning does not help here.", facts + advice
    why = (
        f" With {count(n_tasks, 'task')} to judge on, no difference can be told from "
        "chance: judge on more of them."
        if n_tasks < _FEWEST_PAIRS
        else " That may be chance."
    )
    return "Meta-learning does not clearly help here.", facts + why + advice


def _elsewhere(duel: Duel, duels: list[Duel], metric: MetricWording, shot: str) -> str:
    """Name the numbers of shots where the answer is another."""
    text = ""
    for other in duels:
        if other.outcome in (duel.outcome, "level"):
            continue
        ahead, behind = other.meta, other.plain
        if other.outcome == "hurts":
            ahead, behind = behind, ahead
        text += (
            f" After {count(other.shots, shot, _plural(shot))}, {ahead} is ahead of "
            f"{behind} by {metric.show(metric.sign * abs(other.gain))} "
            f"(p {_is(other.p_value)})."
        )
    return text


def _plural(shot: str) -> str:
    return shot.replace("row", "rows", 1)


def _is(p_value: float) -> str:
    shown = show_p(p_value)
    return shown if shown.startswith("<") else f"= {shown}"


def _article(title: str) -> str:
    vowel = title[0] in "aeiouR" or title.startswith(("AUC", "F1"))
    return f"{'an' if vowel else 'a'} {title}"
