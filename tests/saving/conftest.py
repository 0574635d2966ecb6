"""A small learner and its file, and ways to change the file."""

import json

import numpy as np
import pytest
from sklearn.datasets import load_wine

import skmeta
from skmeta import LoadError, MetaClassifier
from skmeta.backbones import MLP
from skmeta.saving import file as saved_file

TINY = {"max_epochs": 1, "tasks_per_epoch": 8, "batch_size": 8, "n_query": 5}
TINY |= {"random_state": 0, "early_stopping": False}


def table(n_groups=6):
    X, y = load_wine(return_X_y=True)
    return X, y, np.arange(len(y)) % n_groups


def small(**parameters):
    given = {"algorithm": "protonet", "backbone": MLP((8,)), **TINY, **parameters}
    return MetaClassifier(**given)


@pytest.fixture(scope="module")
def meta():
    X, y, groups = table()
    return small().fit(X, y, groups=groups).adapt(X, y, groups=groups)


def through_file(estimator, path):
    estimator.save(path)
    return skmeta.load(path)


def edited(data, change):
    """Rewrite the JSON of a file, with a checksum that agrees."""
    document, tensors = saved_file.unpack(data)
    change(document)
    return saved_file.pack_text(json.dumps(document), tensors)


@pytest.fixture(scope="module")
def saved(meta, tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "a"
    meta.save(path)
    return path.read_bytes()


def assert_refused(data, tmp_path, match):
    path = tmp_path / "refused.skmeta"
    path.write_bytes(data)
    with pytest.raises(LoadError, match=match) as caught:
        skmeta.load(path)
    assert "refused.skmeta" in str(caught.value)
