"""Embeddings of numbers against their library and their equations."""

import numpy as np
import pytest
import rtdl_num_embeddings
import torch
from library import X, give_weights
from scipy.stats import norm
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler
from skmeta_tabular import NumEmbedding, compute_bins

from skmeta.backbones import Identity


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
