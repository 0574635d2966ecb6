"""The whole evaluation: read, learn, judge, say, save."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.metrics import get_scorer, get_scorer_names

from skmeta.evaluation.card import write_card
from skmeta.evaluation.comparison import compare_learners
from skmeta.evaluation.findings import Result, Stopped
from skmeta.evaluation.learners import check_algorithms, check_plain
from skmeta.evaluation.problem import Problem, make_problem
from skmeta.evaluation.report_data import which_rows
from skmeta.evaluation.report_tables import benefit, p_against_plain, target_rows
from skmeta.evaluation.result import Evaluation
from skmeta.evaluation.shots import note_on_shots
from skmeta.evaluation.table_file import InputError, closest, read_table, table_of
from skmeta.tables.meta_dataset import MetaDataset
from skmeta.tables.targets import as_columns
from skmeta.utils.counts import is_count
from skmeta.utils.messages import count, listed
from skmeta.utils.random import generator

__all__ = ["evaluate"]

_METRICS = {
    "classification": "accuracy",
    "regression": "neg_mean_absolute_error",
}


def evaluate(
    table: str | Path | MetaDataset | Any,
    *,
    target: str | Sequence[str] = "target",
    groups: str = "task",
    shots: Sequence[int] = (1, 5, 10),
    algorithms: Sequence[str] | None = None,
    plain: Sequence[str] | None = None,
    task: str | None = None,
    metric: str | None = None,
    drop: Sequence[str] = (),
    out: str | Path | None = "report",
    max_epochs: int | None = None,
    random_state: int | None = 0,
    time: str | None = None,
    support: str | None = None,
    in_support: str | None = None,
    keep: Sequence[str] = (),
    sep: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    n_jobs: int | None = None,
    command: str = "",
) -> Evaluation:
    """Tell whether meta-learning helps with a table, and write a report.

    Parameters
    ----------
    table : str, Path, DataFrame or MetaDataset
        CSV or Parquet file; a DataFrame of pandas or polars, or an Arrow table; or the
        tasks themselves, with the supports that they give, whose columns are those of
        :func:`skmeta.evaluation.table_of`.
    target : str or sequence of str, default="target"
        Column with the target; or several, all of numbers, or all of two classes each,
        which every learner learns together. Scores are means over them, of errors in
        units of each target's standard deviation.
    groups : str, default="task"
        Column with the task of each row.
    shots : sequence of int, default=(1, 5, 10)
        Labelled rows seen of a new task.
    algorithms : sequence of str, default=None
        Names of meta-learning algorithms, or "stack" for several learners together;
        None for a few that suit.
    plain : sequence of str, default=None
        Names of plain ways, as :func:`skmeta.model_selection.plain_ways` has them; None
        for all that suit and are installed.
    task : {"classification", "regression"}, default=None
        Kind of target; None finds out.
    metric : str, default=None
        Name of a scikit-learn scorer; None is accuracy or the mean absolute error.
    drop : sequence of str, default=()
        Columns not to learn from.
    out : str, Path or None, default="report"
        Folder for ``report.html``, ``scores.csv`` (and ``scores_by_target.csv``, if
        there are several), ``model.joblib`` (the recommended
        learner behind the preprocessing, as a Pipeline), ``model_card.md`` about it
        and, where that is a meta-learner, ``model.skmeta`` (its weights alone); made
        if it is not there. None writes nothing.
    max_epochs : int, default=None
        Most epochs of meta-training; None for what each algorithm recommends.
    random_state : int or None, default=0
        Seed.
    time : str, default=None
        Column of dates or numbers that rows are sorted by, so that the first rows of a
        task are known and later ones asked. It stays among those that are learnt from,
        unless it is dropped.
    support : {"random", "first"}, default=None
        Which rows of a task are known first; None is "first" where there is ``time``,
        else "random".
    in_support : str, default=None
        Column that is true for the rows that are given as support, false for those to
        ask.
    keep : sequence of str, default=()
        Columns to learn from although they seem to number or name the rows.
    sep, decimal, encoding : str, default=None
        How a CSV file is written; None finds out.
    n_jobs : int, default=None
        Processes that judge side by side; None is one, or as many as a
        ``joblib.parallel_config`` says.
    command : str, default=""
        Command line to show in the report.

    Returns
    -------
    Evaluation
        What was found. It shows itself in a notebook; ``report(path)`` writes the
        report, ``best_estimator_`` is the recommended learner as a Pipeline, and
        ``scores_`` has every score.

    Raises
    ------
    InputError
        If the table or the options do not allow it; the message says what to do.
    Stopped
        By Ctrl-C, a KeyboardInterrupt: what was judged is in the folder, and in its
        ``scores`` and ``result``.
    """
    if not isinstance(groups, str):
        raise InputError(f"groups names one column, and is {groups!r}.")
    if isinstance(table, MetaDataset) and table.y.ndim == 2 and target == "target":
        target = [f"target{place}" for place in range(table.y.shape[1])]
    if not isinstance(target, str):
        target = target[0] if len(target) == 1 else [*target]
    shots = sorted(set(shots))
    _check_options(shots, task, random_state, n_jobs)
    out = None if out is None else Path(out)
    if isinstance(table, MetaDataset) and table.in_support is not None:
        in_support = in_support or "in_support"
    if out is not None and out.exists() and not out.is_dir():
        raise InputError(f"{str(out)!r} is a file; --out names a folder.")
    if metric is not None and metric not in get_scorer_names():
        near = closest(metric, get_scorer_names())
        hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
        raise InputError(f"scikit-learn has no scorer {metric!r}.{hint}")
    options: dict[str, Any] = {
        "target": target,
        "groups": groups,
        "drop": list(drop) or None,
        "task": task,
        "fewest_rows": max(shots) + 1,
        "random_state": random_state,
        "time": time,
        "support": support,
        "in_support": in_support,
        "keep": list(keep) or None,
    }
    reading: dict[str, Any] = {"sep": sep, "decimal": decimal, "encoding": encoding}
    reading |= {"target": target, "groups": groups}
    if isinstance(table, MetaDataset):
        frame, source = table_of(table), "a MetaDataset"
    else:
        frame = read_table(table, **reading)
        source = str(table) if isinstance(table, (str, Path)) else "a DataFrame"
    problem = make_problem(frame, **options)
    names = check_algorithms(algorithms, problem)
    ways = check_plain(plain, problem)
    _check_metric(metric, problem)
    if problem.label_space == "per_task" and min(shots) < 1:
        raise InputError(
            "Labels are names inside a task here, so nothing can be answered before "
            "the first row: leave 0 out of --shots."
        )
    if (note := note_on_shots(problem, shots)) is not None:
        problem.notes.append(note)
    try:  # before the work, not after it
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"Cannot make the folder {str(out)!r}: {error}") from error
    print(_describe_problem(problem, Path(source).name), flush=True)
    try:
        with joblib.parallel_config(**{} if n_jobs is None else {"n_jobs": n_jobs}):
            found = compare_learners(
                problem,
                names,
                plain=ways,
                shots=shots,
                metric=metric or _METRICS[problem.kind],
                max_epochs=max_epochs,
                random_state=random_state,
            )
    except Stopped as stop:
        if out is not None and stop.scores is not None:
            stop.scores.to_csv(out / "scores.csv", index=False)
            print(f"stopped; what was judged is in {out / 'scores.csv'}")
        raise
    result = Evaluation.of(found)
    result.options, result.reading = options, reading
    result.source, result.command = source, command
    _tell(result, None if out is None else _save(result, out))
    if result.stopped:
        raise Stopped(result.scores_, result)
    return result


def _check_options(
    shots: Sequence[Any], task: str | None, random_state: Any, n_jobs: int | None
) -> None:
    """Refuse what somebody farther in would, in words of his own."""
    if not shots or not all(map(is_count, shots)):
        raise InputError(f"shots are whole numbers from 0 on, not {shots}.")
    if task not in (None, "classification", "regression"):
        raise InputError(f"task is 'classification' or 'regression', not {task!r}.")
    if n_jobs == 0:
        raise InputError("n_jobs is a number of processes, not 0; -1 is all cores.")
    try:
        generator(random_state)
    except ValueError as error:
        raise InputError(str(error)) from error


def _save(result: Evaluation, out: Path) -> Path:
    """Write report, scores, model and card; return where the report is."""
    result.saved = str(out / "model.joblib")
    joblib.dump(result.best_estimator_, result.saved)
    learner = result.fitted[result.recommended]
    if hasattr(learner, "save"):  # a meta-learner: its weights, free of any code
        learner.save(out / "model.skmeta")
    result.scores_.to_csv(out / "scores.csv", index=False)
    if result.target_scores_ is not None:
        result.target_scores_.to_csv(out / "scores_by_target.csv", index=False)
    write_card(result, out / "model_card.md")
    return result.report(out / "report.html")


def _tell(result: Result, page: Path | None) -> None:
    """Print what was found."""
    print(f"\n{format_table(result)}\n")
    if result.problem.has_several:
        print(f"{format_targets(result)}\n")
    print(f"{result.verdict.headline} {result.verdict.text}\n")
    print(f"{benefit(result)}\n")
    if result.problem.caution:
        print(f"caution: {result.problem.caution}\n")
    for remark in filter(None, [result.unlabelled_said, *result.remarks]):
        print(f"note: {remark}")
    if page is not None:
        print(f"report  {page}\nmodel   {result.saved} ({result.recommended})")


def format_table(result: Result) -> str:
    """Write the scores as an aligned table.

    Parameters
    ----------
    result : Result
        What was found.

    Returns
    -------
    str
        A heading and a line per learner, the best first; the two that were chosen
        beforehand are marked.
    """
    metric, curve = result.metric, result.curve.set_index(["estimator", "shots"])
    cells = {}
    for name in result.names_by_score:
        for shots in result.shots:
            if (name, shots) not in curve.index:
                cells[name, shots] = "–"
                continue
            row = curve.loc[(name, shots)]
            half = metric.show(metric.sign * (row["high"] - row["low"]) / 2)
            cells[name, shots] = f"{metric.show(row['score'])} ± {half}"
    names = {name: name for name in result.names_by_score}
    for chosen in (result.choice.meta, result.choice.plain):
        names[chosen] = f"{chosen} (chosen)"
    p_values = {name: p_against_plain(result, name) for name in names}
    widths = {
        shots: max(len(cells[name, shots]) for name in names) for shots in result.shots
    }
    head = f"{metric.title}, {metric.better} is better"
    width = max(map(len, [*names.values(), head])) + 2
    heads = [count(s, "row").rjust(widths[s]) for s in result.shots]
    heads.append(f"p after {count(result.choice.shots, 'row')}")
    lines = [head.ljust(width) + "  ".join(heads)]
    lines.append("-" * len(lines[0]))
    lines += [
        shown.ljust(width)
        + "  ".join(cells[name, s].rjust(widths[s]) for s in result.shots)
        + f"  {p_values[name]}"
        for name, shown in names.items()
    ]
    lines.append(
        f"p: against {result.choice.plain}; with Holm's correction, but of "
        f"{result.choice.meta}, which was chosen on other tasks"
    )
    if metric.said_of_targets:
        lines.append(metric.said_of_targets)
    return "\n".join(lines)


def format_targets(result: Result) -> str:
    """Write the scores of each target as an aligned table.

    Parameters
    ----------
    result : Result
        What was found, of several targets.

    Returns
    -------
    str
        A heading and a line per learner, at the shots of the verdict.
    """
    rows = target_rows(result)
    targets = result.problem.targets
    shown = [[cell["score"] for cell in row["cells"]] for row in rows]
    widths = [
        max(map(len, [name, *own]))
        for name, own in zip(targets, zip(*shown, strict=True), strict=True)
    ]
    own = result.metric.own_title
    head = f"{own} of each target, {count(result.choice.shots, 'row')}"
    width = max(map(len, [*(row["name"] for row in rows), head])) + 2

    def line(start: str, cells: Sequence[str]) -> str:
        padded = (cell.rjust(n) for cell, n in zip(cells, widths, strict=True))
        return start.ljust(width) + "  ".join(padded)

    top = line(head, targets)
    body = [line(row["name"], own) for row, own in zip(rows, shown, strict=True)]
    return "\n".join([top, "-" * len(top), *body])


def _check_metric(metric: str | None, problem: Problem) -> None:
    """Try the metric on an answer that needs no learning, before any of the work."""
    if metric is None:
        return
    plain = DummyRegressor()
    if problem.is_classification:
        plain = DummyClassifier(strategy="prior")
    rows = np.zeros((len(problem.y), 1))
    try:
        for y in as_columns(problem.y).T:
            get_scorer(metric)(plain.fit(rows, y), rows, y)
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(
            f"{metric!r} cannot judge {problem.target!r}, which is taken for "
            f"{problem.kind}: {error}"
        ) from error


def _describe_problem(problem: Problem, name: str) -> str:
    n_tasks = len(np.unique(problem.groups))
    names = listed([repr(name) for name in problem.targets])
    target = f"target{'s' * problem.has_several} {names}"
    n_test = len(np.unique(problem.test[2]))
    lines = [
        f"{name}: {count(len(problem.y), 'row')}, {count(n_tasks, 'task')} by "
        f"{problem.group_column!r}; {n_tasks - n_test} to learn from, {n_test} to "
        "judge on",
        f"{target}: {problem.kind}, since {problem.because}"
        if problem.because != "as asked for"
        else f"{target}: {problem.kind}, as asked for",
        *problem.notes,
        f"known of a new task: {which_rows(problem)}",
    ]
    return "\n".join(lines)
