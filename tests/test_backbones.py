"""Backbones: built as asked, and any network of ordinary layers will do."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from torch import nn

from skmeta import MetaClassifier
from skmeta.algorithms import MAML, ProtoNet, Spec
from skmeta.backbones import MLP, Backbone, Identity, Linear
from skmeta.tables import Batch


class BatchNormed(Backbone):
    def __init__(self, width=8):
        self.width = width

    def build(self, n_features):
        network = nn.Sequential(
            nn.Linear(n_features, self.width), nn.BatchNorm1d(self.width), nn.ReLU()
        )
        network.out_features = self.width
        return network


@pytest.mark.parametrize(
    ("backbone", "width"),
    [(MLP((8, 5)), 5), (MLP(()), 6), (Linear(3), 3), (Identity(), 6)],
)
def test_out_features_tells_the_width_of_the_embedding(backbone, width):
    network = backbone.build(6)
    assert network.out_features == width
    assert network(torch.zeros(2, 4, 6)).shape == (2, 4, width)


def test_identity_returns_the_rows():
    X = torch.arange(12.0).view(2, 3, 2)
    assert torch.equal(Identity().build(2)(X), X)


def test_mlp_is_the_chain_of_layers_that_its_options_name():
    network = MLP((7, 7), norm="layer", dropout=0.3, residual=True).build(4)
    names = [type(part).__name__ for part in network.modules()]
    layer = ["Linear", "LayerNorm", "ReLU", "Dropout"]
    assert names == ["Sequential", *layer, "Residual", *layer]
    assert {p.p for p in network.modules() if isinstance(p, nn.Dropout)} == {0.3}


def test_a_residual_layer_without_weights_is_the_identity():
    network = MLP((4,), residual=True).build(4)
    for weight in network.parameters():
        nn.init.zeros_(weight)
    X = torch.arange(8.0).view(2, 4)
    assert torch.equal(network(X), X)


def test_layer_norm_makes_the_scale_of_a_row_irrelevant():
    network = MLP((16,), norm="layer").build(4)
    nn.init.zeros_(network[0].bias)
    X = torch.tensor([[1.0, -2.0, 3.0, 0.5]])
    torch.testing.assert_close(network(X), network(100 * X), rtol=1e-3, atol=1e-3)


def test_dropout_acts_in_training_only():
    network = MLP((64,), dropout=0.5).build(4)
    X = torch.ones(1, 4)
    network.eval()
    assert torch.equal(network(X), network(X))
    kept = network(X)
    network.train()
    dropped = network(X)
    survivors = dropped != 0
    torch.testing.assert_close(dropped[survivors], 2 * kept[survivors])
    assert ((kept != 0) & ~survivors).any()


def test_dropout_of_a_backbone_is_off_when_it_answers():
    X, y = load_digits(return_X_y=True)
    meta = MetaClassifier(
        "maml", MLP(dropout=0.5), tasks="classes", max_epochs=1, tasks_per_epoch=32
    ).fit(X[:300], y[:300])
    first = meta.adapt(X[:50], y[:50]).predict_proba(X[50:90])
    again = meta.adapt(X[:50], y[:50]).predict_proba(X[50:90])
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden": (8, 0)}, "hidden must hold positive widths"),
        ({"activation": "swish"}, "activation must be one of.*'swish'"),
        ({"dropout": 1.0}, r"dropout must be in \[0, 1\)"),
        ({"norm": "batch"}, "norm must be None or 'layer', not 'batch'"),
    ],
)
def test_mlp_refuses_options_out_of_range(options, message):
    with pytest.raises(ValueError, match=message):
        MLP(**options).build(4)


@pytest.mark.parametrize("backbone", [MLP((3,), dropout=0.1), Linear(2), Identity()])
def test_backbones_are_cloned_with_their_hyperparameters(backbone):
    assert clone(backbone).get_params() == backbone.get_params()


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
    X, y = load_digits(return_X_y=True)
    meta = MetaClassifier(
        "protonet",
        BatchNormed(32),
        tasks="classes",
        max_epochs=8,
        tasks_per_epoch=128,
        lr=0.01,
        random_state=0,
    ).fit(X[y < 7], y[y < 7])
    few, new = X[y >= 7], y[y >= 7]
    assert meta.adapt(few[:30], new[:30]).score(few[30:], new[30:]) > 0.6
