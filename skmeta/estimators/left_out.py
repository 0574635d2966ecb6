"""Training classes that are left out, and tasks that know some of them."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from skmeta.episodes.sampling import shot_range
from skmeta.tables.rows import TaskRows

__all__ = ["Asked", "LeftOut", "leave_out", "simulate"]

_LEFT_OUT = 1 / 3
# Fits without some of the classes: fewer where each leaves many out.
_MOST_PARTS, _ENOUGH_CLASSES = 4, 24
# To judge from each number of support rows.
_N_EPISODES = 30
_MOST_TASKS = 200
_MOST_QUERY = 10  # of each known class
_MOST_UNKNOWN = 40  # of a task
_SIZES = (1, 2, 5, 10, 20)

_TOO_FEW = (
    "reject learns what rows of a new class look like from training classes that are "
    "left out, and these are too few: {}. Set reject=None."
)


class LeftOut(NamedTuple):
    """What a fit is to learn from, and of what the others are made.

    Attributes
    ----------
    train : bool ndarray of shape (n_rows,)
        Rows to learn from.
    judged : bool ndarray of shape (n_rows,)
        Rows of tasks, or of classes, that it has not seen.
    is_unknown : bool ndarray of shape (n_rows,)
        Rows whose class nobody is to know; where labels are a task's own, which of the
        classes these are is drawn for every task anew.
    """

    train: np.ndarray
    judged: np.ndarray
    is_unknown: np.ndarray


class Asked(NamedTuple):
    """Simulated tasks: supports to learn and queries to look at."""

    support: TaskRows
    query: TaskRows
    size: np.ndarray  # (n_tasks,): support rows, of each class for per-task labels
    is_known: np.ndarray  # (n_query,)


def leave_out(
    rows: TaskRows, tasks: str, label_space: str, rng: np.random.Generator
) -> Iterator[LeftOut]:
    """Leave a third of the classes out, or of the tasks, several times.

    Parameters
    ----------
    rows : TaskRows
        Training rows.
    tasks : {"groups", "classes"}
        Where tasks come from.
    label_space : {"shared", "per_task"}
        What labels mean.
    rng : numpy.random.Generator
        Draws who is left out; all are once before any is again.

    Raises
    ------
    ValueError
        If there are too few classes, or tasks, to leave some out.
    """
    label = np.unique(rows.y, return_inverse=True)[1]
    nobody = np.zeros(len(rows), dtype=bool)
    if tasks == "classes":
        n_classes = int(label.max()) + 1
        if n_classes < 4:
            raise ValueError(_TOO_FEW.format(f"{n_classes} classes, where 4 would do"))
        n_out = max(min(3, n_classes - 2), round(_LEFT_OUT * n_classes))
        for out in _drawn(n_classes, n_out, n_out, rng):
            judged = np.isin(label, out)
            yield LeftOut(~judged, judged, nobody)
        return
    n_tasks = rows.n_tasks
    if n_tasks < 2:
        raise ValueError(_TOO_FEW.format("one task, where 2 would do"))
    n_out = max(1, round(_LEFT_OUT * n_tasks))
    if label_space == "per_task":
        n_cells = len(np.unique(rows.task * (label.max() + 1) + label))
        per_part = max(1, round(n_out * n_cells / n_tasks))
        for out in _drawn(n_tasks, n_out, per_part, rng):
            judged = np.isin(rows.task, out)
            yield LeftOut(~judged, judged, nobody)
        return
    n_classes = int(label.max()) + 1
    if n_classes < 3:
        raise ValueError(
            _TOO_FEW.format(
                f"{n_classes} labels that mean the same in every task, where 3 would do"
            )
        )
    n_unknown = max(1, round(_LEFT_OUT * n_classes))
    pairs = ((n_tasks, n_out), (n_classes, n_unknown))
    both = (_drawn(n, out, n_unknown, rng) for n, out in pairs)
    for out, labels in zip(*both, strict=True):
        judged, is_unknown = np.isin(rows.task, out), np.isin(label, labels)
        train = ~judged & ~is_unknown
        is_unknown |= ~np.isin(label, label[train])  # labels of no other task
        yield LeftOut(train, judged, is_unknown)


def _drawn(
    n_units: int, n_out: int, n_told: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Draw units to leave out, ``n_told`` classes each time, until they are enough."""
    n_times = np.zeros(n_units)  # that each was left out
    for _ in range(int(np.clip(-(-_ENOUGH_CLASSES // n_told), 1, _MOST_PARTS))):
        out = np.lexsort((rng.random(n_units), n_times))[:n_out]
        n_times[out] += 1
        yield out


def simulate(
    rows: TaskRows,
    part: LeftOut,
    shared: bool,
    n_way: int,
    n_shot: Any,
    in_order: bool,
    rng: np.random.Generator,
) -> Asked:
    """Make tasks of what was left out, for several numbers of support rows.

    Parameters
    ----------
    rows : TaskRows
        Training rows.
    part : LeftOut
        Which of them were left out.
    shared : bool
        Whether labels mean the same in every task.
    n_way : int
        Most classes that a task knows, where labels are its own.
    n_shot : int or (int, int)
        Support rows of the training.
    in_order : bool
        Whether supports are the first rows, and not any.
    rng : numpy.random.Generator
        Draws classes and rows.
    """
    usual = shot_range(n_shot, "shared" if shared else "per_task")[1]
    sizes = np.unique([*_SIZES, max(usual, 1)])
    drawn = _of_tasks if shared else _of_classes
    # Known rows are any or the first, and asked are any of those that follow.
    shuffles = (
        (np.asarray, rng.permutation) if in_order else (rng.permutation, np.asarray)
    )
    support: list[np.ndarray] = []
    query: list[np.ndarray] = []
    known: list[np.ndarray] = []
    size: list[int] = []
    for each in sizes.tolist():
        for task in drawn(rows, part, each, n_way, shuffles, rng):
            for kept, own in zip((support, query, known), task, strict=True):
                kept.append(own)
            size.append(each)
    if not size:
        raise ValueError(
            _TOO_FEW.format("no task of them has rows for a support and a query")
        )
    return Asked(
        _joined(rows, support),
        _joined(rows, query),
        np.array(size),
        np.concatenate(known),
    )


_Task = tuple[np.ndarray, np.ndarray, np.ndarray]  # support, query, which are known
_Shuffle = Callable[[np.ndarray], np.ndarray]


def _of_classes(
    rows: TaskRows,
    part: LeftOut,
    n_shot: int,
    n_way: int,
    shuffles: tuple[_Shuffle, _Shuffle],
    rng: np.random.Generator,
) -> Iterator[_Task]:
    """Make tasks that know some classes of a task or a pool, and not the others."""
    judged = np.flatnonzero(part.judged)
    label = np.unique(rows.y[judged], return_inverse=True)[1]
    cell = rows.task[judged] * (label.max() + 1) + label
    cells, place, sizes = np.unique(cell, return_inverse=True, return_counts=True)
    of_cell = np.split(judged[np.argsort(place, kind="stable")], sizes.cumsum()[:-1])
    large = np.flatnonzero(sizes > n_shot)
    task_of = cells // (label.max() + 1)
    by_task = [large[task_of[large] == task] for task in np.unique(task_of[large])]
    by_task = [own for own in by_task if len(own) > 1]
    if not by_task:
        return
    first, later = shuffles
    for episode in range(_N_EPISODES):
        own = rng.permutation(by_task[episode % len(by_task)])
        way = int(rng.integers(min(2, len(own) - 1), min(n_way, len(own) - 1) + 1))
        support, query = [], []
        for each in own[:way]:
            mine = first(of_cell[each])
            support.append(mine[:n_shot])
            query.append(later(mine[n_shot:])[:_MOST_QUERY])
        others = np.concatenate([of_cell[each] for each in own[way:]])
        unknown = rng.permutation(others)[:_MOST_UNKNOWN]
        known = np.concatenate(query)
        yield (
            np.concatenate(support),
            np.concatenate([known, unknown]),
            np.arange(len(known) + len(unknown)) < len(known),
        )


def _of_tasks(
    rows: TaskRows,
    part: LeftOut,
    n_shot: int,
    n_way: int,
    shuffles: tuple[_Shuffle, _Shuffle],
    rng: np.random.Generator,
) -> Iterator[_Task]:
    """Make tasks of those left out, in which some labels are left out of supports."""
    own = np.flatnonzero(part.judged)
    own = own[np.argsort(rows.task[own], kind="stable")]
    starts = np.flatnonzero(np.diff(rows.task[own], prepend=-1))
    first, later = shuffles
    for rows_of_task in np.split(own, starts[1:])[:_MOST_TASKS]:
        mine = first(rows_of_task)
        known, unknown = mine[~part.is_unknown[mine]], mine[part.is_unknown[mine]]
        if len(known) <= n_shot:
            continue
        query = later(known[n_shot:])[: 2 * _MOST_QUERY]
        unknown = later(unknown)[: 2 * _MOST_QUERY]
        yield (
            known[:n_shot],
            np.concatenate([query, unknown]),
            np.arange(len(query) + len(unknown)) < len(query),
        )


def _joined(rows: TaskRows, parts: list[np.ndarray]) -> TaskRows:
    """Put the rows of tasks together, each a task of its own."""
    chosen = np.concatenate(parts)
    task = np.repeat(np.arange(len(parts)), [len(own) for own in parts])
    weight = None if rows.weight is None else rows.weight[chosen]
    return TaskRows(rows.X[chosen], rows.y[chosen], task, np.arange(len(parts)), weight)
