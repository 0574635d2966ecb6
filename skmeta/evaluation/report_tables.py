"""The tables of the report: scores, duels and losses as rows of text."""

from __future__ import annotations

import numpy as np

from skmeta.evaluation.findings import Result
from skmeta.evaluation.targets import IN_UNITS
from skmeta.evaluation.verdict import Duel
from skmeta.evaluation.wording import show_p
from skmeta.utils.messages import count

__all__ = [
    "benefit",
    "duel_row",
    "headline_numbers",
    "loss_rows",
    "p_against_plain",
    "score_rows",
    "target_rows",
]

_MOST_LOSSES = 10


def headline_numbers(result: Result) -> list[tuple[str, str]]:
    """The numbers beside the headline, by what they are."""
    duel, metric = result.verdict.duel, result.metric
    n_tasks = len(np.unique(result.problem.groups))
    return [
        (f"{metric.title}, {duel.meta}", metric.show(duel.meta_scores.mean())),
        (f"{metric.title}, {duel.plain}", metric.show(duel.plain_scores.mean())),
        ("gain (plus is better)", metric.show_gain(duel.gain)),
        ("new tasks won", f"{duel.n_won} of {len(duel.tasks)}"),
        ("tasks in all", f"{n_tasks:,}"),
    ]


def benefit(result: Result) -> str:
    """Tell what the chosen meta-learner would bring, in units of the metric.

    Parameters
    ----------
    result : Result
        What was found.

    Returns
    -------
    str
        Against the chosen plain way with as many rows, and how many rows it takes to
        be as good as that is with the most.
    """
    duel, metric = result.verdict.duel, result.metric
    meta, plain = duel.meta_scores.mean(), duel.plain_scores.mean()
    rows = count(duel.shots, "known row")
    if metric.name == "accuracy":
        right, before = 100 * meta, 100 * plain
        text = (
            f"Of 100 answers on a new task with {rows}, {right:.0f} are right with "
            f"{duel.meta}, {before:.0f} with {duel.plain}."
        )
    else:
        unit = ""
        if metric.is_scaled:
            unit = " (1 is the standard deviation of a target)"
        elif metric.name in IN_UNITS:
            unit = f" (in the unit of {result.problem.quoted})"
        change = ""
        if metric.is_error and plain:
            share = round(1 - meta / plain, 2)
            if share:
                change = f", {abs(share):.0%} {'less' if share > 0 else 'more'}"
        text = (
            f"On a new task with {rows}, the {metric.title}{unit} is "
            f"{metric.show(meta)} with {duel.meta} and {metric.show(plain)} with "
            f"{duel.plain}{change}."
        )
    if result.verdict.outcome != "helps":
        return text
    most = result.verdict.duels[-1]
    goal = most.plain_scores.mean()
    for each in result.verdict.duels[:-1]:
        if each.meta_scores.mean() >= goal:
            return (
                f"{text} With {count(each.shots, 'row')}, {duel.meta} is as good as "
                f"{duel.plain} with {most.shots:,}: "
                f"{count(most.shots - each.shots, 'label')} less of every task."
            )
    return text


def score_rows(result: Result) -> list[dict]:
    """A row per learner, the best first, with a cell per number of shots."""
    metric, curve = result.metric, result.curve
    table = curve.set_index(["estimator", "shots"])
    best = {
        shots: own["estimator"][own["score"].idxmax()]
        for shots, own in curve.groupby("shots")
    }
    rows = []
    for name in result.names_by_score:
        cells = []
        for shots in result.shots:
            if (name, shots) not in table.index:
                cells.append({"score": "–", "interval": "", "best": False})
                continue
            row = table.loc[(name, shots)]
            half = (row["high"] - row["low"]) / 2
            cells.append(
                {
                    "score": metric.show(row["score"]),
                    "interval": f"± {metric.show(metric.sign * half)}",
                    "best": best[shots] == name,
                }
            )
        seconds = f"{result.seconds[name]:.1f} s"
        rows.append(
            {
                "name": name,
                "tag": _tag(result, name),
                "cells": cells,
                "p": p_against_plain(result, name),
                "seconds": seconds,
            }
        )
    return rows


def target_rows(result: Result) -> list[dict]:
    """A row per learner with a cell per target, at the shots of the verdict."""
    scores = result.target_scores
    if scores is None:
        return []
    at = scores[scores["shots"] == result.verdict.duel.shots]
    means = at.groupby(["estimator", "target"])["score"].mean().unstack()
    means = means.reindex(columns=result.problem.targets)
    best = means.max()
    return [
        {
            "name": name,
            "tag": _tag(result, name),
            "cells": [
                {
                    "score": result.metric.show(means.loc[name, target]),
                    "best": bool(means.loc[name, target] == best[target]),
                }
                for target in means.columns
            ],
        }
        for name in result.names_by_score
        if name in means.index
    ]


def _tag(result: Result, name: str) -> str:
    tag = "meta-learner" if name in result.meta else "plain"
    chosen = name in (result.choice.meta, result.choice.plain)
    return f"{tag}, chosen" if chosen else tag


def p_against_plain(result: Result, name: str) -> str:
    """Write the p-value of a learner against the chosen plain way.

    Parameters
    ----------
    result : Result
        What was found.
    name : str
        Of the learner.

    Returns
    -------
    str
        Corrected by Holm's method for all but the chosen meta-learner.
    """
    if name == result.choice.meta:
        return show_p(result.verdict.duel.p_value)
    own = result.others[result.others["estimator"] == name]
    return show_p(own["p_holm"].iloc[0]) if len(own) else "–"


def duel_row(result: Result, duel: Duel) -> dict[str, str]:
    """One number of shots: the chosen meta-learner against the chosen plain way."""
    return {
        "shots": str(duel.shots),
        "meta": duel.meta,
        "plain": duel.plain,
        "gain": result.metric.show_gain(duel.gain),
        "half_width": result.metric.show(result.metric.sign * duel.half_width),
        "won": f"{duel.n_won} of {len(duel.tasks)}",
        "lost": str(duel.n_lost),
        "p": show_p(duel.p_value),
        "colour": {"helps": "good", "hurts": "bad", "level": ""}[duel.outcome],
    }


def loss_rows(result: Result) -> list[dict[str, str]]:
    """The tasks on which the chosen meta-learner loses most."""
    duel, metric = result.verdict.duel, result.metric
    tasks, rows = np.unique(result.problem.groups, return_counts=True)
    n_rows = dict(zip(tasks.tolist(), rows.tolist(), strict=True))
    worst = [i for i in np.argsort(duel.gains, kind="stable") if duel.gains[i] < 0]
    return [
        {
            "task": str(duel.tasks[i]),
            "rows": f"{n_rows[str(duel.tasks[i])]:,}",
            "meta": metric.show(duel.meta_scores[i]),
            "plain": metric.show(duel.plain_scores[i]),
            "gain": metric.show_gain(duel.gains[i]),
        }
        for i in worst[:_MOST_LOSSES]
    ]
