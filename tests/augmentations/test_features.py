"""Noise and masks: alike for all rows of a task."""

import pytest
import torch

from skmeta.augmentations import FeatureMasking, FeatureNoise
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


@parametrize_with_checks("augmentation", [FeatureNoise(scale=0.0)])
def test_the_laws_hold_with_other_settings(augmentation, check):
    check(augmentation)
