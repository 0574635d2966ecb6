"""Steps of gradient descent: a node of the autograd graph each, or none at all."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from skmeta.algorithms.inner_loop.loss import SupportLoss
from skmeta.algorithms.inner_loop.step import Step

__all__ = ["descend", "descend_and_forget", "sum_like"]


def descend(
    weights: Sequence[Tensor],
    rates: Sequence[Tensor | float],
    X: Tensor,
    loss: SupportLoss,
    *,
    first_order: bool,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Take one step of gradient descent on the support loss of every task.

    Parameters
    ----------
    weights : sequence of Tensor
        Matrix and shift of each layer in turn, with a leading task axis or, as long as
        all tasks share them, without.
    rates : sequence of Tensor or float
        Step size of each weight.
    X : Tensor of shape (tasks, rows, features)
        Support rows.
    loss : SupportLoss
        What to descend.
    first_order : bool
        Take the gradient for a constant in the outer backward pass.

    Returns
    -------
    outputs : Tensor of shape (tasks, rows, outputs)
        Outputs before the step, as a constant.
    stepped : tuple of Tensor
        Weights after the step, with a leading task axis.
    """
    outputs, *stepped = _Descend.apply(loss, first_order, X, *weights, *rates)
    return outputs, tuple(stepped)


def descend_and_forget(
    weights: Sequence[Tensor],
    steps: Iterable[tuple[Sequence[Tensor | float], Tensor, SupportLoss]],
) -> tuple[list[Tensor], list[Tensor]]:
    """Take several steps that nobody differentiates through.

    Parameters
    ----------
    weights : sequence of Tensor
        As for :func:`descend`; they stay as they are.
    steps : iterable of (rates, X, loss)
        Of one step after another the step size of each weight, the rows, and what to
        descend on them.

    Returns
    -------
    stepped : list of Tensor
        Weights after the steps, wherever these have led.
    outputs : list of Tensor, each of shape (tasks, rows, outputs)
        Outputs before every step, for its rows.
    """
    outputs: list[Tensor] = []
    with torch.no_grad():
        for rates, X, loss in steps:
            step = Step.of(weights, rates, X, loss)
            # What the first step has made is ours to overwrite.
            weights = step.take(in_place=bool(outputs))
            outputs.append(step.Z)
    return list(weights), outputs


class _Descend(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        loss: SupportLoss,
        first_order: bool,
        X: Tensor,
        *weights_and_rates: Any,
    ) -> tuple[Tensor, ...]:
        n_weights = len(weights_and_rates) // 2
        weights, rates = weights_and_rates[:n_weights], weights_and_rates[n_weights:]
        ctx.first_order = first_order
        ctx.step = Step.of(weights, rates, X, loss)
        outputs = ctx.step.Z
        ctx.mark_non_differentiable(outputs)
        return outputs, *ctx.step.take()

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, _: Tensor, *stepped_bar: Tensor
    ) -> tuple[Tensor | None, ...]:
        X_bar, weights_bar, rates_bar = ctx.step.back(
            stepped_bar,
            needs_X=ctx.needs_input_grad[2],
            first_order=ctx.first_order,
        )
        weights_bar = map(sum_like, weights_bar, ctx.step.weights)
        return None, None, X_bar, *weights_bar, *rates_bar


def sum_like(bar: Tensor, weight: Tensor) -> Tensor:
    """Sum over the tasks if they share the weight."""
    return bar.sum_to_size(weight.shape)
