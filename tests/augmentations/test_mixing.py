"""Tasks mixed and classes overlaid: between the rows of two."""

import torch

from skmeta.augmentations import ClassOverlay, TaskMixing
from skmeta.episodes import Batch, Episode
from tests.augmentations.conftest import PER_TASK, REGRESSOR, SHARED, draw_episode


def test_mixed_rows_lie_between_rows_of_one_class_of_two_tasks(rng):
    # Each class of each task is one point, so that the mixture shows who was mixed.
    points = torch.randn(3, 2, 9, dtype=torch.float64)
    y = torch.tensor([0, 0, 1, 1]).expand(3, 4)
    X = points[torch.arange(3).unsqueeze(1), y]
    mask = torch.ones(3, 4, dtype=torch.bool)
    batch = Batch(
        X, y, mask, torch.full((3,), 2), label=y + 2 * torch.arange(3)[:, None]
    )
    support, query = TaskMixing(share=1).augment(Episode(batch, batch), PER_TASK, rng)
    for t in range(3):
        for k in range(2):
            rows = torch.cat([support.X[t, y[t] == k], query.X[t, y[t] == k]])
            assert (rows == rows[0]).all()  # one weight for the whole class
            others = [points[s, k] for s in range(3) if s != t]
            lines = torch.stack([other - points[t, k] for other in others])
            shift = rows[0] - points[t, k]
            weights = (lines @ shift) / lines.square().sum(dim=1)
            errors = (weights[:, None] * lines - shift).norm(dim=1)
            assert errors.min() < 1e-6
            assert 0 <= weights[errors.argmin()] <= 1
    assert (support.label == -1).all()


def test_a_covered_class_is_laid_over_one_other_class_of_its_episode(rng):
    # A class is a bit of its own, so that the sum shows what lies over what.
    y = torch.arange(4).repeat(50, 2)
    X = torch.nn.functional.one_hot(y, 9).float()
    mask = torch.ones(50, 8, dtype=torch.bool)
    batch = Batch(X, y, mask, torch.full((50,), 4), label=y)
    support, query = ClassOverlay(share=1).augment(Episode(batch, batch), PER_TASK, rng)
    torch.testing.assert_close(support.X, query.X)
    assert (support.X[torch.arange(50)[:, None], torch.arange(8), y] == 1).all()
    n_classes = support.X.sum(dim=-1)
    assert set(n_classes.flatten().tolist()) == {1.0, 2.0}
    assert 0.4 < (n_classes == 2).float().mean() < 0.6
    torch.testing.assert_close(support.label == -1, n_classes == 2)
    some = ClassOverlay(share=0.3).augment(Episode(batch, batch), PER_TASK, rng)
    changed = (some.support.X != X).flatten(1).any(dim=1)
    assert 0.1 < changed.float().mean() < 0.5


def test_mixing_values_mixes_targets_with_the_weight_of_the_features(rng):
    episode = draw_episode(REGRESSOR)  # whose target is the first feature
    mixed = TaskMixing(share=1).augment(episode, REGRESSOR, rng)
    torch.testing.assert_close(mixed.query.y, mixed.query.X[..., 0])
    assert not torch.allclose(mixed.query.X, episode.query.X)


def test_mixing_shared_labels_keeps_them(rng):
    episode = draw_episode(SHARED)
    first = SHARED.n_features - 1
    for part in episode:  # a feature that tells the label
        part.X[..., first] = part.y.float()
    mixed = TaskMixing(share=1, alpha=2.0).augment(episode, SHARED, rng)
    torch.testing.assert_close(mixed.support.y, episode.support.y)
    torch.testing.assert_close(mixed.support.X[..., first], mixed.support.y.float())
    assert not torch.allclose(mixed.support.X, episode.support.X)


def test_mixing_mixes_a_prior_with_the_weight_of_the_features(rng):
    for spec in (REGRESSOR, SHARED):
        episode = Episode(
            *(
                batch._replace(offset=batch.X[..., 1:3].unsqueeze(-1))
                for batch in draw_episode(spec)
            )
        )
        mixed = TaskMixing(share=1).augment(episode, spec, rng)
        for batch in mixed:
            torch.testing.assert_close(batch.offset[..., 0], batch.X[..., 1:3])
        assert not torch.allclose(mixed.query.offset, episode.query.offset)
