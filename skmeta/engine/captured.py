"""Meta-steps as CUDA graphs: launched at once, not kernel by kernel.

A meta-step of a small network is some hundreds of kernels of microseconds each, and the
card waits for Python to launch them. A graph is captured once and launched as a whole
(:class:`torch.cuda.CUDAGraph`); no compiler is needed. What it holds is what happened
while it was captured, so that a replay is only right where the step would do the same
again. That is seen to as follows.

- Sizes, kinds and all that there is beside tensors, attributes of the module and of the
  algorithm, are compared before every replay; where they differ, another graph is
  captured (:func:`skmeta.engine.watching.fingerprint`).
- Python cannot branch on numbers of the card unknown to CUDA: to ask for them is to
  wait for the card, which is seen in the first steps, and refused in a capture. Such a
  step runs as it is.
- The first steps must consist of the same operations with the same numbers of Python,
  and so must the capture: a step that counts, or draws by numpy, runs as it is.
- Numbers that torch draws on the card are drawn anew in each replay.
"""

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from skmeta.algorithms.base import Algorithm
from skmeta.engine.watching import CannotCaptureError, Watching, fingerprint, has_hooks
from skmeta.episodes.episode import Episode
from skmeta.utils.asking import Answers, answering
from skmeta.utils.messages import warn
from skmeta.utils.random import own_generator

__all__ = ["CapturedStep", "Recorder"]

# Steps of one kind that run as they are before a graph is captured, which takes as long
# as some of them.
_TRIALS = 2
# Graphs that are kept, and kinds of steps that are known. A graph makes room for
# another if it has not been used for so many steps.
_MOST_GRAPHS, _MOST_KINDS, _PATIENCE = 16, 256, 100
# Trials without a graph, after which there will be none.
_MOST_TRIALS = 100
# A graph in which the unlikely has happened more often than in a part of the steps is
# of no use.
_OFTEN, _PART = 3, 4
_ANOTHER = "it is another computation from step to step"

# What ends that memory comes from a pool, under its names.
_ENDS_AND_RELEASES = (
    "_cuda_endAllocateToPool",
    "_cuda_endAllocateCurrentStreamToPool",
    "_cuda_releasePool",
)

# torch captures one graph at a time.
_CAPTURING = threading.Lock()

_Form = Any


class _Kind(NamedTuple):
    """What steps must have in common to be replays of one graph."""

    place: Hashable  # sizes, and all there is beside tensors
    told: tuple[tuple[int, int], ...]  # what they ask of a meta-batch, with the answers


class Recorder:
    """Capture graphs on a card, all of them with one memory.

    Memory between the steps of one graph is another's: none is replayed while another
    is, and what a graph leaves behind is held as long as the graph is.

    Parameters
    ----------
    device : torch.device
        The card.
    """

    def __init__(self, device: torch.device):
        self._stream = torch.cuda.Stream(device)
        self._pool = torch.cuda.graph_pool_handle()

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """Compute on the stream that graphs are captured on, until the end."""
        before = torch.cuda.current_stream(self._stream.device)
        self._stream.wait_stream(before)
        try:
            with torch.cuda.stream(self._stream):
                yield
        finally:
            before.wait_stream(self._stream)

    def record(self, step: Callable[[], Any]) -> tuple[Callable[[], None], Any]:
        """Capture what a step does, which does not happen yet.

        Returns
        -------
        replay : callable
            Does it.
        found : object
            What the step returned: tensors that hold what is found by each replay.
        """
        device, graph = self._stream.device, torch.cuda.CUDAGraph()
        with _CAPTURING, torch.cuda.stream(self._stream):
            torch.cuda.synchronize(device)
            torch.cuda.empty_cache()
            spare = own_generator(device).clone_state()
            # Of this thread alone: others may compute meanwhile.
            graph.capture_begin(pool=self._pool, capture_error_mode="thread_local")
            try:
                found = step()
            except BaseException:
                with contextlib.suppress(RuntimeError):
                    self._end(graph, spare)
                raise
            self._end(graph, spare)
        return graph.replay, found

    def _end(self, graph: torch.cuda.CUDAGraph, spare: torch.Generator) -> None:
        """End a capture, and tidy up what torch leaves if CUDA has broken it off."""
        try:
            graph.capture_end()
        except RuntimeError:
            device = self._stream.device
            for tidy in (
                *(
                    partial(getattr(torch._C, name), device.index, self._pool)
                    for name in _ENDS_AND_RELEASES
                    if hasattr(torch._C, name)
                ),
                # It would take itself to be captured for ever.
                partial(own_generator(device).graphsafe_set_state, spare),
                partial(torch.cuda.synchronize, device),
            ):
                with contextlib.suppress(RuntimeError):
                    tidy()
            raise


@dataclass
class _Graph:
    buffers: list[Tensor]  # where the tensors of a meta-batch go
    replay: Callable[[], None]
    loss: Tensor
    gradients: dict[int, Tensor]  # by the places of parameters
    doubt: Tensor | None  # whether the unlikely has happened
    last_used: int = 0
    n_replays: int = 0
    n_doubted: int = 0


@dataclass
class _Trials:
    """What is known of one kind of step before there is a graph of it."""

    n: int = 0
    trace: list[int] = field(default_factory=list)
    is_refused: bool = False


class CapturedStep:
    """An algorithm's ``meta_backward``, captured where it can be.

    Steps of a kind run as they are at first, then there is a graph of them. Where one
    cannot be captured it goes on to run as it is, and there is one warning.

    Parameters
    ----------
    algorithm : Algorithm
        Whose steps they are.
    device : torch.device or str
        The card.
    recorder : Recorder, default=None
        Captures graphs; a new one if None.
    """

    def __init__(
        self,
        algorithm: Algorithm,
        device: torch.device | str,
        recorder: Recorder | None = None,
    ):
        self.algorithm = algorithm
        self.device = torch.device(device)
        self._recorder = Recorder(self.device) if recorder is None else recorder
        self._asked: dict[Hashable, set[int]] = {}
        self._trials: OrderedDict[_Kind, _Trials] = OrderedDict()
        self._graphs: OrderedDict[_Kind, _Graph] = OrderedDict()
        self._n_steps = 0
        self._n_trials = 0  # since there was a graph
        self._n_changes = 0
        self._is_hopeless = False
        self._has_warned = False

    def __call__(self, module: nn.Module, episode: Episode) -> Tensor:
        """Add the meta-gradient to ``.grad`` and return the loss.

        The meta-batch may be anywhere; it is moved to the card.
        """
        self._n_steps += 1
        tensors, form = _take_apart(episode)
        # What autocast has cast outside of the step would stay as it is.
        if not self._is_hopeless and not torch.is_autocast_enabled(self.device.type):
            sizes = tuple((each.shape, each.dtype) for each in tensors)
            place = form, sizes, fingerprint(self.device, module, self.algorithm)
            kind = self._kind(place, tensors)
            trials = self._trials.setdefault(kind, _Trials())
            self._trials.move_to_end(kind)
            if trials.n < _TRIALS and not trials.is_refused:
                return self._try(module, tensors, form, place)
            graph = self._graphs.get(kind)
            if graph is None and not trials.is_refused:
                graph = self._capture(module, tensors, form, kind)
            loss = None if graph is None else self._replay(graph, kind, module, tensors)
            if loss is not None:
                return loss
        return self._run(module, _put_together(self._moved(tensors), form))

    def _run(self, module: nn.Module, episode: Episode) -> Tensor:
        return self.algorithm.meta_backward(module, episode)

    def _moved(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        return [each.to(self.device, non_blocking=True) for each in tensors]

    def _kind(self, place: Hashable, tensors: Sequence[Tensor]) -> _Kind:
        """Add to a place what steps there ask of a meta-batch, with the answers."""
        asked = sorted(self._asked.get(place, ()))
        told = tuple((each, int(tensors[each].max())) for each in asked)
        return _Kind(place, told)

    # As it is, with an eye on it ------------------------------------------------------

    def _try(
        self, module: nn.Module, tensors: list[Tensor], form: _Form, place: Hashable
    ) -> Tensor:
        """Run a step as it is, and note what a graph of it must know."""
        watching = Watching(self.device)
        parts = module, self.algorithm
        before = fingerprint(self.device, *parts)
        numbers = [each._version for each in module.buffers()]
        with self._recorder.aside():
            moved = self._moved(tensors)
            answers = Answers(
                moved,
                lambda place: watching.paused(lambda: int(tensors[place].max())),
                lambda doubt: watching.paused(lambda: bool(doubt)),
            )
            with _new_gradients(module), answering(answers), watching:
                loss = self._run(module, _put_together(moved, form))
        reason = watching.reason or self._unfit(module, loss)
        if answers.doubts and numbers != [each._version for each in module.buffers()]:
            reason = reason or "it may have to be done again, and changes buffers"
        self._asked.setdefault(place, set()).update(answers.asked)
        if not answers.has_happened:
            self._note(self._kind(place, tensors), watching.trace, reason)
        self._n_trials += 1
        self._n_changes += fingerprint(self.device, *parts) != before
        if self._n_changes > _OFTEN:
            self._give_up("it changes more than numbers in tensors")
        elif self._n_trials > _MOST_TRIALS and not self._graphs:
            self._give_up("hardly any two steps are alike")
        return loss

    def _unfit(self, module: nn.Module, loss: Any) -> str | None:
        """Say why a step that was watched cannot be captured, None if it can."""
        if not isinstance(loss, Tensor) or loss.device.type != self.device.type:
            return "its loss is no tensor of the GPU"
        if any(map(has_hooks, module.modules())):
            return "there are hooks in its network"
        for weight in module.parameters():
            if weight.grad is not None and weight.grad.layout != torch.strided:
                return "its gradients are sparse"
        return None

    def _note(self, kind: _Kind, trace: list[int], reason: str | None) -> None:
        trials = self._trials.setdefault(kind, _Trials())
        if trials.n and trials.trace != trace:
            reason = reason or _ANOTHER
        if reason is not None:
            self._refuse(kind, reason)
        trials.n += 1
        trials.trace = trace
        while len(self._trials) > _MOST_KINDS:
            self._trials.popitem(last=False)
        while len(self._asked) > _MOST_KINDS:
            self._asked.pop(next(iter(self._asked)))

    def _refuse(self, kind: _Kind, reason: str) -> None:
        self._trials.setdefault(kind, _Trials()).is_refused = True
        self._graphs.pop(kind, None)
        self._warn(reason)

    def _give_up(self, reason: str) -> None:
        self._is_hopeless = True
        self._graphs.clear()
        self._warn(reason)

    def _warn(self, reason: str) -> None:
        if self._has_warned:
            return
        self._has_warned = True
        warn(
            f"The meta-step of {self.algorithm} cannot be captured as a CUDA graph and "
            f"runs as it is ({reason})."
        )

    # Graphs ---------------------------------------------------------------------------

    def _capture(
        self, module: nn.Module, tensors: list[Tensor], form: _Form, kind: _Kind
    ) -> _Graph | None:
        """Capture a graph, if there is room for one and it can be."""
        if len(self._graphs) >= _MOST_GRAPHS:
            oldest, graph = next(iter(self._graphs.items()))
            if self._n_steps - graph.last_used <= _PATIENCE:
                return None
            del self._graphs[oldest], graph
        buffers = [
            torch.empty_like(each, device=self.device).copy_(each) for each in tensors
        ]
        step = partial(self._step, module, buffers, form, kind)
        try:
            replay, (loss, gradients, doubt) = self._recorder.record(step)
        except Exception as error:  # torch and CUDA raise any kind of them
            self._refuse(kind, str(error).partition("\n")[0])
            return None
        self._graphs[kind] = graph = _Graph(buffers, replay, loss, gradients, doubt)
        return graph

    def _step(
        self,
        module: nn.Module,
        buffers: list[Tensor],
        form: _Form,
        kind: _Kind,
    ) -> tuple[Tensor, dict[int, Tensor], Tensor | None]:
        """Take a step whose gradients begin with nothing; leave ``.grad`` as it is."""
        watching = Watching(self.device, stops=True)
        answers = Answers(buffers, dict(kind.told).__getitem__)
        gradients = _new_gradients(module, stay=False)
        with gradients as found, answering(answers), watching:
            loss = self._run(module, _put_together(buffers, form))
        if watching.trace != self._trials[kind].trace:
            raise CannotCaptureError(_ANOTHER)
        doubts = answers.doubts
        doubt = torch.stack(doubts).any() if doubts else None
        return loss.detach(), found, doubt

    def _replay(
        self, graph: _Graph, kind: _Kind, module: nn.Module, tensors: list[Tensor]
    ) -> Tensor | None:
        """Take the step of a graph; None, and no gradients, if it is not to be had."""
        self._graphs.move_to_end(kind)
        graph.last_used = self._n_steps
        graph.n_replays += 1
        with torch.no_grad():
            for buffer, tensor in zip(graph.buffers, tensors, strict=True):
                buffer.copy_(tensor, non_blocking=True)
        graph.replay()
        if graph.doubt is not None and bool(graph.doubt):
            graph.n_doubted += 1
            if graph.n_doubted > max(_OFTEN, graph.n_replays / _PART):
                self._refuse(kind, "what it hardly ever meets is met often")
            return None
        if graph.gradients:  # in one kernel; the next replay writes to these
            found = torch._foreach_mul([*graph.gradients.values()], 1.0)
            _add_gradients(module, dict(zip(graph.gradients, found, strict=True)))
        return graph.loss.clone()


# Gradients ------------------------------------------------------------------------


@contextlib.contextmanager
def _new_gradients(
    module: nn.Module, *, stay: bool = True
) -> Iterator[dict[int, Tensor]]:
    """Let ``.grad`` begin with nothing; in the end it is as before, or has grown.

    Yields
    ------
    dict of int to Tensor
        In the end the gradients, by the places of parameters.
    """
    weights, found = list(module.parameters()), dict[int, Tensor]()
    before = [weight.grad for weight in weights]
    for weight in weights:
        weight.grad = None
    try:
        yield found
        found.update(
            (place, weight.grad)
            for place, weight in enumerate(weights)
            if weight.grad is not None
        )
    finally:
        for weight, gradient in zip(weights, before, strict=True):
            weight.grad = gradient
    if stay:
        _add_gradients(module, found)


@torch.no_grad()
def _add_gradients(module: nn.Module, found: dict[int, Tensor]) -> None:
    """Add gradients to ``.grad``, in place where there is one, as autograd does."""
    weights = list(module.parameters())
    for place, gradient in found.items():
        own = weights[place].grad
        if own is None:
            weights[place].grad = gradient
        else:
            own.add_(gradient)


# Meta-batches ---------------------------------------------------------------------


def _take_apart(episode: Episode) -> tuple[list[Tensor], _Form]:
    """List the tensors of a meta-batch, each once, and say where each belongs."""
    tensors: list[Tensor] = []
    places: dict[Hashable, int] = {}

    def visit(part: Any) -> _Form:
        if isinstance(part, tuple):
            return type(part), tuple(map(visit, part))
        if not isinstance(part, Tensor):
            return None, part
        where = part.data_ptr(), part.shape, part.stride(), part.dtype
        if where not in places:
            places[where] = len(tensors)
            tensors.append(part)
        return places[where]

    return tensors, visit(episode)


def _put_together(tensors: Sequence[Tensor], form: _Form) -> Any:
    """Undo :func:`_take_apart`, with other tensors in the places of those."""
    if isinstance(form, int):
        return tensors[form]
    kind, parts = form
    if kind is None:
        return parts
    return kind._make(_put_together(tensors, part) for part in parts)
