"""As many threads as a computation is worth."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor, nn

__all__ = ["one_thread_if_small", "side_by_side"]

# Multiplications in one batched product below which a second thread does not pay. On a
# quiet machine it would save a third at the upper end; beside another busy process,
# threads that wait for each other at every small product are ten times slower.
_WORTH_THREADS = 2**27


@contextlib.contextmanager
def one_thread_if_small(module: nn.Module, n_rows: int) -> Iterator[None]:
    """Compute in one thread inside the block where the products are small.

    The choice follows from sizes alone, so that it is the same in every run. torch's
    number of threads is as before when the block ends.

    Parameters
    ----------
    module : nn.Module
        What computes. Convolutions are never taken for small.
    n_rows : int
        Rows that go through it at once.
    """
    is_small = _are_small(list(module.parameters()), n_rows)
    with _one_thread() if is_small else contextlib.nullcontext():
        yield


@contextlib.contextmanager
def side_by_side(
    weights: Sequence[Tensor], n_rows: int, n_parts: int
) -> Iterator[Callable]:
    """Map a function over parts of a computation, with all threads at work.

    Large parts go one after another, each with all threads inside its products. Small
    ones go side by side, a thread for each: no thread waits for another one before the
    end of its part, so that a busy core costs its own share and no more.

    Parameters
    ----------
    weights : sequence of Tensor
        Parameters of the module that computes.
    n_rows : int
        Rows of a part.
    n_parts : int
        Number of parts.

    Yields
    ------
    callable
        Like :func:`map`. The function may run in another thread, where torch records
        gradients unless it is told not to.
    """
    if not _are_small(weights, n_rows):
        yield map
        return
    n_threads = min(torch.get_num_threads(), n_parts)
    with _one_thread():
        if n_threads <= 1:
            yield map
            return
        with ThreadPoolExecutor(
            n_threads, initializer=torch.set_num_threads, initargs=(1,)
        ) as pool:
            yield pool.map


def _are_small(weights: Sequence[Tensor], n_rows: int) -> bool:
    largest = max((weight.numel() for weight in weights), default=0)
    return n_rows * largest < _WORTH_THREADS and all(
        weight.ndim <= 2 and weight.device.type == "cpu" for weight in weights
    )


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    n_threads = torch.get_num_threads()  # of this Python thread; others have their own
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)
