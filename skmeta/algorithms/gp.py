"""Gaussian processes with a meta-learnt kernel, around a prior."""

from typing import Any, Literal

import torch
from skorch.callbacks import GradientNormClipping
from torch import Tensor
from torch.nn.functional import logsigmoid

from skmeta.algorithms.base import Algorithm
from skmeta.algorithms.gaussian import (
    Kernel,
    KernelLearner,
    Posterior,
    Support,
    adapt_deformed,
    adapt_exactly,
    adapt_large,
)
from skmeta.algorithms.shared.graph import (
    WithGraph,
    beside_graph,
    check_unlabelled,
    few_unlabelled,
    graph_rows,
    mixed,
)
from skmeta.algorithms.shared.losses import absent_classes, mean_of_rows
from skmeta.algorithms.shared.reuse import once
from skmeta.algorithms.shared.temperature import check_temperature
from skmeta.algorithms.shared.training_classes import make_class_loss
from skmeta.backbones.base import Backbone
from skmeta.episodes.episode import Batch, Episode
from skmeta.episodes.spec import Spec
from skmeta.utils.counts import is_count

__all__ = ["GP"]

# Support rows beyond which a few of them stand for all.
_MOST_ROWS = 256

# Support rows up to which a temperature holds; with more it fades.
_TEMPERED_ROWS = 10

# What "auto" chooses from: weights of the graph, and shares of the process on it alone.
_WEIGHTS = (0.3, 3.0)
_SHARES = (0.0, 0.5, 0.9)

# Columns beyond which boosting would take longer than all else.
_WIDE = 200


class GP(Algorithm):
    r"""Gaussian processes with a meta-learnt kernel, around a prior.

    Says how a task deviates from what all tasks have in common. The outputs of a task
    (a value; or a logit for each class) are :math:`f(x) = m(x) + g(x)`. The mean m is a
    meta-learnt constant plus the prior's parts :math:`b_p` (boosting, a linear model)
    times meta-learnt :math:`\beta_p`, and g a Gaussian process with the kernel

    .. math::
        k(x, x') = \theta_0 + \sum_j \theta_j z_j z_j'
            + \theta_a \exp\Big(-\tfrac12 \sum_j
              \frac{(z_j - z_j')^2}{\ell_j^2}\Big)
            + \theta_e \exp(-\tfrac12 |e(z) - e(z')|^2)

    where z holds the standardised features and the prior's answers: a level of each
    task, a slope of each feature, a smooth function of the inputs and one of the
    embedding :math:`e(z) = A \, h(z) + B z`, h being the backbone. All of
    :math:`\theta, \ell, A, B, h` and the noise :math:`\sigma^2` of values are
    meta-learnt, and the same for all classes.

    Adaptation conditions on the support and takes no gradient of the module. For
    values, with covariances K of the support and :math:`k_*` of a new row with it
    (Rasmussen and Williams 2006, equations 2.25 and 2.26),

    .. math::
        \mu_* = m_* + k_*^\top (K + \sigma^2 I)^{-1} (y - m), \qquad
        s_*^2 = k_{**} - k_*^\top (K + \sigma^2 I)^{-1} k_* + \sigma^2 .

    For classes, with one-hot labels Y, the latent values are the most likely ones under
    a softmax (their section 3.5), :math:`m + K \alpha` with :math:`\alpha = Y -
    \mathrm{softmax}(m + K \alpha)`, found by a fixed number of damped steps

    .. math:: \alpha \leftarrow \alpha + (I + K / 2)^{-1}
              (Y - \mathrm{softmax}(m + K \alpha) - \alpha).

    Which classes there are and how many, in all tasks or in one, makes no difference.

    Three such processes are learnt at once: around the prior without the embedding,
    around a constant without it, and around the prior with it (without a prior, two).
    Training maximises the log density of the queries under each of them. A task is
    answered by their mixture (Bayesian model averaging), each weighed by
    :math:`\pi_p \, p_p(y \mid X)^{1/2}`, how likely the support is under it, with the
    odds :math:`\pi_p` of :math:`1, e^{-2}, e^{-1}` before any row (of classes
    :math:`1, e^{-10}, e^{-1}`, for a prior may be certain of them). So where the prior
    misleads, or an embedding has learnt the training tasks by heart, the rows of the
    task itself tell.

    Where tasks are dealt from a pool of classes, ``tasks="classes"``, it is not the
    best choice: on eight pools, five classes at a time, it tells 61 and 78 % of the
    rows by one and five rows of each class,
    :class:`~skmeta.algorithms.ProtoNet` 69 and 81 %.

    Targets may grow by factors: one farm produces a hundred times as much as another,
    and what is not known of it is as much more. Where targets of the training are more
    skewed than an exponential distribution, ``Spec.long_tails``, and there is a prior,
    a row deviates in a unit of its own,

    .. math::
        f(x) = m(x) + h(x) \, g(x), \qquad
        h(x) = \frac{\zeta(a + c \, v(x))}{\zeta(a + 3 |c|)}, \qquad
        v(x) = u(x) + \frac{\sum_i (y_i - u(x_i))}{n + \kappa},

    and so does its noise. Here :math:`\zeta(t) = \log(1 + e^t)`, u is what the prior
    says, in standard deviations of the targets from their mean, the sum is over the n
    rows of the support, and a, c and :math:`\kappa` are meta-learnt from c = 0 on. In
    training the log density of a query counts as its h does, halfway between relative
    and squared errors (Seitzer et al. 2022).

    It is trained in one cycle of the learning rate (Smith and Topin 2018), in which 320
    meta-batches teach as much as thousands at a low rate, and which needs no held-out
    tasks to end.

    Gaussian processes on meta-learnt embeddings are of Patacchiola et al. (2020), a
    meta-learnt Bayesian linear model of Harrison et al. (2018), boosting with random
    effects of Sigrist (2022). That the prior is any estimator, fitted out of fold; the
    sum of kernels; the mixture over processes by evidence; units of rows by their
    level; and classes by unrolled steps in the dual are our own.

    Unlabelled rows of a task, ``Batch.unlabelled``, tell the shape of its inputs. With
    the Laplacian L of the graph of all rows and a weight w, every process has the
    deformed kernel (Sindhwani et al. 2005, equation 6)

    .. math::
        \tilde k(x, z) = k(x, z) - k_x^\top (I + M K)^{-1} M k_z, \qquad M = w L^2,

    with the covariances K of these rows and :math:`k_x` of a row x with them; of
    classes it is multiplied by what keeps the variance of the labelled rows. Of classes
    there is one more process beside, on the graph alone, with a share of the answers of
    its own. At most 1,024 rows are in the graph, labelled ones first, and evenly spaced
    ones stand for the others. Tasks with more than 256 labelled rows, and those without
    any, leave unlabelled rows alone.

    A task may be learnt at a temperature T (Grünwald and van Ommen 2017): each of its n
    rows counts as 1 / T(n) rows do, in what it tells of the task and in the evidence,

    .. math:: T(n) = 1 + (T - 1) \min(1, (10 / n)^2),

    and the noise of a new value stays :math:`\sigma^2`. For values an estimator's
    ``fit`` chooses the highest of 1, 4, 16 and 64 whose squared error on the training
    tasks, or on those held out to stop by, is the least but for chance. It is above 1
    where few tasks were learnt by heart or some err by far more than others: there a
    few rows would mislead. Training is at T = 1, and so is the level :math:`v` above.

    A task of more than 256 rows is learnt through 256 of them that stand for all
    (the deterministic training conditional of Quiñonero-Candela and Rasmussen 2005),
    in time and memory linear in its rows.

    Parameters
    ----------
    width : int, default=16
        Width of the embedding.
    n_steps : int, default=12
        Steps to the most likely latent values of classes, for each 16 rows of a task.
    class_loss : float or "auto", default="auto"
        Weight of a second loss of the training: all training classes are told apart by
        a linear classifier of the embedding (:class:`~skmeta.algorithms.ClassLoss`).
        "auto" is 1 for pools of ten classes or more, ``tasks="classes"``, and 0, for
        none, elsewhere.
    unlabelled : "auto" or (float, float), default="auto"
        How much unlabelled rows count: the weight w of the graph, from 0 on, and the
        share of the graph's own process in the answers to classes, from 0 to 1. With
        "auto" an estimator's ``fit`` learns them on held-out tasks, and (0, 0), which
        leaves unlabelled rows alone, stands elsewhere and where they do not help.
    temperature : "auto" or float, default="auto"
        The temperature T, from 1 on, of values or of classes. With "auto" an
        estimator's ``fit`` learns it where there are ten tasks of values or more; 1
        stands elsewhere.

    References
    ----------
    C. E. Rasmussen, C. K. I. Williams. Gaussian processes for machine learning. MIT
    Press 2006.

    M. Patacchiola, J. Turner, E. J. Crowley, M. O'Boyle, A. Storkey. Bayesian
    meta-learning for the few-shot setting via deep kernels. NeurIPS 2020.

    J. Harrison, A. Sharma, M. Pavone. Meta-learning priors for efficient online
    Bayesian regression. WAFR 2018.

    F. Sigrist. Gaussian process boosting. JMLR 23, 2022.

    V. Sindhwani, P. Niyogi, M. Belkin. Beyond the point cloud: from transductive to
    semi-supervised learning. ICML 2005.

    J. Quiñonero-Candela, C. E. Rasmussen. A unifying view of sparse approximate
    Gaussian process regression. JMLR 6, 2005.

    M. Seitzer, A. Tavakoli, D. Antic, G. Martius. On the pitfalls of heteroscedastic
    uncertainty estimation with probabilistic neural networks. ICLR 2022.

    L. N. Smith, N. Topin. Super-convergence: very fast training of neural networks
    using large learning rates. 2018.

    P. Grünwald, T. van Ommen. Inconsistency of Bayesian inference for misspecified
    linear models, and a proposal for repairing it. Bayesian Analysis 12, 2017.

    D. Böhning. Multinomial logistic regression algorithm. Annals of the Institute of
    Statistical Mathematics 44, 1992.

    Examples
    --------
    >>> from skmeta import MetaRegressor
    >>> from skmeta.datasets import make_sinusoids
    >>> X, y, task = make_sinusoids(n_tasks=50, n_rows=20, random_state=0)
    >>> meta = MetaRegressor("gp", prior="linear", max_epochs=2, random_state=0)
    >>> meta = meta.fit(X, y, groups=task).adapt(X[:5], y[:5])
    >>> mean, std = meta.predict(X[5:8], return_std=True)
    >>> mean.shape, std.shape, bool((std > 0).all())
    ((3,), (3,), True)
    """

    uses_weights = True
    uses_prior = True
    learns_prior = True
    uses_unlabelled = True
    learns_temperature = True
    adapts_weights = False
    sure_of_any_shot = True
    default_lr = 0.06
    default_epochs = 20
    trains_in_one_cycle = True

    def __init__(
        self,
        width: int = 16,
        n_steps: int = 12,
        class_loss: float | Literal["auto"] = "auto",
        unlabelled: Literal["auto"] | tuple[float, float] = "auto",
        temperature: Literal["auto"] | float = "auto",
    ):
        self.width = width
        self.n_steps = n_steps
        self.class_loss = class_loss
        self.unlabelled = unlabelled
        self.temperature = temperature

    def default_prior(self, spec: Spec) -> tuple[str, ...]:
        """Name boosting and a linear model; of wide tables the latter alone."""
        if spec.label_space != "shared":
            return ()
        return ("boosting", "linear") if spec.n_features <= _WIDE else ("linear",)

    def default_episode(self, spec: Spec) -> tuple[int | tuple[int, int], int]:
        """Train for supports of 1 to 10 rows, where labels mean the same in all tasks.

        Where they do not, 5 rows of each class, and 15 to judge by.
        """
        return ((1, 10), 30) if spec.label_space == "shared" else (5, 15)

    def unlabelled_choices(self, spec: Spec) -> tuple[tuple[float, float], ...]:
        """Return weights of the graph and, of classes, shares of its own process."""
        if spec.kind == "regressor":
            return tuple((weight, 0.0) for weight in _WEIGHTS)
        return tuple(
            (weight, share) for weight in (0.0, *_WEIGHTS) for share in _SHARES
        )

    def callbacks(self) -> list[Any]:
        """Keep outer steps short where a task is very unlikely."""
        return [("clip", GradientNormClipping(1.0))]

    def build(self, backbone: Backbone, spec: Spec) -> KernelLearner:
        """Hold the backbone, the kernels, the mixture and the second loss.

        Raises
        ------
        ValueError
            If a parameter is out of its range.
        """
        for name in ("width", "n_steps"):
            if not is_count(getattr(self, name), 1):
                raise ValueError(f"{name} must be at least 1, not {self!r}.")
        check_unlabelled(self.unlabelled)
        check_temperature(self.temperature)
        module = KernelLearner(backbone, spec, self.width)
        module.class_loss = make_class_loss(self.width, spec, self.class_loss)
        return module

    def adapt(self, module: KernelLearner, support: Batch) -> "Posterior | WithGraph":
        """Condition the processes of every task on its support."""
        weight, share = check_unlabelled(self.unlabelled)
        is_small = support.mask.shape[1] <= _MOST_ROWS
        if support.unlabelled is None or not is_small or not (weight or share):
            return once(self._adapt_labelled, module, support)
        few = few_unlabelled(support)
        if weight:
            state = once(self._adapt_deformed, module, support, few, weight)
        else:
            state = once(self._adapt_labelled, module, support)
        if module.kind == "regressor" or not share:
            return state
        return beside_graph(state, support, few, module.n_outputs, share)

    def _adapt_deformed(
        self, module: KernelLearner, support: Batch, few: Batch, weight: float
    ) -> Posterior:
        return adapt_deformed(
            module,
            self._tempered(module.support(support)),
            module.support(few),
            graph_rows(support, few),
            weight,
            self.n_steps,
        )

    def _adapt_labelled(self, module: KernelLearner, support: Batch) -> Posterior:
        return self._adapt_rows(module, self._tempered(module.support(support)))

    def _adapt_rows(self, module: KernelLearner, rows: Support) -> Posterior:
        if rows.y.shape[1] <= _MOST_ROWS:
            return self._adapt_exactly(module, rows)
        is_large = (rows.counts > 0).sum(dim=1) > _MOST_ROWS
        large, small = (mask.nonzero().squeeze(1) for mask in (is_large, ~is_large))
        parts = []
        if len(large):
            parts.append(adapt_large(module, rows.of_tasks(large), _MOST_ROWS))
        if len(small):
            few = rows.of_tasks(small).front(_MOST_ROWS)
            parts.append(self._adapt_exactly(module, few).widened(_MOST_ROWS))
        order = torch.cat([large, small]).argsort()
        joined = (torch.cat(leaves)[order] for leaves in zip(*parts, strict=True))
        return Posterior(*joined)

    def _tempered(self, support: Support) -> Support:
        """Let rows count less where they say more than is true."""
        excess = check_temperature(self.temperature) - 1.0
        if not excess:
            return support
        n_rows = (support.counts > 0).sum(dim=1, keepdim=True).to(support.counts)
        fading = (_TEMPERED_ROWS / n_rows.clamp(min=_TEMPERED_ROWS)).square()
        return support._replace(counts=support.counts / (1.0 + excess * fading))

    def _adapt_exactly(self, module: KernelLearner, support: Support) -> Posterior:
        K = module.kernel().between(support.rows, support.rows)
        return adapt_exactly(module, support, K, self.n_steps)

    def predict(
        self,
        module: KernelLearner,
        state: "Posterior | WithGraph",
        X: Tensor,
        offset: Tensor | None = None,
    ) -> Tensor:
        """Answer rows with the mixture of the processes."""
        if isinstance(state, WithGraph):
            logits = self.predict(module, state.learnt, X, offset)
            return mixed(state, logits, X, offset)
        return once(self._mixture, module, state, X, offset)

    def _mixture(
        self,
        module: KernelLearner,
        state: Posterior,
        X: Tensor,
        offset: Tensor | None,
    ) -> Tensor:
        rows, kernel = module.rows(X, offset), module.kernel()
        log_share = state.log_share[..., None, None]
        if module.kind == "classifier" and module.n_outputs == 2:  # of all tasks
            # Only how far the second class is ahead counts: half of the numbers.
            weights = state.weights[..., 1:] - state.weights[..., :1]
            mean = module.ahead(X, offset)
            ahead = kernel.times(rows, state.rows, weights, mean)
            log_p = logsigmoid(torch.cat([-ahead, ahead], dim=2)) + log_share
            first, *others = log_p.unbind(dim=1)
            for each in others:  # in half of the time that logsumexp takes
                first = torch.logaddexp(first, each)
            return first.mT
        mean = module.mean(X, offset, state.weights.shape[-1])
        told = module.told(X, offset)
        if told is None:
            outputs = kernel.times(rows, state.rows, state.weights, mean)
        else:
            none = torch.zeros_like(mean)
            beyond = kernel.times(rows, state.rows, state.weights, none)
            scale = module.scale(told, state.level).unsqueeze(2)
            outputs = torch.addcmul(mean, scale, beyond)
        if module.kind == "regressor":
            return (log_share.exp() * outputs).sum(dim=1).mT
        # Classes stand before rows: a softmax over the last and short one of dimensions
        # takes ten times as long.
        outputs = _masked(module, outputs.mT, state).mT
        return (log_share + outputs.log_softmax(dim=-2)).logsumexp(dim=1).mT

    def predict_std(
        self,
        module: KernelLearner,
        state: Posterior,
        X: Tensor,
        offset: Tensor | None = None,
    ) -> Tensor:
        """Tell how sure the answers are, in regression.

        Parameters
        ----------
        module : nn.Module
            What :meth:`build` returned.
        state : Posterior
            What :meth:`adapt` returned.
        X : Tensor of shape (tasks, rows, n_features)
            Query rows.
        offset : Tensor of shape (tasks, rows, parts, 1), default=None
            What the prior says of them.

        Returns
        -------
        Tensor of shape (tasks, rows, 1)
            Standard deviations of the targets, their noise included, in units of the
            targets as they were learnt.
        """
        values, variance = self._processes(module, state, X, offset)
        assert variance is not None  # of values
        share = state.log_share.exp()[..., None, None]
        mean = (share * values).sum(dim=1, keepdim=True)
        spread = variance.unsqueeze(-1) + (values - mean).square()
        return (share * spread).sum(dim=1).sqrt()

    def embed(
        self,
        module: KernelLearner,
        state: Posterior,
        X: Tensor,
        offset: Tensor | None = None,
    ) -> Tensor:
        """Map rows to the embedding that kernels compare."""
        return module.embed(X, offset)

    def meta_loss(self, module: KernelLearner, episode: Episode) -> Tensor:
        """Return minus the log density, or log-probability, of the queries.

        The mean of those of every process by itself, and the second loss of pools of
        classes.
        """
        support, query = episode
        n = support.y.shape[1]
        # Support and query at once: most of the time goes into calls, not numbers.
        joined, _ = episode.join()
        whole, told = module.unscaled(joined), module.told(joined.X, joined.offset)
        known = Support(
            whole.rows[:, :n],
            whole.mean[:, :, :n],
            support.y,
            whole.counts[:, :n],
            support.n_classes,
        )
        scale = importance = None
        if told is not None:
            known = module.scaled(known, told[..., :n])
            assert known.level is not None
            scale = module.scale(told[..., n:], known.level)
            importance = module.importance(told[..., n:], known.level)
        kernel = module.kernel()
        if n <= _MOST_ROWS:
            K = kernel.between(whole.rows, known.rows)
            state = adapt_exactly(module, known, K[:, :, :n], self.n_steps)
            K = K[:, :, n:]
        else:
            state = self._adapt_rows(module, known)
            K = kernel.between(whole.rows[:, n:], state.rows)
        outputs = whole.mean[:, :, n:] + _scaled(K @ state.weights, scale)
        variance = None
        if module.kind == "regressor":
            variance = _variance(module, kernel, state, whole.rows[:, n:], K, scale)
        log_p = _log_density(_masked(module, outputs, state), variance, query.y)
        if importance is not None:
            log_p = importance * log_p
        loss = -mean_of_rows(log_p.mean(dim=1), query).mean()
        if module.class_loss is None:
            return loss
        embedded = whole.rows[..., module.n_inputs :]
        return loss + module.class_loss(embedded, joined)

    def validation_loss(
        self,
        module: KernelLearner,
        state: Posterior,
        outputs: Tensor,
        query: Batch,
    ) -> Tensor:
        """Return minus the log density, or log-probability, of the mixture."""
        if module.kind == "classifier":
            return super().validation_loss(module, state, outputs, query)
        processes = self._processes(module, state, query.X, query.offset, query.mask)
        log_p = _log_density(*processes, query.y)
        mixture = (state.log_share.unsqueeze(-1) + log_p).logsumexp(dim=1)
        return -mean_of_rows(mixture, query).mean()

    def _processes(
        self,
        module: KernelLearner,
        state: Posterior,
        X: Tensor,
        offset: Tensor | None,
        mask: Tensor | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """Answer rows by every process, with the variances of values."""
        rows = module.rows(X, offset, mask)
        kernel = module.kernel()
        K = kernel.between(rows, state.rows)  # (tasks, processes, rows, support)
        told = module.told(X, offset)
        scale = None if told is None else module.scale(told, state.level)
        beyond = _scaled(K @ state.weights, scale)
        outputs = module.mean(X, offset, state.weights.shape[-1]).mT + beyond
        outputs = _masked(module, outputs, state)
        if module.kind == "classifier":
            return outputs, None
        return outputs, _variance(module, kernel, state, rows, K, scale)


def _scaled(outputs: Tensor, scale: Tensor | None) -> Tensor:
    """Return deviations of rows, (tasks, processes, rows, outputs), in one unit."""
    return outputs if scale is None else scale.unsqueeze(-1) * outputs


def _masked(module: KernelLearner, outputs: Tensor, state: Posterior) -> Tensor:
    """Rule out classes that a task lacks, (tasks, processes, rows, outputs)."""
    if module.kind == "regressor":
        return outputs
    absent = absent_classes(outputs.shape[-1], state.n_classes).unsqueeze(1)
    return outputs.masked_fill(absent, -torch.inf)


def _variance(
    module: KernelLearner,
    kernel: Kernel,
    state: Posterior,
    rows: Tensor,
    K: Tensor,
    scale: Tensor | None,
) -> Tensor:
    """Return the variance of new targets at rows, (tasks, processes, rows)."""
    explained = ((K @ state.precision) * K).sum(dim=-1)
    variance = (kernel.variance(rows) - explained).clamp(min=0.0)
    variance = variance + module.noise().unsqueeze(-1)
    return variance if scale is None else scale.square() * variance


def _log_density(outputs: Tensor, variance: Tensor | None, y: Tensor) -> Tensor:
    """Return that of every row by every process, (tasks, processes, rows)."""
    if variance is None:
        code = y[:, None, :, None].expand(*outputs.shape[:3], 1)
        return outputs.log_softmax(dim=-1).gather(-1, code).squeeze(-1)
    error = (outputs.squeeze(-1) - y.unsqueeze(1)).square()
    return -0.5 * (error / variance + variance.log())
