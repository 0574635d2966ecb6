"""Ridge heads against scikit-learn's ridge and a naive loop over tasks."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from torch.nn.functional import cross_entropy, mse_loss, one_hot

from skmeta import MetaRegressor
from skmeta.algorithms import Spec
from skmeta.algorithms.r2d2 import R2D2
from skmeta.backbones import MLP, Identity
from skmeta.datasets import make_sinusoids
from skmeta.testing import parametrize_with_algorithm_checks
from tests.algorithms import transfer
from tests.batches import CLASSIFIER, PER_TASK, REGRESSOR, SPECS, calibrated

# Narrower than the supports, and wider: both forms of the solution.
WIDTHS = pytest.mark.parametrize("width", [4, 30])


def build(algorithm, spec, backbone):
    """Build in float64; move what starts at zero, which would hide what it does."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = algorithm.build(backbone, spec).double()
        if module.prior is not None:
            module.prior.data.normal_()
        if module.calibration is not None:
            for weight in module.calibration.parameters():
                weight.data += 0.1 * torch.randn_like(weight)
        return module


def with_one(Z):
    return torch.cat([Z, torch.ones_like(Z[:, :1])], dim=1)


def naive_loss(module, episode, spec, t):
    """Solve the normal equations of one task, without its padding."""
    (X, y), (X_new, y_new) = (
        (batch.X[t][batch.mask[t]], batch.y[t][batch.mask[t]]) for batch in episode
    )
    Z, Z_new = with_one(module.backbone(X)), with_one(module.backbone(X_new))
    if spec.kind == "regressor":
        Y = y.unsqueeze(-1)
    else:
        Y = one_hot(y, int(episode.support.n_classes[t])).double()
    W_0 = torch.zeros(Z.shape[1], Y.shape[1], dtype=torch.float64)
    if spec.label_space == "shared":
        W_0 = module.prior
    ridge = module.log_ridge.exp()
    W = torch.linalg.inv(Z.T @ Z + ridge * torch.eye(Z.shape[1]).double()) @ (
        Z.T @ Y + ridge * W_0
    )
    if spec.kind == "regressor":
        return mse_loss((Z_new @ W).squeeze(-1), y_new)
    logits = module.log_scale.exp() * Z_new @ W
    if spec.label_space == "shared":
        logits = calibrated(module.calibration, logits, y)
    return cross_entropy(logits, y_new)


@SPECS
@WIDTHS
@pytest.mark.parametrize("learn_ridge", [True, False])
def test_loss_and_gradient_equal_a_naive_computation(
    spec, width, learn_ridge, episode_for
):
    algorithm = R2D2(ridge=0.3, learn_ridge=learn_ridge)
    module = build(algorithm, spec, MLP((6, width), activation="tanh"))
    episode = episode_for(spec)
    naive = torch.stack([naive_loss(module, episode, spec, t) for t in range(3)]).mean()
    loss = algorithm.meta_loss(module, episode)
    torch.testing.assert_close(loss, naive, rtol=1e-10, atol=1e-10)
    learnt = [weight for weight in module.parameters() if weight.requires_grad]
    torch.testing.assert_close(
        torch.autograd.grad(loss, learnt),
        torch.autograd.grad(naive, learnt),
        rtol=1e-8,
        atol=1e-10,
    )


def test_regression_on_raw_rows_is_scikit_learns_ridge(episode_for):
    """With no network and no prior; the appended one is penalised like the rest."""
    algorithm = R2D2(ridge=0.7)
    module = algorithm.build(Identity(), REGRESSOR).double()
    support, query = episode_for(REGRESSOR)
    answers = algorithm.predict(module, algorithm.adapt(module, support), query.X)
    for t in range(3):
        real = support.mask[t]
        ridge = Ridge(alpha=0.7, fit_intercept=False)
        ridge.fit(with_one(support.X[t][real]).numpy(), support.y[t][real].numpy())
        expected = ridge.predict(with_one(query.X[t]).numpy())
        # The ridge is kept as a logarithm, which is learnt in single precision.
        np.testing.assert_allclose(answers[t, :, 0].detach(), expected, rtol=1e-5)


@pytest.mark.parametrize("spec", [CLASSIFIER, REGRESSOR], ids=["shared", "regressor"])
def test_a_large_ridge_answers_with_the_prior_head(spec, episode_for):
    algorithm = R2D2(ridge=1e12)
    module = build(algorithm, spec, MLP((6, 5)))
    if module.calibration is not None:
        for weight in module.calibration.parameters():
            weight.data.zero_()
    state = algorithm.adapt(module, episode_for(spec).support)
    torch.testing.assert_close(state.head, module.prior.expand_as(state.head))


def test_single_precision_survives_a_ridge_of_almost_zero(episode_for):
    algorithm = R2D2(ridge=1e-9)
    module = build(algorithm, REGRESSOR, MLP((30,))).float()
    support = episode_for(REGRESSOR).support
    support = support._replace(X=support.X.float(), y=support.y.float())
    answers = algorithm.predict(module, algorithm.adapt(module, support), support.X)
    error = (answers.squeeze(-1) - support.y)[support.mask].abs().max()
    assert error < 1e-2  # more directions than rows: ridge interpolates


def test_a_file_without_calibration_keeps_its_shift(episode_for):
    algorithm, (support, query) = R2D2(), episode_for(CLASSIFIER)
    module = build(algorithm, CLASSIFIER, MLP((6, 5)))
    shift = torch.tensor([0.3, -0.1, 0.0, 2.0], dtype=torch.float64)
    before = {
        name: weight
        for name, weight in module.state_dict().items()
        if not name.startswith("calibration")
    }
    module.load_state_dict(before | {"shift": shift})
    answers = algorithm.predict(module, algorithm.adapt(module, support), query.X)
    for weight in module.calibration.parameters():
        weight.data.zero_()
    plain = algorithm.predict(module, algorithm.adapt(module, support), query.X)
    torch.testing.assert_close(answers, plain + shift)


def test_ridge_must_be_positive():
    with pytest.raises(ValueError, match="ridge must be positive"):
        R2D2(ridge=0.0).build(MLP(), REGRESSOR)


def test_has_a_prior_where_outputs_mean_the_same_in_every_task():
    assert R2D2().has_prior(CLASSIFIER)
    assert R2D2().has_prior(Spec(3, 1, "regressor"))
    assert not R2D2().has_prior(PER_TASK)


@parametrize_with_algorithm_checks([R2D2(ridge=0.01, learn_ridge=False)])
def test_the_laws_hold_with_other_settings(algorithm, check):
    check(algorithm)


@pytest.mark.slow
def test_learns_ten_shot_sinusoids_that_maml_does_not():
    """The task and sizes of the test of MAML, which ends at 0.9 at best."""
    X, y, task = make_sinusoids(n_tasks=2000, n_rows=40, random_state=0)
    X_new, y_new, new = make_sinusoids(n_tasks=500, n_rows=50, random_state=1)
    support = np.tile(np.arange(50) < 10, 500)
    meta = MetaRegressor(
        R2D2(),
        MLP((40, 40)),
        n_shot=10,
        n_query=10,
        batch_size=25,
        lr=3e-3,
        max_epochs=30,
        random_state=0,
    ).fit(X, y, groups=task)
    meta.adapt(X_new[support], y_new[support], groups=new[support])
    answers = meta.predict(X_new[~support], groups=new[~support])
    mse = np.mean((answers - y_new[~support]) ** 2)
    assert mse < 0.1


def test_answers_are_less_sure_at_first_where_labels_are_shared():
    """A few rows seldom make sure of a label that means the same everywhere."""
    scales = {
        spec.label_space: R2D2().build(MLP((6, 5)), spec).log_scale.exp().item()
        for spec in (CLASSIFIER, PER_TASK)
    }
    assert scales == pytest.approx({"shared": 1.5, "per_task": 10.0})


@transfer.SPACES
def test_the_second_loss_tells_training_classes_apart(spec, labelled_episode_for):
    transfer.check_second_loss(R2D2(), labelled_episode_for(spec), spec)
