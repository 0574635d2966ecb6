"""The report: one HTML file that needs no network."""

from __future__ import annotations

import platform
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from sklearn import __version__ as sklearn_version
from torch import __version__ as torch_version

from skmeta._version import __version__
from skmeta.display import FewShotCurveDisplay, TaskScoreDisplay, TrainingDisplay
from skmeta.evaluation.findings import Result
from skmeta.evaluation.limits import far_gain, steady_range
from skmeta.evaluation.report_code import loading_code, training_code
from skmeta.evaluation.report_data import (
    describe_columns,
    describe_data,
    draw_rows_per_task,
    draw_target,
    which_rows,
)
from skmeta.evaluation.report_tables import (
    benefit,
    duel_row,
    headline_numbers,
    loss_rows,
    score_rows,
    target_rows,
)
from skmeta.evaluation.svg import to_svg
from skmeta.utils.messages import count, listed

__all__ = ["render"]

# Of many targets so many are drawn.
_MOST_TARGETS = 7


class _Picture(NamedTuple):
    svg: Any  # safe markup
    caption: str


def render(result: Result, *, command: str, source: str) -> str:
    """Write the report.

    Parameters
    ----------
    result : Result
        What was found.
    command : str
        Command line that made it, to show.
    source : str
        Path of the table.

    Returns
    -------
    str
        A whole HTML page. What comes from the table is escaped.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("skmeta.evaluation"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    problem, verdict = result.problem, result.verdict
    page = environment.get_template("report.html")
    return page.render(
        title=f"{problem.target} by {problem.group_column}",
        lead=f"What a few labelled rows of a new task teach: {source}",
        outcome=verdict.outcome,
        headline=verdict.headline,
        verdict=verdict.text,
        benefit=benefit(result),
        caution=problem.caution,
        numbers=headline_numbers(result),
        data_text=describe_data(problem),
        notes=[f"{note}." for note in problem.notes],
        data_pictures=_data_pictures(result),
        columns=describe_columns(problem),
        columns_caption=f"{count(problem.X.shape[1], 'column')} to learn from, "
        f"turned into {count(result.n_features, 'number')} by make_preprocessor(), "
        "standardised and kept within four standard deviations.",
        curve=_curve_picture(result),
        shots=[count(shots, "row") for shots in result.shots],
        scores=score_rows(result),
        at=count(result.choice.shots, "row"),
        scores_caption=f"{_capital(result.metric.title)}, {result.metric.better} is "
        f"better: mean over {count(len(verdict.duel.tasks), 'new task')} and 95 % "
        f"confidence interval, by {_shots_of(result)} seen of a new task. p: "
        f"Wilcoxon's test against {result.choice.plain} after "
        f"{count(result.choice.shots, 'row')}, of the chosen meta-learner as it is, of "
        "all others with Holm's correction for their number. Time: seconds of fitting, "
        "to be chosen by and to all tasks."
        + f" {result.metric.said_of_targets}".rstrip(),
        targets=problem.targets,
        of_targets=target_rows(result),
        targets_caption=f"{_capital(result.metric.own_title)} of each target, "
        f"{'in its own unit, ' * result.metric.is_scaled}{result.metric.better} is "
        "better: mean over new tasks, after "
        f"{_shots_of(result, verdict.duel.shots)}.",
        duels=[duel_row(result, duel) for duel in verdict.duels],
        duel=verdict.duel,
        failures=list(result.failures.items()),
        group_column=problem.group_column,
        tasks_text=_tasks_text(result),
        tasks_picture=_tasks_picture(result),
        losses=loss_rows(result),
        losses_caption=f"Where {verdict.duel.meta} loses most: "
        f"{result.metric.title} after {count(verdict.duel.shots, 'row')}.",
        model_text=_model_text(result),
        model_pictures=_model_pictures(result),
        how=_how_judged(result),
        command=command,
        code_text=f"The same learner ({result.choice.meta}) in Python, from the table "
        "to answers for a new task:",
        code=training_code(result, source),
        load=loading_code(result),
        versions=_versions(),
    )


def _data_pictures(result: Result) -> list[_Picture]:
    problem = result.problem
    a_target = "A target" if problem.has_several else "The target"
    return [
        _picture(
            partial(draw_rows_per_task, problem),
            (5.2, 3.0),
            "How many rows tasks have",
            "How many rows tasks have.",
        ),
        *(
            _picture(
                partial(draw_target, problem, place),
                (5.2, 3.0),
                "How often each value of a target is",
                f"{a_target}, “{name}”, in all tasks together.",
            )
            for place, name in enumerate(problem.targets[:_MOST_TARGETS])
        ),
    ]


def _curve_picture(result: Result) -> _Picture:
    curve = result.curve.copy()
    curve[["score", "low", "high"]] *= result.metric.sign
    display = FewShotCurveDisplay.from_frame(
        curve, score_name=result.metric.title, plot=False
    )
    best = result.verdict.duel.meta
    floor = 0.0 if result.metric.is_error else 0.5
    low, high, beyond = steady_range(curve, result.verdict.duel.plain, floor)

    def draw(ax):
        display.plot(ax, highlight=best)
        if beyond:
            margin = 0.08 * max(high - low, 1e-9)
            ax.set_ylim(low - margin, high + margin)

    said = f" Beyond the picture: {listed(beyond)}." if beyond else ""
    return _picture(
        draw,
        (9, 4.4),
        f"{result.metric.title} against shots",
        f"{_capital(result.metric.title)} ({result.metric.better} is better) against "
        f"the number of {_shots_of(result)} seen of a new task. The band is the 95 % "
        f"confidence interval of {best} over tasks.{said}",
    )


def _tasks_text(result: Result) -> str:
    duel = result.verdict.duel
    return (
        f"{_capital(result.metric.title)} of {duel.meta} against {duel.plain} on every "
        f"new task, after {_shots_of(result, duel.shots)}. A mean can hide tasks that "
        "are worse off; these are they."
    )


def _tasks_picture(result: Result) -> _Picture:
    duel = result.verdict.duel
    display = TaskScoreDisplay.from_scores(
        duel.tasks,
        duel.meta_scores,
        duel.plain_scores,
        name=duel.meta,
        baseline_name=duel.plain,
        score_name=f"{'minus ' * result.metric.is_error}{result.metric.title}",
        plot=False,
    )
    height = 1.3 + 0.24 * min(len(duel.tasks), 16)
    far = far_gain(duel.gains)

    def draw(ax):
        display.plot(ax)
        if far is not None:
            ax.set_xlim(-far, far)

    said = "" if far is None else " Bars that end at the edge go on beyond it."
    return _picture(
        draw,
        (9, height),
        "Gain on every new task",
        "Gain on every new task, from the greatest loss to the greatest gain; to the "
        f"right, {duel.meta} is better.{said}",
    )


def _model_text(result: Result) -> str:
    meta = result.fitted[result.choice.meta]
    where = f" Saved in {result.saved} is {result.recommended}." if result.saved else ""
    if result.saved and result.recommended != result.choice.meta:
        where = where.removesuffix(".") + ", the plain way to take."
    if not hasattr(meta, "module_"):  # several together
        return f"The chosen meta-learner is {result.choice.meta}: {meta}.{where}"
    n_weights = sum(weight.numel() for weight in meta.module_.parameters())
    return (
        f"The chosen meta-learner is {result.choice.meta}: {meta.algorithm_} on "
        f"{meta.backbone_}, {n_weights:,} weights, trained for "
        f"{count(len(meta.history_), 'epoch')} on {meta.n_tasks_:,} tasks.{where}"
    )


def _model_pictures(result: Result) -> list[_Picture]:
    meta = result.fitted[result.choice.meta]
    if not hasattr(meta, "history_"):
        return []
    training = TrainingDisplay.from_history(meta.history_, plot=False)
    pictures = [
        _picture(
            training.plot,
            (5.2, 3.4),
            "Losses of meta-training",
            f"Meta-training of {result.choice.meta}: loss on new splits of the tasks "
            "it learns from, and of those held out to choose the epoch.",
        )
    ]
    if result.adaptation is not None:
        pictures.append(
            _picture(
                result.adaptation.plot,
                (5.2, 3.4),
                "Score against inner steps",
                "How the score on new tasks grows with the inner steps of adaptation.",
            )
        )
    return pictures


def _how_judged(result: Result) -> list[str]:
    problem = result.problem
    n_test = len(np.unique(problem.groups[problem.in_test]))
    n_small = n_test - len(result.verdict.duel.tasks)
    lines = [
        f"{count(n_test, 'task')} were kept apart, whole, before anything was fitted, "
        "imputed or scaled. No learner has seen a row of them in training.",
        _how_split(result),
        _how_chosen(result),
        f"Plain ways: {listed(result.plain)}.",
        "Intervals are over tasks; p-values are of Wilcoxon's signed-rank test on the "
        "paired scores of tasks. The verdict is one test, of the two that were "
        "chosen; those of all others are corrected for their number by Holm's method, "
        "and never make the verdict.",
    ]
    if result.unlabelled_said:
        lines.append(result.unlabelled_said)
    if result.metric.said_of_targets:
        lines.append(result.metric.said_of_targets)
    lines += [f"Warned of: {remark}" for remark in result.remarks]
    if n_small:
        lines.insert(
            2, f"{count(n_small, 'task')} of them had too few rows to be scored."
        )
    return lines


def _how_split(result: Result) -> str:
    problem = result.problem
    shots = listed([f"{shots:,}" for shots in result.shots])
    asked = {
        "random": "other rows were to be answered",
        "first": f"what follows the first {max(result.shots):,} was to be answered",
    }[problem.support]
    if problem.in_support is not None:
        asked = "the rows that are not were to be answered"
    return (
        f"Of each, {shots} rows were given to every learner, the same to all: "
        f"{which_rows(problem)}; {asked}."
    )


def _how_chosen(result: Result) -> str:
    choice, metric = result.choice, result.metric
    own = [f"{name} {metric.show(score)}" for name, score in choice.scores.items()]
    return (
        f"{choice.meta} and {choice.plain} were chosen without the new tasks: every "
        f"learner was fitted to a part of the tasks to learn from and scored on "
        f"{count(choice.n_tasks, 'other')} of them, after "
        f"{_shots_of(result, choice.shots)} ({listed(own)}), then fitted anew to all."
    )


def _shots_of(result: Result, shots: int | None = None) -> str:
    each = " of each class" if result.problem.label_space == "per_task" else ""
    if shots is None:
        return f"labelled rows{each}"
    return count(shots, "labelled row") + each


def _picture(draw, size: tuple[float, float], name: str, caption: str) -> _Picture:
    from markupsafe import Markup

    return _Picture(Markup(to_svg(draw, size, name)), caption)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _versions() -> str:
    return (
        f"skmeta {__version__}, scikit-learn {sklearn_version}, torch {torch_version}, "
        f"Python {platform.python_version()}."
    )
