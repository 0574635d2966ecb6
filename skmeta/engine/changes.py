"""Tasks that join those adapted to, and tasks that leave, at their own cost.

What was learnt of all others stays where it is, in the same tensors: a change makes
another list of parts, which holds most of them as they are. What was learnt of a task
before more of its rows came stays behind in its part, as a gap, until half of the part
are gaps; small parts are joined when they meet a part of about their size. So each task
is copied a few times for all the changes to come, and none waits for a copy of all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from torch.utils._pytree import tree_leaves  # not public before torch 2.8

from skmeta.engine.adapted import AdaptedTasks
from skmeta.engine.chunks import Learnt, are_alike, join
from skmeta.utils.messages import unsorted
from skmeta.utils.unique import unite

__all__ = ["extended", "without", "without_gaps"]

# Parts of so many tasks are not joined any more.
_FULL = 4096

_Part = tuple[np.ndarray, Learnt]  # the tasks, -1 for a gap, and what was learnt


def extended(adapted: AdaptedTasks, others: AdaptedTasks) -> AdaptedTasks:
    """Put tasks among those adapted to; of those that are in both, the others count.

    Parameters
    ----------
    adapted : AdaptedTasks
        Stays as it is.
    others : AdaptedTasks
        Learnt by the same learner, without a prior. Neither has names, or both do.

    Returns
    -------
    AdaptedTasks
        With what was learnt of all tasks.

    Raises
    ------
    ValueError
        If the names, or the labels, of the two cannot be sorted together.
    """
    names = place = other_place = None
    if adapted.names is None or others.names is None:
        place, other_place = np.zeros(1, dtype=np.intp), np.zeros(1, dtype=np.intp)
    else:
        try:
            names, place, other_place = unite(adapted.names, others.names)
        except TypeError as error:
            raise ValueError(
                f"groups holds {unsorted(adapted.names, others.names)}."
            ) from error
    n_named = 1 if names is None else len(names)
    n_tasks = n_named + adapted.has_prior
    if adapted.has_prior:
        place = np.append(place, n_named)
    labels = adapted.labels
    if labels is not None:
        assert others.labels is not None  # of the same kind of target
        labels = labels.extended(place, others.labels, other_place)
    n_rows = n_unlabelled = None
    if adapted.n_rows is not None and others.n_rows is not None:
        n_rows = np.empty(n_tasks, dtype=np.intp)
        n_rows[place], n_rows[other_place] = adapted.n_rows, others.n_rows
    both = adapted.n_unlabelled, others.n_unlabelled
    if any(each is not None for each in both):
        n_unlabelled = np.empty(n_tasks, dtype=np.intp)
        n_unlabelled[place], n_unlabelled[other_place] = (
            0 if each is None else each for each in both
        )
    # The last, for -1, is a gap; as is what is learnt anew.
    moved = np.append(place, -1)
    is_anew = np.zeros(n_tasks, dtype=bool)
    is_anew[other_place] = True
    moved[:-1][is_anew[place]] = -1
    earlier = [(moved[tasks], learnt) for tasks, learnt in adapted.learnt()]
    fresh = [(other_place[tasks], learnt) for tasks, learnt in others.learnt()]
    parts = _joined(*_thinned(earlier, fresh, others.n_tasks))
    changes = {"names": names, "labels": labels, "n_tasks": n_tasks}
    rows = {"n_rows": n_rows, "n_unlabelled": n_unlabelled}
    return adapted.with_learnt(parts, **changes, **rows)


def without(adapted: AdaptedTasks, tasks: np.ndarray) -> AdaptedTasks | None:
    """Drop tasks, and all that was kept of them.

    Parameters
    ----------
    adapted : AdaptedTasks
        Stays as it is.
    tasks : int ndarray of shape (n_dropped,)
        Numbers of tasks, none of them the prior.

    Returns
    -------
    AdaptedTasks or None
        What is left; None if no task is.
    """
    if not len(tasks):
        return adapted
    stays = np.ones(adapted.n_tasks, dtype=bool)
    stays[tasks] = False
    kept = np.flatnonzero(stays)
    if len(kept) == adapted.has_prior:
        return None
    assert adapted.names is not None  # several tasks have names
    moved = np.append(np.where(stays, np.cumsum(stays) - 1, -1), -1)
    parts = [(moved[order], learnt) for order, learnt in adapted.learnt()]
    changes: dict[str, Any] = {
        "names": adapted.names[stays[: len(adapted.names)]],
        "labels": None if adapted.labels is None else adapted.labels.take(kept),
        "n_rows": _of(adapted.n_rows, kept),
        "n_unlabelled": _of(adapted.n_unlabelled, kept),
        "n_tasks": len(kept),
    }
    return adapted.with_learnt([*_present(parts)], **changes)


def _of(counts: np.ndarray | None, tasks: np.ndarray) -> np.ndarray | None:
    return None if counts is None else counts[tasks]


def without_gaps(adapted: AdaptedTasks) -> AdaptedTasks:
    """Return the same tasks, without what was learnt of them before more rows came."""
    if (adapted.order >= 0).all():
        return adapted
    return adapted.with_learnt([*_present(adapted.learnt())])


def _present(parts: Iterable[_Part]) -> Iterator[_Part]:
    """Leave gaps out, and parts that are nothing else."""
    for tasks, learnt in parts:
        present = np.flatnonzero(tasks >= 0)
        if len(present) == len(tasks):
            yield tasks, learnt
        elif len(present):
            yield tasks[present], learnt.take(present)


def _thinned(
    earlier: list[_Part], fresh: list[_Part], n_changed: int
) -> tuple[list[_Part], list[_Part]]:
    """Leave gaps out of parts that are mostly gaps; what is copied is fresh then.

    Parts come one after another until twice as many tasks are copied as have changed:
    changes that are spread over all tasks let all parts come of age at about the same
    time, and no call copies more than that and one part.
    """
    n_present = np.array([np.count_nonzero(tasks >= 0) for tasks, _ in earlier])
    n_all = np.array([len(tasks) for tasks, _ in earlier])
    worst = np.argsort(n_present / n_all, kind="stable")
    copied = np.cumsum(n_present[worst]) - n_present[worst]
    chosen = worst[(2 * n_present < n_all)[worst] & (copied <= 2 * n_changed)]
    thinned = [*_present(earlier[index] for index in sorted(chosen.tolist()))]
    kept = np.setdiff1d(np.arange(len(earlier)), chosen).tolist()
    return [earlier[index] for index in kept], [*thinned, *fresh]


def _joined(earlier: list[_Part], fresh: list[_Part]) -> list[_Part]:
    """Join fresh parts with those before them that are at most twice as large.

    As the digits of a counter do it: a task is copied about as often as the number of
    tasks in a part can be halved.
    """
    full: list[_Part] = []
    stacks: dict[Any, list[_Part]] = {}  # by the shapes of a state, the smallest last
    for part in sorted(earlier, key=lambda part: -len(part[0])):
        if len(part[0]) >= _FULL:
            full.append(part)
        else:
            stacks.setdefault(_shapes(part[1]), []).append(part)
    for tasks, learnt in fresh:
        stack = stacks.setdefault(_shapes(learnt), [])
        stack.append((tasks, learnt))
        while len(stack) > 1 and _should_join(*stack[-2:]):
            (tasks_before, before), (tasks_after, after) = stack[-2:]
            [both] = join([before, after])
            stack[-2:] = [(np.concatenate([tasks_before, tasks_after]), both)]
    return [*full, *(part for stack in stacks.values() for part in stack)]


def _should_join(before: _Part, after: _Part) -> bool:
    n_before, n_after = len(before[0]), len(after[0])
    return (
        n_before <= 2 * n_after
        and n_before + n_after <= _FULL
        and are_alike(before[1], after[1])
    )


def _shapes(learnt: Learnt) -> tuple[Any, ...]:
    leaves = tree_leaves(learnt.state)
    return tuple((*leaf.shape[1:], leaf.dtype) for leaf in leaves)
