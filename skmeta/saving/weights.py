"""Weights of a file: those of the module that they are for, or refused.

The module is built without memory first, so that a file that asks for a large network
and brings none of its weights costs nothing.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves  # torch has no public pytree before 2.8

from skmeta.algorithms.shared.by_class import weights_follow
from skmeta.exceptions import LoadError
from skmeta.utils.random import seeded

__all__ = ["check_weights", "for_weights"]

# What making a module may take, beside its weights: buffers, and tensors on the way.
_SPARE_BYTES, _TIMES_ITS_WEIGHTS = 2**25, 8
_SPARE_CALLS, _CALLS_PER_WEIGHT = 10_000, 200

_TOO_LARGE = "It asks for a network that its weights do not fill."


def check_weights(build: Callable[[], nn.Module], weights: Any) -> None:
    """Refuse weights that are not those of a module.

    Parameters
    ----------
    build : callable
        Makes the module, whose own weights are never used.
    weights : dict of str to Tensor
        A ``state_dict``.

    Raises
    ------
    LoadError
        If a weight is missing, too many, of another shape or not finite; or if the
        module would be much larger than its weights.
    """
    if not isinstance(weights, dict) or not all(
        isinstance(weight, Tensor) for weight in weights.values()
    ):
        raise LoadError("Its weights are none.")
    module = _build_in_bounds(build, weights)
    own = module.state_dict()
    differing = sorted(
        name
        for name in own.keys() | weights.keys()
        if name not in own
        or name not in weights
        or own[name].shape != weights[name].shape
    )
    if differing:
        raise LoadError(f"Its weights are of another network, by {differing[:5]}.")
    learnt = {name for name, _ in module.named_parameters()}
    for name, weight in weights.items():
        # A buffer may be a mask, and hold infinity.
        if bool(weight.isnan().any()) or (
            name in learnt and not bool(weight.isfinite().all())
        ):
            raise LoadError(f"Its weights {name!r} are not finite.")


def _build_in_bounds(
    build: Callable[[], nn.Module], weights: Mapping[str, Tensor]
) -> nn.Module:
    """Make a module of tensors that have shapes alone, if it can be made so."""
    n_bytes = sum(weight.nbytes for weight in weights.values())
    most = _SPARE_BYTES + _TIMES_ITS_WEIGHTS * n_bytes
    n_calls = _SPARE_CALLS + _CALLS_PER_WEIGHT * len(weights)
    try:
        with torch.device("meta"), for_weights(), _Bounds(most, n_calls):
            module = build()
    except LoadError:
        raise
    except Exception:  # it looks at values, which are not there
        with seeded(0), for_weights(), _Bounds(most, n_calls):
            module = build()
    if sum(each.nbytes for each in [*module.parameters(), *module.buffers()]) > most:
        raise LoadError(_TOO_LARGE)
    return module


@contextlib.contextmanager
def for_weights() -> Iterator[None]:
    """Let modules be made whose first weights are not looked at."""
    token = weights_follow.set(True)
    try:
        yield
    finally:
        weights_follow.reset(token)


class _Bounds(TorchDispatchMode):
    """Raise before a call of torch inside makes a tensor larger than is allowed."""

    def __init__(self, n_bytes: int, n_calls: int):
        super().__init__()
        self.n_bytes, self.n_calls = n_bytes, n_calls

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        self.n_calls -= 1
        given = tree_leaves((args, kwargs))
        if "device" in kwargs and not any(isinstance(each, Tensor) for each in given):
            shape_alone = func(*args, **{**kwargs, "device": torch.device("meta")})
            self.n_bytes -= shape_alone.nbytes
        if self.n_bytes < 0 or self.n_calls < 0:
            raise LoadError(_TOO_LARGE)
        return func(*args, **kwargs)
