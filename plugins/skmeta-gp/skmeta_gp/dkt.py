"""Deep kernel transfer."""

from collections.abc import Callable

import torch
from gpytorch.kernels import Kernel
from torch import Tensor, nn

from skmeta.algorithms import (
    Algorithm,
    Spec,
    absent_classes,
    add_offset,
    task_losses,
)
from skmeta.backbones import Backbone
from skmeta.episodes import Batch, Episode
from skmeta.nn import apply
from skmeta_gp.deep_kernel import (
    LEAST_NOISE,
    MEANS,
    DeepKernel,
    Posterior,
    log_density,
)

__all__ = ["DKT"]


class DKT(Algorithm):
    r"""Deep kernel transfer: all tasks are Gaussian processes with one learnt kernel.

    The targets of a task are a function drawn from a Gaussian process on the embedding
    f, plus noise. Mean m, kernel k, noise :math:`\sigma^2` and f are common to all
    tasks and meta-learnt. With :math:`K` the covariances of n rows and
    :math:`L L^\top = K + \sigma^2 I`, the log marginal likelihood of a task is
    (Rasmussen and Williams 2006, equation 2.30)

    .. math::
        \log p(y \mid X) = -\tfrac12 (y - m)^\top (K + \sigma^2 I)^{-1} (y - m)
                           - \log |L| - \tfrac n2 \log 2\pi

    and meta-training maximises it for all rows of a task, support and query alike
    (Patacchiola et al. 2020, section 3), per row and averaged over tasks. So the shot
    that was trained with matters little. Adaptation conditions on the support, with no
    gradient: for a new row, with :math:`k_*` its covariances with the support
    (equations 2.25 and 2.26),

    .. math::
        \mu_* = m_* + k_*^\top (K + \sigma^2 I)^{-1} (y - m), \qquad
        s_*^2 = k_{**} - k_*^\top (K + \sigma^2 I)^{-1} k_* + \sigma^2 .

    A regressor answers :math:`\mu_*`, and :math:`s_*` with
    ``predict(X, return_std=True)``.

    Classes are learnt as in the paper, by a regression on labels +1 and -1 for each
    class against the rest, with the same kernel for all. Where the paper takes the
    largest sigmoid of a posterior mean, probabilities here are

    .. math:: p(y = k \mid x_*) \propto \exp(\alpha \, \mu_{*k} / s_*^2),

    for :math:`2 \mu_{*k} / s_*^2` is what the normal densities of +1 and -1 differ by
    in their logarithm. The same class wins, and rows far from the support get less
    certain answers. The scale :math:`\alpha` starts at 1, or at 0.3 in a shared label
    space, and learns from the cross-entropy of the queries, which teaches nothing else
    but, in a shared label space, how the scale changes with the number of support rows
    and the odds of the classes and their shares in the support
    (:class:`~skmeta.algorithms.Calibration`).

    What a prior says of a row, o(x), is added to :math:`\mu_*` or to the logits, and
    the process learns what it leaves of the targets: values less o, or
    :math:`2 ([y = k] - \mathrm{softmax}_k(o) + 1 / K) - 1` in place of +1 and -1 for
    K classes.

    The linear algebra is exact and in double precision: a Cholesky factor for each
    task, whose cost is the cube of its rows. Tasks of thousands of rows are slow.

    Parameters
    ----------
    kernel : str, gpytorch.kernels.Kernel or callable, default="linear"
        Covariance of two embedded rows, with a learnt variance: "linear"
        (:math:`z^\top z' + c`), "quadratic" (its square), "cosine" (of their angle;
        the paper's CosSim), "rbf" or "matern" (with :math:`\nu = 5/2`). Or any kernel
        of gpytorch, or a function that makes one for the width of the embedding (no
        lambda, if the learner is to be pickled).
    mean : {"linear", "constant"}, default="linear"
        Prior mean of a value, or of each label of a shared label space: a linear
        function of the embedding, or a constant as in the paper. The linear one says
        what all tasks have in common, which the kernel cannot. In a per-task label
        space it is the mean label of equally frequent classes.
    noise : float, default=0.1
        Variance :math:`\sigma^2` of the noise, at first; above 0.0001. In units of
        targets as an estimator standardises them, or of the labels +1 and -1.
    learn_noise : bool or "auto", default="auto"
        Meta-learn the noise. "auto" does so but for per-task label spaces. There, a
        noise that suits classes that were trained on is far too little for new ones
        (and the authors' code keeps 0.1).

    References
    ----------
    M. Patacchiola, J. Turner, E. J. Crowley, M. O'Boyle, A. Storkey. Bayesian
    meta-learning for the few-shot setting via deep kernels. NeurIPS 2020.

    C. E. Rasmussen, C. K. I. Williams. Gaussian processes for machine learning. MIT
    Press 2006.

    Examples
    --------
    >>> from skmeta import MetaRegressor
    >>> from skmeta.datasets import make_sinusoids
    >>> from skmeta_gp import DKT
    >>> X, y, task = make_sinusoids(n_tasks=50, n_rows=20, random_state=0)
    >>> meta = MetaRegressor(DKT("cosine"), max_epochs=2, random_state=0)
    >>> meta = meta.fit(X, y, groups=task).adapt(X[:5], y[:5])
    >>> mean, std = meta.predict(X[5:8], return_std=True)
    >>> mean.shape, std.shape, bool((std > 0).all())
    ((3,), (3,), True)
    """

    uses_prior = True
    sure_of_any_shot = True

    def __init__(
        self,
        kernel: str | Kernel | Callable[[int], Kernel] = "linear",
        mean: str = "linear",
        noise: float = 0.1,
        learn_noise: bool | str = "auto",
    ):
        self.kernel = kernel
        self.mean = mean
        self.noise = noise
        self.learn_noise = learn_noise

    def build(self, backbone: Backbone, spec: Spec) -> nn.Module:
        """Hold the backbone, the mean, the kernel and the noise.

        Raises
        ------
        ValueError
            If a parameter is out of its range.
        """
        self._validate()
        learn_noise = self.learn_noise
        if learn_noise == "auto":
            learn_noise = spec.label_space == "shared"
        return DeepKernel(
            backbone.build(spec.n_features),
            spec,
            kernel=self.kernel,
            mean=self.mean,
            noise=self.noise,
            learn_noise=bool(learn_noise),
        )

    def adapt(self, module: nn.Module, support: Batch) -> Posterior:
        """Condition the process of every task on its support."""
        embedded = apply(module.backbone, support.X, support.mask)
        L, residual = module.joint(embedded, support)
        weights = torch.cholesky_solve(residual, L)
        shares = module.shares(support)
        return Posterior(embedded, support.mask, L, weights, support.n_classes, shares)

    def predict(
        self,
        module: nn.Module,
        state: Posterior,
        X: Tensor,
        offset: Tensor | None = None,
    ) -> Tensor:
        """Answer rows with the posterior mean, or with logits."""
        embedded = apply(module.backbone, X)
        mean = module.posterior_mean(state, embedded)
        if module.kind == "regressor":
            return add_offset(mean.to(embedded), offset)
        scores = mean / module.posterior_variance(state, embedded)
        n_rows = state.mask.sum(dim=1)
        logits = module.logits(
            scores.to(embedded), state.n_classes, n_rows, state.shares
        )
        return add_offset(logits, offset)

    def predict_std(
        self,
        module: nn.Module,
        state: Posterior,
        X: Tensor,
        offset: Tensor | None = None,
    ) -> Tensor:
        """Tell how sure the answers are, in regression.

        Parameters
        ----------
        module : nn.Module
            What :meth:`build` returned.
        state : pytree of Tensor
            What :meth:`adapt` returned.
        X : Tensor of shape (tasks, rows, n_features)
            Query rows.
        offset : Tensor of shape (tasks, rows, parts, 1), default=None
            Prior of the rows, which changes nothing here.

        Returns
        -------
        Tensor of shape (tasks, rows, 1)
            Standard deviations of the targets, their noise included, in units of the
            targets as they were learnt.
        """
        embedded = apply(module.backbone, X)
        return module.posterior_variance(state, embedded).sqrt().to(embedded)

    def meta_loss(self, module: nn.Module, episode: Episode) -> Tensor:
        """Return minus the log marginal likelihood per row, averaged over tasks.

        In classification it is averaged over classes too, and the cross-entropy of the
        queries is added, for the scale alone.
        """
        support, query = episode
        rows, _ = episode.join()
        embedded = apply(module.backbone, rows.X, rows.mask)
        L, residual = module.joint(embedded, rows)
        whitened = torch.linalg.solve_triangular(L, residual, upper=False)
        log_p = log_density(whitened, L, rows.mask)  # (tasks, outputs)
        if module.kind == "classifier":
            absent = absent_classes(log_p.shape[1], rows.n_classes).squeeze(1)
            n_classes = rows.n_classes.clamp(min=1).unsqueeze(-1)
            log_p = log_p.masked_fill(absent, 0.0) / n_classes
        n_rows = rows.mask.sum(dim=1).clamp(min=1)
        loss = -(log_p.sum(dim=1) / n_rows).mean().to(embedded)
        if module.kind == "regressor":
            return loss
        with torch.no_grad():
            # The support stands first, so that the first rows of L are its own factor
            # and the others hold what it tells of the queries.
            n = support.X.shape[1]
            prior = module.prior_mean(embedded[:, n:], rows.n_classes)
            mean = prior + L[:, n:, :n] @ whitened[:, :n]
            variance = L[:, n:, n:].square().sum(dim=-1, keepdim=True)
            scores = (mean / variance).to(embedded)
        logits = module.logits(
            scores, rows.n_classes, support.mask.sum(dim=1), module.shares(support)
        )
        logits = add_offset(logits, query.offset)
        return loss + task_losses(logits, query).mean()

    def _validate(self) -> None:
        if self.mean not in MEANS:
            raise ValueError(f"mean must be one of {list(MEANS)}, not {self.mean!r}.")
        if not self.noise > LEAST_NOISE:
            raise ValueError(
                f"noise must be a variance above {LEAST_NOISE}, not {self.noise!r}. "
                "Targets that carry none do with 0.001."
            )
        if self.learn_noise not in (True, False, "auto"):
            raise ValueError(
                f"learn_noise must be True, False or 'auto', not {self.learn_noise!r}."
            )
