"""Meta-training in several processes, each with a part of every meta-batch.

Not by torch's ``DistributedDataParallel``, which skorch's ``AccelerateMixin`` wraps
modules in: its hooks wait for autograd to reach a weight, and the written-out
meta-gradients never do.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from torch import Tensor
from torch.linalg import LinAlgError  # type: ignore[attr-defined]

from skmeta.algorithms.shared.training_classes import class_loss_times
from skmeta.engine.checkpoints import Checkpoint, KeepCheckpoint
from skmeta.engine.net import EpisodicNet, score_and_weight
from skmeta.episodes.episode import Episode
from skmeta.episodes.sharing import Part
from skmeta.utils.processes import LostProcessError, Processes
from skmeta.utils.random import Generators

__all__ = ["KeepJointCheckpoint", "ParallelNet", "open_jointly", "own_generators"]

# Steps are counted up to here, where float32 is exact.
_TURNS = 4096


class _Told(NamedTuple):
    """What processes tell each other beside gradients: sums over all of them."""

    leaving: float = 0.0  # 1 of a process that leaves the training
    interrupted: float = 0.0  # 1 where Ctrl-C was pressed
    turn: float = 0.0  # number of the exchange
    loss: float = 0.0
    score: float = 0.0
    weight: float = 0.0  # of the score


class _OthersLeftError(Exception):
    """Some other process has left the training."""


class ParallelNet(EpisodicNet):
    """A net that is trained by several processes, which take the same steps.

    Each has its tasks of a meta-batch. What they sum, once a step, is one vector: the
    gradients, each times the process's share of the tasks; what the step has changed in
    buffers, likewise; the loss. So all have the gradient of the joint meta-batch before
    a callback or an optimizer sees it, and the same history.

    A process that leaves the training, by an error or by Ctrl-C, tells the others so in
    their next exchange, and waits until all have left.

    Parameters
    ----------
    module : callable
        Makes the module that is meta-learnt.
    processes : Processes
        They, and which of them this is.
    **parameters
        As in :class:`EpisodicNet`.

    Raises
    ------
    RuntimeError
        In ``fit``, if another process has failed, or does not answer.
    """

    def __init__(
        self,
        module: Callable[[], torch.nn.Module],
        *,
        processes: Processes,
        **parameters: Any,
    ):
        super().__init__(module, **parameters)
        self.processes = processes
        self._turn = 0
        self._is_pressed = False

    # The loop ------------------------------------------------------------------------

    def fit_loop(self, *args: Any, **kwargs: Any) -> Self:
        """Train until all processes have ended their training."""
        error: BaseException | None = None
        with self._watching_ctrl_c():
            try:
                super().fit_loop(*args, **kwargs)
            except LostProcessError:  # who could be told?
                raise
            except BaseException as raised:
                error = raised
            try:
                reasons, is_pressed = self._leave(error)
            except LostProcessError as lost:
                raise lost from error
        if error is not None and not isinstance(error, _OthersLeftError):
            raise error
        for place, reason in enumerate(reasons):
            if reason is not None:
                self._raise_for(place, *reason, error)
        if is_pressed:  # after the last step
            self.is_interrupted = True
            raise KeyboardInterrupt
        return self

    def _leave(
        self, error: BaseException | None
    ) -> tuple[list[tuple[str, str] | None], bool]:
        """Wait until all have left; return why, and whether Ctrl-C was pressed."""
        told = _Told()
        while told.leaving < self.processes.n:
            told, _ = self._exchange(_Told(leaving=1.0))
        reason = None
        if error is not None and not isinstance(error, _OthersLeftError):
            reason = (type(error).__name__, str(error))
        return self.processes.gather(reason), bool(told.interrupted)

    def _raise_for(
        self, place: int, kind: str, message: str, error: BaseException | None
    ) -> None:
        """Leave as another process has."""
        if kind == "KeyboardInterrupt":
            self.is_interrupted = True
            raise KeyboardInterrupt from error
        if kind == LinAlgError.__name__:
            raise LinAlgError(message) from error
        raise RuntimeError(
            f"Process {place} of {self.processes.n} has left the meta-training by "
            f"{kind}: {message}"
        ) from error

    @contextlib.contextmanager
    def _watching_ctrl_c(self) -> Iterator[None]:
        """Note Ctrl-C, which comes to processes in the middle of one step or another.

        Pressed again it ends this process where it is.
        """
        self._is_pressed = False
        is_main_thread = threading.current_thread() is threading.main_thread()
        if not is_main_thread or (
            signal.getsignal(signal.SIGINT) is not signal.default_int_handler
        ):  # whoever handles it, handles it
            yield
            return

        def note(*_: Any) -> None:
            if self._is_pressed:
                raise KeyboardInterrupt
            self._is_pressed = True

        signal.signal(signal.SIGINT, note)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    # The steps -----------------------------------------------------------------------

    def train_step_single(self, batch: Any, **fit_params: Any) -> dict[str, Any]:
        """Fill the gradients with those of the joint meta-batch."""
        part: Part = batch
        share = part.n_own / part.n_tasks
        before = [buffer.clone() for buffer in self.module_.buffers()]
        loss = 0.0
        if part.n_own:
            with class_loss_times(part.class_share):
                loss = float(super().train_step_single(part, **fit_params)["loss"])
        told, sums = self._exchange(
            _Told(loss=share * loss), lambda: self._what_is_summed(share, before)
        )
        self._take_over(sums, before)
        return {"loss": torch.tensor(told.loss), "y_pred": None}

    def _what_is_summed(self, share: float, before: list[Tensor]) -> Iterator[Tensor]:
        """Yield whether weights have a gradient, gradients, and changes of buffers."""
        weights = list(self.module_.parameters())
        yield torch.tensor([float(weight.grad is not None) for weight in weights])
        for weight in weights:
            if weight.grad is None:
                yield weight.new_zeros(weight.numel())
            else:
                yield share * weight.grad.to_dense().flatten()
        for buffer, old in zip(self.module_.buffers(), before, strict=True):
            # A constant may be infinite.
            change = torch.where(buffer == old, 0.0, buffer.double() - old.double())
            if not buffer.is_floating_point():  # it counts steps
                share_of_buffer = float(self.processes.is_main)
            else:
                share_of_buffer = share
            yield share_of_buffer * change.flatten()

    def _take_over(self, sums: Tensor, before: list[Tensor]) -> None:
        weights = list(self.module_.parameters())
        sizes = [len(weights), *(weight.numel() for weight in weights)]
        sizes += [buffer.numel() for buffer in before]
        has_gradient, *parts = sums.split(sizes)
        gradients, changes = parts[: len(weights)], parts[len(weights) :]
        for weight, is_there, own in zip(
            weights, has_gradient.tolist(), gradients, strict=True
        ):
            if is_there:
                weight.grad = own.view_as(weight).to(weight)
        for buffer, old, own in zip(
            self.module_.buffers(), before, changes, strict=True
        ):
            if buffer.dtype != torch.bool:
                new = old.double() + own.view_as(old).to(old.device)
                buffer.copy_(
                    torch.where(own.view_as(old).to(old.device) == 0, old, new)
                )

    def validation_step(self, batch: Episode, **fit_params: Any) -> dict[str, Any]:
        """Judge the own tasks; return the loss of those of all."""
        n_tasks = len(batch.support.X)
        own = self.processes.share(n_tasks)
        told = _Told()
        if own.stop > own.start:
            outputs, loss, episode = self._judge(batch.of_tasks(own))
            score, weight = score_and_weight(outputs, episode.query)
            share = (own.stop - own.start) / n_tasks
            told = _Told(loss=share * float(loss), score=score, weight=weight)
        told, _ = self._exchange(told)
        self.history.record_batch("valid_score", told.score / told.weight)
        return {"loss": torch.tensor(told.loss), "y_pred": None}

    def _n_tasks(self, batch: Episode) -> int:
        return batch.n_tasks if isinstance(batch, Part) else super()._n_tasks(batch)

    # What is told --------------------------------------------------------------------

    def wait_for_all(self) -> None:
        """Wait until all processes have come here."""
        self._exchange(_Told())

    def _exchange(
        self, told: _Told, values: Callable[[], Iterator[Tensor]] | None = None
    ) -> tuple[_Told, Tensor]:
        """Sum what processes tell, and as many values as a step has.

        Raises
        ------
        KeyboardInterrupt
            In all of them, if Ctrl-C was pressed in one.
        """
        self._turn = (self._turn + 1) % _TURNS
        told = told._replace(interrupted=float(self._is_pressed), turn=self._turn)
        module = self.module_
        n_weights = sum(1 for _ in module.parameters())
        tensors = [*module.parameters(), *module.buffers()]
        vector = torch.zeros(
            len(told) + n_weights + sum(each.numel() for each in tensors),
            dtype=torch.float64
            if any(weight.dtype == torch.float64 for weight in module.parameters())
            else torch.float32,
        )
        vector[: len(told)] = torch.tensor(told)
        if values is not None:
            torch.cat([each.to(vector) for each in values()], out=vector[len(told) :])
        vector = self.processes.sum(vector)
        summed = _Told(*vector[: len(told)].tolist())
        if summed.turn != self.processes.n * self._turn:
            raise LostProcessError(
                "The processes of this training are not at the same step. Start all of "
                "them again."
            )
        if told.leaving:
            return summed, vector[len(told) :]
        if summed.interrupted:
            raise KeyboardInterrupt
        if summed.leaving:
            raise _OthersLeftError
        return summed, vector[len(told) :]

    # Before and after ----------------------------------------------------------------

    def share_weights(self) -> None:
        """Give all processes the weights and buffers of the first."""
        state = {k: v.cpu() for k, v in self.module_.state_dict().items()}
        self.module_.load_state_dict(self.processes.of_main(state))

    def save_params(self, *args: Any, **kwargs: Any) -> None:
        """Write files in the first process alone."""
        if self.processes is None or self.processes.is_main:
            super().save_params(*args, **kwargs)

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"processes": None}


def own_generators(seed: int, place: int) -> Generators:
    """Return sources of what torch draws in the steps of one process."""
    words = np.random.SeedSequence((seed, place)).generate_state(1, np.uint64)
    return Generators(int(words[0]) >> 1)


class KeepJointCheckpoint(KeepCheckpoint):
    """Keep the random numbers of all processes in the one checkpoint.

    Parameters
    ----------
    checkpoint : Checkpoint
        Where the training stands; in other processes than the first a copy of it.
    rng : numpy.random.Generator
        Source of the episodes, the same for all.
    generators : dict of str to Generators or torch.Generator
        Sources of torch's numbers; "torch" is this process's own.
    processes : Processes
        They, and which of them this is.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        rng: np.random.Generator,
        generators: Mapping[str, Generators | torch.Generator],
        processes: Processes,
    ):
        super().__init__(checkpoint, rng, generators)
        self.processes = processes

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Set everything as it was, this process's numbers to its own.

        One that was not there has numbers of a new beginning.
        """
        saved, place = self.checkpoint.saved, self.processes.place
        if saved is not None and place:
            others = saved["random"].get("others", [])
            known = others[place - 1] if place <= len(others) else {}
            saved["random"]["torch"] = known
        super().on_train_begin(net, **kwargs)

    def _random(self, net: Any) -> dict[str, Any]:
        net.wait_for_all()
        random = super()._random(net)
        return random | {"others": self.processes.gather(random["torch"])[1:]}


class _Followed(Checkpoint):
    """What the first process has read, for the others, which write nothing."""

    def __init__(self, every: int, saved: dict | None):
        self.every = every
        self.saved = saved
        self.first_random = {}

    def __exit__(self, *_: object) -> None:
        pass

    def write(self, state: dict) -> None:
        pass

    def remove(self) -> None:
        pass


def open_jointly(
    processes: Processes, open_checkpoint: Callable[[], Checkpoint], every: int
) -> Checkpoint:
    """Open a checkpoint in the first process, and let the others follow.

    Parameters
    ----------
    processes : Processes
        They, and which of them this is.
    open_checkpoint : callable
        Opens it; an error is raised in all processes.
    every : int
        Epochs from one checkpoint to the next.
    """
    checkpoint, error = None, None
    if processes.is_main:
        try:
            checkpoint = open_checkpoint()
        except Exception as raised:
            error = raised
    saved = checkpoint.saved if checkpoint is not None else None
    saved, told = processes.of_main((saved, error))
    if error is not None or told is not None:
        raise error or told
    return checkpoint or _Followed(every, saved)
