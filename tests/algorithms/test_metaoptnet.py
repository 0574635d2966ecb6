"""MetaOptNet against scipy's optimizer of the same dual."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch.nn.functional import cross_entropy

from skmeta.algorithms.metaoptnet import MetaOptNet
from skmeta.algorithms.shared.crammer_singer import _Problem
from skmeta.backbones import MLP
from skmeta.episodes import Batch, Episode
from skmeta.testing import check_algorithm, parametrize_with_algorithm_checks
from tests.algorithms import transfer
from tests.batches import CLASSIFIER, PER_TASK, calibrated
from tests.noisy_digits import check_learns

SPACES = pytest.mark.parametrize(
    "spec", [CLASSIFIER, PER_TASK], ids=["shared", "per_task"]
)
# With 12 rows of 4 classes: fewer rows than the embedding is wide, fewer than
# the class vectors have numbers together, and more than that.
WIDTHS = pytest.mark.parametrize("width", [20, 5, 2])


def build(algorithm, spec, width=5):
    """Build in float64; move the prior, which starts at zero."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        backbone = MLP((6, width), activation="tanh")
        module = algorithm.build(backbone, spec).double()
        if module.prior is not None:
            module.prior.data.normal_(std=0.3)
        return module


def naive_vectors(Z, y, prior, C):
    """Solve the dual of one task with a general-purpose optimizer."""
    n_rows, n_classes = len(Z), len(prior)
    own = np.eye(n_classes)[y].T  # (classes, rows)
    K, wanted = Z @ Z.T, own - prior @ Z.T

    def objective(alpha):
        alpha = alpha.reshape(n_classes, n_rows)
        value = (alpha @ K * alpha).sum() / 2 - (alpha * wanted).sum()
        return value, (alpha @ K - wanted).ravel()

    sums = np.tile(np.eye(n_rows), n_classes)
    solution = minimize(
        objective,
        np.zeros(n_classes * n_rows),
        jac=True,
        bounds=[(None, C * each) for each in own.ravel()],
        constraints={"type": "eq", "fun": lambda a: sums @ a, "jac": lambda a: sums},
        method="SLSQP",
        options={"maxiter": 1000, "ftol": 1e-14},
    )
    return prior + solution.x.reshape(n_classes, n_rows) @ Z


@SPACES
@WIDTHS
@pytest.mark.parametrize("C", [0.1, 10.0])
def test_vectors_and_loss_are_those_of_a_general_optimizer(spec, width, C, episode_for):
    algorithm = MetaOptNet(C)
    module, (support, query) = build(algorithm, spec, width), episode_for(spec)
    vectors = algorithm.adapt(module, support).vectors
    losses = []
    for t in range(3):
        real, n = support.mask[t], int(support.n_classes[t])
        Z = module.backbone(support.X[t][real]).detach().numpy()
        prior = np.zeros((n, width))
        if spec.label_space == "shared":
            prior = module.prior.detach().numpy()
        expected = naive_vectors(Z, support.y[t][real].numpy(), prior, C)
        np.testing.assert_allclose(vectors[t, :n].detach(), expected, atol=1e-5 * C)
        assert (vectors[t, n:] == 0).all()
        rows = module.backbone(query.X[t][query.mask[t]])
        logits = module.log_scale.exp() * rows @ torch.from_numpy(expected).T
        if spec.label_space == "shared":
            logits = calibrated(module.calibration, logits, support.y[t][real])
        losses.append(cross_entropy(logits, query.y[t][query.mask[t]]))
    loss = algorithm.meta_loss(module, Episode(support, query))
    naive = torch.stack(losses).mean()
    torch.testing.assert_close(loss, naive, rtol=1e-4, atol=1e-5)


@SPACES
@WIDTHS
@pytest.mark.parametrize("C", [0.1, 10.0])
def test_meta_gradient_equals_finite_differences(spec, width, C, episode_for):
    algorithm = MetaOptNet(C)
    module, episode = build(algorithm, spec, width), episode_for(spec)
    learnt = list(module.parameters())
    gradients = torch.autograd.grad(algorithm.meta_loss(module, episode), learnt)
    rng, step = np.random.default_rng(0), 1e-5
    for weight, gradient in zip(learnt, gradients, strict=True):
        flat = weight.data.view(-1)
        for at in rng.integers(len(flat), size=3):
            before, losses = flat[at].item(), []
            for moved in (before + step, before - step):
                flat[at] = moved
                losses.append(algorithm.meta_loss(module, episode).item())
            flat[at] = before
            slope = (losses[0] - losses[1]) / (2 * step)
            expected = pytest.approx(gradient.view(-1)[at].item(), rel=1e-3, abs=1e-4)
            assert slope == expected


@SPACES
def test_both_linear_systems_lead_to_the_same_loss_and_gradient(
    spec, episode_for, monkeypatch
):
    algorithm, results = MetaOptNet(), []
    module, episode = build(algorithm, spec, width=2), episode_for(spec)
    used = []
    by_vectors, by_sums = _Problem._newton_by_vectors, _Problem._newton_by_sums
    for way in (by_vectors, by_sums):

        def noted(self, ease, way=way):
            used.append(way)
            return way(self, ease)

        monkeypatch.setattr(_Problem, "_newton_by_vectors", noted)
        loss = algorithm.meta_loss(module, episode)
        learnt = list(module.parameters())
        results.append((loss, torch.autograd.grad(loss, learnt)))
    assert set(used) == {by_vectors, by_sums}
    torch.testing.assert_close(*results, rtol=1e-9, atol=1e-11)


def test_a_class_without_a_row_in_an_empty_task_keeps_its_prior(episode_for):
    algorithm = MetaOptNet()
    module, support = build(algorithm, CLASSIFIER), episode_for(CLASSIFIER).support
    support = support._replace(mask=torch.zeros_like(support.mask))
    vectors = algorithm.adapt(module, support).vectors
    torch.testing.assert_close(vectors, module.prior.expand_as(vectors))


def test_rows_that_repeat_have_a_solution_and_a_gradient(episode_for):
    """Their matrix of products is singular and their alpha not unique."""
    algorithm = MetaOptNet()
    module, (support, query) = build(algorithm, PER_TASK), episode_for(PER_TASK)
    twice = Batch(
        *(torch.cat([part, part], dim=1) for part in support[:3]), support.n_classes
    )
    algorithm.meta_backward(module, Episode(twice, query))
    assert all(weight.grad.isfinite().all() for weight in module.parameters())
    halved = MetaOptNet(C=2.0)  # each row twice at C is each row once at 2 C
    torch.testing.assert_close(
        algorithm.adapt(module, twice).vectors,
        halved.adapt(module, support).vectors,
        rtol=1e-5,
        atol=1e-5,
    )


def test_c_must_be_positive():
    with pytest.raises(ValueError, match="C must be positive"):
        MetaOptNet(C=0.0).build(MLP(), PER_TASK)


def test_has_a_prior_in_shared_label_spaces_only():
    assert MetaOptNet().has_prior(CLASSIFIER)
    assert not MetaOptNet().has_prior(PER_TASK)


@parametrize_with_algorithm_checks([MetaOptNet(C=0.1)])
def test_the_laws_hold_with_other_settings(algorithm, check):
    check(algorithm)


def test_laws_hold_on_other_data():
    check_algorithm(MetaOptNet(C=10.0), seed=1)


@pytest.mark.slow
def test_learns_what_tells_new_digits_apart():
    check_learns(MetaOptNet())


@transfer.SPACES
def test_the_second_loss_tells_training_classes_apart(spec, labelled_episode_for):
    transfer.check_second_loss(MetaOptNet(), labelled_episode_for(spec), spec)
