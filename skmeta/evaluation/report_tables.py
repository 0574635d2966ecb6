"""The tables of the report: scores, duels and losses as rows of text."""

from __future__ import annotations

import numpy as np

from skmeta.evaluation.comparison import Result
from skmeta.evaluation.verdict import Duel

__all__ = ["duel_row", "headline_numbers", "loss_rows", "p_against_plain", "score_rows"]

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
        tag = "meta-learner" if name in result.meta else "plain"
        seconds = f"{result.seconds[name]:.1f} s"
        chosen = name in (result.choice.meta, result.choice.plain)
        rows.append(
            {
                "name": name,
                "tag": f"{tag}, chosen" if chosen else tag,
                "cells": cells,
                "p": p_against_plain(result, name),
                "seconds": seconds,
            }
        )
    return rows


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
        return f"{result.verdict.duel.p_value:.2g}"
    own = result.others[result.others["estimator"] == name]
    return f"{own['p_holm'].iloc[0]:.2g}" if len(own) else "–"


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
        "p": f"{duel.p_value:.2g}",
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
