"""The multilayer perceptron, layer by layer."""

import pytest
import torch
from torch import nn

from skmeta.backbones import MLP
from skmeta.testing import parametrize_with_checks


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


@parametrize_with_checks(
    "backbone", [MLP((6, 5), norm="layer", dropout=0.2, residual=True)]
)
def test_the_laws_hold_with_other_settings(backbone, check):
    check(backbone)
