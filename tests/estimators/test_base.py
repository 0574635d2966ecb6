"""Training: on which tasks, and by what weights."""

import numpy as np
import pandas as pd
import torch

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
    meta = MetaRegressor(tasks="table", **QUICK).fit(X, y)
    fitted = meta.predict(X)
    np.testing.assert_array_equal(meta.adapt(X, y).predict(X), fitted)
