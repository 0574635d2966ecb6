"""What an evaluation prints: the question before, the scores and the verdict after."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from skmeta.evaluation.findings import Result
from skmeta.evaluation.problem import Problem
from skmeta.evaluation.report_data import which_rows
from skmeta.evaluation.report_tables import benefit, p_against_plain, target_rows
from skmeta.utils.messages import count, listed

__all__ = ["describe_problem", "format_table", "format_targets", "print_result"]


def describe_problem(problem: Problem, name: str) -> str:
    """Say what is to be learnt from a table, before anything is learnt.

    Parameters
    ----------
    problem : Problem
        What is to be learnt.
    name : str
        Of the table.

    Returns
    -------
    str
        A few lines.
    """
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


def print_result(result: Result, page: Path | None) -> None:
    """Print what was found.

    Parameters
    ----------
    result : Result
        What was found.
    page : Path or None
        Where the report is.
    """
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
