"""Networks against the libraries' own, with the same weights."""

import numpy as np
import pytest
import rtdl_num_embeddings
import rtdl_revisiting_models
import tabm
import torch
from scipy.stats import norm
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler
from skmeta_tabular import (
    FTTransformer,
    NumEmbedding,
    TabM,
    TabularResNet,
    compute_bins,
)

from skmeta.backbones import Identity


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def give_weights(library, network):
    """Move weights of the library's network, and give them to ours."""
    with torch.no_grad():
        for weight in library.parameters():
            weight.add_(torch.randn_like(weight), alpha=0.1)
    given, own = library.state_dict(), network.state_dict()
    assert own.keys() <= given.keys()
    network.load_state_dict({name: given[name] for name in own})


X = torch.randn(6, 4)


def test_resnet_is_the_librarys_before_its_last_layer():
    library = rtdl_revisiting_models.ResNet(
        d_in=4,
        d_out=2,
        n_blocks=2,
        d_block=8,
        d_hidden_multiplier=2.0,
        dropout1=0.0,
        dropout2=0.0,
    )
    backbone = TabularResNet(width=8, n_blocks=2, norm="batch")
    network = backbone.build(4)
    give_weights(library, network.network)
    ours = library.output.linear(network(X))  # in training mode: statistics of X
    torch.testing.assert_close(ours, library(X))
    torch.testing.assert_close(
        library.eval().output.linear(network.eval()(X)), library(X)
    )


def test_resnet_with_layer_norm_is_its_equation():
    network = TabularResNet(width=8, n_blocks=2).build(4)
    resnet = network.network

    def normalise(x):
        centred = x - x.mean(dim=1, keepdim=True)
        return centred / (centred.square().mean(dim=1, keepdim=True) + 1e-5).sqrt()

    x = resnet.input_projection(X)
    for block in resnet.blocks:
        x = x + block.linear2(block.linear1(normalise(x)).relu())
    torch.testing.assert_close(network(X), normalise(x).relu())


@pytest.mark.parametrize("n_blocks", [1, 3])
def test_ft_transformer_is_the_librarys_before_its_last_layer(n_blocks):
    library = rtdl_revisiting_models.FTTransformer(
        n_cont_features=4,
        cat_cardinalities=[],
        d_out=2,
        n_blocks=n_blocks,
        d_block=12,
        attention_n_heads=4,
        attention_dropout=0.0,
        ffn_d_hidden_multiplier=4 / 3,
        ffn_dropout=0.0,
        residual_dropout=0.0,
    )
    network = FTTransformer(width=12, n_blocks=n_blocks, n_heads=4).build(4)
    give_weights(library, network.network.transformer)
    ours = library.backbone.output.linear(network(X))
    torch.testing.assert_close(ours, library(X, None))


def test_no_weight_is_frozen_but_the_bias_of_keys_which_has_no_part():
    network = FTTransformer(width=12, n_heads=4).build(4)
    frozen = [k for k, p in network.named_parameters() if not p.requires_grad]
    assert [name.rpartition(".W_k.")[2] for name in frozen] == ["bias", "bias"]
    before = network(X)
    for name in frozen:
        assert not network.get_parameter(name).any()
        network.get_parameter(name).data.normal_()
    torch.testing.assert_close(network(X), before)


@pytest.mark.parametrize("architecture", ["tabm", "tabm-mini", "tabm-packed"])
def test_tabm_with_a_head_is_the_mean_of_the_librarys_members(architecture):
    k, width = 3, 8
    scaling = None if architecture == "tabm-packed" else "random-signs"
    library = tabm.TabM.make(
        n_num_features=4,
        d_out=2,
        k=k,
        d_block=width,
        n_blocks=2,
        arch_type=architecture,
        start_scaling_init=scaling,
        dropout=0.0,
    )
    network = TabM(k=k, width=width, n_blocks=2, architecture=architecture).build(4)
    give_weights(library, network.network)
    mean = library(X).mean(dim=1)
    # The heads of the members, as one head on what they have side by side.
    heads = library.output.weight.flatten(0, 1) / k**0.5
    bias = library.output.bias.mean(dim=0)
    torch.testing.assert_close(network(X) @ heads + bias, mean)

    narrow = TabM(k, width, 2, architecture=architecture, combine="mean").build(4)
    narrow.network.load_state_dict(network.network.state_dict())
    parts = network(X).unflatten(1, (k, width)) * k**0.5
    torch.testing.assert_close(narrow(X), parts.mean(dim=1))


@pytest.mark.parametrize("kind", ["periodic", "plr", "plr_lite"])
def test_periodic_embeddings_are_the_librarys(kind):
    library = rtdl_num_embeddings.PeriodicEmbeddings(
        4,
        6,
        n_frequencies=5,
        frequency_init_scale=0.1,
        activation=kind != "periodic",
        lite=kind == "plr_lite",
    )
    network = NumEmbedding(Identity(), kind, width=6, n_frequencies=5).build(4)
    give_weights(library, network.network[0])
    torch.testing.assert_close(network(X), library(X).flatten(1))
    assert network.out_features == 4 * 6


def test_frequencies_have_the_scale_that_was_asked_for():
    network = NumEmbedding("mlp", frequency_scale=2.0, n_frequencies=2000).build(4)
    assert network.network[0].periodic.weight.std().item() == pytest.approx(2, rel=0.05)


def test_ple_is_equation_1_on_bins_of_a_standard_normal():
    n_bins = 5
    network = NumEmbedding(Identity(), "ple", n_bins=n_bins).build(4)
    assert network.out_features == 4 * n_bins
    edges = norm.ppf(np.linspace(norm.cdf(-3), norm.cdf(3), n_bins + 1))
    assert edges[[0, -1]] == pytest.approx([-3, 3])
    assert np.diff(norm.cdf(edges)) == pytest.approx(norm.cdf(3) / 5, rel=0.01)
    encoded = network(X).unflatten(1, (4, n_bins))
    for row in range(len(X)):
        for feature in range(4):
            part = (X[row, feature].item() - edges[:-1]) / np.diff(edges)
            # The outermost bins go on beyond their edges.
            part[1:] = part[1:].clip(min=0)
            part[:-1] = part[:-1].clip(max=1)
            assert encoded[row, feature].numpy() == pytest.approx(part, abs=1e-4)


def test_piecewise_embedding_starts_linear_and_is_the_librarys():
    edges = [torch.tensor(own) for own in ([-1.0, 0, 2], [-2.0, -1, 0, 1])]
    library = rtdl_num_embeddings.PiecewiseLinearEmbeddings(
        edges, 6, activation=False, version="B"
    )
    bins = [own.tolist() for own in edges]
    network = NumEmbedding(Identity(), "piecewise", width=6, bins=bins).build(2)
    start = network(torch.tensor([[-3.0, -3], [0, 0], [3, 3]]))
    torch.testing.assert_close(start[0] + start[2], 2 * start[1])
    give_weights(library, network.network[0])
    torch.testing.assert_close(network(X[:, :2]), library(X[:, :2]).flatten(1))


def test_bins_of_a_table_are_the_librarys_in_standardised_units():
    table = load_wine().data
    standardised = StandardScaler().fit_transform(table)
    library = rtdl_num_embeddings.compute_bins(torch.tensor(standardised).float(), 8)
    ours = compute_bins(table, 8)
    assert len(ours) == len(library)
    for own, want in zip(ours, library, strict=True):
        np.testing.assert_allclose(own, want.numpy(), atol=1e-5)


def test_a_feature_of_few_values_gets_bins_of_a_standard_normal():
    table = np.column_stack([np.arange(10.0), np.arange(10) % 2, np.ones(10)])
    own, indicator, constant = compute_bins(table, 4)
    assert own[[0, -1]] == pytest.approx([-1.567, 1.567], abs=1e-3)
    assert len(indicator) == len(constant) == 5
    assert indicator[[0, 2, 4]] == pytest.approx([-3, 0, 3], abs=1e-5)
    network = NumEmbedding("mlp", "ple", bins=[own, indicator, constant]).build(3)
    assert network(torch.randn(5, 3)).isfinite().all()
