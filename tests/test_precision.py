"""precision="bfloat16": networks train in it, all that follows does not."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from torch import nn

from skmeta import MetaClassifier, load
from skmeta.backbones import Conv4
from skmeta.nn.calls import in_bfloat16

X, Y = load_digits(return_X_y=True)
QUICK = {
    "tasks": "classes",
    "max_epochs": 3,
    "tasks_per_epoch": 32,
    "early_stopping": False,
    "random_state": 0,
}


def losses(algorithm, precision, backbone="mlp", **parameters):
    meta = MetaClassifier(
        algorithm, backbone, precision=precision, **QUICK | parameters
    )
    return meta.fit(X, Y).history_[:, "train_loss"]


@pytest.mark.parametrize("algorithm", ["maml", "anil", "r2d2", "metaoptnet", "reptile"])
def test_losses_are_those_of_float32_to_a_thousandth(algorithm):
    exact, mixed = (losses(algorithm, each) for each in ("float32", "bfloat16"))
    np.testing.assert_allclose(mixed, exact, rtol=2e-3)
    assert mixed != exact


@pytest.mark.parametrize("algorithm", ["fomaml", "r2d2"])
def test_losses_of_convolutions_are_kept_too(algorithm):
    backbone = Conv4((8, 8), 8)
    exact, mixed = (
        losses(algorithm, each, backbone) for each in ("float32", "bfloat16")
    )
    np.testing.assert_allclose(mixed, exact, rtol=0.03)
    assert mixed != exact


class Watched(nn.Module):
    """Notes what its product is computed in."""

    seen = set()

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(64, 8, bias=False)  # which is added in float32

    def forward(self, X):
        Z = self.layer(X)
        self.seen.add((self.training, Z.dtype))
        return Z.relu()


@pytest.mark.parametrize("algorithm", ["maml", "r2d2"])  # by vmap, and as it is
def test_only_the_training_is_in_bfloat16(algorithm):
    Watched.seen.clear()
    meta = MetaClassifier(
        algorithm, Watched(), precision="bfloat16", **QUICK | {"early_stopping": True}
    )
    meta.fit(X, Y).adapt(X[:50], Y[:50]).predict(X[50:100])
    assert Watched.seen == {(True, torch.bfloat16), (False, torch.float32)}
    assert {weight.dtype for weight in meta.module_.parameters()} == {torch.float32}
    assert not in_bfloat16(meta.module_)


def test_float32_is_the_default_and_what_files_of_before_have(tmp_path):
    meta = MetaClassifier("protonet", precision="bfloat16", **QUICK).fit(X, Y)
    assert clone(meta).precision == "bfloat16"
    meta.save(tmp_path / "learner")
    assert load(tmp_path / "learner").precision == "bfloat16"
    assert MetaClassifier().precision == "float32"


def test_another_precision_is_refused():
    with pytest.raises(ValueError, match=r"'precision' parameter .*'bfloat16'"):
        MetaClassifier("maml", precision="float16", **QUICK).fit(X, Y)
