"""Relation networks against their equations, computed pair by pair."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from torch.nn.functional import softplus

from skmeta import MetaClassifier
from skmeta.algorithms.relation import RelationNet
from skmeta.backbones import MLP, Identity
from skmeta.distances import Tangent
from skmeta.episodes import Episode
from skmeta.testing import parametrize_with_algorithm_checks
from tests.algorithms import transfer
from tests.batches import CLASSIFIER, PER_TASK, make_batch
from tests.noisy_digits import share_told_apart

SPECS = pytest.mark.parametrize(
    "spec", [CLASSIFIER, PER_TASK], ids=["shared", "per_task"]
)
POOLING = pytest.mark.parametrize("pooling", ["mean", "sum"])


@pytest.fixture
def make():
    """Build a learner in float64 with an episode of three unequal tasks."""
    generator = torch.Generator().manual_seed(1)

    def build(algorithm, spec):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            module = algorithm.build(MLP((6, 5), "tanh"), spec).double()
        support = make_batch(spec, [9, 12, 7], generator)
        return module, Episode(support, make_batch(spec, [6, 3, 8], generator))

    return build


def naive_scores(module, episode, t, *, pooling, shared):
    """Equation 1 of Sung et al., a row per query row and a column per class."""
    support, query = episode
    real = support.mask[t]
    rows = [module.backbone(x) for x in support.X[t][real]]
    labels = support.y[t][real].tolist()
    classes = []
    for k in range(int(support.n_classes[t])):
        own = [z for z, label in zip(rows, labels, strict=True) if label == k]
        total, count = sum(own, torch.zeros(5, dtype=torch.float64)), len(own)
        if shared:
            strength = softplus(module.raw_strength[k, 0])
            total, count = total + strength * module.prior[k], count + strength
        classes.append(total / count if pooling == "mean" and count else total)
    scores = []
    for x in query.X[t][query.mask[t]]:
        z = module.backbone(x)
        scores.append(
            torch.stack([module.relation(torch.cat([c, z])) for c in classes])
        )
    return torch.stack(scores).squeeze(-1).sigmoid()


@SPECS
@POOLING
def test_loss_and_gradient_equal_a_naive_computation(spec, pooling, make):
    algorithm = RelationNet(hidden=(7, 6), pooling=pooling)
    module, episode = make(algorithm, spec)
    shared = spec.label_space == "shared"
    losses = []
    for t in range(3):
        scores = naive_scores(module, episode, t, pooling=pooling, shared=shared)
        y = episode.query.y[t][episode.query.mask[t]].tolist()
        losses.append(
            sum(
                (score - float(k == label)) ** 2
                for row, label in zip(scores, y, strict=True)
                for k, score in enumerate(row)
            )
            / len(y)
        )
    naive = torch.stack(losses).mean()
    loss = algorithm.meta_loss(module, episode)
    torch.testing.assert_close(loss, naive, rtol=1e-12, atol=1e-12)
    learnt = list(module.parameters())
    torch.testing.assert_close(
        torch.autograd.grad(loss, learnt),
        torch.autograd.grad(naive, learnt),
        rtol=1e-9,
        atol=1e-12,
    )


@SPECS
@POOLING
def test_probabilities_are_the_normalised_scores(spec, pooling, make):
    algorithm = RelationNet(pooling=pooling)
    module, episode = make(algorithm, spec)
    state = algorithm.adapt(module, episode.support)
    p = algorithm.predict(module, state, episode.query.X).softmax(dim=-1)
    for t in range(3):
        scores = naive_scores(
            module, episode, t, pooling=pooling, shared=spec.label_space == "shared"
        )
        expected = scores / scores.sum(dim=-1, keepdim=True)
        got = p[t][episode.query.mask[t]][:, : scores.shape[1]]
        torch.testing.assert_close(got, expected)


def test_mean_is_the_sum_over_the_shots(make):
    module, (support, _) = make(RelationNet(), PER_TASK)
    mean, total = (
        RelationNet(pooling=pooling).adapt(module, support).classes[1, 2]
        for pooling in ("mean", "sum")
    )
    shots = int((support.mask[1] & (support.y[1] == 2)).sum())
    assert shots > 1
    torch.testing.assert_close(mean * shots, total)


def test_unknown_pooling_is_an_error():
    with pytest.raises(ValueError, match="pooling must be 'mean' or 'sum'"):
        RelationNet(pooling="max").build(MLP(), PER_TASK)


DISTANCES = pytest.mark.parametrize(
    "distance", ["euclidean", "cosine", "manhattan", "mahalanobis"]
)


def naive_distance(name, module, a, b):
    if name == "cosine":
        # Of a class without a row, which is at 0, the cosine is 0.
        return 1 - a @ b / (a.norm() * b.norm()).clamp(min=1e-12)
    if name == "manhattan":
        return (a - b).abs().sum()
    apart = a - b
    stretched = module.distance.factor @ apart if name == "mahalanobis" else 0 * apart
    return apart @ apart + stretched @ stretched


@SPECS
@DISTANCES
def test_a_distance_is_what_relations_start_from(spec, distance, make):
    algorithm = RelationNet(hidden=(7,), distance=distance)
    module, episode = make(algorithm, spec)
    with torch.no_grad():  # as after some training
        generator = torch.Generator().manual_seed(2)
        for weight in module.parameters():
            weight.add_(torch.randn(weight.shape, generator=generator), alpha=0.1)
    state = algorithm.adapt(module, episode.support)
    log_r = algorithm.predict(module, state, episode.query.X)
    body, last = module.relation
    for t in range(3):
        for i, x in enumerate(episode.query.X[t][episode.query.mask[t]]):
            z = module.backbone(x)
            for k in range(int(episode.support.n_classes[t])):
                c = state.classes[t, k]
                h = last.weight[0] @ body(torch.cat([c, z]))
                d = naive_distance(distance, module, z, c)
                g = h + last.bias[0] - module.log_scale.exp() * d
                torch.testing.assert_close(log_r[t, i, k], g.sigmoid().log())


@DISTANCES
def test_at_first_the_nearest_class_is_the_answer(distance, make):
    algorithm = RelationNet(distance=distance)
    module, episode = make(algorithm, PER_TASK)
    state = algorithm.adapt(module, episode.support)
    logits = algorithm.predict(module, state, episode.query.X)
    embedded = module.backbone(episode.query.X)
    for t in range(3):
        classes = state.classes[t, : int(state.n_classes[t])]
        real = episode.query.mask[t]
        apart = torch.stack(
            [
                torch.stack([naive_distance(distance, module, z, c) for c in classes])
                for z in embedded[t]
            ]
        )
        nearest = apart.argmin(dim=-1)[real]
        assert torch.equal(logits[t].argmax(dim=-1)[real], nearest)


@DISTANCES
def test_training_moves_distance_scale_threshold_and_comparison(distance, make):
    algorithm = RelationNet(hidden=(7,), distance=distance)
    module, episode = make(algorithm, PER_TASK)
    algorithm.meta_loss(module, episode).backward()
    last = module.relation[1]
    learnt = [module.log_scale, last.bias, last.weight]
    learnt += [*module.distance.parameters()] if distance == "mahalanobis" else []
    assert all(weight.grad.any() for weight in learnt)


def test_any_registered_distance_serves_and_is_cloned():
    image_shape = (1, 3)
    algorithm = clone(RelationNet(distance=Tangent(image_shape, ridge=0.5)))
    assert repr(algorithm.distance) == repr(Tangent(image_shape, ridge=0.5))
    module = algorithm.build(Identity(), PER_TASK)
    a, b = torch.rand(2, 3), torch.rand(4, 3)
    expected = Tangent(image_shape, ridge=0.5).build(3)(a, b)
    torch.testing.assert_close(module.distance(a, b), expected)
    with pytest.raises(ValueError, match=r"Unknown distance 'euclid'.*'euclidean'"):
        RelationNet(distance="euclid").build(MLP(), PER_TASK)


def test_a_sum_of_rows_has_no_distance():
    with pytest.raises(ValueError, match="pooling='mean' with a distance"):
        RelationNet(pooling="sum", distance="euclidean").build(MLP(), PER_TASK)


@parametrize_with_algorithm_checks(
    [
        RelationNet(pooling="sum"),
        RelationNet(hidden=(9, 8)),
        RelationNet(distance="euclidean"),
        RelationNet(distance="mahalanobis"),
    ]
)
def test_the_laws_hold_with_other_settings(algorithm, check):
    check(algorithm)


@pytest.mark.slow
def test_learns_to_tell_new_digits_from_five_rows_each():
    X, y = load_digits(return_X_y=True)
    train = y >= 3
    meta = MetaClassifier(
        RelationNet(), tasks="classes", max_epochs=12, random_state=0
    ).fit(X[train], y[train])
    assert share_told_apart(meta, X[~train], y[~train]) > 0.6  # chance: 1/3


def test_a_comparison_that_says_nothing_leaves_the_prior_as_it_is(make):
    module, episode = make(RelationNet(), CLASSIFIER)
    last = module.relation[-1]
    last.weight.data.zero_()
    last.bias.data.fill_(-np.log(3.0))  # a match of one class in four
    offset = torch.randn(3, 8, 2, 4, generator=torch.Generator().manual_seed(0))
    query = episode.query._replace(offset=offset.double())
    state = RelationNet().adapt(module, episode.support)
    log_r = RelationNet().answer(module, state, query)
    torch.testing.assert_close(log_r, query.offset.mean(dim=2).log_softmax(dim=-1))


@transfer.SPACES
@pytest.mark.parametrize(
    "algorithm", [RelationNet(), RelationNet(distance="euclidean")], ids=repr
)
def test_the_second_loss_tells_training_classes_apart(
    algorithm, spec, labelled_episode_for
):
    transfer.check_second_loss(algorithm, labelled_episode_for(spec), spec)
