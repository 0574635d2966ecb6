"""Learning from the training classes, for classes never seen."""

import numpy as np
import pytest
import torch

from skmeta import MetaClassifier
from skmeta.algorithms import Spec
from skmeta.algorithms.baseline_plus_plus import BaselinePlusPlus
from skmeta.algorithms.shared.training_classes import class_loss
from skmeta.algorithms.simpleshot import SimpleShot
from skmeta.augmentations import Rotations
from skmeta.backbones import MLP
from skmeta.episodes import Episode
from tests.algorithms.transfer import CLASSIFIER, PER_TASK, build

BOTH = pytest.mark.parametrize(
    "algorithm", [SimpleShot(), BaselinePlusPlus()], ids=["SimpleShot", "Baseline++"]
)


def test_class_loss_counts_rows_and_leaves_out_those_of_no_class():
    logits = torch.tensor([[[0.0, 1.0], [2.0, 0.0]], [[5.0, 1.0], [0.0, 0.0]]])
    label = torch.tensor([[1, 0], [-1, 0]])
    expected = -(
        logits[0, 0].log_softmax(0)[1]
        + logits[0, 1].log_softmax(0)[0]
        + logits[1, 1].log_softmax(0)[0]
    )
    torch.testing.assert_close(class_loss(logits, label), expected / 3)
    assert class_loss(logits, torch.full_like(label, -1)) == 0


@pytest.mark.parametrize(
    "wrong", [{"inner_lr": 0.0}, {"inner_steps": -1}, {"inner_steps": 1.5}], ids=str
)
def test_a_wrong_hyperparameter_is_named(wrong):
    ((name, value),) = wrong.items()
    with pytest.raises(ValueError, match=f"{name} must be .* not {value!r}"):
        BaselinePlusPlus(**wrong).build(MLP(), PER_TASK)


@BOTH
def test_training_asks_for_the_training_classes(algorithm, labelled_episode_for):
    module, (support, query) = (
        build(algorithm, PER_TASK),
        labelled_episode_for(PER_TASK),
    )
    for missing in [
        Episode(support._replace(label=None), query),
        Episode(support, query._replace(label=None)),
    ]:
        with pytest.raises(ValueError, match="training class of every row"):
            algorithm.meta_loss(module, missing)


@BOTH
def test_more_training_classes_than_the_module_has_are_refused(
    algorithm, labelled_episode_for
):
    module, episode = build(algorithm, PER_TASK), labelled_episode_for(PER_TASK)
    support = episode.support
    wider = support._replace(label=torch.where(support.mask, support.label + 2, -1))
    with pytest.raises(ValueError, match=r"holds 6,.* built for 6 training classes"):
        algorithm.meta_loss(module, Episode(wider, episode.query))


@BOTH
def test_labels_are_the_training_classes_of_a_shared_label_space(
    algorithm, labelled_episode_for
):
    """A spec that does not tell the number builds the same module."""
    plain, episode = (
        Spec(3, 4, "classifier", "shared"),
        labelled_episode_for(CLASSIFIER),
    )
    losses = [
        algorithm.meta_loss(build(algorithm, spec), episode)
        for spec in (plain, CLASSIFIER)
    ]
    assert torch.equal(*losses)


@BOTH
def test_has_a_prior_in_shared_label_spaces_only(algorithm):
    assert algorithm.has_prior(CLASSIFIER)
    assert not algorithm.has_prior(PER_TASK)


@BOTH
def test_fit_goes_from_the_training_classes_to_new_ones(algorithm, digits):
    """Through the estimator, with an augmentation that makes more classes of them."""
    X, y = digits
    meta = MetaClassifier(
        algorithm, tasks="classes", augment=Rotations((8, 8)), max_epochs=1
    ).fit(X[y < 6], y[y < 6])
    assert meta.module_.n_train_classes == 24
    meta.adapt(X[y >= 6][:40], y[y >= 6][:40])
    assert set(meta.predict(X[y >= 6])) == {6, 7, 8, 9}


@pytest.mark.slow
@BOTH
def test_learns_to_tell_digits_never_seen(algorithm, digits):
    """Six digits, turned by quarters, then the other four from five rows each."""
    X, y = digits
    meta = MetaClassifier(
        algorithm,
        "linear",
        tasks="classes",
        augment=Rotations((8, 8)),
        max_epochs=10,
        random_state=0,
    ).fit(X[y < 6], y[y < 6])
    tasks = np.arange(np.count_nonzero(y >= 6)) // 72  # ten tasks of all four digits
    assert meta.score(X[y >= 6], y[y >= 6], groups=tasks) > 0.8
