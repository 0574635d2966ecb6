"""Several processes that train one learner together, as accelerate has started them."""

import atexit
import contextlib
import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import joblib
import torch
from torch import Tensor

from skmeta.utils.messages import warn

__all__ = [
    "LostProcessError",
    "Processes",
    "agreed",
    "present",
    "share_of",
    "together",
]

# Seconds before the interpreter ends, for threads of torch's to let go.
_LAST_MOMENT = 0.3

_LOST = (
    "Another process of this training has ended, or cannot be reached ({}). Look into "
    "its output for the reason, and start all of them again: with checkpoint_dir= the "
    "training goes on from its last checkpoint."
)


class LostProcessError(RuntimeError):
    """Another process does not answer."""


class Processes:
    """The processes of a training, and what they tell each other.

    Everyone must call the same methods in the same order.

    Parameters
    ----------
    accelerator : accelerate.Accelerator
        Knows the others.

    Attributes
    ----------
    place : int
        Number of this process, from 0.
    n : int
        How many there are.
    """

    def __init__(self, accelerator: Any):
        self._accelerator = accelerator
        self.place: int = accelerator.process_index
        self.n: int = accelerator.num_processes

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes and shows."""
        return self.place == 0

    def share(self, n_tasks: int) -> slice:
        """Return the tasks of a meta-batch that are this process's."""
        return share_of(n_tasks, self.place, self.n)

    def sum(self, values: Tensor) -> Tensor:
        """Add the values of all, the same bits in each process.

        Raises
        ------
        LostProcessError
            If another process has ended, or has not answered in time.
        """
        with _translated():
            moved = values.to(self._accelerator.device)
            return self._accelerator.reduce(moved, reduction="sum").to(values.device)

    def gather(self, value: Any) -> list[Any]:
        """Return what every process has given, by their numbers."""
        from accelerate.utils import gather_object

        with _translated():
            return gather_object([value])

    def of_main(self, value: Any) -> Any:
        """Return what the first process has given."""
        from accelerate.utils import broadcast_object_list

        with _translated():
            return broadcast_object_list([value])[0]

    def agreed(self, value: Any) -> Any:
        """Return the first process's value where the others' are not the same.

        All of them compute it from the same data and numbers. Processors of two kinds
        may still round in two ways.
        """
        if len(set(self.gather(joblib.hash(value)))) == 1:
            return value
        return self.of_main(value if self.is_main else None)


def share_of(n_tasks: int, place: int, n_processes: int) -> slice:
    """Return which of some tasks are one process's.

    Parameters
    ----------
    n_tasks : int
        Tasks of a meta-batch.
    place : int
        Number of the process.
    n_processes : int
        How many there are.

    Returns
    -------
    slice
        Neighbours; as many as others have, or one more for the first processes.

    Examples
    --------
    >>> from skmeta.utils.processes import share_of
    >>> [share_of(5, place, 3) for place in range(3)]
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    each, more = divmod(n_tasks, n_processes)
    first = place * each + min(place, more)
    return slice(first, first + each + (place < more))


# Those of the fit around; None outside of one, and where it has one process.
_present: ContextVar[Processes | None] = ContextVar("_present", default=None)


def present() -> Processes | None:
    """Return the processes of the fit around; None if it has this one alone."""
    return _present.get()


def agreed(value: Any) -> Any:
    """Return a value, the first process's where the fit around has several."""
    processes = present()
    return value if processes is None else processes.agreed(value)


@contextlib.contextmanager
def together(accelerate: bool) -> Iterator[Processes | None]:
    """Train with the processes that a launcher has started beside this one.

    Parameters
    ----------
    accelerate : bool
        False for this process alone, whoever else is there.

    Yields
    ------
    Processes or None
        None where there is no other.

    Raises
    ------
    ImportError
        If accelerate is not installed.
    ValueError
        If accelerate is set up for what a meta-training cannot do, or if a thread or a
        worker of joblib asks for the processes of its parent.

    Warns
    -----
    UserWarning
        If a launcher was asked for several processes, and has started one.
    """
    processes = _find() if accelerate else None
    token = _present.set(processes)
    try:
        yield processes
    finally:
        _present.reset(token)


def _find() -> Processes | None:
    try:
        from accelerate import Accelerator
    except ImportError as error:
        raise ImportError(
            "accelerate=True trains in several processes by accelerate: "
            "pip install skmeta[accelerate]."
        ) from error
    _refuse_workers()
    # Without a GPU accelerate takes itself for alone unless it is told to do without.
    accelerator = Accelerator(cpu=not torch.cuda.is_available())
    kind = accelerator.distributed_type.value
    if kind not in ("NO", "MULTI_CPU", "MULTI_GPU"):
        raise ValueError(
            f"accelerate is set up for {kind}, and accelerate=True shares meta-batches "
            "out to plain processes: accelerate launch --cpu or --multi_gpu."
        )
    if accelerator.mixed_precision != "no":
        raise ValueError(
            f"accelerate is set up for mixed_precision={accelerator.mixed_precision!r},"
            " which a meta-training has by precision= of the estimator. Launch with "
            "--mixed_precision no."
        )
    if accelerator.gradient_accumulation_steps != 1:
        raise ValueError(
            "accelerate is set up to accumulate the gradients of several steps, and "
            "accelerate=True takes a step after every meta-batch. Give batch_size= "
            "that many tasks instead."
        )
    if accelerator.num_processes > 1:
        atexit.register(_disconnect)
        return Processes(accelerator)
    if _n_launched() > 1:
        raise ValueError(
            f"A launcher has started {_n_launched()} processes (WORLD_SIZE), and this "
            "one's Accelerator is alone. Where you make one before fit, on CPUs, make "
            "it by Accelerator(cpu=True)."
        )
    if "ACCELERATE_MIXED_PRECISION" in os.environ and "MASTER_ADDR" in os.environ:
        warn(
            "accelerate launch has started one process where several were asked for: "
            "with --cpu it leaves that to MPI. Launch by accelerate launch --multi_gpu "
            "--num_processes 2, which takes CPUs where there is no GPU, or by torchrun."
        )
    return None


def _n_launched() -> int:
    """Return how many processes torch's launcher has started."""
    return int(os.environ.get("WORLD_SIZE") or 1)


def _refuse_workers() -> None:
    """Refuse to answer for a process that may be asked for something else meanwhile."""
    if _n_launched() == 1 and not _is_connected():
        return
    is_thread = threading.current_thread() is not threading.main_thread()
    name = multiprocessing.current_process().name
    if is_thread or name.startswith(("Loky", "ForkPool", "SpawnPool")):
        raise ValueError(
            "accelerate=True takes all processes for one fit at a time, and this one "
            "is called in a thread or a worker of joblib, side by side with others. "
            "Set n_jobs=None, or accelerate=False to have a fit for each worker."
        )


def _disconnect() -> None:
    """Part from the others before the interpreter ends.

    A thread of torch's lets go of the last tensors that it has sent after the sum of
    them is told, and needs Python's lock for it. Where the interpreter ends meanwhile,
    that aborts a process that has done its work, and launchers end the others with it.
    Whatever still holds the connection, the thread gets a moment.
    """
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
        time.sleep(_LAST_MOMENT)


def _is_connected() -> bool:
    there = torch.distributed.is_available() and torch.distributed.is_initialized()
    return there and torch.distributed.get_world_size() > 1


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Say in plain words that another process does not answer."""
    try:
        yield
    except RuntimeError as error:  # what torch.distributed raises is one
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        raise LostProcessError(_LOST.format(reason or type(error).__name__)) from error
