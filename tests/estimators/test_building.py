"""What "auto" stands for."""

import numpy as np
import pytest
import torch
from sklearn.base import clone

from skmeta import MetaClassifier, MetaRegressor
from skmeta.algorithms import ProtoNet
from skmeta.backbones import Conv4
from skmeta.engine.callbacks import KeepBest
from tests.conftest import QUICK


def decay_of(meta):
    (group,) = meta.net_.optimizer_.param_groups
    return group["weight_decay"]


def test_pools_of_classes_have_defaults_against_memorising_them(wine, digits):
    X, y, groups = wine

    def fit(**parameters):
        meta = MetaClassifier("protonet", **QUICK, **parameters)
        return meta.fit(X, y, groups=np.resize(groups, len(y)))

    small = fit(tasks="classes")
    assert small.spec_.from_pool
    for other in [small, fit(), fit(label_space="per_task"), fit(tasks="table")]:
        assert not other.spec_.is_large_pool
        assert other.module_.class_loss is None
        assert other.augment_ == []
        assert decay_of(other) == 0
    X, y = digits
    large = fit(tasks="classes")
    assert large.module_.class_loss.weight == 1
    assert repr(large.augment_) == "[FeatureNoise(within=0.5)]"
    assert decay_of(large) == 1e-3
    # Features as they come have no unit that the noise could be in.
    assert fit(tasks="classes", normalize=None).augment_ == []
    said = fit(tasks="classes", augment=None, optimizer=torch.optim.SGD)
    assert said.augment_ == []
    assert isinstance(said.net_.optimizer_, torch.optim.SGD)


def test_groups_are_learnt_from_as_without_the_defaults_of_pools(wine):
    X, y, groups = wine
    by_default = MetaClassifier("protonet", **QUICK).fit(X, y, groups=groups)
    spelt_out = MetaClassifier(
        ProtoNet(class_loss=0), augment=None, optimizer=torch.optim.Adam, **QUICK
    ).fit(X, y, groups=groups)
    for mine, theirs in zip(
        by_default.module_.parameters(), spelt_out.module_.parameters(), strict=True
    ):
        assert torch.equal(mine, theirs)


def test_pools_without_held_out_classes_are_trained_on_for_less_long(digits):
    X, y = digits
    tiny = {"tasks_per_epoch": 2, "batch_size": 2, "n_query": 1, "random_state": 0}

    def fit(rows, **parameters):
        meta = MetaClassifier("protonet", **tiny, **parameters)
        return meta.fit(X[rows], y[rows], groups=np.arange(len(X[rows])) % 4)

    everything = slice(None)
    assert len(fit(everything, tasks="classes").history_) == 40
    assert len(fit(everything, tasks="classes", max_epochs=3).history_) == 3
    for fitted in [fit(y < 4, tasks="classes"), fit(everything, early_stopping=False)]:
        assert len(fitted.history_) == 200


def test_accuracy_says_when_to_stop_on_pools_of_classes(digits):
    X, y = digits
    quick = {**QUICK, "max_epochs": 4, "early_stopping": True}
    pool = MetaClassifier("protonet", tasks="classes", **quick).fit(X, y)
    groups = MetaClassifier("protonet", **quick).fit(X, y, groups=np.arange(len(y)) % 8)
    for meta, monitor in [(pool, "valid_score"), (groups, "valid_loss")]:
        (keeper,) = [
            each for _, each in meta.net_.callbacks_ if isinstance(each, KeepBest)
        ]
        assert keeper.monitor == monitor
        best = max if monitor == "valid_score" else min
        values = meta.history_[:, monitor]
        assert keeper.best_epoch_ == 1 + values.index(best(values))


def test_a_cycle_holds_out_no_tasks_unless_it_is_told_to(diabetes):
    X, y, groups = diabetes
    quick = {**QUICK, "prior": None}
    meta = MetaRegressor("gp", **quick).fit(X, y, groups=groups)
    told = MetaRegressor("gp", early_stopping=True, **quick).fit(X, y, groups=groups)
    other = MetaRegressor("anil", **quick).fit(X, y, groups=groups)
    cycle = MetaRegressor("anil", lr_schedule="one_cycle", **quick)
    assert "valid_loss" not in meta.history_[-1]
    assert "valid_loss" not in cycle.fit(X, y, groups=groups).history_[-1]
    assert "valid_loss" in told.history_[-1]
    assert "valid_loss" in other.history_[-1]


@pytest.mark.parametrize("cls", [MetaClassifier, MetaRegressor])
def test_both_estimators_leave_the_same_to_the_algorithm(cls):
    auto = {name for name, value in cls().get_params().items() if value == "auto"}
    both = {"prior", "n_shot", "n_query", "max_epochs", "lr", "lr_schedule"}
    assert both | {"early_stopping"} <= auto


def test_images_of_many_classes_are_turned_and_distorted(digits):
    X, y = digits
    images = X / 16
    tiny = {"tasks_per_epoch": 4, "batch_size": 2, "n_query": 1, "random_state": 0}
    backbone = Conv4((8, 8), channels=(4, 4))
    quiet = ProtoNet(unlabelled=(0.0, 0.0))

    some = y + 10 * (np.arange(len(y)) % 5)  # fifty classes

    def fit(labels=some, learner=quiet, on=backbone, **parameters):
        how = {"max_epochs": 1, **tiny, **parameters}
        return MetaClassifier(learner, on, tasks="classes", **how).fit(images, labels)

    by_default = fit()
    kinds = [type(each).__name__ for each in by_default.augment_]
    assert kinds == ["Rotations", "RandomAffine", "RandomAffine"]
    assert by_default.augment_[0].image_shape == (8, 8)
    assert by_default.spec_.n_train_classes == 200
    assert by_default.module_.class_loss is None
    assert decay_of(by_default) == 0
    rates = fit(max_epochs=3, optimizer=torch.optim.SGD).net_.optimizer_.param_groups
    assert rates[0]["lr"] < 2e-3  # at the end of a cycle

    # What is said is done, and others go on as they did.
    said = fit(augment=None, lr=0.01, learner=clone(quiet).set_params(class_loss=0.5))
    assert said.augment_ == []
    assert said.module_.class_loss.weight == 0.5
    assert said.net_.optimizer_.param_groups[0]["lr"] == 0.01
    for other in [fit(on="mlp"), fit(labels=y), fit(labels=y % 5)]:
        assert not other.spec_.of_images
        assert "Rotations" not in repr(other.augment_)


def test_pictures_that_are_not_square_are_not_turned(digits):
    X, y = digits
    backbone = Conv4((4, 16), channels=(4,))
    quiet = ProtoNet(unlabelled=(0.0, 0.0))
    meta = MetaClassifier(quiet, backbone, tasks="classes", max_epochs=1)
    meta.set_params(tasks_per_epoch=2, batch_size=2, n_query=1)
    meta.fit(X, y + 10 * (np.arange(len(y)) % 5))
    assert [type(each).__name__ for each in meta.augment_] == ["RandomAffine"] * 2
