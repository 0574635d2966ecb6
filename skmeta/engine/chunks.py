"""What is computed at once: chunks of tasks that bound the memory of a call."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_map  # not public before torch 2.8

from skmeta.engine.supports import Supports
from skmeta.utils.unique import runs_of

__all__ = [
    "ROWS_AT_ONCE",
    "WEIGHTS_AT_ONCE",
    "Learnt",
    "are_alike",
    "join",
    "map_leaves",
    "of_similar_size",
    "rows_at_once",
    "tasks_at_once",
]

# Rows that go through the network at once, and weights of all their tasks. They bound
# the memory of a call however many tasks or rows it has, and what a core works on at a
# time about fits in its cache. Python's own share of the time is small already.
ROWS_AT_ONCE = 4096
WEIGHTS_AT_ONCE = 2**19

# Products of rows alone, without convolutions, hold so many times more: threads side by
# side then wait less often for Python's lock, which every operation lets go of.
_MORE_OF_PRODUCTS = 2

# An accelerator works on so many times more at once: there a chunk takes as long as its
# kernels take to start, however small they are.
_MORE_ROWS, _MORE_WEIGHTS = 16, 64
# What is computed of each pair of rows of a task grows as the square of its rows. The
# chunks of a CPU stay below.
_MOST_PAIRS = 2**26

# Types of most that is learnt.
_NUMPY_TYPES = {torch.float32: np.float32, torch.int64: np.int64}

# Chunks whose tasks' weights are kept in one tensor.
_JOINED = 16


def rows_at_once(weights: Sequence[Tensor]) -> int:
    """Return how many padded rows go through a network at once.

    Parameters
    ----------
    weights : sequence of Tensor
        Parameters of the network, for where they are.

    Returns
    -------
    int
        ``ROWS_AT_ONCE`` on a CPU, twice as many without convolutions, more on
        accelerators.
    """
    if _are_away(weights):
        return ROWS_AT_ONCE * _MORE_ROWS
    return ROWS_AT_ONCE * (1 if _convolve(weights) else _MORE_OF_PRODUCTS)


def tasks_at_once(n_rows: int, weights: Sequence[Tensor], most: int) -> int:
    """Return how many tasks of so many rows each go through a network at once.

    Parameters
    ----------
    n_rows : int
        Rows of the largest of them.
    weights : sequence of Tensor
        Parameters of the network.
    most : int
        As many as are wanted, and no more.

    Returns
    -------
    int
        At least one, as :func:`of_similar_size` cuts tasks.
    """
    fit = min(rows_at_once(weights) // n_rows, _MOST_PAIRS // n_rows**2)
    return max(1, min(most, fit))


def _are_away(weights: Sequence[Tensor]) -> bool:
    return any(weight.device.type != "cpu" for weight in weights)


def _convolve(weights: Sequence[Tensor]) -> bool:
    return any(weight.ndim > 2 for weight in weights)


def of_similar_size(
    sizes: np.ndarray, weights: Sequence[Tensor], *, with_weights: bool = True
) -> Iterator[np.ndarray]:
    """Cut tasks into chunks that, padded, have few rows and little padding.

    Parameters
    ----------
    sizes : int ndarray of shape (n_tasks,)
        Rows of each task.
    weights : sequence of Tensor
        Parameters of the network.
    with_weights : bool, default=True
        Whether each task may have weights of its own.

    Yields
    ------
    int ndarray
        Tasks, from the smallest on: together at most :func:`rows_at_once` padded rows,
        and on a CPU ``WEIGHTS_AT_ONCE`` weights, or a single task.
    """
    n_weights = sum(weight.numel() for weight in weights) if with_weights else 0
    most_weights = WEIGHTS_AT_ONCE * (_MORE_WEIGHTS if _are_away(weights) else 1)
    at_once = max(1, most_weights // max(1, n_weights))
    by_size = np.argsort(sizes, kind="stable")
    widths = np.maximum(sizes[by_size], 1)
    n_rows, start = rows_at_once(weights), 0
    while start < len(sizes):
        most = widths[start : start + min(at_once, n_rows // widths[start] + 1)]
        # Rows of the chunk if it ended here: its count times its widest task.
        padded = np.arange(1, len(most) + 1) * most
        fits = (padded <= n_rows) & (padded * most <= _MOST_PAIRS)
        fit = max(1, int(np.count_nonzero(fits)))
        yield by_size[start : start + fit]
        start += fit


def map_leaves(function: Callable[[Any], Any], state: Any) -> Any:
    """Call a function with every leaf of a pytree, as torch's ``tree_map`` does.

    Where a state is made of named tuples of tensors, as most are, in a tenth of the
    time, which counts for every block of tasks.

    Parameters
    ----------
    function : callable
        Of a leaf.
    state : pytree
        What an algorithm has learnt.

    Returns
    -------
    pytree
        Of what the function returns.
    """
    if isinstance(state, Tensor):
        return function(state)
    if isinstance(state, tuple) and hasattr(state, "_make"):
        return state._make([map_leaves(function, leaf) for leaf in state])
    return tree_map(function, state)


class Learnt(NamedTuple):
    """What was learnt of several tasks."""

    n_tasks: int
    state: Any  # pytree of Tensor, with the task axis first
    supports: Supports | None = None  # what it was learnt from, where that is kept

    def take(self, tasks: np.ndarray) -> "Learnt":
        """Keep some of the tasks, and nothing of the others."""
        runs = runs_of(tasks)

        def pick(leaf: Tensor) -> Tensor:
            if runs is not None:
                return torch.cat([leaf[run] for run in runs])
            return leaf.index_select(0, torch.from_numpy(tasks).to(leaf.device))

        supports = None if self.supports is None else self.supports.take(tasks)
        return Learnt(len(tasks), map_leaves(pick, self.state), supports)


def join(learnt: Iterable[Learnt]) -> Iterator[Learnt]:
    """Join what was learnt of several chunks, as long as shapes agree.

    Small tensors that stay, allocated among large ones that go, would leave the memory
    full of holes.

    Parameters
    ----------
    learnt : iterable of Learnt
        Of each chunk.

    Yields
    ------
    Learnt
        The same for several chunks together, in their order.
    """
    parts: list[Learnt] = []
    for each in learnt:
        if parts and (len(parts) == _JOINED or not are_alike(parts[0], each)):
            yield _cat(parts)
            parts = []
        parts.append(each)
    yield _cat(parts)


def are_alike(one: Learnt, other: Learnt) -> bool:
    """Tell whether what was learnt twice has one shape but for the number of tasks."""
    leaves, structure = tree_flatten(one.state)
    other_leaves, other_structure = tree_flatten(other.state)
    return (
        structure == other_structure
        and (one.supports is None) == (other.supports is None)
        and all(
            a.shape[1:] == b.shape[1:]
            for a, b in zip(leaves, other_leaves, strict=True)
        )
    )


def _cat(parts: list[Learnt]) -> Learnt:
    if len(parts) == 1:
        return parts[0]
    supports = [each.supports for each in parts if each.supports is not None]
    return Learnt(
        sum(each.n_tasks for each in parts),
        tree_map(lambda *leaves: _cat_leaves(leaves), *(each.state for each in parts)),
        Supports.join(supports) if supports else None,
    )


def _cat_leaves(leaves: tuple[Tensor, ...]) -> Tensor:
    """Join tensors, in memory that comes in large pages where the system has them.

    NumPy asks for them, and torch does not: it waits for a page with every 4 kB.
    """
    numpy_type = _NUMPY_TYPES.get(leaves[0].dtype)
    if numpy_type is None or leaves[0].device.type != "cpu":
        return torch.cat(leaves)
    shape = sum(map(len, leaves)), *leaves[0].shape[1:]
    return torch.cat(leaves, out=torch.from_numpy(np.empty(shape, numpy_type)))
