"""What a law expects, and by how much it was missed."""

from collections.abc import Callable, Iterable

import joblib
import torch
from sklearn.base import BaseEstimator
from torch import Tensor, nn

from skmeta.testing.law import BreachError
from skmeta.utils.random import seeded

__all__ = [
    "expect_gradients",
    "expect_no_idle",
    "expect_same",
    "expect_same_parameters",
    "expect_unchanged",
    "keep_largest",
    "named_gradients",
    "snapshot",
]

_RTOL, _ATOL = 1e-8, 1e-10

# A gradient that cancels to nothing still leaves some 1e-16 of rounding.
_NEGLIGIBLE = 1e-12


def expect_same(what: str, got: Tensor, want: Tensor) -> None:
    """Expect two ways to one result to agree, where neither has to be finite."""
    if got.shape != want.shape:
        raise BreachError(f"{what}: shape {tuple(got.shape)} for {tuple(want.shape)}")
    equal = (got == want) | (got.isnan() & want.isnan())
    difference = (got - want).abs().nan_to_num(nan=torch.inf).masked_fill(equal, 0.0)
    allowed = _ATOL + _RTOL * want.abs().nan_to_num(nan=0.0, posinf=0.0)
    if (difference > allowed).any():
        raise BreachError(f"{what}: the largest difference is {difference.max():.2g}")


def expect_same_parameters(how: str, twin: BaseEstimator, given: BaseEstimator) -> None:
    """Expect a copy to have its hyperparameters."""
    kept, wanted = twin.get_params(), given.get_params()
    for name in wanted.keys() | kept.keys():
        if joblib.hash(kept.get(name)) != joblib.hash(wanted.get(name)):
            raise BreachError(
                f"{how} has {name} = {kept.get(name)!r} for {wanted.get(name)!r}"
            )


def snapshot(module: nn.Module) -> dict[tuple[str, str], Tensor]:
    """Copy all that a module carries: numbers, gradients and flags."""
    found = {}
    for name, part in module.named_modules():
        found["training mode of", name] = torch.tensor(part.training)
    for name, weight in module.named_parameters():
        found["parameter", name] = weight.detach().clone()
        found["requires_grad of", name] = torch.tensor(weight.requires_grad)
        gradient = torch.zeros(0) if weight.grad is None else weight.grad.clone()
        found["gradient of", name] = gradient
    for name, buffer in module.named_buffers():
        found["buffer", name] = buffer.clone()
    return found


def expect_unchanged(before: dict, after: dict, training: bool) -> None:
    """Expect two snapshots to agree bit for bit."""
    if before.keys() != after.keys():
        changed = sorted(before.keys() ^ after.keys())
        raise BreachError(f"parts came or went: {changed}")
    for (what, name), old in before.items():
        if what == "buffer" and training:
            continue  # running statistics follow the training
        new = after[what, name]
        if new.shape != old.shape:
            raise BreachError(f"the {what} {name} came or went")
        if not torch.equal(new, old):
            by = (new.double() - old.double()).abs().max().item()
            mode = "training" if training else "evaluation"
            raise BreachError(
                f"the {what} {name or 'the module'} differs by {by:.2g} after adapt in "
                f"{mode} mode"
            )


def expect_gradients(
    module: nn.Module, outputs: Callable[[nn.Module], Iterable[Tensor]]
) -> None:
    """Expect a gradient beyond rounding for every parameter, from outputs in turn."""
    largest: dict[str, float] = {}
    rng = torch.Generator().manual_seed(0)
    with seeded(0, "cpu"), torch.enable_grad():
        for output in outputs(module):
            # Random weights: a plain sum might not depend on what is normalised.
            weight = torch.randn(output.shape, generator=rng, dtype=output.dtype)
            module.zero_grad()
            if output.requires_grad:
                (weight * output).sum().backward()
            keep_largest(largest, named_gradients(module))
    expect_no_idle(largest, "outputs")


def named_gradients(module: nn.Module) -> dict[str, Tensor | None]:
    """Return the gradient of every parameter that requires one."""
    return {
        name: weight.grad
        for name, weight in module.named_parameters()
        if weight.requires_grad
    }


def keep_largest(
    largest: dict[str, float], gradients: dict[str, Tensor | None]
) -> None:
    """Note the largest gradient of every parameter that there has been."""
    for name, gradient in gradients.items():
        size = 0.0 if gradient is None else gradient.nan_to_num(1.0).abs().max()
        largest[name] = max(largest.get(name, 0.0), float(size))


def expect_no_idle(largest: dict[str, float], where: str) -> None:
    """Expect every parameter's largest gradient to be more than rounding."""
    scale = max(largest.values(), default=0.0)
    unmoved = {
        name: size for name, size in largest.items() if size <= _NEGLIGIBLE * scale
    }
    if unmoved:
        sizes = ", ".join(f"{name} ({size:.2g})" for name, size in unmoved.items())
        raise BreachError(
            f"over 3 {where} no gradient beyond rounding reaches {sizes}; the largest "
            f"of all parameters is {scale:.2g}"
        )
