"""Task augmentation: new tasks out of old ones, support and query alike."""

import pytest
import torch
from sklearn.datasets import load_digits

from skmeta import MetaClassifier, MetaRegressor, plugins
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
from tests.augmentations.conftest import PER_TASK, REGRESSOR, SHARED, draw_episode

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
        MetaRegressor("maml", tasks="table", augment="label_permutation").fit(X, y)
    with pytest.raises(ValueError, match="does not learn 'shared' label spaces"):
        MetaClassifier("maml", tasks="table", augment=Rotations((8, 8))).fit(X, y)


def test_a_typo_in_a_name_names_the_closest():
    with pytest.raises(ValueError, match="rotations"):
        fit_on_digits(augment="rotation")
