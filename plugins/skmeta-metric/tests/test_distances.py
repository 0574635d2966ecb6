"""Distances against the library's own, and where their slopes could be infinite."""

import pickle

import numpy as np
import pytest
import torch
from pytorch_metric_learning import distances as library
from sklearn.base import clone
from skmeta_metric import SNR, CosineSimilarity, Lp

from skmeta import plugins
from skmeta.algorithms import ProtoNet, Siamese
from skmeta.distances import Cosine
from skmeta.testing import check_algorithm

PAIRS = [
    (Lp(), library.LpDistance()),
    (Lp(p=1), library.LpDistance(p=1)),
    (Lp(p=3, normalize=False), library.LpDistance(p=3, normalize_embeddings=False)),
    (Lp(p=float("inf")), library.LpDistance(p=float("inf"))),
    (Lp(power=2), library.LpDistance(power=2)),
    (CosineSimilarity(), library.CosineSimilarity()),
    (SNR(), library.SNRDistance()),
    (SNR(normalize=False), library.SNRDistance(normalize_embeddings=False)),
]
ALL = pytest.mark.parametrize("distance", [own for own, _ in PAIRS], ids=repr)


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize(
    ("distance", "theirs"), PAIRS, ids=lambda each: repr(each)[:30]
)
@pytest.mark.parametrize("leading", [(), (2,), (2, 3), (1, 0)])
def test_distance_is_the_librarys_table_by_table(distance, theirs, leading, generator):
    a, b = (torch.randn(*leading, n, 4, generator=generator) for n in (5, 6))
    d = distance.build(4)(a, b)
    assert d.shape == (*leading, 5, 6)
    for place in np.ndindex(leading):
        want = theirs(a[place], b[place])
        want = 1 - want if theirs.is_inverted else want
        torch.testing.assert_close(d[place], want)


@ALL
def test_tables_of_one_leading_axis_go_with_tables_of_two(distance, generator):
    a = torch.randn(2, 1, 5, 4, generator=generator)
    b = torch.randn(3, 6, 4, generator=generator)
    together = distance.build(4)(a, b)
    assert together.shape == (2, 3, 5, 6)
    torch.testing.assert_close(together[1, 2], distance.build(4)(a[1, 0], b[2]))


@ALL
@pytest.mark.parametrize("n_rows", [4, 40])  # torch has two ways to a distance
def test_slope_is_finite_where_rows_coincide_or_are_zero_or_flat(
    distance, n_rows, generator
):
    X = torch.randn(n_rows, 4, generator=generator)
    X[1], X[2] = 0.0, 0.5
    X.requires_grad_()
    d = distance.build(4)(X, X)
    assert d.isfinite().all()
    # Nothing is nearer to a row than itself, but for rounding.
    kept = torch.tensor([row for row in range(n_rows) if row not in (1, 2)])
    own = d.diagonal()[kept]
    assert (own <= d[kept][:, kept].amin(dim=1) + 2e-3).all()
    (slope,) = torch.autograd.grad(d.square().sum() + d.sum(), X)
    assert slope.isfinite().all()
    assert slope.abs().max() < 1e9  # and not 1e12, that of a length of 0


@ALL
@pytest.mark.parametrize("algorithm", [ProtoNet, Siamese])
def test_algorithms_keep_their_laws_with_the_distance(distance, algorithm):
    check_algorithm(algorithm(distance=distance))


@ALL
def test_copies_measure_the_same(distance, generator):
    a, b = torch.randn(2, 5, 4, generator=generator)
    d = distance.build(4)
    for twin in (
        clone(distance).build(4),
        pickle.loads(pickle.dumps(distance)).build(4),
        pickle.loads(pickle.dumps(d)),
    ):
        torch.testing.assert_close(twin(a, b), d(a, b), rtol=0, atol=0)


def test_cosine_is_skmetas_own(generator):
    a, b = torch.randn(2, 5, 4, generator=generator)
    a[0] = 0
    own = Cosine().build(4)(a, b)
    torch.testing.assert_close(CosineSimilarity().build(4)(a, b), own)


def test_a_squared_distance_says_so():
    assert Lp(power=2).is_squared
    assert not Lp().is_squared
    assert not SNR().is_squared


@pytest.mark.parametrize(
    ("distance", "width", "message"),
    [
        (Lp(p=0.5), 4, "p must be a number from 1 on, not 0.5"),
        (Lp(power=0), 4, "power must be a number from 1 on, not 0"),
        (Lp(p="2"), 4, "p must be a number from 1 on, not '2'"),
        (SNR(), 1, "needs two or more, not 1"),
    ],
)
def test_a_parameter_out_of_range_is_an_error_that_says_what_it_may_be(
    distance, width, message
):
    with pytest.raises(ValueError, match=message):
        distance.build(width)


def test_names_are_registered_by_this_distribution():
    own = {
        entry.name: entry.cls
        for entry in plugins.entries("distance")
        if entry.distribution == "skmeta-metric"
    }
    assert own == {"cosine_similarity": CosineSimilarity, "lp": Lp, "snr": SNR}
