"""A correction starts at what it corrects."""

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestCentroid
from sklearn.preprocessing import StandardScaler

from skmeta import MetaClassifier
from skmeta.backbones import MLP, Correction, Linear
from skmeta.testing import parametrize_with_checks
from tests.backbones.conftest import BatchNormed


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


@parametrize_with_checks("backbone", [Correction(MLP((5,)))])
def test_the_laws_hold_with_other_settings(backbone, check):
    check(backbone)
