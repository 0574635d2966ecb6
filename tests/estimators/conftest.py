"""Learners of a shared label space."""

import pytest

from skmeta import MetaClassifier
from tests.conftest import ALGORITHMS, QUICK


@pytest.fixture(scope="module")
def shared(wine):
    X, y, groups = wine
    return {
        algorithm: MetaClassifier(algorithm, n_shot=4, lr=0.01, **QUICK).fit(
            X, y, groups=groups
        )
        for algorithm in ALGORITHMS
    }
