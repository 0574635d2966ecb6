"""The written-out meta-gradient: that of autograd, and only where it is due."""

import threading
from unittest import mock

import pytest
import torch

from skmeta.algorithms import ANIL, FOMAML, MAML, Algorithm, Reptile
from skmeta.algorithms.inner_loop import meta_gradient
from skmeta.backbones import MLP
from skmeta.episodes import Episode
from skmeta.utils.threads import one_thread_if_small, side_by_side
from tests.batches import CLASSIFIER, REGRESSOR, SPECS, make_batch


def by_meta_backward(algorithm, module, episode):
    """What ``fit`` takes: written out for ReLU networks, by autograd for others."""
    module.zero_grad()
    loss = algorithm.meta_backward(module, episode)
    learnt = [weight for weight in module.parameters() if weight.requires_grad]
    return loss, tuple(weight.grad for weight in learnt)


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
    if module.is_written_out:
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
    seen, descend = set(), meta_gradient._descend_together
    together = threading.Barrier(2, timeout=10)

    def spy(*args, **options):
        seen.add(threading.get_ident())
        together.wait()  # passes when two are there
        return descend(*args, **options)

    try:
        with (
            mock.patch.object(meta_gradient, "_descend_together", spy),
            one_thread_if_small(module, rows.mask.numel(), n_features=3),
        ):
            assert torch.get_num_threads() == 1
            algorithm.meta_backward(module, Episode(rows, rows))
    finally:
        torch.set_num_threads(before)
    assert len(seen) == 2
    assert threading.get_ident() in seen  # who asks does not wait idly


@pytest.mark.parametrize("first_order", [False, True])
@pytest.mark.parametrize("learn_inner_lr", [False, "tensor"])
def test_what_rows_were_computed_from_is_learnt_through_all_layers(
    make, first_order, learn_inner_lr
):
    algorithm = MAML(0.2, 2, first_order=first_order, learn_inner_lr=learn_inner_lr)
    module, episode = make(algorithm, CLASSIFIER)
    module.trunk = torch.nn.Linear(3, 3).double()
    _, written_out = by_meta_backward(algorithm, module, episode)
    module.zero_grad()
    Algorithm.meta_backward(algorithm, module, episode)
    by_autograd = tuple(
        weight.grad for weight in module.parameters() if weight.requires_grad
    )
    assert module.trunk.weight.grad.abs().max() > 0
    torch.testing.assert_close(written_out, by_autograd, rtol=1e-9, atol=1e-12)


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
    assert bool(calls) != module.is_written_out


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
