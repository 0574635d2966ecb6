"""SimpleShot against its equations, row by row."""

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestCentroid
from torch.nn.functional import normalize, softplus

from skmeta.algorithms.simpleshot import SimpleShot
from skmeta.backbones import MLP
from skmeta.testing import parametrize_with_checks
from tests.algorithms.transfer import (
    CLASSIFIER,
    PER_TASK,
    SPACES,
    build,
    gradients,
    naive_class_loss,
    real_rows,
)

TRANSFORMS = pytest.mark.parametrize("feature_transform", ["CL2N", "L2N", None])


def transform(z, module, feature_transform):
    if feature_transform == "CL2N":
        z = z - module.mean_total / module.mean_weight
    return z if feature_transform is None else z / z.norm()


def naive_query_loss(module, episode, spec, feature_transform):
    """Nearest centroid, with the priors of a shared label space."""
    losses = []
    for t in range(3):
        X, y, _ = real_rows(episode.support, t)
        with torch.no_grad():
            Z = [transform(module.backbone(x), module, feature_transform) for x in X]
        centroids, log_odds = [], []
        for k in range(int(episode.support.n_classes[t])):
            own = [z for z, label in zip(Z, y, strict=True) if label == k]
            total = sum(own, torch.zeros(5, dtype=torch.float64))
            count, odds = len(own), torch.ones((), dtype=torch.float64)
            if spec is CLASSIFIER:
                strength = softplus(module.raw_strength[k, 0])
                total = total + strength * module.prior[k]
                count = count + strength
                odds = softplus(module.raw_count[k]) + len(own)
            centroids.append(total / count)
            log_odds.append(odds.log())
        of_task = []
        for x, label in zip(*real_rows(episode.query, t)[:2], strict=True):
            with torch.no_grad():
                z = transform(module.backbone(x), module, feature_transform)
            logits = [
                odds - module.log_scale.exp() * (z - c).square().sum()
                for c, odds in zip(centroids, log_odds, strict=True)
            ]
            of_task.append(-torch.stack(logits).log_softmax(dim=0)[label])
        losses.append(torch.stack(of_task).mean())
    return torch.stack(losses).mean()


@SPACES
@TRANSFORMS
def test_simpleshot_loss_and_gradient_equal_a_naive_computation(
    spec, feature_transform, labelled_episode_for
):
    """The backbone learns from the classifier alone, the scale from the queries."""
    algorithm = SimpleShot(feature_transform)
    module, episode = build(algorithm, spec), labelled_episode_for(spec)
    naive = naive_class_loss(
        lambda x: module.classifier(module.backbone(x)), episode
    ) + naive_query_loss(module, episode, spec, feature_transform)
    loss = algorithm.meta_loss(module, episode)
    torch.testing.assert_close(loss, naive, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(
        gradients(loss, module), gradients(naive, module), rtol=1e-9, atol=1e-12
    )


def test_simpleshot_predicts_the_nearest_centroid_of_centred_directions(
    labelled_episode_for,
):
    algorithm = SimpleShot()
    module, (support, query) = (
        build(algorithm, PER_TASK),
        labelled_episode_for(PER_TASK),
    )

    def embed(X):
        Z = module.backbone(X).detach() - module.mean_total / module.mean_weight
        return normalize(Z, dim=-1).numpy()

    outputs = algorithm.predict(module, algorithm.adapt(module, support), query.X)
    for t in range(3):
        X, y, _ = real_rows(support, t)
        nearest = NearestCentroid().fit(embed(X), y.numpy())
        expected = nearest.predict(embed(query.X[t]))
        np.testing.assert_array_equal(outputs[t].argmax(dim=-1), expected)


def test_the_mean_embedding_is_a_running_mean_of_real_rows(labelled_episode_for):
    algorithm = SimpleShot()
    module = algorithm.build(MLP((6, 5)), PER_TASK).double().train()
    episodes = [labelled_episode_for(PER_TASK) for _ in range(3)]
    means = []
    for episode in episodes:
        algorithm.meta_loss(module, episode)
        X = torch.cat([real_rows(b, t)[0] for b in episode for t in range(3)])
        means.append(module.backbone(X).mean(dim=0))
    weight = torch.tensor([0.9**2, 0.9, 1.0], dtype=torch.float64)
    expected = (weight.unsqueeze(1) * torch.stack(means)).sum(dim=0) / weight.sum()
    mean = module.mean_total / module.mean_weight
    torch.testing.assert_close(mean, expected.detach(), rtol=1e-6, atol=1e-7)
    module.eval()
    algorithm.meta_loss(module, episodes[0])
    assert torch.equal(mean, module.mean_total / module.mean_weight)


@TRANSFORMS
def test_the_embedding_is_what_is_compared(feature_transform, labelled_episode_for):
    algorithm = SimpleShot(feature_transform)
    module, episode = build(algorithm, PER_TASK), labelled_episode_for(PER_TASK)
    support = episode.support
    state = algorithm.adapt(module, support)
    members = support.mask[1] & (support.y[1] == 2)
    embedded = algorithm.embed(module, state, support.X)[1][members]
    torch.testing.assert_close(state.prototypes[1, 2], embedded.mean(dim=0))
    if feature_transform is not None:
        one = torch.ones(len(embedded), dtype=torch.float64)
        torch.testing.assert_close(embedded.norm(dim=-1), one)


def test_an_unknown_transform_is_refused():
    with pytest.raises(ValueError, match="'CL2N', 'L2N' or None, not 'ZN'"):
        SimpleShot("ZN").build(MLP(), PER_TASK)


@parametrize_with_checks("algorithm", [SimpleShot("L2N"), SimpleShot(None)])
def test_the_laws_hold_with_other_settings(algorithm, check):
    check(algorithm)
