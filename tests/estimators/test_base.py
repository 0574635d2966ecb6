"""Training: on which tasks, and by what weights."""

import numpy as np
import pandas as pd
import torch
from skorch.callbacks import Callback

from skmeta import MetaClassifier, MetaRegressor
from skmeta.algorithms import ProtoNet
from tests.conftest import QUICK


def test_an_index_of_a_data_frame_is_not_a_task(wine):
    X, y, groups = wine
    shuffled = np.random.default_rng(1).permutation(len(y))
    frame = pd.DataFrame(X, index=shuffled).rename(columns=str)
    by_frame = MetaClassifier("protonet", **QUICK).fit(
        frame, pd.Series(y, index=shuffled[::-1]), groups=pd.Series(groups)
    )
    by_array = MetaClassifier("protonet", **QUICK).fit(X, y, groups=groups)
    for mine, theirs in zip(
        by_frame.module_.parameters(), by_array.module_.parameters(), strict=True
    ):
        assert torch.equal(mine, theirs)


def test_a_table_is_its_own_task_after_fit(wine, diabetes):
    X, y, _ = wine
    for tasks in ("classes", "table"):
        meta = MetaClassifier("protonet", tasks=tasks, **QUICK).fit(X, y)
        fitted = meta.predict_proba(X)
        np.testing.assert_array_equal(meta.adapt(X, y).predict_proba(X), fitted)
    X, y, _ = diabetes
    meta = MetaRegressor("maml", tasks="table", **QUICK).fit(X, y)
    fitted = meta.predict(X)
    np.testing.assert_array_equal(meta.adapt(X, y).predict(X), fitted)


def decay_of(meta):
    (group,) = meta.net_.optimizer_.param_groups
    return group["weight_decay"]


def test_pools_of_classes_have_defaults_against_memorising_them(wine, digits):
    X, y, groups = wine

    def fit(**parameters):
        meta = MetaClassifier("protonet", **QUICK, **parameters)
        return meta.fit(X, y, groups=groups)

    pool = fit(tasks="classes")
    assert pool.spec_.from_pool
    assert pool.module_.class_loss is None  # every episode has all three classes
    assert repr(pool.augment_) == "[FeatureNoise(within=0.5)]"
    assert decay_of(pool) == 1e-3
    for other in [fit(), fit(label_space="per_task"), fit(tasks="table")]:
        assert not other.spec_.from_pool
        assert other.module_.class_loss is None
        assert other.augment_ == []
        assert decay_of(other) == 0
    # Features as they come have no unit that the noise could be in.
    assert fit(tasks="classes", normalize=None).augment_ == []
    said = fit(tasks="classes", augment=None, optimizer=torch.optim.SGD)
    assert said.augment_ == []
    assert isinstance(said.net_.optimizer_, torch.optim.SGD)
    large = MetaClassifier("protonet", tasks="classes", **QUICK).fit(*digits)
    assert large.module_.class_loss.weight == 1


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


def test_a_small_pool_decides_how_long_all_of_it_is_trained_on(digits):
    X, y = digits
    trained_on = []

    class Recorder(Callback):
        def on_train_begin(self, net, X=None, **kwargs):
            trained_on.append((net.max_epochs, X.sampler.n_cells_))

    def fit(*classes, **parameters):
        trained_on.clear()
        known = np.isin(y, classes)
        quick = {**QUICK, "max_epochs": "auto", "patience": 2, **parameters}
        meta = MetaClassifier(
            "protonet", tasks="classes", callbacks=[Recorder()], **quick
        )
        return meta.fit(X[known], y[known])

    meta = fit(*range(6))
    (most, few), (n_epochs, all_of_them) = trained_on
    assert (most, few, all_of_them) == (40, 4, 6)
    assert len(meta.history_) == n_epochs < 40
    again = fit(*range(6))
    for mine, theirs in zip(
        meta.module_.parameters(), again.module_.parameters(), strict=True
    ):
        assert torch.equal(mine, theirs)
    # Where there are too few for that, or the user has said how long.
    fit(*range(4), tasks_per_epoch=8)
    assert trained_on == [(40, 4)]
    fit(*range(6), early_stopping=False, tasks_per_epoch=8)
    assert trained_on == [(40, 6)]
    fit(*range(6), max_epochs=3)
    assert trained_on == [(3, 6)]
