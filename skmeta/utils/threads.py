"""As many threads as a computation is worth."""

import contextlib
import ctypes
import functools
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import ContextVar
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import torch
from threadpoolctl import ThreadpoolController
from torch import Tensor, nn

__all__ = [
    "keep_to_one_thread",
    "one_at_a_time",
    "one_thread",
    "one_thread_if_small",
    "side_by_side",
]

# Beside the objects, whose copies and pickles cannot hold a lock.
_locks: WeakKeyDictionary[Any, threading.Lock] = WeakKeyDictionary()

# Multiplications in one product from which threads inside it pay. Threads wait for each
# other at the end of every product: beside another busy process for milliseconds, until
# it is their turn again. Products that take less become twenty times slower that way,
# and on a quiet machine no more than half as fast again.
_WORTH_THREADS = 2**30

_MOST_HELPERS = 256  # of all that compute at a time

# Threads that torch had before a block of :func:`one_thread_if_small`.
_had: ContextVar[int | None] = ContextVar("_had", default=None)


@contextlib.contextmanager
def one_at_a_time(changed: Any) -> Iterator[None]:
    """Let one thread at a time change an object; others wait for their turn.

    Parameters
    ----------
    changed : object
        What is changed inside the block. A copy of it is another object.
    """
    with _locks.setdefault(changed, threading.Lock()):
        yield


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Compute in one thread inside the block, in this Python thread alone.

    Who is one of several workers leaves the other cores to them.
    """
    with _one_thread():
        yield


@contextlib.contextmanager
def one_thread_if_small(
    module: nn.Module, n_rows: int, n_features: int
) -> Iterator[None]:
    """Compute in one thread inside the block where the products are small.

    The choice follows from sizes alone, so that it is the same in every run. torch's
    number of threads is as before when the block ends.

    Parameters
    ----------
    module : nn.Module
        What computes.
    n_rows, n_features : int
        Rows that go through it at once, and their features. A convolution is taken to
        visit all of them.
    """
    if not _are_small(list(module.parameters()), n_rows, n_features):
        yield
        return
    token = _had.set(_n_threads())
    try:
        with _one_thread():
            yield
    finally:
        _had.reset(token)


@contextlib.contextmanager
def side_by_side(
    weights: Sequence[Tensor], n_rows: int, n_features: int, n_parts: int
) -> Iterator[Callable]:
    """Map a function over parts of a computation, with all threads at work.

    Large parts go one after another, each with all threads inside its products. Small
    ones go side by side, a thread for each: no thread waits for another one before the
    end of its part, so that a busy core costs its own share and no more. The calling
    thread takes parts like the others, and all of them where no core is free.

    Parameters
    ----------
    weights : sequence of Tensor
        Parameters of the module that computes.
    n_rows, n_features : int
        Rows of a part, and their features.
    n_parts : int
        Number of parts.

    Yields
    ------
    callable
        Like :func:`map`. The function may run in another thread, where torch records
        gradients unless it is told not to.
    """
    if not _are_small(weights, n_rows, n_features):
        yield map
        return
    n_threads = min(_n_threads(), n_parts)
    with _one_thread(), contextlib.ExitStack() as ends:
        if n_threads <= 1:
            yield map
            return

        def each(function: Callable[[Any], Any], parts: Iterable[Any]) -> Iterator[Any]:
            shared = _Shared(function, list(parts), n_threads - 1)
            ends.callback(shared.end)
            return shared.results()

        yield each


class _Shared:
    """Parts of a computation, which threads take one after another."""

    def __init__(
        self, function: Callable[[Any], Any], parts: Sequence[Any], n_helpers: int
    ):
        self._function, self._parts = function, parts
        self._done: list[Future] = [Future() for _ in parts]
        self._left = deque(range(len(parts)))
        self._helpers = [
            _helpers().submit(self._take_all)
            for _ in range(min(n_helpers, len(parts) - 1))
        ]

    def results(self) -> Iterator[Any]:
        """Yield what is found of the parts, in their order, and help to find it."""
        for place in range(len(self._parts)):
            # What another thread has begun it will end; meanwhile there is more to do.
            while not self._done[place].done() and self._take():
                pass
            yield self._done[place].result()
            self._done[place] = Future()  # let go of it

    def end(self) -> None:
        """Begin no further part, and wait for those that have begun."""
        self._left.clear()
        wait([each for each in self._helpers if not each.cancel()])

    def _take(self) -> bool:
        """Compute the next part; tell whether there was one."""
        try:
            place = self._left.popleft()
        except IndexError:
            return False
        done = self._done[place]
        try:
            done.set_result(self._function(self._parts[place]))
        except BaseException as error:  # it is for who asks for the result
            done.set_exception(error)
        return True

    def _take_all(self) -> None:
        while self._take():
            pass


@functools.cache
def _helpers() -> ThreadPoolExecutor:
    """Keep threads, to start which takes as long as a small part.

    There are as many as were ever at work at a time.
    """
    return ThreadPoolExecutor(_MOST_HELPERS, "skmeta", initializer=_restrict)


if hasattr(os, "register_at_fork"):  # where threads do not follow into a new process
    os.register_at_fork(after_in_child=_helpers.cache_clear)


def _are_small(weights: Sequence[Tensor], n_rows: int, n_features: int) -> bool:
    return all(
        weight.device.type == "cpu"
        and n_rows * weight.numel() * (n_features if weight.ndim > 2 else 1)
        < _WORTH_THREADS
        for weight in weights
    )


def _n_threads() -> int:
    """Return how many threads there are, whatever a block around this one has set."""
    return _had.get() or torch.get_num_threads()


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    before = _restrict()
    try:
        yield
    finally:
        for set_number, number in before:
            set_number(number)


def _restrict() -> list[tuple[Callable[[int], Any], int]]:
    """Give products of this Python thread one thread; return how to undo it.

    ``torch.set_num_threads`` would set a number for all threads as well, those that
    have yet to start: fits side by side would take what others have set for their own,
    and leave it behind. What is called here concerns the calling thread alone.
    """
    torch.get_num_threads()  # or torch's first operation in a new thread sets it again
    before: list[tuple[Callable[[int], Any], int]] = []
    for library in _openmp():
        before.append((library.set_num_threads, library.get_num_threads()))
        library.set_num_threads(1)
    set_mkl = _mkl()
    if set_mkl is not None:
        before.append((set_mkl, set_mkl(1)))  # it returns the number before
    return before


@functools.cache
def _openmp() -> list[Any]:
    """Find what torch computes in threads by; each has a number for every thread."""
    libraries = ThreadpoolController().lib_controllers
    return [each for each in libraries if each.user_api == "openmp"]


@functools.cache
def _mkl() -> Callable[[int], int] | None:
    """Find what sets the threads of MKL's products, where torch brings it.

    By itself MKL follows OpenMP, until someone calls ``torch.set_num_threads``.
    """
    path = Path(torch.__file__).parent / "lib" / "libtorch_cpu.so"
    try:
        set_mkl: Callable[[int], int] = ctypes.CDLL(str(path)).MKL_Set_Num_Threads_Local
    except (OSError, AttributeError):  # another platform, another library
        return None
    return set_mkl


def keep_to_one_thread() -> None:
    """Give products of the calling thread, as long as it lives, no other thread."""
    _restrict()
