"""Nodes of the autograd graph: a step, and a whole meta-loss."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from skmeta.backprop.loss import SupportLoss
from skmeta.backprop.network import backward, forward
from skmeta.backprop.step import Step

__all__ = ["descend", "descend_and_forget", "relu_meta_loss"]


def descend(
    weights: Sequence[Tensor],
    rates: Sequence[Tensor | float],
    X: Tensor,
    loss: SupportLoss,
    *,
    first_order: bool,
) -> tuple[Tensor, ...]:
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
    tuple of Tensor
        Weights after the step, with a leading task axis.
    """
    return _Descend.apply(loss, first_order, X, *weights, *rates)


def descend_and_forget(
    weights: Sequence[Tensor],
    rates_of_steps: Sequence[Sequence[Tensor | float]],
    X: Tensor,
    loss: SupportLoss,
) -> tuple[Tensor, ...]:
    """Take several steps that nobody differentiates through.

    Parameters
    ----------
    weights : sequence of Tensor
        As for :func:`descend`; they stay as they are.
    rates_of_steps : sequence of sequences of Tensor or float
        Step size of each weight, for one step after another.
    X : Tensor of shape (tasks, rows, features)
        Support rows.
    loss : SupportLoss
        What to descend.

    Returns
    -------
    tuple of Tensor
        Weights after the steps.
    """
    with torch.no_grad():
        for place, rates in enumerate(rates_of_steps):
            # What the first step has made is ours to overwrite.
            weights = Step.of(weights, rates, X, loss).take(in_place=place > 0)
    return tuple(weights)


def relu_meta_loss(
    weights: Sequence[Tensor],
    rates_of_steps: Sequence[Sequence[Tensor | float]],
    X: Tensor,
    loss: SupportLoss,
    X_query: Tensor,
    query_loss: SupportLoss,
    *,
    first_order: bool,
) -> Tensor:
    """Take steps on the support, and return the loss on the query after them.

    It is the same as :func:`descend` once a step, then :func:`apply_relu_network` and
    the loss, in one node of the autograd graph instead of dozens.

    Parameters
    ----------
    weights : sequence of Tensor
        Matrix and shift of each layer in turn, shared by all tasks.
    rates_of_steps : sequence of sequences of Tensor or float
        Step size of each weight, for one step after another.
    X, X_query : Tensor of shape (tasks, rows, features)
        Rows of the supports and of the queries.
    loss, query_loss : SupportLoss
        What to descend, and what to return.
    first_order : bool
        Take the gradients of the steps for constants in the backward pass.

    Returns
    -------
    scalar Tensor
        Sum of the query loss.
    """
    rates = [rate for of_step in rates_of_steps for rate in of_step]
    return _MetaLoss.apply(
        loss, query_loss, first_order, len(weights), X, X_query, *weights, *rates
    )


class _MetaLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx, loss, query_loss, first_order, n_weights, X, X_query, *weights_and_rates
    ):
        weights, rates = weights_and_rates[:n_weights], weights_and_rates[n_weights:]
        needs_X, needs_X_query, *_ = ctx.needs_input_grad[4:]
        steps, now = [], weights
        of_steps = [rates[i : i + n_weights] for i in range(0, len(rates), n_weights)]
        if first_order and not any(isinstance(rate, Tensor) for rate in rates):
            now = descend_and_forget(weights, of_steps, X, loss)
            of_steps = []
        for of_step in of_steps:
            steps.append(Step.of(now, of_step, X, loss))
            now = steps[-1].take()
        A, Z = forward(now, X_query)
        _, G = backward(now, A, Z, query_loss)
        bars = [bar for g, a in zip(G, A, strict=True) for bar in (g.mT @ a, g.sum(-2))]
        X_query_bar = G[0] @ now[0] if needs_X_query else None

        X_bar, rates_bar = None, [None] * (len(rates) - len(steps) * n_weights)
        while steps:  # let go of what is done
            step = steps.pop()
            of_X, bars, of_rates = step.back(
                bars, loss, needs_X=needs_X, first_order=first_order
            )
            rates_bar = of_rates + rates_bar
            X_bar = of_X if X_bar is None else X_bar + of_X
        bars = [
            _sum_like(bar, weight) for bar, weight in zip(bars, weights, strict=True)
        ]
        ctx.bars = [X_bar, X_query_bar, *bars, *rates_bar]
        return query_loss(Z)

    @staticmethod
    @once_differentiable
    def backward(ctx, value_bar):
        bars = [bar if bar is None else bar * value_bar for bar in ctx.bars]
        return None, None, None, None, *bars


class _Descend(torch.autograd.Function):
    @staticmethod
    def forward(ctx, loss, first_order, X, *weights_and_rates):
        n_weights = len(weights_and_rates) // 2
        weights, rates = weights_and_rates[:n_weights], weights_and_rates[n_weights:]
        ctx.loss, ctx.first_order = loss, first_order
        ctx.step = Step.of(weights, rates, X, loss)
        return ctx.step.take()

    @staticmethod
    @once_differentiable
    def backward(ctx, *stepped_bar):
        X_bar, weights_bar, rates_bar = ctx.step.back(
            stepped_bar,
            ctx.loss,
            needs_X=ctx.needs_input_grad[2],
            first_order=ctx.first_order,
        )
        weights_bar = map(_sum_like, weights_bar, ctx.step.weights)
        return None, None, X_bar, *weights_bar, *rates_bar


def _sum_like(bar: Tensor, weight: Tensor) -> Tensor:
    """Sum over the tasks if they share the weight."""
    return bar.sum_to_size(weight.shape)
