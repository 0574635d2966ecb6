"""Learning from a support of a few hundred rows at most, exactly."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from skmeta.algorithms.gaussian.kernel import KernelLearner
from skmeta.algorithms.gaussian.posterior import Posterior
from skmeta.algorithms.gaussian.support import Support
from skmeta.algorithms.shared.cholesky import inverse
from skmeta.algorithms.shared.losses import absent_classes
from skmeta.utils.asking import may_ask
from skmeta.utils.devices import wide_type

__all__ = ["Inverse", "MostLikely", "adapt_exactly"]

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
    residual = root * support.residual()
    noise = module.noise()
    precision, weights, volume = Inverse.apply(
        K + noise[:, None, None] * _eye(K), residual, noise.detach()
    )
    # Padding leaves the noise alone on the diagonal, and of w equal rows w - 1 too.
    spare = support.counts.sum(dim=1, keepdim=True) - K.shape[-1]  # (tasks, 1)
    volume = volume + 0.5 * spare * noise.log()
    evidence = -0.5 * (residual * weights).sum((-1, -2)) - volume
    evidence = evidence - support.log_volume()
    return Posterior(
        support.rows,
        root * weights,
        root * precision * root.mT,
        module.log_share(evidence),
        support.n_classes,
        support.levels(evidence),
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
    bounds = None
    if not may_ask():
        bounds = n_steps, n_steps * (1 + (K.shape[-1] - 1) // _ROWS_PER_STEPS)
    weights, volume = MostLikely.apply(K, logits, Y, root, steps, bounds)
    # Classes before rows, as in MostLikely.
    latent = weights.mT @ K
    scores = logits.mT + latent / root.clamp(min=_TINY).mT
    log_p = torch.where(Y.mT > 0, scores.log_softmax(dim=-2), 0.0)
    fit = (root.square().mT * log_p).sum((-1, -2))
    spare = (support.n_classes - 1).clamp(min=1).unsqueeze(-1)
    evidence = fit - 0.5 * (latent * weights.mT).sum((-1, -2)) - spare * volume
    return Posterior(
        support.rows,
        root * weights,
        K.new_zeros(len(K), 0),
        module.log_share(evidence),
        support.n_classes,
        K.new_zeros(len(K), 0),
    )


class Inverse(torch.autograd.Function):
    r"""Inverse P of a covariance A, P r of residuals r, and the root of its volume.

    The last is the logarithm :math:`\tfrac12 \log |A|`. A is factorised in double
    precision, for noise may be small beside covariances. With gradients
    :math:`\bar P, \bar w, \bar v` of the three, those of A and r are

    .. math:: \bar A = \tfrac12 \bar v P - P \bar P P - P \bar w \, (P r)^\top,
              \qquad \bar r = P \bar w .
    """

    @staticmethod
    def forward(
        ctx: Any, A: Tensor, residual: Tensor, noise: Tensor
    ) -> tuple[Tensor, ...]:
        """Return them, in the precision of A, which has the noise on its diagonal."""
        wide = wide_type(A)
        precision, L = inverse(A.to(wide), noise.to(wide))
        weights = (precision @ residual.to(wide)).to(A)
        volume = L.diagonal(dim1=-2, dim2=-1).log().sum(-1).to(A)
        precision = precision.to(A)
        ctx.save_for_backward(precision, weights)
        return precision, weights, volume

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of the covariance and of the residuals."""
        precision, weights = ctx.saved_tensors
        of_precision, of_weights, of_volume = gradients
        u = precision @ of_weights
        pull = 0.5 * of_volume[..., None, None] * precision - u @ weights.mT
        return pull - precision @ of_precision @ precision, u, None


class MostLikely(torch.autograd.Function):
    r"""Most likely latent values of a softmax likelihood under a Gaussian process.

    With covariances K, symmetric, mean logits m and one-hot labels Y, they are
    :math:`m + K \alpha` where :math:`\alpha = Y - \mathrm{softmax}(m + K \alpha)`. Each
    of a fixed number of steps is

    .. math:: \alpha \leftarrow \alpha + (I + K / 2)^{-1}
              (Y - \mathrm{softmax}(m + K \alpha) - \alpha),

    Newton's with the largest curvature that a softmax can have in place of the present
    one (Böhning 1992), so that none goes too far. Gradients are those of the steps that
    were taken. Those of the solution would lead astray where covariances are large and
    the steps have yet to reach it.

    Beside them stands the root of the volume, :math:`\tfrac12 \log |I + K / 2|`.
    """

    @staticmethod
    def forward(
        ctx: Any,
        K: Tensor,
        logits: Tensor,
        Y: Tensor,
        root: Tensor,
        steps: Tensor,
        bounds: tuple[int, int] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Return weights over the roots of what rows count, in the shape of logits.

        ``steps``, (tasks,), are how many each task goes, and ``bounds`` what they lie
        between, None to look.
        """
        # Classes stand before rows, (tasks * processes, classes, rows): a softmax over
        # the last and short one of dimensions takes four times as long.
        shape = logits.mT.shape
        step, L = inverse(_eye(K) + 0.5 * K, K.new_ones(()))
        volume = L.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        step = step.flatten(0, 1)
        root = root.mT.expand(*shape[:2], 1, -1).flatten(0, 1)
        labels = root * Y.mT.expand(shape).flatten(0, 1)
        logits = logits.mT.flatten(0, 1)
        steps = steps.repeat_interleave(shape[1])
        goes = _whether_it_goes(steps, bounds, K.dtype)
        latent, twice = logits, 2.0 / root.clamp(min=_TINY)
        probability, wanted = _softmax, labels
        if shape[2] == 2:
            # What one class weighs the other weighs with the other sign, and only how
            # far the second is ahead counts: half of the numbers, and no softmax.
            latent, twice = latent[:, 1:] - latent[:, :1], 2.0 * twice
            probability, wanted = torch.sigmoid, labels[:, 1:].contiguous()
        # A step leads to alpha = S h, where S = (I + K / 2)^-1, h = Y - p + K alpha / 2
        # and K alpha = 2 (h - S h): one product.
        spared = _eye(K) - step
        half = whole = torch.zeros_like(latent)
        way = []
        for each in goes:
            p = probability(torch.addcmul(latent, half, twice))
            way.append((whole, p))
            goal = torch.addcmul(wanted + half, root, p, value=-1.0)
            whole = goal if each is None else whole + each * (goal - whole)
            half = whole @ spared
        weights = whole @ step
        if ctx.needs_input_grad[0] or ctx.needs_input_grad[1]:
            passed, ps = map(torch.stack, zip(*way, strict=True))
            ctx.save_for_backward(step, spared, root, twice, whole, passed, ps)
            ctx.goes, ctx.shape = goes, shape
        if shape[2] == 2:
            weights = torch.cat([-weights, weights], dim=-2)
        return weights.view(shape).mT, volume

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Go the steps back, from the last one on."""
        step, spared, root, twice, whole, passed, ps = ctx.saved_tensors
        of_weights, of_volume = gradients
        pull = of_weights.mT.flatten(0, 1)
        are_two = ctx.shape[2] == 2
        if are_two:
            pull = pull[:, 1:] - pull[:, :1]
        # What the inverse S is multiplied with, and the gradients of the products.
        factors, pulls = [whole], [pull]
        pull = pull @ step
        of_logits = torch.zeros_like(pull)
        way = zip(ctx.goes[::-1], passed.flip(0), ps.flip(0), strict=True)
        for each, before, p in way:
            of_goal = pull if each is None else each * pull
            of_p = root * of_goal
            of_latent = p * of_p
            total = of_latent if are_two else of_latent.sum(dim=-2, keepdim=True)
            of_latent = torch.addcmul(of_latent, p, total, value=-1.0)
            of_logits -= of_latent
            of_half = torch.addcmul(of_goal, twice, of_latent, value=-1.0)
            factors.append(before)
            pulls.append(-of_half)
            back = of_half @ spared
            pull = back if each is None else pull - of_goal + back
        of_inverse = torch.cat(factors, dim=-2).mT @ torch.cat(pulls, dim=-2)
        of_K = torch.baddbmm(
            step * of_volume.flatten()[:, None, None],
            step @ of_inverse,
            step,
            beta=0.25,
            alpha=-0.5,
        )
        if are_two:
            of_logits = torch.cat([-of_logits, of_logits], dim=-2)
        of_logits = of_logits.view(ctx.shape).mT
        of_K = of_K.unflatten(0, ctx.shape[:2])
        return of_K, of_logits, None, None, None, None


def _whether_it_goes(
    steps: Tensor, bounds: tuple[int, int] | None, dtype: torch.dtype
) -> list[Tensor | None]:
    """Return for every step which go it, 0 or 1; None where all do."""
    fewest, most = bounds or (int(steps.min()), int(steps.max()))
    some = [(i < steps)[:, None, None].to(dtype) for i in range(fewest, most)]
    return [None] * fewest + some


def _softmax(logits: Tensor) -> Tensor:
    """Return probabilities of classes, which stand before rows."""
    return logits.softmax(dim=-2)


def _eye(K: Tensor) -> Tensor:
    return torch.eye(K.shape[-1], dtype=K.dtype, device=K.device)
