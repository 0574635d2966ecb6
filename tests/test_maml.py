"""MAML against its equation: naive loops and finite differences, in float64."""

import subprocess
import sys
import threading
from unittest import mock

import numpy as np
import pytest
import torch

from skmeta.algorithms import (
    ANIL,
    BOIL,
    FOMAML,
    MAML,
    Algorithm,
    MetaSGD,
    Reptile,
    Spec,
)
from skmeta.algorithms.inner_loop import meta_gradient as whole
from skmeta.backbones import MLP
from skmeta.episodes import Batch, Episode
from skmeta.utils.threads import one_thread_if_small, side_by_side

from .batches import CLASSIFIER, PER_TASK, REGRESSOR, SPECS, make_batch, naive_meta_loss

STEPS = pytest.mark.parametrize("inner_steps", [1, 3])


def meta_gradient(loss, module):
    learnt = [weight for weight in module.parameters() if weight.requires_grad]
    return torch.autograd.grad(loss, learnt)


def by_meta_loss(algorithm, module, episode):
    loss = algorithm.meta_loss(module, episode)
    return loss, meta_gradient(loss, module)


def by_meta_backward(algorithm, module, episode):
    """What ``fit`` takes: written out for ReLU networks, by autograd for others."""
    module.zero_grad()
    loss = algorithm.meta_backward(module, episode)
    learnt = [weight for weight in module.parameters() if weight.requires_grad]
    return loss, tuple(weight.grad for weight in learnt)


BOTH_WAYS = pytest.mark.parametrize("gradient_of", [by_meta_loss, by_meta_backward])


@SPECS
@STEPS
@pytest.mark.parametrize("first_order", [False, True])
@pytest.mark.parametrize("algorithm_class", [MAML, ANIL, BOIL])
@BOTH_WAYS
def test_meta_gradient_equals_a_naive_loop_over_tasks(
    make, spec, inner_steps, first_order, algorithm_class, gradient_of
):
    if algorithm_class is BOIL and spec is PER_TASK:
        with pytest.raises(ValueError, match="do not differ"):
            make(BOIL(), spec)
        return
    algorithm = algorithm_class(
        inner_lr=0.3,
        inner_steps=inner_steps,
        first_order=first_order,
        learn_inner_lr=False,
    )
    module, episode = make(algorithm, spec)
    loss, gradients = gradient_of(algorithm, module, episode)
    naive = naive_meta_loss(algorithm, module, episode, spec, alpha=0.3)
    torch.testing.assert_close(loss, naive, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(
        gradients, meta_gradient(naive, module), rtol=1e-9, atol=1e-12
    )


@SPECS
@STEPS
@pytest.mark.parametrize("learn_inner_lr", [False, "tensor", "element"])
def test_meta_gradient_equals_finite_differences(
    make, spec, inner_steps, learn_inner_lr
):
    algorithm = MAML(0.3, inner_steps, learn_inner_lr=learn_inner_lr)
    module, episode = make(algorithm, spec)
    learnt = [weight for weight in module.parameters() if weight.requires_grad]
    _, gradients = by_meta_backward(algorithm, module, episode)
    rng, step = np.random.default_rng(0), 1e-5
    for weight, gradient in zip(learnt, gradients, strict=True):
        flat = weight.data.view(-1)
        at = int(rng.integers(len(flat)))
        before, losses = flat[at].item(), []
        for moved in (before + step, before - step):
            flat[at] = moved
            losses.append(algorithm.meta_loss(module, episode).item())
        flat[at] = before
        slope = (losses[0] - losses[1]) / (2 * step)
        assert slope == pytest.approx(gradient.view(-1)[at].item(), rel=1e-5, abs=1e-9)


def test_one_step_on_one_weight_by_hand():
    """theta' = theta - alpha * 2 x (theta x - y), from theta = 1, by the equation."""
    algorithm = MAML(inner_lr=0.1, inner_steps=1, learn_inner_lr=False)
    module = algorithm.build(MLP(()), Spec(1, 1, "regressor")).double()
    module.tip.head.weight.data.fill_(1.0)
    module.tip.head.bias.data.fill_(0.0)

    def one_row(x, y):
        return Batch(
            torch.tensor([[[x]]], dtype=torch.float64),
            torch.tensor([[y]], dtype=torch.float64),
            torch.tensor([[True]]),
            torch.tensor([0]),
        )

    support, query = one_row(2.0, 5.0), one_row(1.0, 0.0)
    # Residual 2 - 5 = -3: weight 1 + 0.1 * 2 * 3 * 2 = 2.2, bias 0 + 0.1 * 2 * 3 = 0.6.
    state = algorithm.adapt(module, support)
    assert state.weights["head.weight"].item() == pytest.approx(2.2)
    assert state.weights["head.bias"].item() == pytest.approx(0.6)
    # The query answers 2.2 + 0.6 = 2.8. Its loss is 2.8^2; through the step
    # d(2.8)/d(theta) = (1 - 0.1 * 2 * 4) - 0.1 * 2 * 2 = -0.2.
    loss = algorithm.meta_loss(module, Episode(support, query))
    assert loss.item() == pytest.approx(2.8**2)
    loss.backward()
    assert module.tip.head.weight.grad.item() == pytest.approx(2 * 2.8 * -0.2)


def test_any_shared_class_vector_gives_the_same_predictions(make):
    """Why the class vector of per-task label spaces is zero and not learnt."""
    algorithm = MAML(inner_lr=0.5, inner_steps=4)
    module, episode = make(algorithm, PER_TASK)

    def probabilities():
        state = algorithm.adapt(module, episode.support)
        return algorithm.predict(module, state, episode.query.X).softmax(dim=-1)

    zero = probabilities()
    module.tip.head.weight.data.normal_()
    torch.testing.assert_close(probabilities(), zero, rtol=1e-9, atol=1e-12)


def test_adapt_steps_count_after_training_only(make):
    algorithm = MAML(inner_steps=1, adapt_steps=0)
    module, episode = make(algorithm, REGRESSOR)
    start = module.tip.head.weight
    module.train()
    trained = algorithm.adapt(module, episode.support).weights["head.weight"]
    module.eval()
    adapted = algorithm.adapt(module, episode.support).weights["head.weight"]
    assert not torch.equal(trained[0], start)
    assert torch.equal(adapted[0], start)


def test_anil_shares_one_backbone(make):
    algorithm = ANIL()
    module, episode = make(algorithm, REGRESSOR)
    state = algorithm.adapt(module, episode.support)
    assert set(state.weights) == {"head.weight", "head.bias"}


@pytest.mark.parametrize("algorithm_class", [MAML, ANIL])
def test_foreign_layers_give_what_our_own_give(make, algorithm_class, request):
    """The vmap fallback answers as the task-batched layers do."""
    algorithm = algorithm_class(inner_lr=0.2, inner_steps=2)
    module, episode = make(algorithm, CLASSIFIER)
    kind = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh}[
        request.node.callspec.params["make"]
    ]
    foreign = torch.nn.Sequential(
        torch.nn.Linear(3, 6), kind(), torch.nn.Linear(6, 5), kind()
    )
    foreign.out_features = 5

    class Foreign(MLP):
        def build(self, n_features):
            return foreign

    other = algorithm.build(Foreign(), CLASSIFIER).double()
    other.load_state_dict(module.state_dict())
    own, foreigns = (by_meta_backward(algorithm, m, episode) for m in (module, other))
    torch.testing.assert_close(own, foreigns, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("named", "setting"),
    [
        (FOMAML(inner_steps=3), MAML(inner_steps=3, first_order=True)),
        (ANIL(0.2), MAML(0.2, adapt_only="head")),
        (BOIL(0.2), MAML(0.2, adapt_only="body")),
        (MetaSGD(), MAML(inner_steps=2, learn_inner_lr="element")),
    ],
    ids=lambda algorithm: type(algorithm).__name__,
)
def test_named_variants_are_settings_of_maml(make, named, setting):
    module, episode = make(setting, CLASSIFIER)
    own, settings = (by_meta_backward(a, module, episode) for a in (named, setting))
    torch.testing.assert_close(own, settings, rtol=0, atol=0)
    assert {**named.get_params(), **setting.get_params()} == setting.get_params()
    assert type(named).adapt is MAML.adapt


def test_pseudo_rows_shorten_the_step_of_small_supports(make):
    """With n rows a step is n / (n + pseudo_rows) of the paper's."""
    steps = []
    for pseudo_rows in (0.0, 5.0):
        algorithm = MAML(0.1, 1, learn_inner_lr=False, pseudo_rows=pseudo_rows)
        module, episode = make(algorithm, REGRESSOR)
        if not steps:
            support = episode.support
        moved = algorithm.adapt(module, support).weights["head.weight"]
        steps.append(moved - module.tip.head.weight)
    shorter = torch.tensor([n / (n + 5.0) for n in (5, 7, 4)], dtype=torch.float64)
    torch.testing.assert_close(steps[1], steps[0] * shorter.view(3, 1, 1))


@pytest.mark.parametrize(
    "wrong",
    [
        {"inner_lr": -0.1},
        {"inner_steps": 2.5},
        {"inner_steps": -1},
        {"adapt_steps": -1},
        {"learn_inner_lr": "elementwise"},
        {"learn_inner_lr": True},
        {"adapt_only": "Head"},
        {"pseudo_rows": -5},
    ],
    ids=str,
)
def test_a_wrong_hyperparameter_is_named(wrong):
    ((name, value),) = wrong.items()
    with pytest.raises(ValueError, match=f"{name}={value!r}"):
        MAML(**wrong).build(MLP(), CLASSIFIER)


def test_a_whole_number_is_a_step_size():
    module = MAML(inner_lr=1).build(MLP((4,)), CLASSIFIER)
    assert {rate.item() for rate in module.rates} == {1.0}


def test_the_default_step_size_suits_the_kind_of_target():
    rates = [MAML().build(MLP((4,)), spec).rates[0] for spec in (CLASSIFIER, REGRESSOR)]
    assert [round(rate.item(), 6) for rate in rates] == [0.5, 0.1]


@pytest.mark.parametrize("algorithm", [MAML(), MAML(first_order=True)], ids=repr)
def test_frozen_layers_stay_as_they_are_in_every_task(generator, algorithm):
    class Frozen(MLP):
        def build(self, n_features):
            network = super().build(n_features)
            network[0].requires_grad_(False)
            return network

    module = algorithm.build(Frozen((6, 5)), CLASSIFIER).double()
    support = make_batch(CLASSIFIER, [5, 7, 4], generator)
    state = algorithm.adapt(module, support)
    assert "backbone.0.weight" not in state.weights
    assert "backbone.2.weight" in state.weights
    algorithm.meta_backward(module, Episode(support, support))
    assert module.tip.backbone[0].weight.grad is None
    assert module.tip.backbone[2].weight.grad.abs().max() > 0


# Parts of a meta-batch ----------------------------------------------------------------


@SPECS
@pytest.mark.parametrize(
    "algorithm",
    [
        MAML(inner_steps=3),
        MAML(inner_steps=2, learn_inner_lr="step", first_order=True),
        MAML(inner_steps=3, learn_inner_lr=False, first_order=True),
        ANIL(inner_steps=2),
        Reptile(inner_steps=1),
        Reptile(inner_steps=3),
    ],
    ids=repr,
)
def test_a_meta_batch_in_parts_has_the_gradient_of_the_whole(
    make, spec, algorithm, monkeypatch
):
    module, episode = make(algorithm, spec)
    at_once = by_meta_backward(algorithm, module, episode)
    sizes = []

    def spy(weights, n_rows, n_features, n_parts):
        sizes.append((n_rows, n_parts))
        return side_by_side(weights, n_rows, n_features, n_parts)

    monkeypatch.setattr("skmeta.algorithms.inner_loop.meta_gradient.side_by_side", spy)
    monkeypatch.setattr(
        "skmeta.algorithms.inner_loop.meta_gradient._PART", 1
    )  # a part for every task
    parts = by_meta_backward(algorithm, module, episode)
    torch.testing.assert_close(parts, at_once, rtol=1e-10, atol=1e-13)
    if module.is_relu_network:  # for others there is a graph, which is not cut
        rows = episode.join()[0] if isinstance(algorithm, Reptile) else episode.support
        widest = max(rows.X.shape[1], episode.query.X.shape[1])
        assert sizes == [(widest, 3)]


def test_parts_of_large_steps_go_side_by_side_where_fit_trains_in_one_thread(generator):
    """Whether a part is small is asked of its own rows, as few as they are."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    algorithm = Reptile(inner_steps=20)
    module = algorithm.build(MLP((256, 256)), CLASSIFIER).double()
    rows = make_batch(CLASSIFIER, [100] * 16, generator)
    seen, descend = set(), whole._descend_together

    def spy(*args):
        seen.add(threading.get_ident())
        return descend(*args)

    try:
        with (
            mock.patch.object(whole, "_descend_together", spy),
            one_thread_if_small(module, rows.mask.numel(), n_features=3),
        ):
            assert torch.get_num_threads() == 1
            algorithm.meta_backward(module, Episode(rows, rows))
    finally:
        torch.set_num_threads(before)
    assert len(seen) == 2
    assert threading.get_ident() not in seen


class HalvesItsLoss(MAML):
    def meta_loss(self, module, episode):
        return super().meta_loss(module, episode) / 2


class Halves:
    def meta_loss(self, module, episode):
        return super().meta_loss(module, episode) / 2


class HalvesByMixin(Halves, MAML):
    pass


@pytest.mark.parametrize("algorithm_class", [HalvesItsLoss, HalvesByMixin])
def test_a_subclass_with_a_loss_of_its_own_is_never_written_out(make, algorithm_class):
    assert MAML.written_out
    assert FOMAML.written_out
    assert not algorithm_class.written_out
    module, episode = make(MAML(), CLASSIFIER)
    whole_loss, gradients = by_meta_backward(MAML(), module, episode)
    half_loss, halves = by_meta_backward(algorithm_class(), module, episode)
    torch.testing.assert_close(2 * half_loss, whole_loss)
    for half, gradient in zip(halves, gradients, strict=True):
        torch.testing.assert_close(2 * half, gradient)


def test_a_subclass_may_say_that_it_is_written_out_all_the_same(make, monkeypatch):
    class Logs(MAML):
        written_out = True

        def predict(self, module, state, X):
            return super().predict(module, state, X)

    module, episode = make(MAML(), CLASSIFIER)
    calls = []
    monkeypatch.setattr(Algorithm, "meta_backward", lambda *_: calls.append(1))
    Logs().meta_backward(module, episode)
    assert bool(calls) != module.is_relu_network


def test_hooks_of_parameters_see_their_gradients(make):
    algorithm = MAML()
    module, episode = make(algorithm, CLASSIFIER)
    weight, seen = module.tip.head.weight, []
    handle = weight.register_hook(
        lambda gradient: seen.append(gradient) or 2 * gradient
    )
    algorithm.meta_backward(module, episode)
    handle.remove()
    torch.testing.assert_close(weight.grad, 2 * seen[0])


def test_gradients_add_up_to_those_that_are_there(make):
    algorithm = MAML()
    module, episode = make(algorithm, REGRESSOR)
    algorithm.meta_backward(module, episode)
    once = [weight.grad.clone() for weight in module.parameters()]
    algorithm.meta_backward(module, episode)
    for weight, gradient in zip(module.parameters(), once, strict=True):
        torch.testing.assert_close(weight.grad, 2 * gradient)


@pytest.mark.parametrize("verb", ["adapt", "predict", "meta_loss"])
def test_what_a_subclass_does_otherwise_counts_in_training(make, verb):
    called = []

    def spy(self, *args):
        called.append(verb)
        return getattr(super(algorithm_class, self), verb)(*args)

    algorithm_class = type("Other", (MAML,), {verb: spy})
    plain = MAML(learn_inner_lr=False)
    module, episode = make(plain, CLASSIFIER)
    expected = by_meta_backward(plain, module, episode)
    found = by_meta_backward(algorithm_class(learn_inner_lr=False), module, episode)
    assert called
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)


# Checkpoints over the inner steps -----------------------------------------------------


@pytest.mark.parametrize(
    "parameters",
    [
        {"inner_steps": 5, "learn_inner_lr": "step"},
        {"inner_steps": 4, "learn_inner_lr": "element", "first_order": True},
        {"inner_steps": 3, "adapt_only": "head"},
        {"inner_steps": 3, "adapt_only": "body", "learn_inner_lr": False},
        {"inner_steps": 0},
    ],
)
def test_checkpoints_change_no_gradient(parameters, make):
    gradients, (_, episode) = [], make(MAML(), CLASSIFIER)
    for checkpoint in (False, True):
        algorithm = MAML(0.3, checkpoint=checkpoint, **parameters)
        module, _ = make(algorithm, CLASSIFIER)
        algorithm.meta_backward(module, episode)
        gradients.append([weight.grad for weight in module.parameters()])
    for without, with_them in zip(*gradients, strict=True):
        if without is None:
            assert with_them is None
        else:
            torch.testing.assert_close(with_them, without)


PEAKS = """
import torch
from skmeta.algorithms import MAML, Spec
from skmeta.backbones import MLP
from skmeta.episodes import Batch, Episode

torch.set_num_threads(1)
X, y = torch.randn(8, 5, 32), torch.randn(8, 5)
rows = Batch(X, y, y == y, torch.zeros(8, dtype=torch.long))
for inner_steps, checkpoint in [(4, True), (64, True), (64, False)]:
    algorithm = MAML(1e-3, inner_steps, checkpoint=checkpoint)
    module = algorithm.build(MLP((256, 256)), Spec(32, 1, "regressor"))
    algorithm.meta_backward(module, Episode(rows, rows))
    with open("/proc/self/status") as status:  # getrusage knows the parent's peak, too
        print(*(line.split()[1] for line in status if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_checkpoints_keep_memory_from_growing_with_the_inner_steps():
    run = subprocess.run(
        [sys.executable, "-c", PEAKS], capture_output=True, text=True, check=True
    )
    few, many, without = map(int, run.stdout.split())
    assert many - few < (without - few) / 2


def test_checkpoints_drop_out_the_same_units_again():
    backbone = MLP((16, 16), activation="tanh", dropout=0.5)
    gradients = []
    for checkpoint in (False, True):
        torch.manual_seed(0)
        algorithm = MAML(0.3, inner_steps=3, checkpoint=checkpoint)
        module = algorithm.build(backbone, REGRESSOR).double().train()
        rows = make_batch(REGRESSOR, [5, 7, 4], torch.Generator().manual_seed(0))
        algorithm.meta_backward(module, Episode(rows, rows))
        gradients.append([weight.grad for weight in module.parameters()])
    for without, with_them in zip(*gradients, strict=True):
        torch.testing.assert_close(with_them, without)
