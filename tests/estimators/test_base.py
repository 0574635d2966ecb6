"""Training: on which tasks, and by what weights."""

import numpy as np
import pandas as pd
import pytest
import torch
from skorch.callbacks import Callback

from skmeta import MetaClassifier, MetaRegressor
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


@pytest.mark.parametrize("cls", [MetaClassifier, MetaRegressor])
def test_every_parameter_is_checked_and_named(cls, wine):
    X, y, groups = wine
    assert cls._parameter_constraints.keys() == cls().get_params(deep=False).keys()
    for name in cls().get_params(deep=False):
        meta = cls(**QUICK).set_params(**{name: object()})
        if name == "unknown_label":
            meta.set_params(reject=True)  # or nobody needs it
        with pytest.raises((TypeError, ValueError), match=name):
            meta.fit(X, y, groups=groups)


class Stop(Callback):
    """Press Ctrl-C in an epoch."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_batch_begin(self, net, **kwargs):
        if net.n_epochs == self.epoch:
            raise KeyboardInterrupt


@pytest.mark.filterwarnings("ignore:Meta-training was interrupted")
def test_a_second_fit_that_is_stopped_counts_from_its_first_whole_epoch(diabetes):
    X, y, groups = diabetes
    meta = MetaRegressor("anil", **{**QUICK, "max_epochs": 3})
    first = meta.fit(X, y, groups=groups).module_
    for epoch in (1, 2):
        meta.set_params(callbacks=[Stop(epoch)])
        with pytest.raises(KeyboardInterrupt):
            meta.fit(X, y, groups=groups)
        assert (meta.module_ is first) == (epoch == 1)
        assert meta.module_ is meta.net_.module_
