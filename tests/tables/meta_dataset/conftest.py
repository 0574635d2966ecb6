"""One small table of six tasks, whole and split."""

import numpy as np
import pytest

from skmeta import MetaDataset


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    groups = rng.permutation(np.repeat(["a", "b", "c", "d", "e", "f"], 12))
    X = rng.normal(size=(72, 3))
    return X, (X[:, 0] > 0).astype(int), groups


@pytest.fixture
def tasks(table):
    return MetaDataset(*table)


@pytest.fixture
def split(table):
    in_support = np.random.default_rng(1).random(72) < 0.4
    return MetaDataset(*table, in_support=in_support)
