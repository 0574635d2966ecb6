"""Learning from the training classes, for classes never seen."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from skmeta import MetaClassifier
from skmeta.algorithms import R2D2, ProtoNet, Spec, make_class_loss
from skmeta.algorithms.baseline_plus_plus import BaselinePlusPlus
from skmeta.algorithms.shared.training_classes import class_loss
from skmeta.algorithms.simpleshot import SimpleShot
from skmeta.augmentations import Rotations
from skmeta.backbones import MLP
from skmeta.episodes import Batch, Episode
from skmeta.testing import parametrize_with_checks
from tests.algorithms.transfer import (
    CLASSIFIER,
    PER_TASK,
    build,
)
from tests.noisy_digits import check_learns

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
def test_learns_what_tells_new_digits_apart(algorithm):
    check_learns(algorithm)


# A second loss beside that of episodes ---------------------------------------------

POOL = Spec(3, 0, "classifier", "per_task", n_train_classes=4, from_pool=True)


def rows_of(label, weight=None):
    label = torch.tensor(label)
    n_classes = torch.full((len(label),), 2)
    return Batch(
        torch.zeros(*label.shape, 3),
        torch.zeros_like(label),
        label >= 0,
        n_classes,
        label,
        weight,
    )


def test_the_loss_is_the_mean_over_rows_of_a_classifier_of_all_training_classes():
    torch.manual_seed(0)
    loss, embedded = make_class_loss(5, POOL, 0.3), torch.randn(2, 3, 5)
    label, weight = [[0, 3, -1], [2, 2, 1]], torch.rand(2, 3)
    total = count = 0
    for t in range(2):
        for i in range(3):
            if label[t][i] >= 0:
                logits = loss.classifier.weight @ embedded[t, i] + loss.classifier.bias
                own = cross_entropy(logits, torch.tensor(label[t][i]))
                total, count = total + weight[t, i] * own, count + weight[t, i]
    given = loss(embedded, rows_of(label, weight))
    torch.testing.assert_close(given, 0.3 * total / count)


def test_rows_of_classes_without_weights_do_not_count():
    """A warm start may meet more classes than there were."""
    loss, embedded = make_class_loss(5, POOL, 1.0), torch.randn(1, 3, 5)
    others = loss(embedded, rows_of([[1, 4, 9]]))
    torch.testing.assert_close(others, loss(embedded[:, :1], rows_of([[1]])))
    assert loss(embedded, rows_of([[-1, 4, -1]])) == 0
    assert loss(embedded, rows_of([[1, 1, 1]])._replace(label=None)) == 0


def test_auto_is_for_pools_of_many_classes():
    groups = Spec(3, 0, "classifier", "per_task", n_train_classes=4)
    shared = Spec(3, 4, "classifier", "shared", n_train_classes=4)
    large = Spec(3, 0, "classifier", "per_task", n_train_classes=10, from_pool=True)
    assert make_class_loss(5, large, "auto").weight == 1
    assert make_class_loss(5, POOL, "auto") is None  # an episode has all of them
    assert make_class_loss(5, groups, "auto") is None
    assert make_class_loss(5, shared, "auto") is None
    assert make_class_loss(5, shared, 0.5).n_train_classes == 4
    assert make_class_loss(5, POOL, 0) is None
    assert make_class_loss(5, Spec(3, 1, "regressor"), 1.0) is None


@pytest.mark.parametrize("wrong", [-1.0, float("nan"), float("inf"), "much", None])
def test_a_wrong_weight_is_named(wrong):
    with pytest.raises(ValueError, match=f"from 0 on, not {wrong!r}"):
        make_class_loss(5, POOL, wrong)


@parametrize_with_checks("algorithm", [ProtoNet(class_loss=1.0), R2D2(class_loss=1.0)])
def test_the_laws_hold_with_the_second_loss(algorithm, check):
    check(algorithm)
