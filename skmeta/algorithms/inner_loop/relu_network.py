"""ReLU networks as lists of matrices and shifts."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from skmeta.algorithms.inner_loop.loss import SupportLoss
from skmeta.nn import Linear, affine

__all__ = [
    "apply_relu_network",
    "backward",
    "forward",
    "is_relu_network",
    "through_relu",
]


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


def forward(weights: Sequence[Tensor], X: Tensor) -> tuple[list[Tensor], Tensor]:
    """Return the input of every layer, and the output of the last."""
    A = [X]
    for matrix, shift in zip(weights[:-2:2], weights[1:-2:2], strict=True):
        A.append(affine(A[-1], matrix, shift).relu_())
    return A, affine(A[-1], weights[-2], weights[-1])


def backward(
    weights: Sequence[Tensor], A: list[Tensor], Z: Tensor, loss: SupportLoss
) -> tuple[Tensor, list[Tensor]]:
    """Return the activated outputs, and the gradient in the output of every layer."""
    P = loss.activate(Z)
    G = [loss.gradient(P)]
    for matrix, rows in zip(weights[-2:0:-2], A[:0:-1], strict=True):
        G.append(through_relu(G[-1] @ matrix, rows))
    return P, G[::-1]


def through_relu(gradient: Tensor, output: Tensor) -> Tensor:
    """Go back through ReLU, in place."""
    return torch.ops.aten.threshold_backward.grad_input(
        gradient, output, 0, grad_input=gradient
    )
