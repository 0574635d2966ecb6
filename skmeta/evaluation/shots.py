"""Which numbers of known rows suit a table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skmeta.evaluation.new_tasks import large_enough
from skmeta.evaluation.problem import Problem
from skmeta.utils.messages import count

__all__ = ["note_on_shots"]

# Shots suit a table if so many of its tasks can give them, and a row to ask.
_ENOUGH = 0.9
_MOST = 100


def note_on_shots(problem: Problem, shots: Sequence[int]) -> str | None:
    """Tell how many tasks are too small for the shots, and which shots suit.

    Parameters
    ----------
    problem : Problem
        What is to be learnt.
    shots : sequence of int
        Those that are asked for.

    Returns
    -------
    str or None
        None where all tasks are large enough.
    """
    task = np.unique(problem.groups, return_inverse=True)[1]

    def share_of(n_shot: int) -> float:
        able = large_enough(
            problem.y, task, problem.label_space, n_shot + 1, problem.in_support
        )
        return float(able.mean())

    n_tasks, most = int(task.max()) + 1, max(shots)
    n_small = round(n_tasks * (1 - share_of(most)))
    if not n_small:
        return None
    each = " of each class" if problem.label_space == "per_task" else ""
    note = (
        f"{n_small:,} of {count(n_tasks, 'task')} have too few rows for "
        f"{count(most, 'known row')}{each} and one to ask: they are learnt from, and "
        "not judged on"
    )
    low, high = 0, min(most, _MOST)
    while low < high:  # the share falls as shots grow
        middle = (low + high + 1) // 2
        low, high = (middle, high) if share_of(middle) >= _ENOUGH else (low, middle - 1)
    if not 0 < low < most:
        return note
    suiting = " ".join(map(str, sorted({1, (low + 1) // 2, low})))
    return f"{note}; --shots {suiting} suits {share_of(low):.0%} of them"
