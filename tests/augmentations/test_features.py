"""Noise and masks: alike for all rows of a task."""

import numpy as np
import pytest
import torch

from skmeta.augmentations import FeatureMasking, FeatureNoise
from skmeta.episodes import Episode
from skmeta.testing import parametrize_with_checks
from tests.augmentations.conftest import PER_TASK, REGRESSOR, draw_episode


def test_a_masked_feature_is_gone_from_support_and_query_of_the_task(rng):
    episode = FeatureMasking(0.5).augment(draw_episode(PER_TASK), PER_TASK, rng)
    gone = [(part.X == 0).all(dim=1) for part in episode]
    torch.testing.assert_close(gone[0], gone[1])
    assert 0.3 < gone[0].float().mean() < 0.7


def test_noise_has_the_scale_that_was_asked_for(rng):
    episode = draw_episode(REGRESSOR, n_tasks=200)
    noisy = FeatureNoise(0.3).augment(episode, REGRESSOR, rng)
    difference = (noisy.query.X - episode.query.X)[episode.query.mask]
    assert difference.std().item() == pytest.approx(0.3, rel=0.05)


@pytest.mark.parametrize("spec", [PER_TASK, REGRESSOR], ids=["classes", "values"])
def test_noise_within_classes_has_their_covariance(spec, rng):
    """Of one task, drawn many times, against a loop over its classes."""
    episode = draw_episode(spec, n_tasks=2)
    X, y = (
        torch.cat([getattr(part, name)[1][part.mask[1]] for part in episode]).numpy()
        for name in ("X", "y")
    )
    code = np.zeros(len(y)) if spec is REGRESSOR else y
    scatter, free = 0, len(y)
    for k in np.unique(code):
        own = X[code == k] - X[code == k].mean(axis=0)
        scatter, free = scatter + own.T @ own, free - 1
    noise = []
    for _ in range(2000):
        noisy = FeatureNoise(0.0, within=0.5).augment(episode, spec, rng)
        first = noisy.query.X[1][0] - episode.query.X[1][0]
        assert not noisy.query.X[1][~episode.query.mask[1]].any()
        noise.append(first.numpy())
    expected = 0.25 * scatter / free
    size = np.sqrt(np.diag(expected))
    error = (np.cov(np.transpose(noise)) - expected) / np.outer(size, size)
    assert np.abs(error).max() < 0.15


def test_a_row_alone_in_its_class_gets_no_noise_within_it(rng):
    episode = draw_episode(PER_TASK, n_tasks=2)
    first = torch.arange(episode.support.mask.shape[1]) < 1
    support = episode.support._replace(
        X=episode.support.X * first.unsqueeze(-1), mask=episode.support.mask & first
    )
    nothing = torch.zeros_like(episode.query.mask)
    query = episode.query._replace(X=0 * episode.query.X, mask=nothing)
    noisy = FeatureNoise(0.0, within=1.0).augment(
        Episode(support, query), PER_TASK, rng
    )
    torch.testing.assert_close(noisy.support.X, support.X)


@pytest.mark.parametrize("name", ["scale", "within"])
def test_noise_of_a_negative_size_is_refused(name, rng):
    with pytest.raises(ValueError, match=f"{name} must not be negative, not -1"):
        FeatureNoise(**{name: -1}).augment(draw_episode(REGRESSOR), REGRESSOR, rng)


@parametrize_with_checks(
    "augmentation", [FeatureNoise(scale=0.0), FeatureNoise(within=1.0)]
)
def test_the_laws_hold_with_other_settings(augmentation, check):
    check(augmentation)
