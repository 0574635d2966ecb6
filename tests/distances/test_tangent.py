"""The tangent distance against its definition, solved as least squares."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from skmeta import MetaClassifier
from skmeta.algorithms import ProtoNet
from skmeta.distances import Tangent
from skmeta.testing import parametrize_with_checks

SHAPES = pytest.mark.parametrize("shape", [(5, 4), (2, 5, 4)], ids=str)


@pytest.fixture
def images():
    generator = torch.Generator().manual_seed(0)
    return lambda n, d: torch.randn(n, d, generator=generator, dtype=torch.float64)


def naive_tangents(image):
    """Derivatives of an image (channels, h, w), pixel by pixel."""
    _, height, width = image.shape

    def at(c, i, j):
        return image[c, i, j] if 0 <= i < height and 0 <= j < width else 0.0

    rows = np.zeros((6, *image.shape))
    for c, i, j in np.ndindex(image.shape):
        by_x = (at(c, i, j + 1) - at(c, i, j - 1)) / 2
        by_y = (at(c, i + 1, j) - at(c, i - 1, j)) / 2
        x = (j - (width - 1) / 2) / max(1, width / 4)
        y = (i - (height - 1) / 2) / max(1, height / 4)
        rows[:, c, i, j] = by_x, by_y, x * by_x, y * by_x, x * by_y, y * by_y
    return rows.reshape(6, -1)


def naive_one_sided(a, b, shape, ridge):
    """Minimise over the deformations of b, as one stacked least-squares problem."""
    T = naive_tangents(b.reshape((1, *shape)[-3:]))
    penalty = np.sqrt(ridge * (T**2).sum() / 6) * np.eye(6)
    system, target = np.vstack([T.T, penalty]), np.append(a - b, np.zeros(6))
    alpha = np.linalg.lstsq(system, target, rcond=None)[0]
    return ((target - system @ alpha) ** 2).sum()


@SHAPES
@pytest.mark.parametrize("ridge", [0.01, 1.0])
def test_equals_the_minimum_over_deformations(shape, ridge, images):
    a, b = images(3, np.prod(shape)), images(4, np.prod(shape))
    got = Tangent(shape, ridge).build(np.prod(shape))(a, b).numpy()
    for i, j in np.ndindex(got.shape):
        p, q = a[i].numpy(), b[j].numpy()
        expected = naive_one_sided(p, q, shape, ridge)
        expected += naive_one_sided(q, p, shape, ridge)
        np.testing.assert_allclose(got[i, j], expected / 2, rtol=1e-9)


def test_is_symmetric_and_between_zero_and_the_euclidean(images):
    a, b = images(6, 20), images(5, 20)
    distance = Tangent((5, 4)).build(20)
    d = distance(a, b)
    torch.testing.assert_close(d, distance(b, a).mT)
    assert (d >= 0).all()
    assert (d < torch.cdist(a, b).square()).all()
    torch.testing.assert_close(distance(a, a).diagonal(), torch.zeros(6).double())


def test_leading_axes_are_tasks(images):
    a, b = images(6, 20).view(2, 3, 20), images(8, 20).view(2, 4, 20)
    distance = Tangent((5, 4)).build(20)
    expected = torch.stack([distance(*one) for one in zip(a, b, strict=True)])
    torch.testing.assert_close(distance(a, b), expected)


def test_gradients_at_blank_and_coinciding_images_stay_small(images):
    a = torch.cat([torch.zeros(1, 20), images(1, 20).float()]).requires_grad_()
    d = Tangent((5, 4)).build(20)(a, a)
    assert d.isfinite().all()
    (gradient,) = torch.autograd.grad(d.sum(), a)
    assert gradient.isfinite().all()
    assert gradient.abs().max() < 100


def test_small_shifts_of_a_digit_cost_a_fraction_of_the_euclidean_distance():
    X = torch.from_numpy(load_digits().data[:200].reshape(-1, 8, 8))
    half = torch.nn.functional.pad(X, (1, 0))[..., :-1]
    shifted = (X + half) / 2  # by half a pixel
    d = Tangent((8, 8)).build(64)(X.flatten(1), shifted.flatten(1)).diagonal()
    assert (d / (X - shifted).square().sum((1, 2))).median() < 0.4


def test_nearest_prototypes_by_it_beat_those_by_the_euclidean_distance(digits):
    X, y = digits

    def accuracy(distance):
        meta = MetaClassifier(
            ProtoNet(distance),
            "identity",
            tasks="classes",
            normalize=None,
            n_shot=1,
            max_epochs=1,
            tasks_per_epoch=32,
            random_state=0,
        ).fit(X[y < 5], y[y < 5])
        task = np.random.default_rng(0).integers(30, size=len(y))
        return meta.score(X[y >= 5], y[y >= 5], groups=task[y >= 5])

    assert accuracy(Tangent((8, 8))) > accuracy("euclidean") + 0.02


@pytest.mark.parametrize(
    ("distance", "message"),
    [
        (Tangent((5, 5)), r"image_shape=\(5, 5\) does not fit embeddings of 20"),
        (Tangent((5, 4), ridge=0), "ridge must be positive"),
    ],
)
def test_bad_parameters_are_errors(distance, message):
    with pytest.raises(ValueError, match=message):
        distance.build(20)


@parametrize_with_checks("distance", [Tangent(image_shape=(4, 4))])
def test_the_laws_hold_with_other_settings(distance, check):
    check(distance)
