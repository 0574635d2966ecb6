"""Reptile against its equation: one task at a time, by torch's own optimizers."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

from skmeta import MetaRegressor
from skmeta.algorithms import Spec
from skmeta.algorithms.reptile import Reptile
from skmeta.backbones import MLP
from skmeta.datasets import make_sinusoids
from skmeta.episodes import Episode
from skmeta.testing import parametrize_with_algorithm_checks
from tests.batches import CLASSIFIER, PER_TASK, REGRESSOR, SPECS, make_batch

OPTIMIZERS = pytest.mark.parametrize("inner_optimizer", ["sgd", "adam"])


@pytest.fixture(params=["relu", "tanh"])
def make(request):
    """Build a learner in float64 with an episode of three unequal tasks.

    With ReLU its inner steps are written out, with tanh they are torch's own.
    """

    def build(algorithm, spec):
        generator = torch.Generator().manual_seed(0)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            backbone = MLP((6, 5), activation=request.param)
            module = algorithm.build(backbone, spec).double()
        support = make_batch(spec, [5, 7, 4], generator)
        query = make_batch(spec, [6, 3, 8], generator)
        return module, Episode(support, query)

    return build


def naive_step(algorithm, module, episode, spec):
    """Train a copy of the network on each task; return its loss and its way back."""
    losses, ways = [], []
    for t in range(3):
        X, y = (
            torch.cat([own[t][batch.mask[t]] for own, batch in pairs])
            for pairs in (
                [(batch.X, batch) for batch in episode],
                [(batch.y, batch) for batch in episode],
            )
        )
        network = copy.deepcopy(module.tip)
        if spec.label_space == "per_task":
            head = nn.Linear(5, int(episode.support.n_classes[t])).double()
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)
            network.head = head
        if algorithm.inner_optimizer == "sgd":
            optimizer = torch.optim.SGD(network.parameters(), algorithm.inner_lr)
        else:
            optimizer = torch.optim.Adam(
                network.parameters(), algorithm.inner_lr, betas=(0.0, 0.999)
            )

        def loss_now(network=network, X=X, y=y):
            outputs = network(X)
            if spec.kind == "regressor":
                return mse_loss(outputs.squeeze(-1), y)
            return cross_entropy(outputs, y)

        for _ in range(algorithm.inner_steps):
            optimizer.zero_grad()
            loss = loss_now()
            loss.backward()
            optimizer.step()
        losses.append(loss.detach())  # before the last step
        trained = dict(network.named_parameters())
        ways.append(
            [
                (weight - trained[name]).detach()
                for name, weight in module.tip.named_parameters()
                if weight.requires_grad
            ]
        )
    ways = [torch.stack(way).mean(dim=0) for way in zip(*ways, strict=True)]
    return torch.stack(losses).mean(), ways


@SPECS
@OPTIMIZERS
@pytest.mark.parametrize("inner_steps", [1, 4])
def test_gradient_is_the_way_back_from_a_naive_training(
    make, spec, inner_optimizer, inner_steps
):
    algorithm = Reptile(0.05, inner_steps, inner_optimizer, pseudo_rows=0.0)
    module, episode = make(algorithm, spec)
    naive, ways = naive_step(algorithm, module, episode, spec)
    loss = algorithm.meta_backward(module, episode)
    torch.testing.assert_close(loss, naive, rtol=1e-9, atol=1e-12)
    gradients = [weight.grad for weight in module.parameters() if weight.requires_grad]
    torch.testing.assert_close(gradients, ways, rtol=1e-8, atol=1e-12)


def test_sgd_with_rate_epsilon_is_the_papers_update(make):
    algorithm = Reptile(0.1, inner_steps=3)
    module, episode = make(algorithm, REGRESSOR)
    theta = module.tip.head.weight.detach().clone()
    _, ways = naive_step(algorithm, module, episode, REGRESSOR)
    algorithm.meta_backward(module, episode)
    torch.optim.SGD(module.parameters(), lr=0.25).step()
    torch.testing.assert_close(module.tip.head.weight.data, theta - 0.25 * ways[-2])


def test_gradients_add_up(make):
    algorithm = Reptile()
    module, episode = make(algorithm, REGRESSOR)
    algorithm.meta_backward(module, episode)
    once = module.tip.head.weight.grad.clone()
    algorithm.meta_backward(module, episode)
    torch.testing.assert_close(module.tip.head.weight.grad, 2 * once)


@OPTIMIZERS
def test_minibatches_of_all_rows_are_all_rows(make, inner_optimizer):
    gradients = []
    for inner_batch_size in (None, 100):
        algorithm = Reptile(0.05, 3, inner_optimizer, inner_batch_size)
        module, episode = make(algorithm, CLASSIFIER)
        algorithm.meta_backward(module, episode)
        gradients.append([weight.grad for weight in module.parameters()])
    torch.testing.assert_close(*gradients, rtol=1e-9, atol=1e-12)


def test_minibatches_hold_real_rows_and_differ(make):
    """Of 7 to 12 real rows, three at a time: never padding, never more."""
    algorithm = Reptile(0.1, inner_steps=1, inner_batch_size=3)
    module, episode = make(algorithm, REGRESSOR)
    seen = []
    describe = module.support_loss

    def spy(rows, pseudo_rows):
        seen.append(rows)
        return describe(rows, pseudo_rows)

    module.support_loss = spy
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for _ in range(20):
            algorithm.meta_backward(module, episode)
    assert all(rows.X.shape == (3, 3, 3) and rows.mask.all() for rows in seen)
    assert len({rows.X[0].sum().item() for rows in seen}) > 10


@pytest.mark.parametrize(
    ("spec", "as_if"), [(CLASSIFIER, 10.0), (PER_TASK, 0.0), (REGRESSOR, 0.0)], ids=str
)
def test_steps_are_shortened_by_default_where_labels_are_shared(make, spec, as_if):
    ends = []
    for pseudo_rows in ("auto", as_if):
        algorithm = Reptile(pseudo_rows=pseudo_rows)
        module, episode = make(algorithm, spec)
        ends.append(algorithm.adapt(module, episode.support).weights)
    torch.testing.assert_close(*ends, rtol=0, atol=0)


def test_pseudo_rows_are_not_negative():
    with pytest.raises(ValueError, match=r"pseudo_rows=-1\.0"):
        Reptile(pseudo_rows=-1.0).build(MLP(), REGRESSOR)


def test_adapt_steps_count_after_training_only(make):
    algorithm = Reptile(inner_steps=1, adapt_steps=0)
    module, episode = make(algorithm, REGRESSOR)
    start = module.tip.head.weight
    module.train()
    trained = algorithm.adapt(module, episode.support).weights["head.weight"]
    module.eval()
    adapted = algorithm.adapt(module, episode.support).weights["head.weight"]
    assert not torch.equal(trained[0], start)
    assert torch.equal(adapted[0], start)


def test_unknown_inner_optimizer_is_an_error():
    with pytest.raises(ValueError, match="'sgd' or 'adam', not 'lbfgs'"):
        Reptile(inner_optimizer="lbfgs").build(MLP(), REGRESSOR)


def test_has_a_prior_where_outputs_mean_the_same_in_every_task():
    assert Reptile().has_prior(CLASSIFIER)
    assert Reptile().has_prior(Spec(3, 1, "regressor"))
    assert not Reptile().has_prior(PER_TASK)


@parametrize_with_algorithm_checks(
    [Reptile(0.01, inner_optimizer="adam"), Reptile(adapt_steps=8)]
)
def test_the_laws_hold_with_other_settings(algorithm, check):
    check(algorithm)


@pytest.mark.slow
def test_learns_sinusoids_better_than_a_start_that_was_not_meta_learnt():
    X, y, task = make_sinusoids(n_tasks=2000, n_rows=40, random_state=0)
    X_new, y_new, new = make_sinusoids(n_tasks=500, n_rows=50, random_state=1)
    support = np.tile(np.arange(50) < 10, 500)

    def measure(max_epochs):
        meta = MetaRegressor(
            Reptile(0.02, inner_steps=8, adapt_steps=32),
            MLP((40, 40), activation="tanh"),
            n_shot=10,
            n_query=10,
            batch_size=25,
            lr=5e-3,
            max_epochs=max_epochs,
            early_stopping=False,
            random_state=0,
        ).fit(X, y, groups=task)
        meta.adapt(X_new[support], y_new[support], groups=new[support])
        answers = meta.predict(X_new[~support], groups=new[~support])
        return np.mean((answers - y_new[~support]) ** 2)

    trained, barely = measure(max_epochs=20), measure(max_epochs=1)
    assert trained < 0.6 < 2.5 < barely


def test_a_subclass_with_a_way_of_its_own_is_never_written_out(make):
    class Stays(Reptile):
        def _go_on(self, module, state, rows_of_steps):
            for rows in rows_of_steps:
                yield rows, state, state

    assert Reptile.written_out
    assert not Stays.written_out
    module, episode = make(Reptile(), CLASSIFIER)
    Stays(inner_steps=2).meta_backward(module, episode)
    assert all(
        weight.grad is None or not weight.grad.any() for weight in module.parameters()
    )
