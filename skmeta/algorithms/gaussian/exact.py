"""Learning from a support of a few hundred rows at most, exactly."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from skmeta.algorithms.gaussian.kernel import KernelLearner, Support
from skmeta.algorithms.gaussian.posterior import Posterior
from skmeta.algorithms.shared.losses import absent_classes

__all__ = ["MostLikely", "adapt_exactly"]

_TINY = 1e-12

# Rows for each ``n_steps`` steps towards the most likely latent values.
_ROWS_PER_STEPS = 16


def adapt_exactly(
    module: KernelLearner, support: Support, K: Tensor, n_steps: int
) -> Posterior:
    """Condition every process on the support, whose covariances are K.

    A row of weight w counts as w rows: its residual and its covariances are multiplied
    by the root of w.
    """
    root = support.counts.sqrt()[:, None, :, None]  # (tasks, 1, rows, 1)
    K = root * K * root.mT
    if module.kind == "regressor":
        return _of_values(module, support, root, K)
    return _of_classes(module, support, root, K, n_steps)


def _of_values(
    module: KernelLearner, support: Support, root: Tensor, K: Tensor
) -> Posterior:
    residual = root * (support.y[:, None, :, None] - support.mean)
    wide = _wide(K)
    noise = module.noise().to(wide)[:, None, None]
    L = torch.linalg.cholesky(K.to(wide) + noise * _eye(K).to(wide))
    residual = residual.to(wide)
    precision = torch.cholesky_inverse(L)
    weights = precision @ residual
    # Padding leaves the noise alone on the diagonal, and of w equal rows w - 1 too.
    spare = support.counts.sum(dim=1, keepdim=True) - K.shape[-1]  # (tasks, 1)
    volume = L.diagonal(dim1=-2, dim2=-1).log().sum(-1)
    volume = volume + 0.5 * spare * module.noise().to(wide).log()
    evidence = -0.5 * (residual * weights).sum((-1, -2)) - volume
    return Posterior(
        support.rows,
        root * weights.to(K),
        root * precision.to(K) * root.mT,
        module.log_share(evidence),
        support.n_classes,
    )


def _of_classes(
    module: KernelLearner, support: Support, root: Tensor, K: Tensor, n_steps: int
) -> Posterior:
    absent = absent_classes(support.mean.shape[-1], support.n_classes).unsqueeze(1)
    logits = support.mean.masked_fill(absent, -torch.inf)
    Y = one_hot(support.y, logits.shape[-1]).to(logits).unsqueeze(1)
    # More rows are further from the start. A task's number of steps is its own.
    n_rows = (support.counts > 0).sum(dim=1)
    steps = n_steps * (1 + (n_rows - 1).clamp(min=0) // _ROWS_PER_STEPS)
    weights: Tensor = MostLikely.apply(K, logits, Y, root, steps)
    latent = K @ weights
    log_p = torch.log_softmax(logits + latent / root.clamp(min=_TINY), dim=-1)
    fit = (root.square() * torch.where(Y > 0, log_p, 0.0)).sum((-1, -2))
    L = torch.linalg.cholesky(_eye(K) + 0.5 * K)
    volume = L.diagonal(dim1=-2, dim2=-1).log().sum(-1)
    spare = (support.n_classes - 1).clamp(min=1).unsqueeze(-1)
    evidence = fit - 0.5 * (latent * weights).sum((-1, -2)) - spare * volume
    return Posterior(
        support.rows,
        root * weights,
        K.new_zeros(len(K), 0),
        module.log_share(evidence),
        support.n_classes,
    )


class MostLikely(torch.autograd.Function):
    r"""Most likely latent values of a softmax likelihood under a Gaussian process.

    With covariances K, mean logits m and one-hot labels Y, they are
    :math:`m + K \alpha` where :math:`\alpha = Y - \mathrm{softmax}(m + K \alpha)`. Each
    of a fixed number of steps is

    .. math:: \alpha \leftarrow \alpha + (I + K / 2)^{-1}
              (Y - \mathrm{softmax}(m + K \alpha) - \alpha),

    Newton's with the largest curvature that a softmax can have in place of the present
    one (Böhning 1992), so that none goes too far. Gradients are those of the solution,
    by as many steps of the same kind, and not of the way to it.
    """

    @staticmethod
    def forward(
        ctx: Any, K: Tensor, logits: Tensor, Y: Tensor, root: Tensor, steps: Tensor
    ) -> Tensor:
        """Return weights over the roots of what rows count, in the shape of logits.

        ``steps``, (tasks,), are how many each task goes.
        """
        step = torch.linalg.inv(_eye(K) + 0.5 * K)
        inverse = 1 / root.clamp(min=_TINY)
        weights = torch.zeros_like(logits)
        for i in range(int(steps.max())):
            p = torch.softmax(logits + (K @ weights) * inverse, dim=-1)
            change = step @ (root * (Y - p) - weights)
            goes = (i < steps)[:, None, None, None]
            weights = torch.where(goes, weights + change, weights)
        p = torch.softmax(logits + (K @ weights) * inverse, dim=-1)
        ctx.save_for_backward(K, step, p, weights, root)
        ctx.steps = steps
        return weights

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Solve the linearised equation of the weights, transposed."""
        K, step, p, weights, root = ctx.saved_tensors
        (gradient,) = gradients

        def curve(x: Tensor) -> Tensor:
            return p * (x - (p * x).sum(-1, keepdim=True))

        x = gradient
        for i in range(int(ctx.steps.max())):
            change = step @ (gradient - x - K @ curve(x))
            x = torch.where((i < ctx.steps)[:, None, None, None], x + change, x)
        u = -curve(x)
        return u @ weights.mT, root * u, None, None, None


def _eye(K: Tensor) -> Tensor:
    return torch.eye(K.shape[-1], dtype=K.dtype, device=K.device)


def _wide(K: Tensor) -> torch.dtype:
    """Return the precision to factorise in: noise may be small beside covariances."""
    return K.dtype if K.device.type == "mps" else torch.double
