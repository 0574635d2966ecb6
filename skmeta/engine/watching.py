"""What a meta-step does, as far as a graph of it must know.

A graph that was captured does the same operations with the same numbers in Python each
time. Here is looked whether a step would: which operations it consists of, whether some
of them wait for the GPU, and what there is beside tensors that it may depend on.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from skmeta.utils.random import own_generator

__all__ = ["CannotCaptureError", "Watching", "fingerprint", "has_hooks"]


class CannotCaptureError(Exception):
    """A step does what no graph can hold; the message says what."""


# Operations -----------------------------------------------------------------------

_PUTS = {"index_put", "index_put_", "_index_put_impl_", "_unsafe_index_put"}
# Of linear algebra, what looks whether it went well, or may go by libraries that wait.
_SOLVERS = {
    "_linalg_check_errors",
    "_linalg_det",
    "_linalg_eigh",
    "_linalg_slogdet",
    "_linalg_solve_ex",
    "_linalg_svd",
    "cholesky_inverse",
    "cholesky_solve",
    "geqrf",
    "linalg_eig",
    "linalg_householder_product",
    "linalg_inv_ex",
    "linalg_ldl_factor_ex",
    "linalg_ldl_solve",
    "linalg_lstsq",
    "linalg_lu",
    "linalg_lu_factor_ex",
    "linalg_lu_solve",
    "linalg_qr",
    "ormqr",
}


class Watching(TorchDispatchMode):
    """Watch the operations of this thread, and of autograd's on its behalf.

    Parameters
    ----------
    device : torch.device
        Where the step computes.
    stops : bool, default=False
        Raise :class:`CannotCaptureError` in place of an operation that no graph can
        hold. What CUDA would refuse then never comes to it, so that the capture ends in
        good order.

    Attributes
    ----------
    reason : str or None
        Why the step cannot be captured: the first operation that is in the way.
    """

    def __init__(self, device: torch.device, *, stops: bool = False):
        super().__init__()
        self.device = device
        self.stops = stops
        self.reason: str | None = None
        self._is_paused = False
        self._seen: list[int] = []

    def paused(self, look: Callable[[], Any]) -> Any:
        """Call something that is no part of the step."""
        self._is_paused = True
        try:
            return look()
        finally:
            self._is_paused = False

    @property
    def trace(self) -> list[int]:
        """Say which operations there were, with the numbers that Python gave them."""
        return sorted(self._seen)  # threads of autograd may take turns

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if self._is_paused:
            return func(*args, **kwargs)
        obstacle = self._obstacle(func, args, kwargs)
        if obstacle is not None:
            self.reason = self.reason or f"{func} {obstacle}"
            if self.stops:
                raise CannotCaptureError(self.reason)
        plain = str(func), self._plain(args), self._plain([*kwargs.items()])
        self._seen.append(hash(repr(plain)))
        return func(*args, **kwargs)

    def _obstacle(
        self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> str | None:
        """Say what is in the way of capturing an operation, None if nothing is."""
        leaves = tree_leaves((args, kwargs))
        tensors = [each for each in leaves if isinstance(each, Tensor)]
        tags, name = getattr(func, "tags", ()), _name(func)
        if torch.Tag.nondeterministic_seeded in tags:
            return self._of_drawing(leaves, tensors, kwargs)
        here = [each for each in tensors if self._is_here(each.device)]
        if self._crosses(name, tensors, here, kwargs):
            return "moves numbers between the CPU and the GPU"
        if here and _asks(name, tags, args, kwargs):
            return "waits for the GPU to tell numbers"
        return None

    def _is_here(self, device: torch.device | str) -> bool:
        return torch.device(device).type == self.device.type

    def _of_drawing(
        self, leaves: list[Any], tensors: list[Tensor], kwargs: dict[str, Any]
    ) -> str | None:
        """Say whether an operation draws numbers that a replay would not draw anew.

        Graphs know torch's own generator of the device.
        """
        devices = [each.device for each in tensors]
        if not devices:
            devices = [torch.device(kwargs.get("device") or "cpu")]
        if not all(map(self._is_here, devices)):
            return "draws random numbers on the CPU"
        given = [each for each in leaves if isinstance(each, torch.Generator)]
        if any(each is not own_generator(self.device) for each in given):
            return "draws from a generator that is not torch's own"
        return None

    def _crosses(
        self,
        name: str,
        tensors: list[Tensor],
        here: list[Tensor],
        kwargs: dict[str, Any],
    ) -> bool:
        """Tell whether an operation moves numbers between devices, which waits."""
        if name == "lift_fresh":  # of numbers that Python has given
            return bool(here)
        elsewhere = [each for each in tensors if not self._is_here(each.device)]
        if name == "copy_":
            return bool(here and elsewhere)
        to = kwargs.get("device")
        if to is not None and tensors:
            return bool(elsewhere if self._is_here(to) else here)
        # A single number of the CPU is handed over with the operation.
        return bool(here) and any(each.ndim > 0 for each in elsewhere)

    def _plain(self, value: Any) -> Any:
        """Describe an argument: of tensors the shape, of all else the value."""
        if isinstance(value, Tensor):
            if value.ndim or self._is_here(value.device) or value.device.type != "cpu":
                return tuple(value.shape), value.dtype
            return value.item()  # it becomes a number of the operation
        if isinstance(value, (list, tuple)):
            return [self._plain(each) for each in value]
        if isinstance(value, torch.Generator):
            return None
        return value


def _name(func: Any) -> str:
    packet = getattr(func, "overloadpacket", None)
    return getattr(packet, "__name__", str(func))


def _asks(
    name: str, tags: Sequence[Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> bool:
    """Tell whether the host must know numbers to go on with an operation."""
    if torch.Tag.data_dependent_output in tags or name in _SOLVERS:
        return True
    if name in _PUTS:
        is_one_number = len(args) > 2 and args[2].numel() == 1  # a masked_fill
        return _has_masks(args[1]) and not is_one_number
    if torch.Tag.dynamic_output_shape not in tags:
        return False
    if name == "index":
        return _has_masks(args[1])
    return not (name == "repeat_interleave" and kwargs.get("output_size") is not None)


def _has_masks(indices: Any) -> bool:
    return any(
        each is not None and each.dtype in (torch.bool, torch.uint8) for each in indices
    )


# What there is beside tensors -----------------------------------------------------

# What every module has; "training" and its tensors are looked at.
_OF_MODULES = frozenset(vars(nn.Module())) - {"training"}
_DEPTH = 4  # of objects inside of others
_FEW_BYTES = 4096

_VALUES = (int, float, complex, str, bytes, type(None), np.generic)
_VALUES_OF_TORCH = (torch.dtype, torch.device, torch.layout, torch.Size)
_BY_NAME = (type, FunctionType, BuiltinFunctionType, MethodType, ModuleType)


def fingerprint(device: torch.device, *parts: object) -> tuple[Any, ...]:
    """Describe all that a graph takes for granted of modules and other objects.

    Parameters
    ----------
    device : torch.device
        Where the step computes. Numbers in tensors there may change.
    *parts : object
        Modules, whose parts are looked at as well, and objects such as algorithms.

    Returns
    -------
    tuple
        Equal for two steps if their tensors are in the same places, the same of them
        are learnt, and all attributes are equal: numbers, words and collections by
        value, arrays and generators of numpy too, other objects by their attributes.
    """
    return tuple(_of_all(device, parts))


def _of_all(device: torch.device, parts: tuple[object, ...]) -> Iterator[Any]:
    for part in parts:
        if not isinstance(part, nn.Module):
            yield _frozen(part, device)
            continue
        for each in part.modules():
            yield id(each)
            yield from (
                (name, _frozen(value, device))
                for name, value in vars(each).items()
                if name not in _OF_MODULES
            )
            for own in (each._parameters, each._buffers):
                yield from (_frozen(tensor, device) for tensor in own.values())
            yield has_hooks(each)


def has_hooks(module: nn.Module) -> bool:
    """Tell whether functions are hung on a module, or on weights of its own.

    A graph holds what they compute, and does not call them.
    """
    weights = [each for each in module._parameters.values() if each is not None]
    return any(
        (
            module._forward_hooks,
            module._forward_pre_hooks,
            module._backward_hooks,
            module._backward_pre_hooks,
            *(each._backward_hooks for each in weights),
            *(each._post_accumulate_grad_hooks for each in weights),
        )
    )


def _frozen(value: Any, device: torch.device, depth: int = _DEPTH) -> Any:
    """Return what stands for a value, and is equal as long as the value is."""
    if isinstance(value, (*_VALUES, *_VALUES_OF_TORCH)):
        return value
    if isinstance(value, Tensor):
        # Numbers of the CPU are handed over when a graph is captured.
        version = 0 if value.device.type == device.type else value._version
        return value.data_ptr(), value.shape, value.requires_grad, version
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        is_small = value.nbytes <= _FEW_BYTES
        return value.shape, value.tobytes() if is_small else id(value)
    if isinstance(value, np.random.Generator):
        return repr(value.bit_generator.state)
    if isinstance(value, np.random.RandomState):
        return repr(value.get_state())
    if isinstance(value, (nn.Module, *_BY_NAME)) or not depth:
        return id(value)
    if isinstance(value, Mapping):
        value = [*value.items()]
    if isinstance(value, (list, tuple, deque)):
        return tuple(_frozen(each, device, depth - 1) for each in value)
    if isinstance(value, (set, frozenset)):
        return frozenset(_frozen(each, device, depth - 1) for each in value)
    if hasattr(value, "__dict__"):
        return id(value), _frozen(vars(value), device, depth - 1)
    return id(value)
