"""Group normalisation and its first two derivatives, written out.

torch differentiates its own group normalisation twice by general rules, in dozens of
passes over all maps. Each derivative is linear in the maps it is made of, with
coefficients that differ from channel to channel only. So a few means over the pixels
give the coefficients, and one weighted sum of maps the derivative.

Notation, for maps X of shape (images, channels, height, width): a name in lower case is
a value per channel; m is the mean and r the inverse of the standard deviation of the
channel's group, so that Y = r (X - m) is what is scaled and shifted. ``x_bar`` is the
gradient of X that the backward pass makes of ``z_bar``, the one of the output.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

__all__ = ["group_norm"]


def group_norm(
    X: Tensor, n_groups: int, scale: Tensor, shift: Tensor, eps: float
) -> Tensor:
    """Bring groups of channels to mean 0 and variance 1, then scale and shift them.

    Parameters
    ----------
    X : Tensor of shape (images, channels, height, width)
        Maps.
    n_groups : int
        Groups of channels that lie side by side.
    scale, shift : Tensor of shape (channels,)
        Factor and summand of each channel.
    eps : float
        Added to the variance.

    Returns
    -------
    Tensor of shape (images, channels, height, width)
        Can be differentiated twice.
    """
    # Of maps in bfloat16 the variance would be lost in their squares.
    return _GroupNorm.apply(X.to(scale.dtype), scale, shift, n_groups, eps)


class _GroupNorm(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, X: Tensor, scale: Tensor, shift: Tensor, n_groups: int, eps: float
    ) -> Tensor:
        m = _over_group(_mean(X), n_groups)
        variance = _over_group(_mean(X.square()), n_groups) - m.square()
        r = (variance.clamp(min=0) + eps).rsqrt()
        ctx.save_for_backward(X, scale, m, r)
        ctx.n_groups = n_groups
        return _weighted_sum((r * scale, X), constant=shift - m * r * scale)

    @staticmethod
    def backward(ctx: Any, Z_bar: Tensor) -> tuple[Tensor | None, ...]:
        bars = _GroupNormBackward.apply(Z_bar, *ctx.saved_tensors, ctx.n_groups)
        return *bars, None, None


class _GroupNormBackward(torch.autograd.Function):
    """Gradients of maps, scale and shift, as a function of Z_bar, maps and scale."""

    @staticmethod
    def forward(
        ctx: Any,
        G: Tensor,
        X: Tensor,
        scale: Tensor,
        m: Tensor,
        r: Tensor,
        n_groups: int,
    ) -> tuple[Tensor, Tensor, Tensor]:
        g, gx = _mean(G), _mean(G * X)
        gy = r * (gx - m * g)  # the mean over pixels of G Y
        a, b = (_over_group(scale * mean, n_groups) for mean in (g, gy))
        ctx.save_for_backward(G, X, scale, m, r, g, gx, gy, a, b)
        ctx.n_groups = n_groups
        # r (scale G - a - b Y)
        X_bar = _weighted_sum(
            (r * scale, G), (-r.square() * b, X), constant=r * (r * m * b - a)
        )
        n_pixels = X.shape[2:].numel()
        return X_bar, n_pixels * gy.sum(dim=0), n_pixels * g.sum(dim=0)

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, U: Tensor, v_scale: Tensor, v_shift: Tensor
    ) -> tuple[Tensor | None, ...]:
        G, X, scale, m, r, g, gx, gy, a, b = ctx.saved_tensors

        def over_group(mean: Tensor) -> Tensor:
            return _over_group(mean, ctx.n_groups)

        u, ux, ug = _mean(U), _mean(U * X), _mean(U * G)
        c, d = over_group(u), over_group(r * (ux - m * u))
        # What U makes of G: scale r (U - c - d Y); what v_scale does: v_scale Y.
        on_U, on_X = scale * r, r * (v_scale - scale * r * d)
        G_bar = _weighted_sum(
            (on_U, U), (on_X, X), constant=v_shift - m * on_X - scale * r * c
        )
        # What U makes of X, through Y and r: - r^2 (b (U - c) + d (scale G - a) + e Y);
        # what v_scale does: r (v_scale G - p - q Y).
        e = over_group(scale * ug) - c * a - 3 * d * b
        p, q = over_group(v_scale * g), over_group(v_scale * gy)
        on_X = -r.square() * (r * e + q)
        constant = r.square() * (b * c + d * a) - r * p - m * on_X
        X_bar = _weighted_sum(
            (-r.square() * b, U),
            (r * v_scale - r.square() * d * scale, G),
            (on_X, X),
            constant=constant,
        )
        scale_bar = r * (ug - g * c - r * d * (gx - m * g))
        return (
            G_bar,
            X_bar,
            X.shape[2:].numel() * scale_bar.sum(dim=0),
            None,
            None,
            None,
        )


def _mean(maps: Tensor) -> Tensor:
    return maps.mean(dim=(2, 3))  # (images, channels)


def _over_group(mean: Tensor, n_groups: int) -> Tensor:
    """Average over every group of channels, once per channel."""
    mean = mean.unflatten(1, (n_groups, -1))
    return mean.mean(dim=2, keepdim=True).expand_as(mean).flatten(1)


def _weighted_sum(*terms: tuple[Tensor, Tensor], constant: Tensor) -> Tensor:
    """Add up maps, each times a value per channel, and a constant per channel."""
    (first, maps), *others = terms
    total = torch.addcmul(_per_pixel(constant), _per_pixel(first), maps)
    for coefficient, maps in others:
        total.addcmul_(_per_pixel(coefficient), maps)
    return total


def _per_pixel(value: Tensor) -> Tensor:
    return value[..., None, None]
