"""A step of gradient descent, and its derivative, written out for ReLU networks.

Second-order meta-learning differentiates through its own gradient steps. torch can do
that by itself (``create_graph=True``), with general rules that touch every small tensor
many times. For a multilayer perceptron the step and its derivative are a few dozen
batched products; written out, nothing else is computed.

Notation: a layer maps its input A to Z = A W^T + b, and ReLU makes the next input of Z.
G is the gradient of the support loss in Z. ``W_bar`` is what the outer backward pass
finds for W: the gradient of the meta-loss.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from skmeta.nn import Linear, affine

__all__ = ["SupportLoss", "apply_relu_network", "descend", "is_relu_network"]


# A logit whose probability is 0, but not minus infinity, of which 0 times is no number.
_LOW = -1e30


class SupportLoss(NamedTuple):
    """The loss that a task descends: weighted cross-entropy or squared error."""

    target: Tensor  # (tasks, rows, outputs): values, or class codes as one-hot rows
    share: Tensor  # (tasks, rows, 1): weight of each row, 0 on padding
    absent: Tensor | None  # (tasks, 1, outputs): True for classes a task does not have
    squared: bool

    def __call__(self, Z: Tensor) -> Tensor:
        """Sum the loss over the rows of all tasks, from their outputs."""
        if self.squared:
            return ((Z - self.target).square() * self.share).sum()
        if self.absent is not None:
            Z = Z.masked_fill(self.absent, _LOW)
        return -(Z.log_softmax(dim=-1) * self.target * self.share).sum()

    def activate(self, Z: Tensor) -> Tensor:
        """Map outputs to what is compared with the target."""
        if self.squared:
            return Z
        if self.absent is not None:
            Z = Z.masked_fill(self.absent, _LOW)
        return Z.softmax(dim=-1)

    def gradient(self, P: Tensor) -> Tensor:
        """Differentiate the loss in the outputs, from the activated outputs."""
        return (P - self.target) * (2 * self.share if self.squared else self.share)

    def curvature(self, P: Tensor, G_bar: Tensor) -> Tensor:
        """Multiply by the derivative of :meth:`gradient` in the outputs."""
        if self.squared:
            return 2 * self.share * G_bar
        G_bar = P * G_bar
        return (G_bar - P * G_bar.sum(dim=-1, keepdim=True)) * self.share


def is_relu_network(network: nn.Module) -> bool:
    """Tell whether a network is linear layers with nothing but ReLU between them.

    Parameters
    ----------
    network : nn.Module
        Any network.

    Returns
    -------
    bool
        True if :func:`descend` can take its steps.
    """
    layers = [
        layer
        for layer in network.modules()
        if type(layer) not in (nn.Sequential, nn.Identity)
    ]
    return len(layers) % 2 == 1 and all(
        type(layer) is nn.ReLU
        if place % 2
        else type(layer) in (Linear, nn.Linear) and layer.bias is not None
        for place, layer in enumerate(layers)
    )


def apply_relu_network(weights: Sequence[Tensor], X: Tensor) -> Tensor:
    """Map rows to outputs.

    Parameters
    ----------
    weights : sequence of Tensor
        Matrix and shift of each layer in turn, shared by all tasks or one per task.
    X : Tensor of shape (tasks, rows, features)
        Rows.

    Returns
    -------
    Tensor of shape (tasks, rows, outputs)
        Outputs of the last layer.
    """
    for matrix, shift in zip(weights[:-2:2], weights[1:-2:2], strict=True):
        X = affine(X, matrix, shift).relu()
    return affine(X, weights[-2], weights[-1])


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


class _Descend(torch.autograd.Function):
    @staticmethod
    def forward(ctx, loss, first_order, X, *weights_and_rates):
        n_weights = len(weights_and_rates) // 2
        weights, rates = weights_and_rates[:n_weights], weights_and_rates[n_weights:]
        W, b = weights[0::2], weights[1::2]
        A = [X]
        for matrix, shift in zip(W[:-1], b[:-1], strict=True):
            A.append(affine(A[-1], matrix, shift).relu_())
        P = loss.activate(affine(A[-1], W[-1], b[-1]))

        G = [loss.gradient(P)]
        for layer in reversed(range(1, len(W))):
            G.insert(0, _through_relu(G[0] @ W[layer], A[layer]))
        gradients = [
            part
            for grad, rows in zip(G, A, strict=True)
            for part in (grad.mT @ rows, grad.sum(dim=-2))
        ]
        ctx.loss, ctx.first_order = loss, first_order
        ctx.shapes = [(w.shape, s.shape) for w, s in zip(W, b, strict=True)]
        ctx.A, ctx.P, ctx.G, ctx.W = A, P, G, W
        ctx.rates, ctx.gradients = rates, gradients
        return tuple(map(_move, weights, rates, gradients))

    @staticmethod
    @once_differentiable
    def backward(ctx, *stepped_bar):
        A, G, W, rates = ctx.A, ctx.G, ctx.W, ctx.rates
        needs_X, *needs = ctx.needs_input_grad[2:]
        rates_bar = [
            -(gradient * bar).sum_to_size(rate.shape) if needed else None
            for rate, gradient, bar, needed in zip(
                rates, ctx.gradients, stepped_bar, needs[len(rates) :], strict=True
            )
        ]
        W_bar, b_bar = list(stepped_bar[0::2]), list(stepped_bar[1::2])
        X_bar = None
        if not ctx.first_order:
            moved = [-rate * bar for rate, bar in zip(rates, stepped_bar, strict=True)]
            # From the gradients of the weights to the G they were made of, upwards ...
            G_bar, A_bar = None, []
            for layer, (own_W, own_b) in enumerate(
                zip(moved[0::2], moved[1::2], strict=True)
            ):
                made_G = torch.baddbmm(own_b.unsqueeze(-2), A[layer], own_W.mT)
                A_bar.append(G[layer] @ own_W if layer or needs_X else None)
                if layer:
                    H_bar = _through_relu(G_bar, A[layer])
                    made_G = _add_product(made_G, H_bar, W[layer].mT)
                    W_bar[layer] = _add_outer(W_bar[layer], G[layer], H_bar, W[layer])
                G_bar = made_G
            # ... and down again, through the outputs that G came from.
            Z_bar = ctx.loss.curvature(ctx.P, G_bar)
            for layer in reversed(range(len(W))):
                W_bar[layer] = _add_outer(W_bar[layer], Z_bar, A[layer], W[layer])
                b_bar[layer] = b_bar[layer] + Z_bar.sum(dim=-2)
                if layer or needs_X:
                    X_bar = _add_product(A_bar[layer], Z_bar, W[layer])
                if layer:
                    Z_bar = _through_relu(X_bar, A[layer])
        weights_bar = [
            bar.sum_to_size(shape)
            for pair, shapes in zip(
                zip(W_bar, b_bar, strict=True), ctx.shapes, strict=True
            )
            for bar, shape in zip(pair, shapes, strict=True)
        ]
        return None, None, X_bar if needs_X else None, *weights_bar, *rates_bar


def _move(weight: Tensor, rate: Tensor | float, gradient: Tensor) -> Tensor:
    if isinstance(rate, Tensor):
        return torch.addcmul(weight, rate, gradient, value=-1)
    return torch.sub(weight, gradient, alpha=rate)


def _through_relu(gradient: Tensor, output: Tensor) -> Tensor:
    return torch.ops.aten.threshold_backward(gradient, output, 0)


def _add_product(total: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Add ``a @ b`` in place, b shared by all tasks or one per task."""
    if b.ndim == 2:
        return total.add_(a @ b)
    return total.baddbmm_(a, b)


def _add_outer(total: Tensor, a: Tensor, b: Tensor, like: Tensor) -> Tensor:
    """Add ``a.mT @ b``, summed over the tasks if they share the weight ``like``."""
    if like.ndim == 3:
        return torch.baddbmm(total, a.mT, b)
    if total.ndim == 3:
        total = total.sum(dim=0)
    return torch.addmm(total, a.flatten(0, 1).mT, b.flatten(0, 1))
