"""Learning from many rows, by a few hundred of them that stand for all."""

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from skmeta.algorithms.gaussian.kernel import KernelLearner
from skmeta.algorithms.gaussian.posterior import Posterior
from skmeta.algorithms.gaussian.support import Support
from skmeta.algorithms.shared.cholesky import cholesky
from skmeta.algorithms.shared.graph import evenly_spaced
from skmeta.algorithms.shared.losses import absent_classes
from skmeta.utils.devices import wide_type

__all__ = ["adapt_large"]

# Rows that go through the linear algebra at once.
_ROWS_AT_ONCE = 8192
_JITTER = 1e-5
_STEPS = 60


def adapt_large(module: KernelLearner, support: Support, n_inducing: int) -> Posterior:
    r"""Condition every process on the support, through inducing rows.

    With u the inducing rows and :math:`\Phi = K_{fu} L^{-\top}`,
    :math:`L L^\top = K_{uu}`, a process is the Bayesian linear model
    :math:`f = m + \Phi w`, :math:`w \sim N(0, I)` (the deterministic training
    conditional, Quiñonero-Candela and Rasmussen 2005), whose cost is linear in the
    rows. Inducing rows are evenly spaced in the order of a fixed projection, so that
    neither the order of the rows nor other tasks decide.
    """
    inputs = support.rows[..., : module.n_inputs]
    chosen = evenly_spaced(inputs, support.counts > 0, n_inducing)  # (tasks, inducing)
    inducing = support.rows.take_along_dim(chosen.unsqueeze(-1), dim=1)
    kernel = module.kernel()
    Kuu = kernel.between(inducing, inducing)
    Kuu = Kuu.to(wide_type(Kuu))
    scale = Kuu.diagonal(dim1=-2, dim2=-1).mean(-1)[..., None, None]
    eye = torch.eye(Kuu.shape[-1], dtype=Kuu.dtype, device=Kuu.device)
    L = cholesky(Kuu + _JITTER * scale * eye)
    # Phi in blocks of rows, (tasks, processes, rows, inducing)
    features = []
    for rows in support.rows.split(_ROWS_AT_ONCE, dim=1):
        Kuf = kernel.between(inducing, rows).to(L)
        phi = torch.linalg.solve_triangular(L, Kuf, upper=False).mT
        features.append(phi.to(rows))
    if module.kind == "regressor":
        return _of_values(module, support, inducing, features, L, eye)
    return _of_classes(module, support, inducing, features, L, eye)


def _of_values(
    module: KernelLearner,
    support: Support,
    inducing: Tensor,
    features: list[Tensor],
    L: Tensor,
    eye: Tensor,
) -> Posterior:
    noise = module.noise().to(L)[:, None, None]
    residual = support.residual().to(L)
    counts = support.counts[:, None, :, None].to(L)
    A = noise * eye
    target = L.new_zeros(*L.shape[:-1], 1)
    start = 0
    for phi in features:
        rows = slice(start, start + phi.shape[2])
        weighted = counts[:, :, rows] * phi
        A = A + weighted.mT @ phi.to(L)
        target = target + weighted.mT @ residual[:, :, rows]
        start = rows.stop
    root = cholesky(A)
    w = torch.cholesky_solve(target, root)
    squares = (counts * residual.square()).sum((-1, -2)) - (target * w).sum((-1, -2))
    n_rows = support.counts.sum(dim=1, keepdim=True)
    noise = noise.squeeze()
    volume = root.diagonal(dim1=-2, dim2=-1).log().sum(-1)
    volume = volume + 0.5 * (n_rows - L.shape[-1]) * noise.log()
    evidence = -0.5 * squares / noise - volume - support.log_volume()
    inverse = torch.linalg.solve_triangular(L, eye.expand_as(L), upper=False)
    spared = eye - noise[:, None, None] * torch.cholesky_inverse(root)
    return Posterior(
        inducing,
        (inverse.mT @ w).to(inducing),
        (inverse.mT @ spared @ inverse).to(inducing),
        module.log_share(evidence),
        support.n_classes,
        support.levels(evidence).to(inducing),
    )


def _of_classes(
    module: KernelLearner,
    support: Support,
    inducing: Tensor,
    features: list[Tensor],
    L: Tensor,
    eye: Tensor,
) -> Posterior:
    absent = absent_classes(support.mean.shape[-1], support.n_classes).unsqueeze(1)
    logits = support.mean.masked_fill(absent, -torch.inf)
    Y = one_hot(support.y, logits.shape[-1]).to(logits).unsqueeze(1)
    counts = support.counts[:, None, :, None]
    sizes = [phi.shape[2] for phi in features]
    parts = list(
        zip(
            features,
            *(whole.split(sizes, dim=2) for whole in (logits, Y, counts)),
            strict=True,
        )
    )
    curvature = sum((n * phi).mT @ phi for phi, _, _, n in parts)
    bound = cholesky(eye + 0.5 * curvature.to(L))
    w = ahead = L.new_zeros(*L.shape[:-1], logits.shape[-1])
    for i in range(_STEPS):  # with Nesterov's momentum
        pull = -ahead
        for phi, mean, y, n in parts:
            p = torch.softmax(mean + phi @ ahead.to(phi), dim=-1)
            pull = pull + phi.mT @ (n * (y - p))
        before, w = w, ahead + torch.cholesky_solve(pull, bound)
        ahead = w + i / (i + 3) * (w - before)
    fit = L.new_zeros(L.shape[:2])
    for phi, mean, y, n in parts:
        log_p = torch.log_softmax(mean + phi @ w.to(phi), dim=-1)
        fit = fit + (n * torch.where(y > 0, log_p, 0.0)).sum((-1, -2))
    volume = bound.diagonal(dim1=-2, dim2=-1).log().sum(-1)
    spare = (support.n_classes - 1).clamp(min=1).unsqueeze(-1)
    evidence = fit - 0.5 * w.square().sum((-1, -2)) - spare * volume
    weights = torch.linalg.solve_triangular(L.mT, w, upper=True)
    return Posterior(
        inducing,
        weights.to(inducing),
        inducing.new_zeros(len(inducing), 0),
        module.log_share(evidence),
        support.n_classes,
        inducing.new_zeros(len(inducing), 0),
    )
