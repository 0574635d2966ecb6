"""Which tasks of a table train, and which are held out to validate on."""

from functools import partial
from typing import Any

import numpy as np

from skmeta.episodes.cells import Cells
from skmeta.episodes.sampler import EpisodeSampler
from skmeta.episodes.table import Table
from skmeta.tables.stored.index import TaskIndex
from skmeta.utils.messages import count, warn

__all__ = ["can_be_split", "make_samplers"]

# Tasks or rows that early_stopping="auto" asks for before it holds some out. Of classes
# it asks for as many as leave a whole episode to validate on.
_ENOUGH_TO_VALIDATE = {"groups": 6, "table": 200}


def can_be_split(
    task: np.ndarray,
    cell: np.ndarray | None = None,
    in_support: np.ndarray | None = None,
) -> np.ndarray:
    """Tell which rows are of tasks that have a support row and a query row.

    Parameters
    ----------
    task : int ndarray of shape (n_rows,)
        Task of each row.
    cell : int ndarray of shape (n_rows,), default=None
        Where classes are drawn, the class of each row inside its task. Of two classes
        a task must have two rows each.
    in_support : bool ndarray of shape (n_rows,), default=None
        The rows that are given as support. The others must be there as well.

    Returns
    -------
    bool ndarray of shape (n_rows,)
        The same for all rows of a task.

    Examples
    --------
    >>> import numpy as np
    >>> from skmeta.episodes.validation import can_be_split
    >>> can_be_split(np.array([0, 0, 1, 2, 2]))
    array([ True,  True, False,  True,  True])
    """
    pair = task if cell is None else task * (cell.max() + 1) + cell
    _, first, pair, sizes = np.unique(
        pair, return_index=True, return_inverse=True, return_counts=True
    )
    splits = sizes >= 2
    if in_support is not None:
        n_given = np.bincount(pair, in_support)
        splits = (n_given > 0) & (n_given < sizes)
    n_cells = np.bincount(task[first][splits], minlength=task.max() + 1)
    return n_cells[task] >= (1 if cell is None else 2)


def _hold_out(
    units: np.ndarray,
    *,
    early_stopping: bool | str,
    fraction: float,
    enough: float,
    rng: np.random.Generator,
) -> np.ndarray | None:
    """Choose what validates a training.

    Parameters
    ----------
    units : int ndarray of shape (n_units,)
        What can be judged on, each held out as a whole: tasks, classes or rows.
    early_stopping : bool or "auto"
        "auto" holds out only where there are ``enough`` of them.
    fraction : float
        Share of the units to hold out; two at least, and two are left.
    enough : float
        Units that "auto" asks for.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    int ndarray or None
        Units that are held out; None for no validation.

    Raises
    ------
    ValueError
        If ``early_stopping=True`` and there are fewer than four.
    """
    if not early_stopping:
        return None
    if early_stopping == "auto" and len(units) < enough:
        return None
    if len(units) < 4:
        raise ValueError(
            "early_stopping=True holds out whole tasks to validate on, and "
            f"{len(units)} are too few for that; those without a support and a query "
            "row do not count. Set early_stopping=False."
        )
    n_held_out = min(max(2, round(fraction * len(units))), len(units) - 2)
    return rng.permutation(units)[:n_held_out]


def make_samplers(
    table: Table,
    task: np.ndarray | TaskIndex,
    cell: np.ndarray | None,
    *,
    tasks: str,
    early_stopping: bool | str,
    validation_fraction: float,
    mix_tasks: float,
    warns_of_few: bool = True,
    in_support: np.ndarray | None = None,
    rng: np.random.Generator,
    **draw: Any,
) -> tuple[EpisodeSampler, EpisodeSampler | None]:
    """Split tasks (or classes, or rows) in those to train and to validate on.

    Parameters
    ----------
    table : Table
        Rows and targets.
    task, cell : int ndarray of shape (n_rows,)
        Task of each row, an index of them where rows are on disk; and, where classes
        are drawn, its class inside the task, then a source of rows.
    tasks : {"groups", "classes", "table"}
        What a task is, and so what is held out.
    early_stopping, validation_fraction : bool or "auto", float
        Whether, and how much, to hold out.
    mix_tasks : float
        Share of the training episodes whose classes come from all tasks.
    warns_of_few : bool, default=True
        Warn of tasks too small for the lowest number of support rows.
    in_support : bool ndarray of shape (n_rows,), default=None
        The rows that are given as support, for ``tasks="groups"``.
    rng : numpy.random.Generator
        Source of randomness.
    **draw
        What an :class:`EpisodeSampler` draws.

    Returns
    -------
    train : EpisodeSampler
        Tasks to train on.
    valid : EpisodeSampler or None
        Tasks to validate on, None for no validation.

    Raises
    ------
    ValueError
        If there is no task to train on.
    """
    hold_out = partial(
        _hold_out,
        early_stopping=early_stopping,
        fraction=validation_fraction,
        enough=_ENOUGH_TO_VALIDATE.get(tasks, draw["n_way"] / validation_fraction),
        rng=rng,
    )
    draw["in_support"] = in_support
    valid = None
    if isinstance(task, TaskIndex):
        stratum, given = draw.pop("stratum", None), draw.pop("in_support")
        cells = Cells.stored(task, cell, stratum=stratum, in_support=given)
        if tasks == "groups":
            unit, usable = cells.task, cells.tasks_to_split()
        else:
            unit = np.arange(len(cells.sizes))
            usable = np.flatnonzero(cells.can_be_split())
        held_out = hold_out(usable)
        if held_out is not None:
            is_held_out = np.isin(unit, held_out)
            valid = EpisodeSampler(table, cells.take(is_held_out), **draw)
            cells = cells.take(~is_held_out)
        train = EpisodeSampler(table, cells, mix_tasks=mix_tasks, **draw)
    else:
        of_row = {"groups": task, "classes": cell, "table": np.arange(len(task))}[tasks]
        assert of_row is not None  # what draws classes has them numbered
        is_usable = np.ones(len(task), dtype=bool)
        if tasks == "groups":
            is_usable = can_be_split(task, cell, in_support)
        elif tasks == "classes":
            is_usable = can_be_split(of_row)
        held_out, rows = hold_out(np.unique(of_row[is_usable])), None
        if held_out is not None:
            is_held_out = np.isin(of_row, held_out)
            valid_rows, rows = map(np.flatnonzero, (is_held_out, ~is_held_out))
            valid = EpisodeSampler(table, task, cell, rows=valid_rows, **draw)
        train = EpisodeSampler(
            table, task, cell, rows=rows, mix_tasks=mix_tasks, **draw
        )
    if not train.n_tasks_:
        n_tasks = len(np.unique(train.cells.task))
        raise ValueError(
            "No task to train on: an episode needs a support row and a query row"
            + (" of each of two classes" if cell is not None else "")
            + (" as in_support gives them" if in_support is not None else "")
            + f", and the table has n_samples = {len(task)}"
            + (f" in {count(n_tasks, 'task')}." if tasks == "groups" else ".")
        )
    _warn_of_small(train, warns_of_few, "task" if cell is None else "class")
    return train, valid


def _warn_of_small(train: EpisodeSampler, warns_of_few: bool, what: str) -> None:
    """Warn, once, of tasks or classes with fewer rows than any episode takes."""
    many = {"task": "tasks", "class": "classes"}[what]
    least = count(train.n_shot[0], "support row")
    few = f"too small for {least} and a query row"
    lacking = "one row only"
    if train.is_given:
        few = f"given fewer than {least}"
        lacking = "no row given as support, or no other row,"
    said = []
    if train.n_reduced_ and warns_of_few:
        one = train.n_reduced_ == 1
        said.append(
            f"{train.n_reduced_} of {train.n_cells_} training {many} "
            f"{'is' if one else 'are'} {few}; {'its' if one else 'their'} support is "
            "smaller."
        )
    if train.n_dropped_:
        one = train.n_dropped_ == 1
        said.append(
            f"{count(train.n_dropped_, f'training {what}', f'training {many}')} "
            f"{'has' if one else 'have'} {lacking} and {'is' if one else 'are'} left "
            "out."
        )
    if said:
        warn(" ".join(said))
