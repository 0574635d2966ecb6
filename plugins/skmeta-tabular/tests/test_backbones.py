"""What every backbone of the package keeps: the contract, and MAML's task axis."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from sklearn.base import clone
from skmeta_tabular import (
    FTTransformer,
    NumEmbedding,
    TabM,
    TabularResNet,
    compute_bins,
)

from skmeta import MetaClassifier, plugins
from skmeta.algorithms import MAML, ProtoNet
from skmeta.backbones import MLP
from skmeta.nn import apply, apply_per_task
from skmeta.testing import check_algorithm

SMALL = [
    TabularResNet(width=8, n_blocks=1),
    TabularResNet(width=8, n_blocks=2, norm=None),
    FTTransformer(width=8, n_blocks=2, n_heads=2),
    FTTransformer(width=8, n_blocks=1, n_heads=1),
    TabM(k=3, width=8, n_blocks=2),
    TabM(k=3, width=8, n_blocks=2, architecture="tabm-mini", combine="mean"),
    TabM(k=3, width=8, n_blocks=2, architecture="tabm-packed", activation="Tanh"),
    NumEmbedding(MLP((8,)), "periodic", width=4),
    NumEmbedding(MLP((8,)), "plr", width=4),
    NumEmbedding(MLP((8,)), "plr_lite", width=4),
    NumEmbedding(MLP((8,)), "ple", n_bins=5),
    NumEmbedding(MLP((8,)), "ple", bins=[[-2, 0, 2], [-1, 0, 1, 2], [0, 1, 2]]),
    NumEmbedding(MLP((8,)), "piecewise", width=4, n_bins=5),
    NumEmbedding(TabM(k=3, width=8, n_blocks=1, scaling="normal"), "piecewise", 4),
]
ALL = pytest.mark.parametrize(
    "backbone", SMALL, ids=lambda b: " ".join(repr(b).split())
)


def moved(network):
    """Move a network from its start, where some weights are 0."""
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(torch.randn_like(weight), alpha=0.1)
    return network.double()


def rows(*shape):
    return torch.randn(*shape, 3, dtype=torch.float64)


@ALL
def test_maps_rows_with_any_leading_axes_one_by_one(backbone):
    network = moved(backbone.build(3))
    X = rows(2, 5)
    embedded = network(X)
    assert embedded.shape == (2, 5, network.out_features)
    torch.testing.assert_close(network(X[1, 3]), embedded[1, 3])
    torch.testing.assert_close(network(X[:, None]), embedded[:, None])
    assert network(X[:, :0]).shape == (2, 0, network.out_features)


@ALL
@pytest.mark.parametrize("training", [False, True])
def test_tasks_with_weights_of_their_own_are_the_tasks_one_by_one(backbone, training):
    network = backbone.build(3).double().train(training)
    X, n_tasks = rows(4, 6), 4
    own = {
        name: weight + 0.1 * torch.randn(n_tasks, *weight.shape, dtype=weight.dtype)
        for name, weight in network.named_parameters()
    }
    together = apply_per_task(network, own, X)
    for task in range(n_tasks):
        single = {name: weight[task] for name, weight in own.items()}
        alone = torch.func.functional_call(network, single, (X[task],))
        torch.testing.assert_close(together[task], alone)


@pytest.mark.parametrize(
    "backbone",
    [*SMALL, TabularResNet(width=8, norm="batch")],
    ids=lambda b: " ".join(repr(b).split()),
)
def test_gradient_reaches_every_weight_that_is_learnt(backbone):
    network = backbone.build(3).double()
    learnt = {k: p for k, p in network.named_parameters() if p.requires_grad}
    target = torch.randn(50, network.out_features, dtype=torch.float64)
    loss = (network(rows(50)) - target).square().mean()
    gradients = torch.autograd.grad(loss, learnt.values())
    for name, gradient in zip(learnt, gradients, strict=True):
        assert gradient.abs().max() > 1e-8, name


@ALL
def test_padding_changes_nothing(backbone):
    network = moved(backbone.build(3))
    X = rows(2, 5)
    mask = torch.tensor([[1, 1, 0, 1, 1], [1, 0, 0, 1, 1]]).bool()
    with_padding = apply(network, X * mask[..., None], mask)
    torch.testing.assert_close(with_padding[mask], network(X)[mask])


@ALL
@pytest.mark.slow
def test_an_algorithm_keeps_its_laws_with_the_backbone(backbone):
    check_algorithm(ProtoNet(), backbone=backbone)


# One of each network: what differs inside of them is compared task by task above.
@pytest.mark.slow
@pytest.mark.parametrize(
    "backbone",
    [
        TabularResNet(width=8, n_blocks=1),
        FTTransformer(width=4, n_blocks=1, n_heads=2),
        TabM(k=2, width=4, n_blocks=1),
        NumEmbedding(MLP((4,)), "piecewise", width=4, n_bins=5),
    ],
    ids=lambda b: " ".join(repr(b).split()),
)
def test_maml_keeps_its_laws_with_weights_of_each_task(backbone):
    check_algorithm(MAML(inner_steps=2), backbone=backbone)


@ALL
def test_copies_build_the_same_network(backbone):
    def build(backbone):
        torch.manual_seed(3)
        return backbone.build(3)

    network = build(backbone)
    for twin in (clone(backbone), pickle.loads(pickle.dumps(backbone))):
        assert repr(twin) == repr(backbone)
        state = build(twin).state_dict()
        for name, tensor in network.state_dict().items():
            torch.testing.assert_close(state[name], tensor, rtol=0, atol=0)
    X = torch.randn(5, 3)
    again = pickle.loads(pickle.dumps(network))
    torch.testing.assert_close(again(X), network(X), rtol=0, atol=0)


def test_parameters_of_the_inner_backbone_can_be_searched():
    meta = MetaClassifier("maml", NumEmbedding(MLP((8,))))
    meta = clone(meta).set_params(backbone__kind="ple", backbone__backbone__hidden=(4,))
    assert meta.backbone.backbone.hidden == (4,)
    assert meta.backbone.build(3).out_features == 4


def test_batch_statistics_are_for_metric_algorithms_alone():
    backbone = TabularResNet(width=8, norm="batch")
    network = backbone.build(3).double()
    apply(network, rows(2, 5))  # a metric-based algorithm: shared weights
    own = {k: p.expand(2, *p.shape) for k, p in network.named_parameters()}
    with pytest.raises(ValueError, match=r"BatchNorm1d.*LayerNorm"):
        apply_per_task(network, own, rows(2, 5))


@pytest.mark.parametrize(
    ("backbone", "message"),
    [
        (TabularResNet(width=0), "width must be a positive whole number, not 0"),
        (TabularResNet(n_blocks=1.5), "n_blocks must be a positive whole number"),
        (TabularResNet(dropout=1.0), r"dropout must be a probability in \[0, 1\)"),
        (TabularResNet(norm="group"), "norm must be 'layer', 'batch' or None"),
        (FTTransformer(width=10, n_heads=4), "width must be a multiple of n_heads"),
        (FTTransformer(hidden_factor=0), "hidden_factor must be a positive number"),
        (TabM(k=True), "k must be a positive whole number, not True"),
        (TabM(architecture="tabn"), "architecture must be one of .*'tabm-mini'"),
        (TabM(combine="sum"), "combine must be one of .*'concat'"),
        (TabM(scaling="ones"), "scaling must be one of .*'random-signs'"),
        (TabM(activation="functional"), "activation must be the name of"),
        (NumEmbedding(kind="pl"), "kind must be one of .*'plr_lite'.* not 'pl'"),
        (NumEmbedding(kind="ple", n_bins=1), "n_bins must be 2 or more"),
        (NumEmbedding(frequency_scale=0), "frequency_scale must be a positive number"),
        (NumEmbedding(kind="ple", bins=[[0, 1, 2]]), "each of the 3 features.* for 1"),
        (NumEmbedding(kind="ple", bins=[[0, 1, 2]] * 2 + [[0, 2, 1]]), "feature 2"),
        (NumEmbedding(kind="ple", bins=[[0, 1]] * 3), "three or more.* feature 0"),
        (NumEmbedding("mpl"), "Did you mean 'mlp'"),
    ],
    ids=str,
)
def test_a_parameter_out_of_range_is_an_error_that_says_what_it_may_be(
    backbone, message
):
    with pytest.raises(ValueError, match=message):
        backbone.build(3)


def test_bins_refuse_what_is_not_a_table_of_finite_numbers():
    with pytest.raises(ValueError, match="NaN"):
        compute_bins([[np.nan], [1.0]])


def test_names_are_registered_by_this_distribution():
    own = {
        entry.name: entry.cls
        for entry in plugins.entries("backbone")
        if entry.distribution == "skmeta-tabular"
    }
    assert own == {
        "ft_transformer": FTTransformer,
        "num_embedding": NumEmbedding,
        "tabm": TabM,
        "tabular_resnet": TabularResNet,
    }
    assert all(isinstance(cls().build(2), torch.nn.Module) for cls in own.values())


def test_libraries_are_imported_when_a_backbone_is_looked_up_and_not_before():
    code = """
        import sys, skmeta_tabular
        from skmeta import plugins
        assert "maml" in plugins.names("algorithm")
        assert "tabm" not in sys.modules
        assert plugins.get("backbone", "tabm") is skmeta_tabular.TabM
        assert "tabm" in sys.modules
    """
    lines = "\n".join(line.strip() for line in code.splitlines())
    run = subprocess.run(
        [sys.executable, "-c", lines], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
