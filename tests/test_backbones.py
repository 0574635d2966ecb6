"""Backbones: built as asked, and any network of ordinary layers will do."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.neighbors import NearestCentroid
from sklearn.preprocessing import StandardScaler
from torch import nn

from skmeta import MetaClassifier
from skmeta.algorithms import MAML, ProtoNet, Spec
from skmeta.backbones import MLP, Backbone, Correction, Identity, Linear, ResNetMLP
from skmeta.episodes import Batch
from skmeta.testing import check_algorithm


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


def test_residual_mlp_is_its_equation():
    network = ResNetMLP(width=8, n_blocks=2, hidden_factor=1.5).build(4).double()
    W = {name: w.detach() for name, w in network.named_parameters()}
    X = torch.randn(5, 4, generator=torch.Generator().manual_seed(0)).double()

    def layer(name, Z):
        return Z @ W[f"{name}.weight"].T + W[f"{name}.bias"]

    def norm(name, Z):
        Z = (Z - Z.mean(1, keepdim=True)) / (
            Z.var(1, False, keepdim=True) + 1e-5
        ).sqrt()
        return Z * W[f"{name}.weight"] + W[f"{name}.bias"]

    Z = layer("0", X)
    for block in ("1", "2"):
        hidden = layer(f"{block}.1", norm(f"{block}.0", Z)).relu()
        assert hidden.shape[1] == 12
        Z = Z + layer(f"{block}.3", hidden)
    torch.testing.assert_close(network(X), norm("3", Z).relu())


def test_residual_mlp_drops_out_inside_its_blocks_only():
    network = ResNetMLP(width=8, n_blocks=2, dropout=0.3, norm=None).build(4)
    names = [type(part).__name__ for part in network.modules()]
    block = ["Residual", "Linear", "ReLU", "Dropout", "Linear"]
    assert names == ["Sequential", "Linear", *block, *block, "ReLU"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 0}, "width and hidden_factor must be positive"),
        ({"n_blocks": -1}, "n_blocks 0 or more, not 128, 2.0 and -1"),
        ({"hidden_factor": 0.0}, "width and hidden_factor must be positive"),
        ({"dropout": 1.0}, r"dropout must be in \[0, 1\)"),
        ({"norm": "batch"}, "norm must be 'layer' or None, not 'batch'"),
    ],
)
def test_residual_mlp_refuses_options_out_of_range(options, message):
    with pytest.raises(ValueError, match=message):
        ResNetMLP(**options).build(4)


def test_residual_mlp_learns(wine):
    X, y, groups = wine
    meta = MetaClassifier(
        "protonet", ResNetMLP(), max_epochs=5, tasks_per_epoch=64, random_state=0
    ).fit(X, y, groups=groups)
    assert meta.score(X, y, groups=groups) > 0.9


@pytest.mark.parametrize("g", ["mlp", Linear(3), BatchNormed()], ids=str)
def test_a_correction_starts_at_the_row_itself_and_can_leave_it(g):
    network = Correction(g).build(6)
    X = torch.randn(5, 6, generator=torch.Generator().manual_seed(0))
    assert torch.equal(network(X), X)
    network(X).square().sum().backward()
    moved = [name for name, w in network.named_parameters() if w.grad.any()]
    assert moved == ["1.weight"]  # A; then g moves as well, for A is no longer zero
    with torch.no_grad():
        network[1].weight += 0.1
    network.zero_grad()
    network(X).square().sum().backward()
    assert all(w.grad.any() for name, w in network.named_parameters() if "0." in name)


def test_a_prototypical_network_starts_as_nearest_centroid_by_a_correction(digits):
    X, y = digits
    meta = MetaClassifier(
        "protonet", Correction("mlp"), tasks="classes", max_epochs=1, lr=1e-12
    ).fit(X[y < 6], y[y < 6])
    few, new = X[y >= 6], y[y >= 6]
    rows = StandardScaler().fit(X[y < 6]).transform(few)
    expected = NearestCentroid().fit(rows[:20], new[:20]).predict(rows[20:])
    predicted = meta.adapt(few[:20], new[:20]).predict(few[20:])
    np.testing.assert_array_equal(predicted, expected)


def test_the_network_inside_a_correction_is_a_nested_parameter():
    meta = MetaClassifier("protonet", Correction(MLP(hidden=(8,))))
    meta.set_params(backbone__backbone__hidden=(16, 4))
    assert meta.get_params()["backbone__backbone"].hidden == (16, 4)
    assert meta.backbone.build(5)[1].in_features == 4


def test_a_correction_by_an_unknown_name_says_which_there_are():
    with pytest.raises(ValueError, match=r"Unknown backbone 'mpl'.*'mlp'"):
        Correction("mpl").build(3)


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
