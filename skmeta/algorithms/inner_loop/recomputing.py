"""Many steps in little memory: they are taken again on the way back.

torch's own checkpoints keep the weights at the start of each of them, one within
another too; for a network with large weights and few rows that is all there is to keep.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from skmeta.utils.random import generator_in_use

__all__ = ["walk_again"]

Step = Callable[[int, Sequence[Tensor]], list[Tensor]]


def walk_again(
    step: Step, n_steps: int, weights: Sequence[Tensor], shared: Sequence[object]
) -> tuple[Tensor, ...]:
    """Take steps and keep nothing but the start.

    The way back halves the steps again and again (Griewank 1992): it walks to the
    middle, goes back through the second half, then through the first. So it keeps the
    weights at log2(n_steps) places, and one step, and takes every step about
    log2(n_steps) / 2 times more.

    Parameters
    ----------
    step : callable
        Maps the number of a step and the weights before it to those after it.
    n_steps : int
        Steps to take.
    weights : sequence of Tensor
        Where they begin.
    shared : sequence
        What ``step`` uses besides; its Tensors that require a gradient get one.

    Returns
    -------
    tuple of Tensor
        Where the steps end.

    References
    ----------
    A. Griewank. Achieving logarithmic growth of temporal and spatial complexity in
    reverse automatic differentiation. Optimization Methods and Software, 1992.
    """
    if n_steps == 0:
        return tuple(weights)
    learnt = [
        each for each in shared if isinstance(each, Tensor) and each.requires_grad
    ]
    return _Walk.apply(step, n_steps, learnt, len(weights), *weights, *learnt)


class _Walk(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        step: Step,
        n_steps: int,
        shared: Sequence[Tensor],
        n_weights: int,
        *weights_and_shared: Tensor,
    ) -> tuple[Tensor, ...]:
        ctx.step, ctx.places, ctx.shared = step, range(n_steps), shared
        ctx.weights = weights_and_shared[:n_weights]
        ctx.random = _Random(ctx.weights[0].device)
        weights = ctx.weights
        for place in ctx.places:
            weights = step(place, weights)
        return tuple(weights)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *bars: Tensor) -> tuple[Tensor | None, ...]:
        # Dropout must draw what it drew, and what is drawn next must be as without.
        now = _Random(ctx.weights[0].device)
        try:
            ctx.random.restore()
            start_bars, shared_bars = _back(
                ctx.step, ctx.places, ctx.weights, ctx.shared, bars
            )
        finally:
            now.restore()
        return None, None, None, None, *start_bars, *shared_bars


def _back(
    step: Step,
    places: range,
    weights: Sequence[Tensor],
    shared: Sequence[Tensor],
    bars: Sequence[Tensor],
) -> tuple[Sequence[Tensor], list[Tensor | None]]:
    """Differentiate in the weights before some steps, and in what these share."""
    if len(places) == 1:
        with torch.enable_grad():
            leaves = [weight.detach().requires_grad_() for weight in weights]
            stepped = step(places[0], leaves)
        found = torch.autograd.grad(
            stepped, [*leaves, *shared], bars, allow_unused=True
        )
        return found[: len(leaves)], list(found[len(leaves) :])
    half = len(places) // 2
    random, middle = _Random(weights[0].device), weights
    for place in places[:half]:
        middle = step(place, middle)
    bars, later = _back(step, places[half:], middle, shared, bars)
    random.restore()
    bars, earlier = _back(step, places[:half], weights, shared, bars)
    return bars, [_sum(*both) for both in zip(earlier, later, strict=True)]


def _sum(a: Tensor | None, b: Tensor | None) -> Tensor | None:
    if a is None or b is None:
        return b if a is None else a
    return a + b


class _Random:
    """The state of the generators that a step may draw from."""

    def __init__(self, device: torch.device):
        self.generators = [generator_in_use(each) for each in {device.type, "cpu"}]
        self.states = [each.get_state() for each in self.generators]

    def restore(self) -> None:
        """Set the generators to it."""
        for each, state in zip(self.generators, self.states, strict=True):
            each.set_state(state)
