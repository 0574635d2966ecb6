"""Meta-gradients by autograd, in parts: when, and that they are those of the whole."""

import pytest
import torch
from torch import nn

from skmeta.algorithms import ANIL, BOIL, FOMAML, MAML, Algorithm, Spec
from skmeta.algorithms.inner_loop import by_parts
from skmeta.backbones import MLP, Conv4, TorchModule
from skmeta.episodes import Batch, Episode
from tests.batches import CLASSIFIER, PER_TASK, make_batch

TANH = TorchModule(nn.Sequential(nn.Linear(3, 8), nn.Tanh()))


@pytest.fixture
def parts(monkeypatch):
    """Let two tasks be a part, and count parts."""
    monkeypatch.setattr("skmeta.algorithms.inner_loop.meta_gradient._PART", 1)
    seen, side_by_side = [], by_parts.side_by_side

    def spy(weights, n_rows, n_features, n_parts):
        seen.append(n_parts)
        return side_by_side(weights, n_rows, n_features, n_parts)

    monkeypatch.setattr(by_parts, "side_by_side", spy)
    return seen


def gradients(backward, algorithm, module, episode):
    module.zero_grad()
    loss = backward(algorithm, module, episode)
    return loss, [weight.grad for weight in module.parameters()]


def make(algorithm, spec, generator, backbone):
    torch.manual_seed(0)
    module = algorithm.build(backbone, spec).double().train()
    sizes = ([4, 2, 5], [6, 3, 4])
    halves = [Episode(*(make_batch(spec, n, generator) for n in sizes)) for _ in "ab"]
    return module, Episode(*(_joined(*each) for each in zip(*halves, strict=True)))


def _joined(a, b):
    both = zip(a, b, strict=True)
    return Batch._make(
        None if one is None else torch.cat([one, two]) for one, two in both
    )


class Tanh:
    """A layer of skmeta.nn, and tanh."""

    def build(self, n_features):
        from skmeta.nn import Linear

        network = nn.Sequential(Linear(n_features, 8), nn.Tanh())
        network.out_features = 8
        return network


@pytest.mark.parametrize("spec", [CLASSIFIER, PER_TASK], ids=["shared", "per task"])
@pytest.mark.parametrize("algorithm", [MAML(), FOMAML(), ANIL()], ids=repr)
def test_parts_have_the_gradient_of_the_whole(algorithm, spec, generator, parts):
    module, episode = make(algorithm, spec, generator, Tanh())
    whole = gradients(Algorithm.meta_backward, algorithm, module, episode)
    cut = gradients(type(algorithm).meta_backward, algorithm, module, episode)
    assert parts == ([] if isinstance(algorithm, ANIL) else [3])
    torch.testing.assert_close(cut, whole, rtol=1e-9, atol=1e-12)


def test_a_network_whose_head_stays_is_cut_too(generator, parts):
    module, episode = make(BOIL(), CLASSIFIER, generator, MLP((8,)))
    whole = gradients(Algorithm.meta_backward, BOIL(), module, episode)
    cut = gradients(BOIL.meta_backward, BOIL(), module, episode)
    assert parts == [3]
    torch.testing.assert_close(cut, whole, rtol=1e-9, atol=1e-12)


class LooksAtAllTasks(MAML):
    def adapt(self, module, support):
        return super().adapt(module, support._replace(X=support.X - support.X.mean()))


@pytest.mark.parametrize(
    ("algorithm", "backbone"),
    [
        (MAML(), MLP((8,), dropout=0.5)),  # which draws
        (MAML(checkpoint=True), Tanh()),
        (LooksAtAllTasks(), Tanh()),
        (MAML(), TANH),  # which may do anything
    ],
    ids=["dropout", "checkpoint", "subclass", "foreign"],
)
def test_what_might_get_other_numbers_in_parts_is_not_cut(
    algorithm, backbone, generator, parts
):
    module, episode = make(algorithm, CLASSIFIER, generator, backbone)
    algorithm.meta_backward(module, episode)
    assert not parts


def test_hooks_of_parameters_see_the_whole_gradient(generator, parts):
    module, episode = make(MAML(), CLASSIFIER, generator, Tanh())
    seen = []
    module.tip.head.weight.register_hook(seen.append)
    MAML().meta_backward(module, episode)
    assert len(seen) == 1
    assert not parts


def test_a_step_is_the_same_whatever_number_of_threads(generator, parts):
    spec = Spec(64, 4, "classifier")
    module = MAML(inner_steps=2).build(Conv4((8, 8), 4), spec).train()
    batch = make_batch(CLASSIFIER, [4, 2, 5, 3], generator)
    images = torch.randn(4, 5, 64, generator=generator)
    episode = Episode(*[batch._replace(X=images * batch.mask.unsqueeze(-1))] * 2)
    before, found = torch.get_num_threads(), []
    try:
        for n_threads in (1, 2, 3):
            torch.set_num_threads(n_threads)
            found.append(gradients(MAML.meta_backward, MAML(), module, episode))
    finally:
        torch.set_num_threads(before)
    assert parts == [2, 2, 2]
    for loss, own in found[1:]:
        assert torch.equal(loss, found[0][0])
        assert all(map(torch.equal, own, found[0][1]))
