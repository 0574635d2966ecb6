"""Backbones: built as asked, and any network of ordinary layers will do."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits

from skmeta import MetaClassifier
from skmeta.algorithms import MAML, ProtoNet, Spec
from skmeta.backbones import MLP, Backbone, Correction, Identity, Linear, ResNetMLP
from skmeta.episodes import Batch
from skmeta.testing import check_algorithm
from tests.backbones.conftest import BatchNormed
from tests.noisy_digits import check_learns


@pytest.mark.parametrize(
    ("backbone", "width"),
    [
        (MLP((8, 5)), 5),
        (MLP(()), 6),
        (Linear(3), 3),
        (Identity(), 6),
        (ResNetMLP(width=7), 7),
        (Correction(), 6),
    ],
)
def test_out_features_tells_the_width_of_the_embedding(backbone, width):
    network = backbone.build(6)
    assert network.out_features == width
    assert network(torch.zeros(2, 4, 6)).shape == (2, 4, width)


class Widthless(Backbone):
    def build(self, n_features):
        return torch.nn.Sequential(torch.nn.Linear(n_features, 4), torch.nn.ReLU())


@pytest.mark.parametrize("algorithm", ["maml", "protonet", "gp"])
def test_a_network_that_does_not_say_how_wide_it_is_is_named(algorithm):
    X, y = load_digits(return_X_y=True)
    meta = MetaClassifier(algorithm, Widthless(), tasks="classes", max_epochs=1)
    with pytest.raises(ValueError, match="and this one has None there"):
        meta.fit(X[:300], y[:300])


def test_dropout_of_a_backbone_is_off_when_it_answers():
    X, y = load_digits(return_X_y=True)
    meta = MetaClassifier(
        "maml", MLP(dropout=0.5), tasks="classes", max_epochs=1, tasks_per_epoch=32
    ).fit(X[:300], y[:300])
    first = meta.adapt(X[:50], y[:50]).predict_proba(X[50:90])
    again = meta.adapt(X[:50], y[:50]).predict_proba(X[50:90])
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("backbone", [ResNetMLP(8), Correction(MLP((8,)))], ids=str)
@pytest.mark.parametrize("algorithm", ["maml", "protonet"])
def test_algorithms_keep_their_laws(algorithm, backbone):
    check_algorithm(algorithm, backbone=backbone)


@pytest.mark.parametrize(
    "backbone",
    [
        MLP((3,), dropout=0.1),
        Linear(2),
        Identity(),
        ResNetMLP(9, 3, 1.5, 0.2, None),
        Correction(MLP((3,))),
    ],
    ids=str,
)
def test_backbones_are_cloned_with_their_hyperparameters(backbone):
    assert repr(clone(backbone)) == repr(backbone)


@pytest.mark.parametrize("backbone", [ResNetMLP(8), Correction(MLP((8,)))], ids=str)
def test_backbones_and_their_networks_come_back_from_a_pickle(backbone):
    network = pickle.loads(pickle.dumps(backbone)).build(4)
    X = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    assert torch.equal(pickle.loads(pickle.dumps(network))(X), network(X))


def test_adapting_batch_statistics_per_task_is_refused():
    X, y = load_digits(return_X_y=True)
    meta = MetaClassifier(MAML(), BatchNormed(), tasks="classes", max_epochs=1)
    with pytest.raises(ValueError, match=r"BatchNorm1d.*LayerNorm"):
        meta.fit(X[:200], y[:200])


def batch(X, y, mask):
    return Batch(X, y, mask, torch.full((len(X),), 2))


def padded(batch, filler):
    """Add two places of padding to every task."""
    n_tasks = len(batch.X)
    return Batch(
        torch.cat([batch.X, torch.full((n_tasks, 2, batch.X.shape[2]), filler)], 1),
        torch.cat([batch.y, torch.zeros(n_tasks, 2, dtype=batch.y.dtype)], 1),
        torch.cat([batch.mask, torch.zeros(n_tasks, 2, dtype=torch.bool)], 1),
        batch.n_classes,
    )


@pytest.mark.parametrize(
    ("part", "training"), [("support", False), ("support", True), ("query", False)]
)
def test_padding_does_not_reach_the_batch_statistics_of_a_metric_learner(
    part, training
):
    generator = torch.Generator().manual_seed(0)
    X = torch.randn(3, 6, 4, generator=generator)
    y = torch.tensor([0, 1] * 3).expand(3, -1)
    plain = batch(X, y, torch.ones(3, 6, dtype=torch.bool))
    algorithm, spec = ProtoNet(), Spec(4, 0, "classifier", "per_task")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = algorithm.build(BatchNormed(), spec).train(training)
    episodes = []
    for filler in (None, 0.0, 50.0):
        episode = {"support": plain, "query": plain}
        if filler is not None:
            episode[part] = padded(plain, filler)
        state = algorithm.adapt(module, episode["support"])
        episodes.append(algorithm.predict(module, state, episode["query"].X)[:, :6])
    for other in episodes[1:]:
        torch.testing.assert_close(other, episodes[0])


def test_a_metric_learner_with_batch_statistics_learns():
    check_learns(ProtoNet(), BatchNormed(32))
