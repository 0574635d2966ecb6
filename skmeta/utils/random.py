"""Sources of randomness that leave everybody else's alone."""

import contextlib
import functools
import threading
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from skmeta.utils.counts import is_count

__all__ = [
    "Generators",
    "generator",
    "generator_in_use",
    "generator_of",
    "may_draw",
    "own_generator",
    "seeded",
]

# Layers of torch that draw random numbers, all others being known not to.
_RANDOM_LAYERS = (
    nn.modules.dropout._DropoutNd,
    nn.RReLU,
    nn.FractionalMaxPool2d,
    nn.FractionalMaxPool3d,
    nn.MultiheadAttention,
    nn.RNNBase,
)

# Held by whoever has put numbers of his own into torch's generators for a moment.
_BORROWED = threading.RLock()


def generator(random_state: Any, default: int | None = None) -> np.random.Generator:
    """Make a generator of what users give as ``random_state``.

    Parameters
    ----------
    random_state : int, RandomState or None
        None never touches numpy's global state.
    default : int, default=None
        Seed in place of None; without one, the seed comes from the system.

    Returns
    -------
    numpy.random.Generator
        A new one.

    Raises
    ------
    ValueError
        If it is something else.
    """
    seed = default if random_state is None else random_state
    is_seed = is_count(seed) and not isinstance(seed, bool)
    kinds = (np.random.RandomState, np.random.Generator, np.random.SeedSequence)
    if not (seed is None or is_seed or isinstance(seed, kinds)):
        raise ValueError(
            "random_state must be None, an integer that is not negative or a "
            f"numpy.random.RandomState, not {random_state!r}."
        )
    if isinstance(seed, np.random.RandomState):
        seed = seed.randint(np.iinfo(np.int32).max)
    return np.random.default_rng(seed)


class Generators:
    """torch's generators of one computation, one for each device it draws on.

    Parameters
    ----------
    seed : int
        Of all of them.

    Examples
    --------
    >>> import torch
    >>> from skmeta.utils.random import Generators, seeded
    >>> before = torch.get_rng_state()
    >>> with seeded(Generators(0)):
    ...     layer = torch.nn.Linear(2, 2)
    >>> torch.equal(torch.get_rng_state(), before)
    True
    """

    def __init__(self, seed: int):
        self.seed = seed
        self._made: dict[str, torch.Generator] = {}

    def of(self, device: torch.device | str) -> torch.Generator:
        """Return the generator of a device."""
        device = _exact(device)
        name = str(device)
        if name not in self._made:
            self._made[name] = torch.Generator(device).manual_seed(self.seed)
        return self._made[name]

    def get_state(self) -> dict[str, Tensor]:
        """Return where they are, by device."""
        return {name: each.get_state() for name, each in self._made.items()}

    def set_state(self, state: dict[str, Tensor]) -> None:
        """Set them to where they were."""
        for name, each in state.items():
            self.of(name).set_state(each)


# Those of the block around; None outside of one, and where torch's own are borrowed.
_present: ContextVar[Generators | None] = ContextVar("_present", default=None)


def generator_of(device: torch.device | str) -> torch.Generator | None:
    """Return what to draw from inside a block of :func:`seeded`.

    Parameters
    ----------
    device : torch.device or str
        Where numbers are drawn.

    Returns
    -------
    torch.Generator or None
        None, which is torch's own, outside of a block and in a graph that is compiled.
    """
    present = _present.get()
    if present is None or torch.compiler.is_compiling():
        return None
    return present.of(device)


def generator_in_use(device: torch.device | str) -> torch.Generator:
    """Return what operations draw from, whether it is ours or torch's own."""
    return generator_of(device) or own_generator(device)


@contextlib.contextmanager
def seeded(
    source: int | Generators, *, watch: bool = True, borrow: bool = False
) -> Iterator[None]:
    """Let torch draw from generators of our own inside the block, in this thread.

    torch's own are the whole process's. To seed them and to set them back, as
    ``torch.random.fork_rng`` does, would mix what threads draw.

    Parameters
    ----------
    source : int or Generators
        A seed, or generators that go on from where they are.
    watch : bool, default=True
        Give a generator to every operation that draws and has none, whoever calls it.
        It costs some microseconds for every operation. False where all that draws asks
        for :func:`generator_of`.
    borrow : bool, default=False
        Put the numbers into torch's own generators for the whole block, which other
        blocks that do so wait for: where operations cannot be watched, in a graph that
        is compiled.

    Yields
    ------
    None
    """
    generators = source if isinstance(source, Generators) else Generators(source)
    if borrow:
        token = _present.set(None)
        try:
            with _borrowed(generators):
                yield
        finally:
            _present.reset(token)
        return
    token = _present.set(generators)
    try:
        with _Watch(generators) if watch else contextlib.nullcontext():
            yield
    finally:
        _present.reset(token)


@contextlib.contextmanager
def _borrowed(
    generators: Generators, device: torch.device | None = None
) -> Iterator[None]:
    """Put numbers of our own into torch's generators, of all devices or of one."""
    if device is not None:
        devices = [_exact(device)]
    else:
        devices = [torch.device("cpu")]
        if torch.cuda.is_initialized():
            devices.append(_exact("cuda"))
    with _BORROWED:
        pairs = [(own_generator(each), generators.of(each)) for each in devices]
        before = [own.get_state() for own, _ in pairs]
        for own, ours in pairs:
            own.set_state(ours.get_state())
        try:
            yield
        finally:
            for (own, ours), state in zip(pairs, before, strict=True):
                ours.set_state(own.get_state())
                own.set_state(state)


def own_generator(device: torch.device | str) -> torch.Generator:
    """Return torch's own generator of a device."""
    device = _exact(device)
    if device.type == "cuda":
        return torch.cuda.default_generators[device.index]
    return torch.default_generator


def _exact(device: torch.device | str) -> torch.device:
    """Name a device in one way: "cuda" is one of several."""
    device = torch.device(device)
    if device.type == "cuda" and device.index is None:
        return torch.device("cuda", torch.cuda.current_device())
    return device


class _Watch(TorchDispatchMode):
    """Give generators to the operations of this thread that draw."""

    def __init__(self, generators: Generators):
        super().__init__()
        self.generators = generators

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if (
            torch.Tag.nondeterministic_seeded not in getattr(func, "tags", ())
            or any(isinstance(each, torch.Generator) for each in args)
            or kwargs.get("generator") is not None
            or _present.get() is not self.generators  # a block inside this one draws
        ):
            return func(*args, **kwargs)
        device = _device_of(args, kwargs)
        if device.type == "meta":  # of shapes alone; nothing is drawn
            return func(*args, **kwargs)
        drawing = _with_generator(func)
        if drawing is None and device.type not in ("cpu", "cuda"):
            return func(*args, **kwargs)  # there is no other way to tell it
        if drawing is None:
            with _borrowed(self.generators, device):
                return func(*args, **kwargs)
        names = [each.name for each in drawing._schema.arguments]
        given = args[: names.index("generator")]  # it may be there as None
        return drawing(*given, **{**kwargs, "generator": self.generators.of(device)})


@functools.cache
def _with_generator(func: Any) -> Any | None:
    """Find the form of an operation that takes a generator, if it has one."""
    own = func._schema
    if any(each.name == "generator" for each in own.arguments):
        return func
    names = [each.name for each in own.arguments]
    for overload in func.overloadpacket.overloads():
        other = getattr(func.overloadpacket, overload)
        arguments = other._schema.arguments
        rest = [each.name for each in arguments if each.name != "generator"]
        if rest == names and len(rest) < len(arguments):
            return other
    return None


def _device_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.device:
    """Tell where an operation draws."""
    for each in args:
        if isinstance(each, Tensor):
            return each.device
    return torch.device(kwargs.get("device") or "cpu")


def may_draw(parts: Iterable[object]) -> bool:
    """Tell whether something may draw random numbers without :func:`generator_of`.

    Parameters
    ----------
    parts : iterable of object
        Modules and others. Those of skmeta do not, nor do most of torch and of skorch.
        What others have written may.
    """
    return any(
        isinstance(part, _RANDOM_LAYERS) and getattr(part, "dropout", 1.0) > 0
        if type(part).__module__.startswith("torch.nn.modules.")
        else type(part).__module__.partition(".")[0]
        not in ("skmeta", "torch", "skorch")
        for part in parts
    )
