"""Layers whose weights may carry a task axis, and calling a module once per task.

A gradient-based meta-learner gives every task its own weights. Here the weights of
all tasks of a meta-batch are one tensor with a leading task axis, so that the tasks
share one forward pass and one autograd graph.
"""

from skmeta.nn.calls import apply, apply_per_task
from skmeta.nn.images import Conv2d, Flatten, GroupNorm, Images, MaxPool2d, Pieces
from skmeta.nn.rows import LayerNorm, Linear, Residual, affine

__all__ = [
    "Conv2d",
    "Flatten",
    "GroupNorm",
    "Images",
    "LayerNorm",
    "Linear",
    "MaxPool2d",
    "Pieces",
    "Residual",
    "affine",
    "apply",
    "apply_per_task",
]
