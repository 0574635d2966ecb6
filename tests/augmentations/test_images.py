"""Images turned, shifted and distorted, a class alike."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from skmeta.algorithms import Spec
from skmeta.augmentations import RandomAffine, Rotations
from skmeta.episodes import Batch, Episode
from skmeta.testing import parametrize_with_checks
from tests.augmentations.conftest import PER_TASK, draw_episode


def test_a_turned_class_is_a_new_class_turned_by_quarters(rng):
    episode = draw_episode(PER_TASK)
    changed = Rotations((3, 3)).augment(episode, PER_TASK, rng)
    turns_of_class = {}
    for part, (old, new) in enumerate(zip(episode, changed, strict=True)):
        for i, j in zip(*old.mask.nonzero(as_tuple=True), strict=True):
            label, new_label = int(old.label[i, j]), int(new.label[i, j])
            turns = new_label - 4 * label
            assert 0 <= turns < 4
            image = np.rot90(old.X[i, j].view(3, 3).numpy(), turns)
            np.testing.assert_array_equal(new.X[i, j].view(3, 3).numpy(), image)
            key = int(i), int(old.y[i, j])
            assert turns_of_class.setdefault(key, turns) == turns, part
    assert set(turns_of_class.values()) == {0, 1, 2, 3}
    assert Rotations().n_train_classes(7) == 28


def test_channels_of_an_image_are_turned_each_by_itself(rng):
    spec = replace(PER_TASK, n_features=8)
    X = torch.arange(8.0).expand(1, 4, 8)
    y = torch.arange(4).unsqueeze(0)
    batch = Batch(X, y, torch.ones(1, 4, dtype=torch.bool), torch.tensor([4]))
    changed = Rotations((2, 2, 2)).augment(Episode(batch, batch), spec, rng)
    for row in changed.support.X[0].view(4, 2, 4):
        assert sorted(row[0].tolist()) == [0, 1, 2, 3]
        torch.testing.assert_close(row[1], row[0] + 4)


def test_an_affine_map_of_no_size_is_the_identity(rng):
    episode = draw_episode(PER_TASK)
    still = RandomAffine((3, 3), degrees=0, shear=0, scale=0, translate=0)
    changed = still.augment(episode, PER_TASK, rng)
    torch.testing.assert_close(changed.support.X, episode.support.X)


def test_a_shift_moves_ink_by_that_part_of_the_image(rng):
    image = torch.zeros(1, 500, 21 * 21)
    image.view(500, 21, 21)[:, 10, 10] = 1
    mask = torch.ones(1, 500, dtype=torch.bool)
    batch = Batch(image, torch.zeros(1, 500, dtype=torch.int64), mask, torch.ones(1))
    spec = Spec(21 * 21, 2, "classifier")
    shift = RandomAffine((21, 21), degrees=0, shear=0, scale=0, translate=0.2)
    moved = shift.augment(Episode(batch, batch), spec, rng).support.X.view(500, 21, 21)
    place = torch.arange(21.0) - 10
    right = (moved.sum(dim=1) * place).sum(dim=1)
    assert right.abs().max() <= 0.2 * 21 + 1e-3
    # Uniform from -4.2 to 4.2 pixels, each image by itself.
    assert right.std().item() == pytest.approx(4.2 / 3**0.5, rel=0.1)


def test_images_of_a_class_are_distorted_alike_if_asked(rng):
    image = torch.rand(25)
    X = image.expand(6, 8, 25)
    y = torch.arange(8).expand(6, 8) // 4
    batch = Batch(X, y, torch.ones(6, 8, dtype=torch.bool), torch.full((6,), 2))
    spec = replace(PER_TASK, n_features=25)
    support, query = RandomAffine((5, 5), per="class").augment(
        Episode(batch, batch), spec, rng
    )
    torch.testing.assert_close(support.X, query.X)
    torch.testing.assert_close(support.X[:, 0], support.X[:, 3])
    assert not torch.allclose(support.X[:, 0], support.X[:, 4])
    assert not torch.allclose(support.X[0], support.X[1])


@parametrize_with_checks(
    "augmentation", [Rotations(image_shape=(4, 4)), RandomAffine(image_shape=(4, 4))]
)
def test_the_laws_hold_with_other_settings(augmentation, check):
    check(augmentation)
