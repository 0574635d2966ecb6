"""Which tasks of a table train, and which are held out to validate on."""

from typing import Any

import numpy as np

from skmeta.episodes.sampler import EpisodeSampler
from skmeta.episodes.table import Table
from skmeta.utils.messages import warn

__all__ = ["make_samplers"]

# Tasks or rows that early_stopping="auto" asks for before it holds some out. Of classes
# it asks for as many as leave a whole episode to validate on.
_ENOUGH_TO_VALIDATE = {"groups": 6, "table": 200}


def _hold_out(
    unit: np.ndarray,
    *,
    early_stopping: bool | str,
    fraction: float,
    enough: float,
    rng: np.random.Generator,
) -> np.ndarray | None:
    """Choose the rows that validate a training.

    Parameters
    ----------
    unit : int ndarray of shape (n_rows,)
        What is held out together: the task, the class or the row itself.
    early_stopping : bool or "auto"
        "auto" holds out only where there are ``enough`` units.
    fraction : float
        Share of the units to hold out, two at least.
    enough : float
        Units that "auto" asks for.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    bool ndarray of shape (n_rows,) or None
        True for rows that are held out; None for no validation.

    Raises
    ------
    ValueError
        If ``early_stopping=True`` and fewer than four units are there.
    """
    units = np.unique(unit)
    if not early_stopping or (early_stopping == "auto" and len(units) < enough):
        return None
    if len(units) < 4:
        raise ValueError(
            f"early_stopping=True holds out whole tasks to validate on, and "
            f"{len(units)} are too few for that. Set early_stopping=False."
        )
    n_held_out = max(2, round(fraction * len(units)))
    return np.isin(unit, rng.permutation(units)[:n_held_out])


def make_samplers(
    table: Table,
    task: np.ndarray,
    cell: np.ndarray | None,
    *,
    tasks: str,
    early_stopping: bool | str,
    validation_fraction: float,
    mix_tasks: float,
    warns_of_few: bool = True,
    rng: np.random.Generator,
    **draw: Any,
) -> tuple[EpisodeSampler, EpisodeSampler | None]:
    """Split tasks (or classes, or rows) in those to train and to validate on.

    Parameters
    ----------
    table : Table
        Rows and targets.
    task, cell : int ndarray of shape (n_rows,)
        Task of each row and, where classes are drawn, its class inside the task.
    tasks : {"groups", "classes", "table"}
        What a task is, and so what is held out.
    early_stopping, validation_fraction : bool or "auto", float
        Whether, and how much, to hold out.
    mix_tasks : float
        Share of the training episodes whose classes come from all tasks.
    warns_of_few : bool, default=True
        Warn of tasks too small for the highest number of support rows.
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
    unit = {"groups": task, "classes": cell, "table": np.arange(len(task))}[tasks]
    assert unit is not None  # what draws classes has them numbered
    held_out = _hold_out(
        unit,
        early_stopping=early_stopping,
        fraction=validation_fraction,
        enough=_ENOUGH_TO_VALIDATE.get(tasks, draw["n_way"] / validation_fraction),
        rng=rng,
    )
    valid, rows = None, None
    if held_out is not None:
        held_out_rows, rows = np.flatnonzero(held_out), np.flatnonzero(~held_out)
        valid = EpisodeSampler(table, task, cell, rows=held_out_rows, **draw)
    train = EpisodeSampler(table, task, cell, rows=rows, mix_tasks=mix_tasks, **draw)
    if not train.n_tasks_:
        raise ValueError(
            "No task to train on: an episode needs a support row and a query row"
            + (" of each of two classes" if cell is not None else "")
            + f", and the table has n_samples = {len(task)}."
        )
    what = "tasks" if cell is None else "classes"
    said = []
    if train.n_reduced_ and warns_of_few:
        said.append(
            f"{train.n_reduced_} of {train.n_cells_} training {what} are too small for "
            f"{draw['n_shot'][1]} support rows and a query row; their support is "
            "smaller."
        )
    if train.n_dropped_:
        them = f"{train.n_dropped_} more" if said else f"{train.n_dropped_} {what}"
        said.append(f"{them} have one row only and are left out.")
    if said:
        warn(" ".join(said))
    return train, valid if valid is not None and valid.n_tasks_ else None
