"""The data of the report: a table in words, columns and pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skmeta.display.style import COLOURS, literal, shorten, tidy
from skmeta.evaluation.problem import Problem
from skmeta.tables.targets import as_columns
from skmeta.utils.messages import count, listed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import Series

__all__ = [
    "describe_columns",
    "describe_data",
    "draw_rows_per_task",
    "draw_target",
    "which_rows",
]

_MOST_COLUMNS = 60
_MOST_CLASSES = 12


def describe_data(problem: Problem) -> str:
    """Tell in a few sentences what there is to learn from."""
    _, rows = np.unique(problem.groups, return_counts=True)
    n_test = len(np.unique(problem.groups[problem.in_test]))
    low, middle, high = np.min(rows), np.median(rows), np.max(rows)
    text = (
        f"{count(len(problem.y), 'row')} of {count(len(rows), 'task')}: a task is all "
        f"rows with one value of “{problem.group_column}”. A task has {low:,} to "
        f"{high:,} rows, {middle:,.0f} in the median. {len(rows) - n_test:,} tasks are "
        f"learnt from, {n_test:,} others are kept to judge on. "
        f"{_targets(problem)} taken for {problem.kind}: {problem.because}. Known "
        f"of a new task are {which_rows(problem)}."
    )
    if problem.label_space == "per_task":
        text += " Most labels occur in one task only, so they are names inside a task."
    elif problem.is_classification and problem.has_several:
        shares = zip(problem.targets, problem.y.mean(axis=0), strict=True)
        text += f" {listed([f'“{name}” is 1 in {p:.0%}' for name, p in shares])} of "
        text += "the rows."
    elif problem.is_classification:
        labels, sizes = np.unique(problem.y, return_counts=True)
        rarest = sizes.argmin()
        text += (
            f" It has {count(len(labels), 'class', 'classes')}; the rarest, "
            f"“{labels[rarest]}”, is {sizes[rarest] / len(problem.y):.1%} of the rows."
        )
    else:
        between = _between(problem)
        text += " Tasks differ in level: "
        if problem.has_several:
            shares = zip(problem.targets, between, strict=True)
            own = listed([f"{share:.0%} of that of “{name}”" for name, share in shares])
            text += f"of the targets' variance, {own} lies between tasks."
        else:
            text += (
                f"{between[0]:.0%} of the target's variance lies between tasks, "
                f"{1 - between[0]:.0%} inside them."
            )
    return text


def _targets(problem: Problem) -> str:
    if problem.has_several:
        return f"The targets {problem.quoted} are"
    return f"The target {problem.quoted} is"


def which_rows(problem: Problem) -> str:
    """Tell which rows of a task are known, before others are asked."""
    each = " of each class" if problem.label_space == "per_task" else ""
    by = "in the order of the table"
    if problem.time is not None:
        by = f"by “{problem.time}”"
    if problem.in_support is not None:
        which = f"the first {by}" if problem.support == "first" else "any"
        return f"{which}{each} of the rows that are given as support"
    return (
        f"the first rows{each} {by}"
        if problem.support == "first"
        else (f"random rows{each}")
    )


def _between(problem: Problem) -> list[float]:
    """Tell the share of each target's variance that lies between tasks."""
    _, task = np.unique(problem.groups, return_inverse=True)
    shares = []
    for y in as_columns(problem.y).T:
        mean = np.bincount(task, y) / np.bincount(task)
        shares.append(1 - float(np.mean((y - mean[task]) ** 2) / np.var(y)))
    return shares


def describe_columns(problem: Problem) -> list[dict[str, str]]:
    """Describe the columns that are learnt from, the first 60 of many."""
    return [
        {
            "name": name,
            "holds": _holds(problem.X[name]),
            "missing": _share(problem.X[name].isna().mean()),
            "different": f"{problem.X[name].nunique():,}",
            "example": _example(problem.X[name]),
        }
        for name in problem.X.columns[:_MOST_COLUMNS]
    ]


def _holds(column: Series) -> str:
    from pandas.api import types

    if not column.notna().any():
        return "nothing"
    if column.nunique() == 1 and column.notna().all():
        return "one value throughout (not used)"
    if types.is_bool_dtype(column) or set(column.dropna().unique()) <= {True, False}:
        return "true or false"
    if types.is_numeric_dtype(column):
        return "numbers"
    if types.is_datetime64_any_dtype(column):
        return "dates"
    if column.dropna().map(str).str.match(r"\d{4}-\d{2}-\d{2}").all():
        return "dates"
    return "categories" if column.nunique() <= len(column) / 2 else "text"


def _example(column: Series) -> str:
    is_float = column.dtype.kind == "f"
    written = column.dropna().head(200).map("{:.4g}".format if is_float else str)
    values = list(dict.fromkeys(written))[:3]
    return ", ".join(shorten(value, 40) for value in values)


def _share(share: float) -> str:
    if not share:
        return "–"
    return f"{share:.1%}" if share >= 0.001 else "< 0.1%"


def draw_rows_per_task(problem: Problem, ax: Axes) -> None:
    """Draw how many tasks have how many rows, learnt from and judged on."""
    parts = [
        np.unique(groups, return_counts=True)[1]
        for _, _, groups in (problem.train, problem.test)
    ]
    edges = np.histogram_bin_edges(np.concatenate(parts), bins=min(24, _spread(parts)))
    ax.hist(
        parts,
        edges,
        stacked=True,
        color=[COLOURS[0], COLOURS[1]],
        label=["learnt from", "judged on"],
    )
    ax.set_xlabel("rows of a task")
    ax.set_ylabel("tasks")
    ax.yaxis.get_major_locator().set_params(integer=True)
    ax.legend(frameon=False, ncols=2, loc="lower left", bbox_to_anchor=(0, 1))
    tidy(ax)


def _spread(parts: list[np.ndarray]) -> int:
    sizes = np.concatenate(parts)
    return max(int(np.ptp(sizes)), 1)


def draw_target(problem: Problem, place: int, ax: Axes) -> None:
    """Draw how often each class or value of a target is, by its place among them."""
    y = as_columns(problem.y)[:, place]
    if not problem.is_classification:
        ax.hist(y, bins=40, color=COLOURS[0])
        ax.set_ylabel("rows")
        literal(ax.set_xlabel(shorten(problem.targets[place])))
        tidy(ax)
        return
    labels, sizes = np.unique(y, return_counts=True)
    order = np.argsort(-sizes)[:_MOST_CLASSES][::-1]
    names = [shorten(label) for label in labels[order]]
    ax.barh(range(len(order)), sizes[order], color=COLOURS[0], height=0.7)
    ax.set_yticks(range(len(order)), names)
    literal(ax.get_yticklabels())
    left_out = len(labels) - len(order)
    more = f" ({left_out} rarer classes not shown)" if left_out else ""
    ax.set_xlabel(f"rows{more}")
    tidy(ax, "x")
