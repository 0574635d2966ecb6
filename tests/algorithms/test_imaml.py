"""iMAML's gradient against the exact one, and the memory that it needs."""

import numpy as np
import pytest
import torch
from torch.func import functional_call
from torch.nn.functional import cross_entropy, mse_loss

from skmeta import MetaRegressor
from skmeta.algorithms import IMAML, MAML, Pooled
from skmeta.algorithms.imaml import conjugate_gradient
from skmeta.backbones import MLP
from skmeta.datasets import make_sinusoids
from skmeta.testing import parametrize_with_algorithm_checks
from tests.batches import CLASSIFIER, PER_TASK, REGRESSOR

EXACT = {"inner_steps": 400, "cg_steps": 60, "inner_lr": 0.1}


def flat_start(module, spec, n_classes):
    """Return the start of a task as one vector, and how to read weights from it."""
    weights = {name: w.detach() for name, w in module.tip.named_parameters()}
    if spec.label_space == "per_task":
        for name in ("head.weight", "head.bias"):
            weights[name] = weights[name].expand(n_classes, *weights[name].shape[1:])

    def read(vector):
        parts = vector.split([w.numel() for w in weights.values()])
        return {
            name: part.view(w.shape)
            for (name, w), part in zip(weights.items(), parts, strict=True)
        }

    return torch.cat([w.flatten() for w in weights.values()]), read


SMOOTH = pytest.mark.parametrize("make", ["tanh"], indirect=True)  # has a Hessian


@SMOOTH
@pytest.mark.parametrize(
    "spec", [CLASSIFIER, PER_TASK, REGRESSOR], ids=["shared", "per_task", "regressor"]
)
def test_the_gradient_is_the_implicit_one_of_a_dense_solve(make, spec):
    algorithm = IMAML(regularization=1.0, **EXACT)
    module, episode = make(algorithm, spec)
    loss_of = mse_loss if spec.kind == "regressor" else cross_entropy
    naive = {
        name: torch.zeros_like(w)
        for name, w in module.tip.named_parameters()
        if w.requires_grad
    }
    state = algorithm.adapt(module, episode.support)
    for t in range(3):
        n_classes = int(episode.support.n_classes[t])
        theta, read = flat_start(module, spec, n_classes)

        def loss_on(batch, vector, t=t, read=read):
            real = batch.mask[t]
            outputs = functional_call(module.tip, read(vector), (batch.X[t][real],))
            outputs = outputs.squeeze(-1) if spec.kind == "regressor" else outputs
            return loss_of(outputs, batch.y[t][real])

        phi = torch.cat(
            [
                (w[t, :n_classes] if name.startswith("head.") and n_classes else w[t])
                .flatten()
                .detach()
                for name, w in state.weights.items()
            ]
        )

        def objective(v, f=loss_on, o=theta):
            return f(episode.support, v) + 0.5 * (v - o).square().sum()

        slope = torch.func.grad(objective)(phi)
        assert slope.norm() < 1e-5  # adaptation has found the minimum
        hessian = torch.func.hessian(lambda v, f=loss_on: f(episode.support, v))(phi)
        direct = torch.func.grad(lambda v, f=loss_on: f(episode.query, v))(phi)
        solved = torch.linalg.solve(torch.eye(len(phi)).double() + hessian, direct)
        for name, part in read(solved / 3).items():
            if name in naive:
                naive[name] += part
    algorithm.meta_backward(module, episode)
    for name, expected in naive.items():
        gradient = module.tip.get_parameter(name).grad
        torch.testing.assert_close(gradient, expected, rtol=1e-3, atol=1e-6)


@SMOOTH
def test_the_gradient_is_the_slope_of_the_loss_after_adaptation(make):
    algorithm = IMAML(regularization=1.0, **EXACT)
    module, episode = make(algorithm, REGRESSOR)
    algorithm.meta_backward(module, episode)
    weight = module.tip.head.weight
    for at in range(3):
        losses = []
        for move in (1e-4, -1e-4):
            with torch.no_grad():
                weight[0, at] += move
                losses.append(algorithm.meta_loss(module, episode).item())
                weight[0, at] -= move
        slope = (losses[0] - losses[1]) / 2e-4
        assert slope == pytest.approx(weight.grad[0, at].item(), rel=1e-3, abs=1e-6)


def test_conjugate_gradients_solve_every_task_by_itself():
    rng = torch.Generator().manual_seed(0)
    A = torch.randn(4, 6, 6, generator=rng, dtype=torch.float64)
    A = A @ A.mT + torch.eye(6)
    b = torch.randn(4, 6, generator=rng, dtype=torch.float64)
    x = conjugate_gradient(lambda v: (A @ v.unsqueeze(-1)).squeeze(-1), b, 6)
    torch.testing.assert_close(x, torch.linalg.solve(A, b))
    assert conjugate_gradient(None, b, 0) is b


def bytes_kept(algorithm, episode):
    """Return the most that autograd keeps for backward passes during a meta-step."""
    torch.manual_seed(0)
    module = algorithm.build(MLP((32, 32), activation="tanh"), REGRESSOR).double()
    now = most = 0

    class Kept:
        def __init__(self, tensor):
            nonlocal now, most
            self.tensor, self.size = tensor, tensor.numel() * tensor.element_size()
            now += self.size
            most = max(most, now)

        def __del__(self):
            nonlocal now
            now -= self.size

    with torch.autograd.graph.saved_tensors_hooks(Kept, lambda kept: kept.tensor):
        algorithm.meta_backward(module, episode)
    return most


@SMOOTH
def test_memory_does_not_grow_with_the_inner_steps(make):
    _, episode = make(IMAML(), REGRESSOR)
    few, many = (bytes_kept(IMAML(inner_steps=n), episode) for n in (4, 64))
    assert few == many
    few, many = (bytes_kept(MAML(inner_steps=n), episode) for n in (4, 64))
    assert many > 10 * few


@SMOOTH
def test_no_inner_step_lets_the_objective_rise(make):
    algorithm = IMAML(inner_lr=50.0)  # far too long a step
    module, episode = make(algorithm, REGRESSOR)
    loss = module.support_loss(episode.support, 0.0)
    values = []
    for n_steps in range(12):
        state = algorithm.set_params(inner_steps=n_steps).adapt(module, episode.support)
        values.append(
            algorithm._objective(
                module, episode.support, loss, module.start(episode.support), state
            )
        )
    values = torch.stack(values)
    assert (values.diff(dim=0) <= 1e-12).all()
    assert (values[-1] < values[0]).all()


@pytest.mark.parametrize("bad", [{"regularization": 0.0}, {"cg_steps": -1}])
def test_parameters_out_of_range_are_refused(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        IMAML(**bad).build(MLP(()), CLASSIFIER)


@parametrize_with_algorithm_checks([IMAML(inner_steps=3, cg_steps=1)])
def test_the_laws_hold_with_other_settings(algorithm, check):
    check(algorithm)


@pytest.mark.slow
def test_learns_sinusoids_better_than_the_pooled_network():
    X, y, task = make_sinusoids(n_tasks=1000, n_rows=30, random_state=0)
    X_new, y_new, new = make_sinusoids(n_tasks=200, n_rows=40, random_state=1)
    few = np.tile(np.arange(40) < 10, 200)

    def error(algorithm):
        meta = MetaRegressor(
            algorithm, MLP((40, 40)), n_shot=10, max_epochs=6, lr=6e-3, random_state=0
        ).fit(X, y, groups=task)
        meta.adapt(X_new[few], y_new[few], groups=new[few])
        return np.mean((meta.predict(X_new[~few], groups=new[~few]) - y_new[~few]) ** 2)

    assert error(IMAML()) < 0.6 * error(Pooled())
