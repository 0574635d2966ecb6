"""A learner of each target, on one network."""

import pytest
import torch

from skmeta.algorithms import MAML, R2D2, ProtoNet
from skmeta.algorithms.per_target import PerTarget, by_target, for_targets
from skmeta.backbones import MLP
from skmeta.episodes import Batch, Episode, Spec

VALUES = Spec(n_features=2, n_outputs=1, kind="regressor", n_targets=2)
LABELS = Spec(n_features=2, n_outputs=2, kind="classifier", n_targets=2)


def draw(spec, n_rows, generator):
    X = torch.randn(4, n_rows, 2, generator=generator)
    y = torch.randn(4, n_rows, 2, generator=generator)
    mask = torch.ones(4, n_rows, dtype=torch.bool)
    mask[0, -1] = False
    y = torch.where(mask.unsqueeze(-1), y, 0.0)
    if spec.kind == "classifier":
        y = (y > 0).long()
    n_classes = torch.full((4,), 2 if spec.kind == "classifier" else 0)
    return Batch(X, y, mask, n_classes, label=y)


@pytest.fixture(params=[(R2D2(), VALUES), (MAML(), VALUES), (ProtoNet(), LABELS)])
def made(request, generator):
    algorithm, spec = request.param
    both = PerTarget(algorithm, 2)
    torch.manual_seed(0)
    module = both.build(MLP((5,)), spec)
    episode = Episode(draw(spec, 6, generator), draw(spec, 7, generator))
    return algorithm, both, module, episode


def test_a_single_target_needs_nothing_around_its_algorithm():
    algorithm = R2D2()
    assert for_targets(algorithm, VALUES.of_one_target()) is algorithm
    assert isinstance(for_targets(algorithm, VALUES), PerTarget)


def test_every_target_is_answered_by_its_own_learner(made):
    algorithm, both, module, (support, query) = made
    outputs = both.predict(module, both.adapt(module, support), query.X)
    for target, (own, rows) in enumerate(by_target(outputs, query)):
        learner = module.learners[target]
        state = algorithm.adapt(learner, support.of_target(target))
        assert own.equal(algorithm.predict(learner, state, query.X))
        assert rows.y.equal(query.y[..., target])


def test_the_meta_gradient_is_the_sum_over_targets(made):
    algorithm, both, module, episode = made
    loss = both.meta_backward(module, episode)
    summed = [weight.grad for weight in module.parameters()]
    losses, total = [], [torch.zeros_like(weight) for weight in module.parameters()]
    for target, learner in enumerate(module.learners):
        module.zero_grad()
        losses.append(algorithm.meta_backward(learner, episode.of_target(target)))
        for place, weight in enumerate(module.parameters()):
            if weight.grad is not None:
                total[place] += weight.grad
    torch.testing.assert_close(summed, total)
    torch.testing.assert_close(loss, torch.stack(losses).mean())
    torch.testing.assert_close(
        both.meta_loss(module, episode), torch.stack(losses).sum().detach()
    )


def test_the_validation_loss_is_the_mean_over_targets(made):
    algorithm, both, module, (support, query) = made
    state = both.adapt(module, support)
    outputs = both.answer(module, state, query)
    losses = [
        algorithm.validation_loss(learner, state[target], own, rows)
        for target, (learner, (own, rows)) in enumerate(
            zip(module.learners, by_target(outputs, query), strict=True)
        )
    ]
    torch.testing.assert_close(
        both.validation_loss(module, state, outputs, query), torch.stack(losses).mean()
    )


def test_an_algorithm_of_two_networks_gets_both_for_every_target():
    class Two(R2D2):
        def build(self, backbone, spec):
            module = super().build(backbone, spec)
            module.second = backbone.build(spec.n_features)
            return module

    first, other = PerTarget(Two(), 2).build(MLP((5,)), VALUES).learners
    assert first.backbone is other.backbone
    assert first.second is other.second
    assert first.backbone is not first.second


def test_only_what_an_algorithm_knows_has_deviations():
    assert not hasattr(PerTarget(R2D2(), 2), "predict_std")
