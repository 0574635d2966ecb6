"""Real tables, and learners fitted on them, that several modules test with."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_digits, load_wine

from skmeta import MetaClassifier

ALGORITHMS = ["maml", "anil", "protonet"]
QUICK = {"max_epochs": 2, "tasks_per_epoch": 64, "n_query": 5, "random_state": 0}


@pytest.fixture(scope="module")
def wine():
    """Wine with a shared label space in ten groups."""
    X, y = load_wine(return_X_y=True)
    return X, y, np.random.default_rng(0).integers(10, size=len(y))


@pytest.fixture(scope="module")
def diabetes():
    X, y = load_diabetes(return_X_y=True)
    return X, y, np.arange(len(y)) % 12


@pytest.fixture(scope="module")
def digits():
    return load_digits(return_X_y=True)


@pytest.fixture(scope="module")
def per_task(digits):
    X, y = digits
    return {
        algorithm: MetaClassifier(algorithm, tasks="classes", **QUICK).fit(
            X[y < 6], y[y < 6]
        )
        for algorithm in ALGORITHMS
    }
