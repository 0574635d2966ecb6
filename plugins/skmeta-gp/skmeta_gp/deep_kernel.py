"""A Gaussian process on a learnt embedding, for a padded batch of tasks.

gpytorch has the kernels, the means, the noise and their constraints. Its models are not
used: they keep the rows of one task inside the module, pad nothing, and turn to
iterative solvers from 800 rows on, by switches that are global to the process.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from gpytorch.kernels import Kernel
from gpytorch.likelihoods import GaussianLikelihood
from gpytorch.means import ConstantMean, LinearMean, Mean
from torch import Tensor, nn

from skmeta.algorithms import (
    Calibration,
    Spec,
    count_classes,
    mask_absent_classes,
    unexplained_targets,
)
from skmeta.episodes import Batch
from skmeta.nn import apply
from skmeta_gp.kernels import above, covariance, make_kernel, variance

__all__ = ["LEAST_NOISE", "MEANS", "DeepKernel", "Posterior", "log_density"]

# Where targets carry no noise, the likelihood grows without end as its variance falls.
# This is a standard deviation of a hundredth of the targets' own.
LEAST_NOISE = 1e-4

MEANS = ("linear", "constant")

# What is added where rounding made a covariance indefinite, as a part of the variance.
_JITTER = 1e-8

# Of the odds that the normal densities of two labels imply. Where a label means the
# same in every task, the learnt noise is too small for new tasks and the odds of
# frequent classes come out too long.
_FIRST_SCALE = {"per_task": 1.0, "shared": 0.3}


class Posterior(NamedTuple):
    """What a support tells of the function of every task."""

    rows: Tensor  # (tasks, rows, d): embedded support
    mask: Tensor  # (tasks, rows)
    factor: Tensor  # (tasks, rows, rows): Cholesky factor L of K + noise
    weights: Tensor  # (tasks, rows, outputs): (K + noise)^-1 (y - m)
    n_classes: Tensor  # (tasks,)
    # (tasks, classes): what shares of classes in the support add to the logits of a
    # shared label space; files of before do not have it.
    shares: Tensor | tuple[()] = ()


class DeepKernel(nn.Module):
    """Backbone, mean, kernel and noise that all tasks share.

    Parameters
    ----------
    backbone : nn.Module
        Network to the embedding.
    spec : Spec
        Sizes and kinds.
    kernel : str, Kernel or callable
        As in :func:`skmeta_gp.kernels.make_kernel`.
    mean : {"linear", "constant"}
        Prior mean, where outputs mean the same in every task.
    noise : float
        Variance of the noise, at first.
    learn_noise : bool
        Whether it is learnt.
    """

    def __init__(
        self,
        backbone: nn.Module,
        spec: Spec,
        *,
        kernel: str | Kernel | Callable[[int], Kernel],
        mean: str,
        noise: float,
        learn_noise: bool,
    ):
        super().__init__()
        self.backbone = backbone
        self.kind = spec.kind
        self.n_outputs = spec.n_outputs
        with torch.no_grad():
            embedded = apply(backbone, torch.randn(1, 100, spec.n_features))[0]
        self.kernel = make_kernel(kernel, embedded)
        self.likelihood = GaussianLikelihood(noise_constraint=above(LEAST_NOISE))
        self.likelihood.noise = noise
        self.likelihood.raw_noise.requires_grad_(learn_noise)
        self.mean = _make_mean(mean, backbone.out_features, self.n_outputs)
        self.log_scale = self.calibration = None
        if spec.kind == "classifier":
            scale = _FIRST_SCALE[spec.label_space]
            self.log_scale = nn.Parameter(torch.tensor(math.log(scale)))
            if self.n_outputs:
                self.calibration = Calibration(self.n_outputs)

    def prior_mean(self, embedded: Tensor, n_classes: Tensor) -> Tensor:
        """Return the mean before any row is seen, (tasks, rows, outputs or 1)."""
        if self.mean is not None:
            return _exact(self.mean(embedded.unsqueeze(1)).mT)
        # The mean of +1 for one class and -1 for the others, as frequent as that one.
        label = 2 / n_classes.clamp(min=1).to(embedded) - 1  # (tasks,)
        return _exact(label[:, None, None].expand(*embedded.shape[:2], 1))

    def joint(self, embedded: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Factorise the covariance of noisy targets, and subtract their prior mean.

        Padding is a target of its own mean and of variance 1, independent of the
        others, so that it has no part in anything.

        Parameters
        ----------
        embedded : Tensor of shape (tasks, rows, d)
            Embedded rows of the batch.
        batch : Batch
            Their targets and mask.

        Returns
        -------
        factor : Tensor of shape (tasks, rows, rows)
            Lower triangular; NaN for a task whose rows are not finite.
        residual : Tensor of shape (tasks, rows, outputs)
            0 on padding. There is an output for every class, its labels +1 and -1.
        """
        rows, mask = _exact(embedded), batch.mask
        K = covariance(self.kernel, rows, rows)
        K = K.masked_fill(~(mask.unsqueeze(-1) & mask.unsqueeze(-2)), 0.0)
        own = torch.where(mask, self.likelihood.noise.to(K), 1.0)
        targets = _exact(self._targets(batch))
        residual = targets - self.prior_mean(embedded, batch.n_classes)
        return _cholesky(K + own.diag_embed()), residual * mask.unsqueeze(-1)

    def posterior_mean(self, posterior: Posterior, embedded: Tensor) -> Tensor:
        """Return the mean at rows (tasks, rows, d), as (tasks, rows, outputs)."""
        prior = self.prior_mean(embedded, posterior.n_classes)
        return prior + self._cross(posterior, embedded).mT @ posterior.weights

    def posterior_variance(self, posterior: Posterior, embedded: Tensor) -> Tensor:
        """Return the variance of noisy targets at rows, as (tasks, rows, 1)."""
        whitened = torch.linalg.solve_triangular(
            posterior.factor, self._cross(posterior, embedded), upper=False
        )
        prior = variance(self.kernel, _exact(embedded))
        left = (prior - whitened.square().sum(dim=1)).clamp(min=0.0)
        return (left + self.likelihood.noise.to(left)).unsqueeze(-1)

    def logits(
        self,
        scores: Tensor,
        n_classes: Tensor,
        n_rows: Tensor,
        shares: Tensor | tuple[()],
    ) -> Tensor:
        """Scale what tells the classes of (tasks, rows, classes) apart."""
        logits = self.log_scale.exp() * scores
        if self.calibration is not None:
            logits = self.calibration.scale(n_rows) * logits + self.calibration.shift
        if isinstance(shares, Tensor):
            logits = logits + shares.unsqueeze(1)
        return mask_absent_classes(logits, n_classes)

    def shares(self, support: Batch) -> Tensor | tuple[()]:
        """Return what shares of the classes in the support add to logits."""
        if self.calibration is None:
            return ()
        return self.calibration.shares(count_classes(support, self.n_outputs))

    def _targets(self, batch: Batch) -> Tensor:
        n_classes = self.n_outputs or int(batch.n_classes.max())
        targets = unexplained_targets(batch, n_classes)
        return targets if self.kind == "regressor" else 2 * targets - 1

    def _cross(self, posterior: Posterior, embedded: Tensor) -> Tensor:
        """Return the covariances of the support with rows, (tasks, support, rows)."""
        K = covariance(self.kernel, _exact(posterior.rows), _exact(embedded))
        return K.masked_fill(~posterior.mask.unsqueeze(-1), 0.0)


def log_density(whitened: Tensor, factor: Tensor, mask: Tensor) -> Tensor:
    r"""Return the log-density of the real rows of every task.

    Parameters
    ----------
    whitened : Tensor of shape (tasks, rows, outputs)
        :math:`L^{-1} (y - m)`, 0 on padding.
    factor : Tensor of shape (tasks, rows, rows)
        Cholesky factor L of their covariance, 1 on the diagonal of padding.
    mask : bool Tensor of shape (tasks, rows)
        False on padding.

    Returns
    -------
    Tensor of shape (tasks, outputs)
        :math:`-\frac12 \|L^{-1} (y - m)\|^2 - \log |L| - \frac n2 \log 2 \pi`.
    """
    log_det = 2 * factor.diagonal(dim1=-2, dim2=-1).log().sum(dim=-1, keepdim=True)
    constant = math.log(2 * math.pi) * mask.to(factor).sum(dim=-1, keepdim=True)
    return -(whitened.square().sum(dim=1) + log_det + constant) / 2


def _make_mean(mean: str, width: int, n_outputs: int) -> Mean | None:
    if not n_outputs:
        return None
    shape = torch.Size([n_outputs])
    if mean == "constant":
        return ConstantMean(batch_shape=shape)
    linear = LinearMean(width, batch_shape=shape)
    for weight in linear.parameters():  # which gpytorch draws at random
        nn.init.zeros_(weight)
    return linear


def _exact(values: Tensor) -> Tensor:
    """Move to double precision, where the device has it."""
    return values if values.device.type == "mps" else values.double()


def _cholesky(K: Tensor) -> Tensor:
    L, failed = torch.linalg.cholesky_ex(K)
    if failed.any():
        variances = K.diagonal(dim1=-2, dim2=-1)
        jitter = _JITTER * variances.amax(dim=-1) * failed.sign()  # (tasks,)
        jitter = jitter.unsqueeze(-1).expand_as(variances)
        L, failed = torch.linalg.cholesky_ex(K + jitter.diag_embed())
    # A task that cannot be learnt must not take the others with it.
    return L.masked_fill((failed > 0)[:, None, None], torch.nan)
