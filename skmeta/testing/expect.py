"""What laws expect, whatever is on trial, and by how much it was missed."""

import pickle
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import joblib
import torch
from sklearn.base import BaseEstimator, clone
from torch import Tensor, nn

from skmeta.testing.law import BreachError

__all__ = [
    "copies",
    "expect_gradients",
    "expect_same",
    "expect_same_parameters",
    "expect_unchanged",
    "gradients_of",
    "snapshot",
]

_RTOL, _ATOL = 1e-8, 1e-10

# A gradient that cancels to nothing still leaves some 1e-16 of rounding.
_NEGLIGIBLE = 1e-12


def expect_same(what: str, got: Tensor | None, want: Tensor) -> None:
    """Expect two ways to one result to agree, where neither has to be finite."""
    if got is None:
        raise BreachError(f"{what}: there is none")
    if got.shape != want.shape:
        raise BreachError(f"{what}: shape {tuple(got.shape)} for {tuple(want.shape)}")
    equal = (got == want) | (got.isnan() & want.isnan())
    difference = (got - want).abs().nan_to_num(nan=torch.inf).masked_fill(equal, 0.0)
    allowed = _ATOL + _RTOL * want.abs().nan_to_num(nan=0.0, posinf=0.0)
    if (difference > allowed).any():
        raise BreachError(f"{what}: the largest difference is {difference.max():.2g}")


def copies(subject: Any) -> Iterator[tuple[str, Any]]:
    """Go through copies of something that has hyperparameters, and keeps them."""
    for how, twin in [
        ("a clone", clone(subject)),
        ("a pickle", pickle.loads(pickle.dumps(subject))),
    ]:
        expect_same_parameters(how, twin, subject)
        yield how, twin


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


def expect_unchanged(
    before: dict, after: dict, when: str, *, buffers: bool = True
) -> None:
    """Expect two snapshots to agree bit for bit, buffers among all else or not."""
    if before.keys() != after.keys():
        changed = sorted(before.keys() ^ after.keys())
        raise BreachError(f"parts came or went: {changed}")
    for (what, name), old in before.items():
        if what == "buffer" and not buffers:
            continue
        new = after[what, name]
        if new.shape != old.shape:
            raise BreachError(f"the {what} {name} came or went")
        if not torch.equal(new, old):
            by = (new.double() - old.double()).abs().max().item()
            raise BreachError(
                f"the {what} {name or 'the module'} differs by {by:.2g} {when}"
            )


def gradients_of(module: nn.Module) -> dict[str, Tensor | None]:
    """Return the gradient of every parameter that requires one."""
    return {
        name: weight.grad
        for name, weight in module.named_parameters()
        if weight.requires_grad
    }


def expect_gradients(
    gradients: Sequence[Mapping[str, Tensor | None]], where: str
) -> None:
    """Expect one beyond rounding for every parameter, in one of several backwards."""
    largest: dict[str, float] = {}
    for found in gradients:
        for name, gradient in found.items():
            size = 0.0 if gradient is None else gradient.nan_to_num(1.0).abs().max()
            largest[name] = max(largest.get(name, 0.0), float(size))
    scale = max(largest.values(), default=0.0)
    unmoved = {
        name: size for name, size in largest.items() if size <= _NEGLIGIBLE * scale
    }
    if unmoved:
        sizes = ", ".join(f"{name} ({size:.2g})" for name, size in unmoved.items())
        raise BreachError(
            f"over {len(gradients)} {where} no gradient beyond rounding reaches "
            f"{sizes}; the largest of all parameters is {scale:.2g}"
        )
