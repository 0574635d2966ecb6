"""Calling a module with weights of its own for every task, or shared by all."""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.overrides import TorchFunctionMode

__all__ = [
    "apply",
    "apply_per_task",
    "in_bfloat16",
    "train_in_bfloat16",
    "treats_tasks_alone",
]

_NONE: Mapping[str, Tensor] = MappingProxyType({})

# Modules without weights that treat every number, or only chain others.
_INDIFFERENT_TO_AXES = frozenset(
    {nn.Sequential, nn.Identity, nn.Dropout, nn.AlphaDropout}
    | {nn.ReLU, nn.LeakyReLU, nn.ELU, nn.SELU, nn.GELU, nn.SiLU, nn.Mish}
    | {nn.Tanh, nn.Sigmoid, nn.Softplus, nn.Softsign, nn.Hardtanh, nn.ReLU6}
)


def train_in_bfloat16(module: nn.Module) -> None:
    """Let networks in a module compute in mixed precision while they are in training.

    Where :func:`apply` and :func:`apply_per_task` call them, torch's autocast computes
    what gains by it in bfloat16. Their output is float32, and so is all that comes of
    it: distances, linear systems, losses.

    Parameters
    ----------
    module : nn.Module
        What is meta-learnt. A mark is left on it and on all its parts.
    """
    for part in module.modules():
        part.__dict__["_trains_in_bfloat16"] = True


def in_bfloat16(module: nn.Module) -> bool:
    """Tell whether a module computes in mixed precision as it is now.

    Parameters
    ----------
    module : nn.Module
        Any.

    Returns
    -------
    bool
        False in evaluation mode, and where :func:`train_in_bfloat16` has not been.
    """
    return module.training and "_trains_in_bfloat16" in module.__dict__


def _in_precision(module: nn.Module, call: Callable[[], Tensor], X: Tensor) -> Tensor:
    if not in_bfloat16(module):
        return call()
    with torch.autocast(X.device.type, dtype=torch.bfloat16):
        return call().to(X)


def treats_tasks_alone(*modules: nn.Module) -> bool:
    """Tell whether some tasks go through modules as they go beside all others.

    Parameters
    ----------
    *modules : nn.Module
        Any.

    Returns
    -------
    bool
        True if all layers are known not to mix tasks, and not to draw numbers.
    """
    return all(
        not isinstance(part, (nn.Dropout, nn.AlphaDropout))
        and (
            type(part) in _INDIFFERENT_TO_AXES
            or (
                type(part).__module__.startswith("skmeta.")
                and getattr(part, "carries_task_axis", False)
            )
        )
        for module in modules
        for part in module.modules()
    )


def _carries_task_axis(module: nn.Module) -> bool:
    return all(
        type(part) in _INDIFFERENT_TO_AXES or getattr(part, "carries_task_axis", False)
        for part in module.modules()
    )


def apply_per_task(
    module: nn.Module, parameters: Mapping[str, Tensor], X: Tensor
) -> Tensor:
    """Call ``module`` once per task, each task with parameters of its own.

    A module made of the layers of this file and of elementwise ones runs as it is, in
    batched matrix products. Any other module goes through :func:`torch.func.vmap`.

    Parameters
    ----------
    module : nn.Module
        Maps (rows, features) to (rows, outputs).
    parameters : mapping of str to Tensor
        Parameters by name, each with a leading task axis. Parameters of the module
        that are not named are shared by all tasks.
    X : Tensor of shape (tasks, rows, features)
        Rows of every task.

    Returns
    -------
    Tensor of shape (tasks, rows, outputs)
        Output of the module.

    Raises
    ------
    ValueError
        If the module mixes rows through batch statistics (BatchNorm), so that a row's
        output would depend on the rows beside it.
    """
    if _carries_task_axis(module):
        return _in_precision(module, lambda: _twin(module, parameters)(X), X)
    _refuse_batch_statistics(module)
    # functional_call puts the parameters into the module for a moment, in which no
    # other thread may see it: hence a twin.
    twin = _twin(module)

    def of_all() -> Tensor:
        of_task = partial(functional_call, twin)
        return vmap(of_task, randomness="different")(dict(parameters), (X,))

    with _PlainOperators():
        return _in_precision(module, of_all, X)


def _twin(
    module: nn.Module, parameters: Mapping[str, Tensor] = _NONE, prefix: str = ""
) -> nn.Module:
    """Copy the modules but not their tensors, with other parameters in their place."""
    twin = module.__new__(type(module))
    twin.__dict__ = {  # a recurrent layer keeps its weights in a list as well
        name: value.copy() if isinstance(value, list) else value
        for name, value in module.__dict__.items()
    }
    own_parameters: dict[str, Any] = {  # tensors will do
        name: parameters.get(prefix + name, own)
        for name, own in module._parameters.items()
    }
    twin._parameters = own_parameters
    twin._buffers = module._buffers.copy()
    twin._modules = {
        name: child and _twin(child, parameters, f"{prefix}{name}.")
        for name, child in module._modules.items()
    }
    return twin


class _PlainOperators(TorchFunctionMode):
    """Keep attention off its fused operator, which vmap cannot differentiate.

    torch takes that operator in evaluation mode unless a function mode is on. Unlike
    ``torch.backends.mha.set_fastpath_enabled``, a mode concerns the own thread alone.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        return func(*args, **(kwargs or {}))


def _refuse_batch_statistics(module: nn.Module) -> None:
    for name, part in module.named_modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            raise ValueError(
                f"Layer {name!r} ({type(part).__name__}) keeps statistics of a batch, "
                "which has no meaning where every task has weights of its own. Use a "
                "layer that normalises each row: torch.nn.LayerNorm, "
                "torch.nn.GroupNorm or skmeta.nn.LayerNorm."
            )


def apply(module: nn.Module, X: Tensor, mask: Tensor | None = None) -> Tensor:
    """Call ``module`` with its own parameters on the rows of many tasks.

    Parameters
    ----------
    module : nn.Module
        Maps (rows, features) to (rows, outputs).
    X : Tensor of shape (tasks, rows, features)
        Rows of every task.
    mask : bool Tensor of shape (tasks, rows), default=None
        False on padding. With a mask, a module of foreign layers never sees padding,
        which would otherwise enter its batch statistics in training; its output there
        is 0.

    Returns
    -------
    Tensor of shape (tasks, rows, outputs)
        Output of the module.
    """
    if _carries_task_axis(module):
        return _in_precision(module, lambda: module(X), X)
    if mask is None or bool(mask.all()):
        rows = X.flatten(0, 1)
        output = _in_precision(module, lambda: module(rows), X)
        return output.unflatten(0, X.shape[:2])
    rows = _in_precision(module, lambda: module(X[mask]), X)
    output = rows.new_zeros(*mask.shape, *rows.shape[1:])
    return output.masked_scatter(mask.unsqueeze(-1), rows)
