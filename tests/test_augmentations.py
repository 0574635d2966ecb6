"""Task augmentation: new tasks out of old ones, support and query alike."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from skmeta import MetaClassifier, MetaRegressor, plugins
from skmeta.algorithms import Spec
from skmeta.augmentations import (
    ClassOverlay,
    FeatureMasking,
    FeatureNoise,
    LabelPermutation,
    RandomAffine,
    Rotations,
    TaskMixing,
    augment_all,
)
from skmeta.episodes import Batch, Episode, EpisodeSampler
from skmeta.episodes.table import Table

PER_TASK = Spec(9, 0, "classifier", "per_task", n_train_classes=7)
SHARED = Spec(9, 4, "classifier", "shared", n_train_classes=4)
REGRESSOR = Spec(9, 1, "regressor")


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(0)


def draw_episode(spec: Spec, n_tasks: int = 40, seed: int = 0) -> Episode:
    """Draw an episode with padding; classes of unequal number where they may be."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(400, 9)).astype(np.float32)
    task = np.arange(400) % 20
    cell = rng.integers(0, 2 + task % (4 if spec.label_space == "per_task" else 3))
    table = Table(X, cell if spec.kind == "classifier" else X[:, 0])
    if spec.kind == "classifier":
        table = replace(table, label=rng.integers(0, 7, size=400))
    sampler = EpisodeSampler(
        table,
        task,
        cell if spec.label_space == "per_task" else None,
        n_classes=spec.n_outputs if spec.kind == "classifier" else 0,
        n_shot=(1, 6),
        n_query=4,
    )
    return sampler.episode(*sampler.draw(n_tasks, rng))


ALL = [
    (FeatureNoise(), PER_TASK),
    (FeatureNoise(), REGRESSOR),
    (FeatureMasking(), SHARED),
    (FeatureMasking(), REGRESSOR),
    (LabelPermutation(share=1), SHARED),
    (LabelPermutation(share=1), PER_TASK),
    (Rotations((3, 3)), PER_TASK),
    (RandomAffine((3, 3)), PER_TASK),
    (RandomAffine((3, 3)), REGRESSOR),
    (RandomAffine((3, 3), per="class"), PER_TASK),
    (ClassOverlay(share=1), PER_TASK),
    (TaskMixing(share=1), PER_TASK),
    (TaskMixing(share=1), SHARED),
    (TaskMixing(share=1), REGRESSOR),
]


@pytest.mark.parametrize(("augmentation", "spec"), ALL, ids=str)
def test_shapes_masks_padding_and_the_given_episode_stay(augmentation, spec, rng):
    episode = draw_episode(spec)
    before = [None if t is None else t.clone() for part in episode for t in part]
    changed = augmentation.augment(episode, spec, rng)
    for old, new in zip(episode, changed, strict=True):
        assert new.X.shape == old.X.shape
        assert new.X.dtype == old.X.dtype
        torch.testing.assert_close(new.mask, old.mask)
        torch.testing.assert_close(new.n_classes, old.n_classes)
        assert not new.X[~new.mask].any()
        assert not new.y[~new.mask].any()
        assert new.X.isfinite().all()
        if spec.kind == "classifier":
            assert new.y.dtype == torch.int64
            assert (new.label[~new.mask] == -1).all()
    after = [t for part in episode for t in part]
    torch.testing.assert_close(after, before, rtol=0, atol=0)


@pytest.mark.parametrize(("augmentation", "spec"), ALL, ids=str)
def test_the_generator_alone_decides(augmentation, spec):
    episode = draw_episode(spec)

    def run(seed):
        return augmentation.augment(episode, spec, torch.Generator().manual_seed(seed))

    for a, b in zip(run(1), run(1), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)
    differs = any(
        not torch.equal(a.X, b.X) or not torch.equal(a.y, b.y)
        for a, b in zip(run(1), run(2), strict=True)
    )
    assert differs


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


def test_permuted_labels_are_renamed_alike_in_support_and_query(rng):
    episode = draw_episode(SHARED)
    changed = LabelPermutation(share=0.5).augment(episode, SHARED, rng)
    moved = 0
    for i in range(len(episode.support.y)):
        new_name = {}
        for old, new in zip(episode, changed, strict=True):
            for a, b in zip(old.y[i][old.mask[i]], new.y[i][old.mask[i]], strict=True):
                assert new_name.setdefault(int(a), int(b)) == int(b)
        assert len(set(new_name.values())) == len(new_name)
        assert all(name < 4 for name in new_name.values())
        moved += any(a != b for a, b in new_name.items())
    assert 0.25 < moved / len(episode.support.y) < 0.65


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


def test_augmentations_act_in_their_order(rng):
    episode = draw_episode(PER_TASK)
    both = augment_all([FeatureNoise(0.5), FeatureMasking(0.5)], episode, PER_TASK, rng)
    assert (both.query.X == 0).any()  # masked after the noise


@pytest.mark.parametrize(
    ("augmentation", "spec", "message"),
    [
        (Rotations((5, 5)), PER_TASK, "does not fit rows of 9 features"),
        (Rotations((1, 9)), PER_TASK, "Only square images"),
        (RandomAffine((3, 3), scale=1.5), PER_TASK, "scale be below 1"),
        (RandomAffine((3, 3), per="image"), PER_TASK, "per must be"),
        (RandomAffine((3, 3), per="class"), SHARED, "per task"),
        (FeatureNoise(-1), PER_TASK, "must not be negative"),
        (FeatureMasking(1.0), PER_TASK, r"in \[0, 1\)"),
        (LabelPermutation(2), SHARED, r"in \[0, 1\]"),
        (TaskMixing(alpha=0), PER_TASK, "alpha positive"),
        (ClassOverlay(-0.1), PER_TASK, r"in \[0, 1\]"),
    ],
    ids=str,
)
def test_parameters_out_of_range_are_refused(augmentation, spec, message, rng):
    with pytest.raises(ValueError, match=message):
        augmentation.augment(draw_episode(spec), spec, rng)


QUICK = {"max_epochs": 1, "tasks_per_epoch": 8, "batch_size": 4, "random_state": 0}


def fit_on_digits(**parameters):
    X, y = load_digits(return_X_y=True)
    return MetaClassifier("protonet", tasks="classes", **{**QUICK, **parameters}).fit(
        X, y
    )


@pytest.mark.parametrize("name", plugins.names("augmentation"))
def test_a_name_stands_for_an_augmentation_wherever_it_suits(name):
    if name in ("rotations", "random_affine"):  # whose default is 28 x 28
        with pytest.raises(ValueError, match="does not fit rows of 64 features"):
            fit_on_digits(augment=name)
    else:
        assert fit_on_digits(augment=name).module_ is not None


def test_training_sees_the_augmented_classes():
    meta = fit_on_digits(augment=["feature_noise", Rotations((8, 8))])
    assert meta.spec_.n_train_classes == 40
    assert fit_on_digits().spec_.n_train_classes == 10


def test_augmentation_changes_what_is_learnt_and_a_seed_repeats_it():
    def weights(augment):
        meta = fit_on_digits(augment=augment)
        return torch.cat([w.flatten() for w in meta.module_.parameters()])

    torch.testing.assert_close(
        weights("feature_noise"), weights("feature_noise"), rtol=0, atol=0
    )
    assert not torch.equal(weights("feature_noise"), weights(None))


def test_an_augmentation_that_does_not_suit_is_refused():
    X, y = load_digits(return_X_y=True)
    with pytest.raises(ValueError, match="does not learn 'regressor' targets"):
        MetaRegressor(tasks="table", augment="label_permutation").fit(X, y)
    with pytest.raises(ValueError, match="does not learn 'shared' label spaces"):
        MetaClassifier(tasks="table", augment=Rotations((8, 8))).fit(X, y)


def test_a_typo_in_a_name_names_the_closest():
    with pytest.raises(ValueError, match="rotations"):
        fit_on_digits(augment="rotation")
