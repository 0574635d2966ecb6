"""Meta-learners that know digits 0 to 6."""

import copy

import pytest
import torch
from sklearn.datasets import load_digits

from skmeta import MetaClassifier

ALGORITHMS = ["maml", "anil", "protonet"]


@pytest.fixture(scope="package")
def digits():
    """Digits seen in training are 0 to 6; 7, 8 and 9 are new."""
    X, y = load_digits(return_X_y=True)
    return X[y < 7], y[y < 7], X[y >= 7], y[y >= 7]


@pytest.fixture(scope="package")
def metas(digits):
    X, y, *_ = digits
    return {
        algorithm: MetaClassifier(
            algorithm,
            tasks="classes",
            n_way=3,
            max_epochs=4,
            tasks_per_epoch=128,
            lr=0.01,
            random_state=0,
        ).fit(X, y)
        for algorithm in ALGORITHMS
    }


@pytest.fixture(params=ALGORITHMS)
def meta(request, metas):
    """A fitted meta-learner, which must come out of the test as it came in."""
    meta = metas[request.param]
    weights = copy.deepcopy(meta.module_.state_dict())
    kinds = [type(weight) for weight in meta.module_.parameters()]
    adapted, classes = meta.adapted_, meta.classes_
    yield meta
    after = meta.module_.state_dict()
    assert after.keys() == weights.keys()
    assert all(torch.equal(after[name], weights[name]) for name in weights)
    assert [type(weight) for weight in meta.module_.parameters()] == kinds
    assert not meta.module_.training
    assert meta.adapted_ is adapted
    assert meta.classes_ is classes
