"""The residual network for tables against its equation."""

import pytest
import torch

from skmeta import MetaClassifier
from skmeta.backbones import ResNetMLP


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
