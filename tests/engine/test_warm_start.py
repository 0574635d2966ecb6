"""A warm start goes on from the last fit, where it can."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_wine

from skmeta import MetaClassifier

QUICK = {"max_epochs": 2, "tasks_per_epoch": 64, "n_query": 5}


def wine():
    X, y = load_wine(return_X_y=True)
    return X, y, np.arange(len(y)) % 12


def test_a_warm_start_goes_on_and_a_cold_one_begins_anew():
    X, y, groups = wine()
    meta = MetaClassifier(
        "protonet", warm_start=True, early_stopping=False, lr=0.01, **QUICK
    ).fit(X, y, groups=groups)
    first = [w.detach().clone() for w in meta.module_.parameters()]
    losses = meta.history_[:, "train_loss"]
    meta.fit(X, y, groups=groups)
    assert meta.history_[:2, "train_loss"] == losses
    assert len(meta.history_) == 4
    assert meta.history_[2]["train_loss"] < losses[0]
    assert any(
        not torch.equal(a, b)
        for a, b in zip(first, meta.module_.parameters(), strict=True)
    )
    meta.set_params(warm_start=False).fit(X, y, groups=groups)
    assert len(meta.history_) == 2


@pytest.mark.parametrize("change", [{"algorithm": "anil"}, {"backbone": "linear"}])
def test_a_warm_start_by_another_algorithm_or_backbone_is_refused(change):
    X, y, groups = wine()
    meta = MetaClassifier("maml", warm_start=True, **QUICK).fit(X, y, groups=groups)
    meta.set_params(**change)
    with pytest.raises(ValueError, match="warm_start"):
        meta.fit(X, y, groups=groups)


def test_a_warm_start_that_fails_leaves_the_weights_of_the_last_fit():
    X, y, groups = wine()
    meta = MetaClassifier("maml", warm_start=True, **QUICK).fit(X, y, groups=groups)
    before = [w.detach().clone() for w in meta.module_.parameters()]
    with pytest.raises(ValueError, match="features reach"):
        meta.fit(1e30 * X, y, groups=groups)
    after = meta.module_.parameters()
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("change", ["columns", "labels"])
def test_a_warm_start_on_other_columns_or_labels_is_refused(change):
    X, y, groups = wine()
    meta = MetaClassifier("protonet", warm_start=True, **QUICK).fit(X, y, groups=groups)
    if change == "columns":
        X = X[:, :5]
    else:
        y = np.arange(len(y)) % 4
    with pytest.raises(ValueError, match="warm_start"):
        meta.fit(X, y, groups=groups)
