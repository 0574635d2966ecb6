"""The work of judging: an estimator, a repeat and a number of shots, one after another.

What is fitted anew to every support takes nearly all of the time: such cells go to
processes side by side where that is asked for.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from joblib import effective_n_jobs
from sklearn.utils.parallel import Parallel, delayed
from tqdm.auto import tqdm

from skmeta.episodes.rounds import Round
from skmeta.model_selection._metrics import Metric
from skmeta.model_selection._task_scores import TaskScorer
from skmeta.pipelines import last_step
from skmeta.utils.messages import warn

__all__ = ["Cell", "score_cells"]


class Cell(NamedTuple):
    """One adaptation to a support of each task, and the answers to its query."""

    name: str
    estimator: Any
    repeat: int
    n_shot: int
    drawn: Round
    query: np.ndarray


def score_cells(
    scorer: TaskScorer,
    metric: Metric,
    cells: Sequence[Cell],
    *,
    n_jobs: int | None = None,
    verbose: bool = False,
) -> list[np.ndarray | None]:
    """Score every cell.

    Parameters
    ----------
    scorer : TaskScorer
        Has the rows.
    metric : Metric
        What is measured.
    cells : sequence of Cell
        What is to be done.
    n_jobs : int, default=None
        Processes for cells that fit an estimator anew; None is one, or as many as a
        ``joblib.parallel_config`` says.
    verbose : bool, default=False
        Whether a bar shows how far it is, and how long it will take.

    Returns
    -------
    list of ndarray or None
        The scores of each cell's tasks; None where there is no answer.
    """
    scores: list[np.ndarray | None] = [None] * len(cells)
    bar = tqdm(total=len(cells), desc="judging", unit="fit", disable=not verbose)
    with bar:
        for place, found in _scored(scorer, metric, cells, n_jobs):
            scores[place] = found
            bar.update()
    return scores


def _scored(
    scorer: TaskScorer, metric: Metric, cells: Sequence[Cell], n_jobs: int | None
) -> Iterator[tuple[int, np.ndarray | None]]:
    """Yield places of cells and their scores, as they come."""
    fitting = [i for i, cell in enumerate(cells) if _fits_anew(cell.estimator)]
    if len(fitting) < 2 or effective_n_jobs(n_jobs) == 1:
        fitting = []
    for place in sorted({*range(len(cells))} - {*fitting}):
        cell = cells[place]
        given = cell.drawn, cell.n_shot, cell.query
        yield place, scorer.scores(cell.estimator, metric, *given)
    if not fitting:
        return
    run = Parallel(n_jobs=n_jobs, return_as="generator")
    here = os.getpid()
    work = run(
        delayed(_score_apart)(scorer, metric, cells[place], here) for place in fitting
    )
    for place, (found, unknown, warned) in zip(fitting, work, strict=True):
        scorer.remember_unknown(unknown)
        for category, text in warned:
            warn(text, category)
        yield place, found


def _fits_anew(estimator: Any) -> bool:
    """Tell whether an adaptation fits it to the supports of all tasks together."""
    return bool(getattr(last_step(estimator), "_learns_of_other_tasks", False))


def _score_apart(
    scorer: TaskScorer, metric: Metric, cell: Cell, asked_by: int
) -> tuple[np.ndarray | None, np.ndarray, Collection[tuple[type[Warning], str]]]:
    """Score a cell, and tell what a process that is not the asking one has to say."""
    given = cell.drawn, cell.n_shot, cell.query
    if os.getpid() == asked_by:  # a thread, which warns by itself
        found = scorer.scores(cell.estimator, metric, *given)
        return found, scorer.unknown_labels(), ()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = scorer.scores(cell.estimator, metric, *given)
    warned = [(each.category, str(each.message)) for each in caught]
    return found, scorer.unknown_labels(), dict.fromkeys(warned)
