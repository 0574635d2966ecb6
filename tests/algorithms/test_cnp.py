"""Conditional neural processes against their equations, one row at a time."""

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy, one_hot, softplus

from skmeta import MetaRegressor
from skmeta.algorithms import Spec
from skmeta.algorithms.cnp import CNP
from skmeta.backbones import MLP
from skmeta.datasets import make_sinusoids
from skmeta.episodes import Episode
from skmeta.testing import parametrize_with_algorithm_checks
from tests.batches import CLASSIFIER, PER_TASK, REGRESSOR, SPECS

ATTENTION = pytest.mark.parametrize("attention", [False, True])


def build(algorithm, spec):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = algorithm.build(MLP((6, 5)), spec).double()
    if module.few is not None:  # it begins with zeros, which would hide it
        module.few.data.copy_(torch.tensor([0.02, -0.03]))
    return module


def naive_pair(pair, embedded, beside):
    product = embedded * (pair.gate.weight @ beside + pair.gate.bias)
    return pair.network(torch.cat([embedded, beside, product]))


def naive_about(module, x, places, representations):
    """Sum up one group of rows for one query row."""
    representations = torch.stack([module.prior, *representations])
    if module.attention is None:
        return representations.mean(dim=0)
    attend, heads = module.attention, []
    places = torch.stack([module.prior_place, *places])
    width = representations.shape[1] // attend.n_heads
    for h in range(attend.n_heads):
        own = slice(h * width, (h + 1) * width)
        scores = attend.key(places)[:, own] @ attend.query(x)[own] / math.sqrt(width)
        heads.append(scores.softmax(dim=0) @ representations[:, own])
    return attend.mix(torch.cat(heads))


def naive_outputs(module, episode, spec, t):
    support, query = episode
    real = support.mask[t]
    places = list(module.backbone(support.X[t][real]))
    targets = list(support.y[t][real])
    rows = []
    for x in module.backbone(query.X[t][query.mask[t]]):
        if spec.label_space == "per_task":
            logits = []
            for k in range(int(support.n_classes[t])):
                own = [z for z, y in zip(places, targets, strict=True) if y == k]
                own_values = [module.encoder.network(z) for z in own]
                about = naive_about(module, x, own, own_values)
                logits.append(naive_pair(module.decoder, x, about))
            rows.append(torch.cat(logits))
            continue
        if spec.kind == "classifier":
            codes = [one_hot(y, 4).double() for y in targets]
        else:
            codes = [y.view(1) for y in targets]
        representations = [
            naive_pair(module.encoder, z, code)
            for z, code in zip(places, codes, strict=True)
        ]
        about = naive_about(module, x, places, representations)
        output = naive_pair(module.decoder, x, about)
        if spec.kind == "regressor":
            a, b = module.few
            n = len(places)
            shift = 30 * (a / (n + 1) + b / (n + 1) ** 2)
            output = torch.stack([output[0], output[1] + shift])
        rows.append(output)
    return torch.stack(rows)


@SPECS
@ATTENTION
def test_loss_and_gradient_equal_a_naive_computation(spec, attention, episode_for):
    algorithm = CNP(attention, width=8, n_heads=2, min_std=0.2)
    module, episode = build(algorithm, spec), episode_for(spec)
    losses = []
    for t in range(3):
        outputs = naive_outputs(module, episode, spec, t)
        y = episode.query.y[t][episode.query.mask[t]]
        if spec.kind == "classifier":
            losses.append(cross_entropy(outputs, y))
        else:
            std = 0.2 + 0.8 * softplus(outputs[:, 1])
            losses.append(-torch.distributions.Normal(outputs[:, 0], std).log_prob(y))
    naive = torch.stack([loss.mean() for loss in losses]).mean()
    loss = algorithm.meta_loss(module, episode)
    torch.testing.assert_close(loss, naive, rtol=1e-12, atol=1e-12)
    learnt = list(module.parameters())
    torch.testing.assert_close(
        torch.autograd.grad(loss, learnt),
        torch.autograd.grad(naive, learnt),
        rtol=1e-9,
        atol=1e-12,
    )


@ATTENTION
def test_mean_and_standard_deviation_are_the_likelihoods(attention, episode_for):
    algorithm = CNP(attention, width=8)
    module, (support, query) = build(algorithm, REGRESSOR), episode_for(REGRESSOR)
    state = algorithm.adapt(module, support)
    mean = algorithm.predict(module, state, query.X)
    std = algorithm.predict_std(module, state, query.X)
    assert mean.shape == std.shape == (3, 8, 1)
    assert (std > algorithm.min_std).all()
    log_p = torch.distributions.Normal(mean, std).log_prob(query.y.unsqueeze(-1))
    expected = -torch.stack([log_p[t][query.mask[t]].mean() for t in range(3)]).mean()
    loss = algorithm.meta_loss(module, Episode(support, query))
    torch.testing.assert_close(loss, expected)


@ATTENTION
def test_weights_of_early_files_are_read_as_if_few_rows_were_like_many(attention):
    module = build(CNP(attention, width=8), REGRESSOR)
    early = {k: v for k, v in module.state_dict().items() if k != "few"}
    module.load_state_dict(early)
    assert not module.few.any()


def test_standard_deviations_come_in_the_unit_of_the_targets():
    X, y, task = make_sinusoids(n_tasks=20, n_rows=20, random_state=0)

    def deviations(y):
        meta = MetaRegressor("cnp", max_epochs=1, tasks_per_epoch=8, random_state=0)
        meta.fit(X, y, groups=task).adapt(X[:5], y[:5])
        values, std = meta.predict(X[:20], return_std=True)
        np.testing.assert_array_equal(values, meta.predict(X[:20]))
        assert std.shape == (20,)
        return std

    np.testing.assert_allclose(deviations(50 * y + 7), 50 * deviations(y), rtol=1e-3)


def test_an_algorithm_without_standard_deviations_says_so():
    X, y, task = make_sinusoids(n_tasks=20, n_rows=20, random_state=0)
    meta = MetaRegressor("r2d2", max_epochs=1, tasks_per_epoch=8, random_state=0)
    meta.fit(X, y, groups=task).adapt(X[:5], y[:5])
    with pytest.raises(ValueError, match=r"R2D2\(\) predicts values without standard"):
        meta.predict(X, return_std=True)


def test_heads_must_divide_the_width():
    with pytest.raises(ValueError, match="n_heads must divide width, but 3"):
        CNP(attention=True, width=8, n_heads=3).build(MLP(), REGRESSOR)


def test_has_a_prior_where_outputs_mean_the_same_in_every_task():
    assert CNP().has_prior(CLASSIFIER)
    assert CNP().has_prior(Spec(3, 1, "regressor"))
    assert not CNP().has_prior(PER_TASK)


@parametrize_with_algorithm_checks(
    [CNP(width=8), CNP(attention=True), CNP(attention=True, width=8, n_heads=1)]
)
def test_the_laws_hold_with_other_settings(algorithm, check):
    check(algorithm)


@pytest.mark.slow
@ATTENTION
def test_learns_ten_shot_sinusoids(attention):
    X, y, task = make_sinusoids(n_tasks=2000, n_rows=40, random_state=0)
    X_new, y_new, new = make_sinusoids(n_tasks=500, n_rows=50, random_state=1)
    support = np.tile(np.arange(50) < 10, 500)
    meta = MetaRegressor(
        CNP(attention),
        MLP((40, 40)),
        n_shot=10,
        n_query=10,
        batch_size=25,
        lr=5e-3,
        max_epochs=40,
        random_state=0,
    ).fit(X, y, groups=task)
    meta.adapt(X_new[support], y_new[support], groups=new[support])
    answers, std = meta.predict(X_new[~support], groups=new[~support], return_std=True)
    error = answers - y_new[~support]
    assert np.mean(error**2) < 0.3
    # Of normal errors 68 % are within a standard deviation; more may be, not far fewer.
    assert 0.6 < np.mean(np.abs(error) < std) < 0.95
