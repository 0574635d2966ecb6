"""As many threads as a computation is worth."""

import contextlib
from collections.abc import Iterator

import torch
from torch import nn

__all__ = ["one_thread_if_small"]

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
    weights = list(module.parameters())
    largest = max((weight.numel() for weight in weights), default=0)
    is_small = n_rows * largest < _WORTH_THREADS and all(
        weight.ndim <= 2 and weight.device.type == "cpu" for weight in weights
    )
    if not is_small:
        yield
        return
    n_threads = torch.get_num_threads()  # of this Python thread; others have their own
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)
