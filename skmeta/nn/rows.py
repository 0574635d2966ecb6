"""Layers for rows of features whose weights may carry a task axis."""

import torch
from torch import Tensor, nn

__all__ = ["LayerNorm", "Linear", "Residual", "affine"]


class Linear(nn.Linear):
    """Affine map; with weights ``(tasks, out, in)`` every task uses its own.

    Parameters and attributes are those of :class:`torch.nn.Linear`.

    Examples
    --------
    >>> import torch
    >>> from skmeta.nn import Linear, apply_per_task
    >>> layer, X = Linear(3, 2), torch.ones(4, 10, 3)  # four tasks of ten rows
    >>> own = {k: p.expand(4, *p.shape) for k, p in layer.named_parameters()}
    >>> apply_per_task(layer, own, X).shape
    torch.Size([4, 10, 2])
    """

    carries_task_axis = True

    def forward(self, X: Tensor) -> Tensor:
        """Map ``(..., rows, in)`` to ``(..., rows, out)``."""
        return affine(X, self.weight, self.bias)


def affine(X: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Map rows by a matrix and a shift, each shared by all tasks or one per task.

    Parameters
    ----------
    X : Tensor of shape (..., rows, in)
        Rows.
    weight : Tensor of shape (out, in) or (tasks, out, in)
        Matrix.
    bias : Tensor of shape (out,) or (tasks, out) or None
        Shift.

    Returns
    -------
    Tensor of shape (..., rows, out)
        ``X @ weight.T + bias``.
    """
    if weight.ndim == 2:
        if bias is None or bias.ndim == 1:
            return nn.functional.linear(X, weight, bias)
        return nn.functional.linear(X, weight) + bias.unsqueeze(-2)
    if bias is None:
        return X @ weight.mT
    return torch.baddbmm(bias.unsqueeze(-2) if bias.ndim == 2 else bias, X, weight.mT)


class LayerNorm(nn.LayerNorm):
    """Layer normalisation of each row; scale and shift may carry a task axis.

    Parameters and attributes are those of :class:`torch.nn.LayerNorm` for one
    normalised axis.
    """

    carries_task_axis = True

    def forward(self, X: Tensor) -> Tensor:
        """Normalise ``(..., rows, features)`` over the last axis."""
        if all(p is None or p.ndim == 1 for p in (self.weight, self.bias)):
            return super().forward(X)
        X = nn.functional.layer_norm(X, self.normalized_shape, eps=self.eps)
        if self.weight is not None:
            X = X * self.weight.unsqueeze(-2)
        return X if self.bias is None else X + self.bias.unsqueeze(-2)


class Residual(nn.Sequential):
    """Sum of the input and a chain of layers, ``x + f(x)``."""

    carries_task_axis = True

    def forward(self, X: Tensor) -> Tensor:
        """Add the chain's output to ``X``, both ``(..., rows, features)``."""
        return X + super().forward(X)
