"""Distances against scipy, and gradients that training can follow."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.spatial.distance import cdist

from skmeta import MetaClassifier
from skmeta.algorithms import ProtoNet
from skmeta.distances import Cosine, Euclidean, Mahalanobis, Manhattan
from skmeta.testing import parametrize_with_checks

BUILT_IN = [Euclidean, Cosine, Manhattan, Mahalanobis]
SCIPY = [(Euclidean, "sqeuclidean"), (Manhattan, "cityblock"), (Cosine, "cosine")]
values = st.floats(-100, 100, allow_subnormal=False).map(lambda x: round(x, 3))


@st.composite
def embeddings(draw):
    d = draw(st.integers(1, 5))
    return [
        draw(hnp.arrays(np.float64, (draw(st.integers(1, 6)), d), elements=values))
        for _ in range(2)
    ]


@pytest.mark.parametrize(("distance", "metric"), SCIPY)
@given(embeddings())
def test_distance_equals_scipy(distance, metric, ab):
    a, b = ab
    if metric == "cosine":  # scipy has no answer for a zero vector
        a, b = (x + 1000.0 for x in ab)
    got = distance().build(a.shape[1])(*map(torch.from_numpy, (a, b)))
    np.testing.assert_allclose(got, cdist(a, b, metric), rtol=1e-9, atol=1e-8)


@given(embeddings(), st.integers(1, 4))
def test_mahalanobis_equals_scipy_with_its_precision_matrix(ab, rank):
    a, b = ab
    distance = Mahalanobis(rank=rank).build(a.shape[1]).double()
    factor = distance.factor.detach().numpy()
    assert factor.shape == (rank, a.shape[1])
    precision = np.eye(a.shape[1]) + factor.T @ factor
    expected = cdist(a, b, "mahalanobis", VI=precision) ** 2
    got = distance(*map(torch.from_numpy, (a, b))).detach()
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-7)


@pytest.mark.parametrize("kind", BUILT_IN)
def test_leading_axes_are_tasks(kind):
    generator = torch.Generator().manual_seed(0)
    a = torch.randn(3, 4, 5, generator=generator, dtype=torch.float64)
    b = torch.randn(3, 2, 5, generator=generator, dtype=torch.float64)
    distance = kind().build(5)
    if isinstance(distance, torch.nn.Module):
        distance = distance.double()
    got = distance(a, b)
    assert got.shape == (3, 4, 2)
    expected = torch.stack([distance(*one) for one in zip(a, b, strict=True)])
    torch.testing.assert_close(got, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", BUILT_IN)
@pytest.mark.parametrize(
    "point", [[0.0, 0.0, 0.0], [1.0, -2.0, 3.0]], ids=["zero", "coinciding"]
)
def test_gradients_at_coinciding_points_and_zero_vectors_stay_small(kind, point):
    a = torch.tensor([point], requires_grad=True)
    b = torch.tensor([point, [4.0, 5.0, 6.0]], requires_grad=True)
    distance = kind().build(3)(a, b)
    assert distance.isfinite().all()
    own = 1.0 if kind is Cosine and not any(point) else 0.0
    assert distance[0, 0].item() == pytest.approx(own, abs=1e-4)
    distance.sum().backward()
    for gradient in (a.grad, b.grad):
        assert gradient.isfinite().all()
        # What a step can be taken by: not the reciprocal of a vanishing length.
        assert gradient.abs().max() < 100


def test_a_zero_vector_has_cosine_distance_one_to_every_vector():
    distance = Cosine().build(2)(torch.zeros(1, 2), torch.tensor([[0.0, 0.0], [3, 4]]))
    assert torch.equal(distance, torch.ones(1, 2))


@given(hnp.arrays(np.float32, (4, 3), elements=st.integers(-500, 500)))
def test_no_point_is_closer_to_another_than_to_itself(points):
    points = torch.from_numpy(points) / 3
    for kind in (Euclidean, Manhattan, Mahalanobis):
        distance = kind().build(3)(points, points).detach()
        scale = points.square().sum().clamp(min=1)
        assert (distance.diagonal().abs() <= 1e-5 * scale).all()
        assert (distance >= -1e-5 * scale).all()


def test_the_factor_of_mahalanobis_gets_a_gradient_and_learns():
    distance = Mahalanobis(rank=2).build(3)
    a, b = torch.eye(3), torch.ones(1, 3)
    distance(a, b).sum().backward()
    assert (distance.factor.grad.abs().sum(dim=1) > 0).all()


def test_meta_training_moves_the_factor_of_mahalanobis():
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(6), 20)
    X = rng.normal(size=(120, 4)) + rng.normal(size=(6, 4))[y]

    def factor(lr):
        meta = MetaClassifier(
            ProtoNet(Mahalanobis(rank=2)),
            "identity",
            tasks="classes",
            max_epochs=2,
            tasks_per_epoch=64,
            early_stopping=False,
            lr=lr,
            random_state=0,
        ).fit(X, y)
        return meta.module_.distance.factor.detach()

    assert (factor(lr=0.1) - factor(lr=1e-12)).abs().min() > 1e-3


@parametrize_with_checks("distance", [Mahalanobis(rank=1)])
def test_the_laws_hold_with_other_settings(distance, check):
    check(distance)
