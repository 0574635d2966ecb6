"""The deep kernel against the equations of Rasmussen and Williams, task by task."""

import numpy as np
import pytest
import torch
from scipy.special import softmax
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct, Matern
from skmeta_gp import DKT
from skmeta_gp.deep_kernel import LEAST_NOISE
from torch.distributions import MultivariateNormal
from torch.nn.functional import cross_entropy

from skmeta.algorithms import Spec
from skmeta.backbones import MLP, Identity
from skmeta.episodes import Batch, Episode

CLASSIFIER = Spec(3, 4, "classifier", "shared")
PER_TASK = Spec(3, 0, "classifier", "per_task")
REGRESSOR = Spec(3, 1, "regressor")
SPECS = pytest.mark.parametrize(
    "spec", [CLASSIFIER, PER_TASK, REGRESSOR], ids=["shared", "per_task", "regressor"]
)
KERNELS = pytest.mark.parametrize(
    "kernel", ["linear", "quadratic", "cosine", "rbf", "matern"]
)
MEANS = pytest.mark.parametrize("mean", ["linear", "constant"])


def make_batch(spec, sizes, generator):
    """Draw padded rows of tasks of unequal size."""
    n_tasks, width = len(sizes), max(sizes)
    mask = torch.arange(width) < torch.tensor(sizes).unsqueeze(-1)
    X = torch.randn(n_tasks, width, 3, generator=generator, dtype=torch.float64)
    n_classes = torch.zeros(n_tasks, dtype=torch.long)
    y = torch.randn(n_tasks, width, generator=generator, dtype=torch.float64)
    if spec.kind == "classifier":
        n_classes = torch.tensor([2, 4, 3])
        if spec.label_space == "shared":
            n_classes = torch.full((3,), 4)
        y = torch.randint(0, 100, (n_tasks, width), generator=generator)
        y = y % n_classes.unsqueeze(-1)
    return Batch(X * mask.unsqueeze(-1), y * mask, mask, n_classes)


@pytest.fixture
def make():
    """Build a learner in float64, moved from its start, with three unequal tasks."""
    generator = torch.Generator().manual_seed(1)

    def build(algorithm, spec, backbone=None):
        backbone = backbone or MLP((6, 5), activation="tanh")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            module = algorithm.build(backbone, spec).double()
            for weight in module.parameters():
                weight.data += 0.05 * torch.randn_like(weight)
        support = make_batch(spec, [5, 7, 4], generator)
        query = make_batch(spec, [6, 3, 8], generator)
        return module, Episode(support, query)

    return build


# One task, in numpy ---------------------------------------------------------------


def naive_kernel(module, name):
    """Return a function from two tables of embedded rows to their covariances."""
    scale = module.kernel.outputscale.item()
    base = module.kernel.base_kernel
    if name == "cosine":
        return lambda a, b: scale * (unit(a) @ unit(b).T)
    if name == "rbf":
        return ConstantKernel(scale) * RBF(base.lengthscale.item())
    if name == "matern":
        return ConstantKernel(scale) * Matern(base.lengthscale.item(), nu=2.5)
    dot = DotProduct(np.sqrt(base.offset.item()))
    return ConstantKernel(scale) * (dot if name == "linear" else dot**2)


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def naive_mean(module, algorithm, spec, Z, n_classes):
    """Return the prior mean, a column for each output."""
    if spec.label_space == "per_task":
        return np.full((len(Z), n_classes), 2 / n_classes - 1)
    if algorithm.mean == "constant":
        constant = module.mean.constant.detach().numpy()
        return np.tile(constant, (len(Z), 1))
    weights, bias = (part.detach().numpy() for part in module.mean.parameters())
    return Z @ weights[:, :, 0].T + bias[:, 0]


def naive_task(module, algorithm, spec, batch, t):
    """Return embedded rows, targets minus prior mean, and mean, without padding."""
    real = batch.mask[t]
    Z = module.backbone(batch.X[t][real]).detach().numpy()
    y = batch.y[t][real].numpy()
    n_classes = int(batch.n_classes[t])
    if spec.kind == "regressor":
        targets = y[:, np.newaxis]
    else:
        targets = np.where(y[:, np.newaxis] == np.arange(n_classes), 1.0, -1.0)
    mean = naive_mean(module, algorithm, spec, Z, n_classes)
    return Z, targets - mean, mean


def naive_log_likelihood(K, residual):
    """Equation 2.30, averaged over outputs."""
    n = len(residual)
    fit = np.einsum("ik,ij,jk->k", residual, np.linalg.inv(K), residual)
    log_det = np.linalg.slogdet(K)[1]
    return np.mean(-fit / 2 - log_det / 2 - n / 2 * np.log(2 * np.pi))


def naive_posterior(k, noise, Z, residual, Z_new, mean_new):
    """Equations 2.25 and 2.26, with the noise of the targets."""
    inverse = np.linalg.inv(k(Z, Z) + noise * np.eye(len(Z)))
    cross = k(Z_new, Z)
    variance = k(Z_new, Z_new) - cross @ inverse @ cross.T
    return mean_new + cross @ inverse @ residual, np.diag(variance) + noise


def naive_logits(module, scores, y):
    """Scale what tells classes apart, by the labels of the support if it is learnt."""
    logits = module.log_scale.exp().item() * scores
    if module.calibration is None:
        return logits
    always, with_rows = module.calibration.sureness.tolist()
    factor = np.exp(always + with_rows * len(y) / (len(y) + 5))
    odds = 10 * module.calibration.odds.detach().numpy()
    pi, t = softmax(odds), 100 * module.calibration.trust.item() ** 2
    shares = (np.bincount(y, minlength=len(pi)) + pi / t) / (len(y) + 1 / t)
    return factor * logits + odds + np.log(shares / pi)


# Claims ---------------------------------------------------------------------------


@SPECS
@KERNELS
@MEANS
def test_mean_and_variance_are_the_posteriors(spec, kernel, mean, make):
    algorithm = DKT(kernel, mean)
    module, (support, query) = make(algorithm, spec)
    k, noise = naive_kernel(module, kernel), module.likelihood.noise.item()
    state = algorithm.adapt(module, support)
    outputs = algorithm.predict(module, state, query.X).detach().numpy()
    std = algorithm.predict_std(module, state, query.X).detach().numpy()
    assert std.shape == (3, 8, 1)
    for t in range(3):
        n_new, n_classes = int(query.mask[t].sum()), int(query.n_classes[t])
        Z, residual, _ = naive_task(module, algorithm, spec, support, t)
        Z_new, _, mean_new = naive_task(module, algorithm, spec, query, t)
        mu, variance = naive_posterior(k, noise, Z, residual, Z_new, mean_new)
        if spec.kind == "classifier":
            assert np.all(np.isneginf(outputs[t, :, n_classes:]))
            y = support.y[t][support.mask[t]].numpy()
            mu = naive_logits(module, mu / variance[:, np.newaxis], y)
        np.testing.assert_allclose(outputs[t, :n_new, : mu.shape[1]], mu, rtol=1e-9)
        np.testing.assert_allclose(std[t, :n_new, 0] ** 2, variance, rtol=1e-9)


@SPECS
@KERNELS
@MEANS
def test_loss_is_the_log_marginal_likelihood_of_all_rows(spec, kernel, mean, make):
    algorithm = DKT(kernel, mean)
    module, episode = make(algorithm, spec)
    k, noise = naive_kernel(module, kernel), module.likelihood.noise.item()
    losses = []
    for t in range(3):
        (Z, residual, _), (Z_new, residual_new, mean_new) = (
            naive_task(module, algorithm, spec, batch, t) for batch in episode
        )
        rows = np.concatenate([Z, Z_new])
        K = k(rows, rows) + noise * np.eye(len(rows))
        targets = np.concatenate([residual, residual_new])
        loss = -naive_log_likelihood(K, targets) / len(rows)
        if spec.kind == "classifier":
            mu, variance = naive_posterior(k, noise, Z, residual, Z_new, mean_new)
            y = episode.support.y[t][episode.support.mask[t]].numpy()
            logits = naive_logits(module, mu / variance[:, np.newaxis], y)
            y_new = episode.query.y[t][episode.query.mask[t]]
            loss += cross_entropy(torch.from_numpy(logits), y_new).item()
        losses.append(loss)
    loss = algorithm.meta_loss(module, episode).item()
    assert loss == pytest.approx(np.mean(losses), rel=1e-10)


@KERNELS
def test_gradient_is_that_of_gpytorchs_kernel_and_torchs_density(kernel, make):
    algorithm = DKT(kernel)
    module, episode = make(algorithm, REGRESSOR)
    losses = []
    for t in range(3):
        X, y = (
            torch.cat([batch[part][t][batch.mask[t]] for batch in episode])
            for part in (0, 1)
        )
        Z = module.backbone(X)
        noise = module.likelihood.noise * torch.eye(len(Z), dtype=Z.dtype)
        density = MultivariateNormal(
            module.mean(Z)[0], module.kernel(Z).to_dense() + noise
        )
        losses.append(-density.log_prob(y) / len(y))
    naive = torch.stack(losses).mean()
    loss = algorithm.meta_loss(module, episode)
    learnt = list(module.parameters())
    torch.testing.assert_close(
        torch.autograd.grad(loss, learnt),
        torch.autograd.grad(naive, learnt),
        rtol=1e-8,
        atol=1e-11,
    )


@pytest.mark.parametrize("spec", [CLASSIFIER, PER_TASK], ids=["shared", "per_task"])
def test_cross_entropy_teaches_the_calibration_alone(spec, make):
    algorithm = DKT()
    module, episode = make(algorithm, spec)
    learnt = {
        name: weight
        for name, weight in module.named_parameters()
        if weight.requires_grad
    }
    gradients = []
    for scale in (0.5, 3.0):
        module.log_scale.data.fill_(np.log(scale))
        loss = algorithm.meta_loss(module, episode)
        gradients.append(
            dict(zip(learnt, torch.autograd.grad(loss, learnt.values()), strict=True))
        )
    names = ["log_scale"]
    if spec is CLASSIFIER:
        names += [f"calibration.{each}" for each in ("sureness", "odds", "trust")]
    for name in names:
        one, other = (each.pop(name) for each in gradients)
        assert (one != other).all()
    torch.testing.assert_close(*gradients, rtol=0, atol=0)


@pytest.mark.parametrize("spec", [CLASSIFIER, REGRESSOR], ids=["shared", "regressor"])
@MEANS
def test_without_rows_the_answer_is_the_prior(spec, mean, make):
    algorithm = DKT("rbf", mean)
    module, (support, query) = make(algorithm, spec)
    nothing = Batch(
        *(torch.zeros_like(part) for part in support[:3]), support.n_classes
    )
    state = algorithm.adapt(module, nothing)
    outputs = algorithm.predict(module, state, query.X).detach().numpy()
    std = algorithm.predict_std(module, state, query.X)
    variance = module.kernel.outputscale + module.likelihood.noise
    torch.testing.assert_close(std, variance.sqrt().expand_as(std))
    for t in range(3):
        _, _, prior = naive_task(module, algorithm, spec, query, t)
        if spec.kind == "classifier":
            prior = naive_logits(module, prior / variance.item(), np.zeros(0, int))
        np.testing.assert_allclose(outputs[t, : len(prior)], prior, rtol=1e-9)


def test_single_precision_loses_no_digits_where_rows_are_nearly_the_same(make):
    algorithm = DKT("rbf", noise=1.01 * LEAST_NOISE)
    module, (support, query) = make(algorithm, REGRESSOR, Identity())
    module = module.float()
    support = support._replace(X=support.X.float() / 100, y=support.y.float())
    X = query.X.float() / 100
    single = algorithm.predict(module, algorithm.adapt(module, support), X)
    module = module.double()
    support = support._replace(X=support.X.double(), y=support.y.double())
    double = algorithm.predict(module, algorithm.adapt(module, support), X.double())
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), double, rtol=1e-5, atol=1e-5)


def with_first_task(support, X):
    return support._replace(X=torch.cat([X, support.X[1:]]))


def test_rows_far_off_scale_are_answered(make):
    """Where rounding would leave no Cholesky factor."""
    algorithm = DKT("linear", noise=1.01 * LEAST_NOISE)
    module, (support, query) = make(algorithm, REGRESSOR, Identity())
    usual = algorithm.predict(module, algorithm.adapt(module, support), query.X)
    far = with_first_task(support, 1e8 * support.X[:1])
    answers = algorithm.predict(module, algorithm.adapt(module, far), query.X)
    assert answers.isfinite().all()
    torch.testing.assert_close(answers[1:], usual[1:], rtol=0, atol=0)


def test_a_task_that_is_not_finite_leaves_the_others_as_they_are(make):
    algorithm = DKT()
    module, (support, query) = make(algorithm, REGRESSOR)
    usual = algorithm.predict(module, algorithm.adapt(module, support), query.X)
    broken = with_first_task(support, torch.full_like(support.X[:1], torch.nan))
    answers = algorithm.predict(module, algorithm.adapt(module, broken), query.X)
    assert answers[0].isnan().all()
    torch.testing.assert_close(answers[1:], usual[1:], rtol=0, atol=0)
