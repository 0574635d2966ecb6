"""What is computed at once: chunks of tasks that bound the memory of a call."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_map  # not public before torch 2.8

__all__ = ["ROWS_AT_ONCE", "WEIGHTS_AT_ONCE", "join", "of_similar_size"]

# Rows that go through the network at once, and weights of all their tasks. They bound
# the memory of a call however many tasks or rows it has, and what a core works on at a
# time about fits in its cache. Python's own share of the time is small already.
ROWS_AT_ONCE = 4096
WEIGHTS_AT_ONCE = 2**19

# Chunks whose tasks' weights are kept in one tensor.
_JOINED = 16


def of_similar_size(
    sizes: np.ndarray, weights: Sequence[Tensor]
) -> Iterator[np.ndarray]:
    """Cut tasks into chunks that, padded, have few rows and little padding.

    Parameters
    ----------
    sizes : int ndarray of shape (n_tasks,)
        Rows of each task.
    weights : sequence of Tensor
        Parameters of the network, of which each task may have its own.

    Yields
    ------
    int ndarray
        Tasks, from the smallest on: together at most ``ROWS_AT_ONCE`` padded rows and
        ``WEIGHTS_AT_ONCE`` weights, or a single task.
    """
    n_weights = sum(weight.numel() for weight in weights)
    at_once = max(1, WEIGHTS_AT_ONCE // max(1, n_weights))
    by_size = np.argsort(sizes, kind="stable")
    widths = np.maximum(sizes[by_size], 1)
    start = 0
    while start < len(sizes):
        most = widths[start : start + min(at_once, ROWS_AT_ONCE // widths[start] + 1)]
        # Rows of the chunk if it ended here: its count times its widest task.
        padded = np.arange(1, len(most) + 1) * most
        fit = max(1, int(np.searchsorted(padded, ROWS_AT_ONCE, side="right")))
        yield by_size[start : start + fit]
        start += fit


def join(learnt: Iterable[tuple[int, Any]]) -> Iterator[tuple[int, Any]]:
    """Join what was learnt of several chunks, as long as shapes agree.

    Small tensors that stay, allocated among large ones that go, would leave the memory
    full of holes.

    Parameters
    ----------
    learnt : iterable of (int, pytree of Tensor)
        Number of tasks of each chunk, and tensors with the task axis first.

    Yields
    ------
    (int, pytree of Tensor)
        The same for several chunks together, in their order.
    """
    sizes: list[int] = []
    states: list[Any] = []
    for size, state in learnt:
        if states and (len(states) == _JOINED or not _are_alike(states[0], state)):
            yield sum(sizes), _cat(states)
            sizes, states = [], []
        sizes.append(size)
        states.append(state)
    yield sum(sizes), _cat(states)


def _are_alike(state: Any, other: Any) -> bool:
    leaves, structure = tree_flatten(state)
    other_leaves, other_structure = tree_flatten(other)
    return structure == other_structure and all(
        a.shape[1:] == b.shape[1:] for a, b in zip(leaves, other_leaves, strict=True)
    )


def _cat(states: list) -> Any:
    if len(states) == 1:
        return states[0]
    return tree_map(lambda *leaves: torch.cat(leaves), *states)
