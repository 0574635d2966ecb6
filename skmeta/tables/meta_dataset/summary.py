"""What a meta-dataset looks like, in a few lines."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
from sklearn.utils.multiclass import type_of_target

from skmeta.tables.labels import infer_label_space
from skmeta.tables.stored.index import TaskIndex
from skmeta.tables.unlabelled import known_targets, missing_targets
from skmeta.utils.messages import show
from skmeta.utils.unique import number

__all__ = ["as_html", "as_text"]

# Tasks that the table of the HTML shows.
_MOST_TASKS = 10


def as_text(tasks: Any) -> str:
    """Describe a meta-dataset in lines of text."""
    head, *lines = _lines(tasks)
    width = max(len(name) for name, _ in lines)
    return "\n".join([head[1], *(f"  {name:{width}}  {what}" for name, what in lines)])


def as_html(tasks: Any) -> str:
    """Describe a meta-dataset and its first tasks in tables."""
    head, *lines = _lines(tasks)
    about = "".join(
        f"<tr><th style='text-align:left'>{escape(name)}</th>"
        f"<td style='text-align:left'>{escape(what)}</td></tr>"
        for name, what in lines
    )
    table = ""
    if len(tasks):
        columns = ["task", "rows", *_extra_columns(tasks)]
        header = "".join(f"<th>{escape(name)}</th>" for name in columns)
        rows = "".join(
            "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>"
            for row in _rows(tasks)
        )
        left = len(tasks) - _MOST_TASKS
        more = f"<p>and {left:,} more tasks</p>" if left > 0 else ""
        table = f"<table><thead><tr>{header}</tr></thead>{rows}</table>{more}"
    return f"<div><b>{escape(head[1])}</b><table>{about}</table>{table}</div>"


def _lines(tasks: Any) -> list[tuple[str, str]]:
    sizes = tasks._spans.sizes
    per_task = f", {_range(sizes)} per task" if len(sizes) else ""
    lines = [
        ("", f"MetaDataset of {_count(len(tasks), 'task')}"),
        ("rows", f"{len(tasks.y):,}{per_task}"),
        ("features", f"{tasks.X.shape[1]:,}"),
    ]
    if not len(tasks.y):
        return lines
    if _is_on_disk(tasks):
        size = tasks.X.nbytes / 2**30
        lines.append(("on disk", f"{size:.3g} GiB of {tasks.X.dtype}"))
        return lines
    y, task = _known(tasks.y, tasks._task)
    if tasks.y.ndim == 2:
        lines.append(("targets", f"{tasks.y.shape[1]:,} columns"))
    elif not len(y):
        pass
    elif _is_regression(y):
        lines.append(("targets", f"numbers from {np.min(y):.3g} to {np.max(y):.3g}"))
    else:
        labels, label = number(y)
        space = infer_label_space(y, task).replace("_", " ")
        classes = _classes_per_task(len(labels), label, task, len(tasks))
        lines.append(("classes", f"{_range(classes)} per task"))
        lines.append(("labels", f"{space}: {len(labels):,}, {show(labels, most=5)}"))
    if len(y) < len(tasks.y):
        lines.append(("unlabelled", _count(len(tasks.y) - len(y), "row")))
    if tasks.in_support is not None:
        support = np.bincount(tasks._task, tasks.in_support, minlength=len(tasks))
        support = support.astype(int)
        lines.append(("support", f"fixed, {_range(support)} rows per task"))
    return lines


def _extra_columns(tasks: Any) -> list[str]:
    columns = _kind_of(tasks)
    return columns + ([] if tasks.in_support is None else ["support", "query"])


def _rows(tasks: Any) -> list[list]:
    rows, kind = [], _kind_of(tasks)
    for place in range(min(len(tasks), _MOST_TASKS)):
        own = tasks._rows(np.array([place]))
        y, _ = _known(tasks.y[own], tasks._task[own])
        row = [tasks.names[place], len(own)]
        if kind and not len(y):
            row.append("none known")
        elif kind == ["targets"]:
            row.append(f"{np.mean(y):.3g} ± {np.std(y):.3g}")
        elif kind == ["classes"]:
            labels, label = number(y)
            sizes = zip(labels.tolist(), np.bincount(label).tolist(), strict=True)
            counts = [f"{name}: {size}" for name, size in sizes]
            row.append(", ".join(counts[:5]) + (", ..." if len(counts) > 5 else ""))
        if tasks.in_support is not None:
            n_support = np.count_nonzero(tasks.in_support[own])
            row += [n_support, len(own) - n_support]
        rows.append(row)
    return rows


def _is_on_disk(tasks: Any) -> bool:
    """Tell whether to look at all targets would be to read them."""
    return isinstance(tasks._task, TaskIndex)


def _known(y: np.ndarray, task: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Leave out rows without a target; return the targets and tasks of the others."""
    missing = missing_targets(y)
    if missing is None:
        return y, task
    return known_targets(y, missing), task[~missing]


def _kind_of(tasks: Any) -> list[str]:
    """Return what targets are called where they are told of, task by task."""
    if tasks.y.ndim == 2 or _is_on_disk(tasks):
        return []
    y, _ = _known(tasks.y, tasks._task)
    return ["targets"] if len(y) and _is_regression(y) else ["classes"]


def _is_regression(y: np.ndarray) -> bool:
    return type_of_target(y).startswith("continuous")


def _classes_per_task(
    n_labels: int, label: np.ndarray, task: np.ndarray, n_tasks: int
) -> np.ndarray:
    pairs = np.unique(task * n_labels + label)
    return np.bincount(pairs // n_labels, minlength=n_tasks)


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}" + ("" if n == 1 else "s")


def _range(sizes: np.ndarray) -> str:
    low, high = int(np.min(sizes)), int(np.max(sizes))
    if low == high:
        return f"{low:,}"
    return f"{low:,} to {high:,} (median {np.median(sizes):,.0f})"
