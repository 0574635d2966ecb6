"""Oriented gradients against their equation, and as a backbone like any other."""

import math
import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.neighbors import NearestCentroid
from torch.func import functional_call

from skmeta import MetaClassifier, plugins
from skmeta.backbones import MLP, Correction, OrientedGradients
from skmeta.nn import apply_per_task
from skmeta.testing import check_algorithm

IMAGE = (8, 8)


def naive(image, settings):
    """Compute the docstring's equation point by point, for (channels, h, w)."""
    n_channels, height, width = image.shape
    K, sigma = settings.n_orientations, settings.smoothing
    radius = math.ceil(3 * sigma)  # where the bell is next to nothing

    def slope(c, row, column):
        def ink(r, k):
            return image[c, min(max(r, 0), height - 1), min(max(k, 0), width - 1)]

        return (
            (ink(row, column + 1) - ink(row, column - 1)) / 2,
            (ink(row + 1, column) - ink(row - 1, column)) / 2,
        )

    h = []
    for k in range(K):
        for row in range(0, height, settings.stride):
            for column in range(0, width, settings.stride):
                total = 0.0
                for r in range(height):
                    for q in range(width):
                        if max(abs(r - row), abs(q - column)) > radius:
                            continue
                        apart = (r - row) ** 2 + (q - column) ** 2
                        for c in range(n_channels):
                            x, y = slope(c, r, q)
                            cosine = math.cos(math.atan2(y, x) - 2 * math.pi * k / K)
                            vote = (
                                math.hypot(x, y) * max(0, cosine) ** settings.sharpness
                            )
                            total += math.exp(-apart / (2 * sigma**2)) * vote
                h.append(total)
    h = np.array(h)
    return np.sqrt(h / h.sum())


@pytest.mark.parametrize(
    "settings",
    [
        OrientedGradients((5, 6), smoothing=0.8, stride=1),
        OrientedGradients((5, 6), n_orientations=5, smoothing=1.3, stride=2),
        OrientedGradients((3, 4, 4), smoothing=0.5, stride=3, sharpness=1),
    ],
    ids=str,
)
def test_the_embedding_is_that_of_the_equation(settings):
    shape = (1, *settings.image_shape)[-3:]
    images = np.random.default_rng(0).random((2, *shape))
    network = settings.build(math.prod(shape)).double()
    got = network(torch.from_numpy(images).flatten(1))
    assert got.shape == (2, network.out_features)
    expected = np.stack([naive(image, settings) for image in images])
    np.testing.assert_allclose(got, expected, atol=2e-6)  # the bell is in float32


def test_a_rising_ramp_points_to_the_right():
    ramp = torch.arange(8.0).repeat(8, 1).flatten()
    network = OrientedGradients(IMAGE, smoothing=1, stride=2).build(64)
    of_direction = network(ramp.unsqueeze(0)).square().view(8, 16).sum(dim=1)
    assert of_direction.argmax() == 0
    # At 45 degrees, cos^8 is 1/16 and there are two such directions.
    torch.testing.assert_close(
        of_direction[[0, 1, 7, 4]],
        torch.tensor([8, 0.5, 0.5, 0]) / 9,
        atol=1e-5,
        rtol=1e-4,
    )


def test_blank_images_have_finite_embeddings_and_derivatives():
    X = torch.zeros(2, 64, requires_grad=True)
    Z = OrientedGradients(IMAGE).build(64)(X)
    Z.sum().backward()
    assert Z.isfinite().all()
    assert X.grad.isfinite().all()


def test_derivatives_are_those_of_the_embedding():
    network = OrientedGradients((4, 4), smoothing=1, stride=2).build(16).double()
    X = torch.rand(2, 16, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(network, X)


def test_every_task_may_correct_it_by_weights_of_its_own():
    backbone = Correction(MLP((5,)), OrientedGradients(IMAGE, smoothing=0.8, stride=4))
    network = backbone.build(64)
    generator = torch.Generator().manual_seed(0)
    own = {
        name: torch.randn(3, *weight.shape, generator=generator)
        for name, weight in network.named_parameters()
    }
    X = torch.rand(3, 7, 64, generator=generator)
    expected = [
        functional_call(network, {name: w[t] for name, w in own.items()}, (X[t],))
        for t in range(3)
    ]
    torch.testing.assert_close(apply_per_task(network, own, X), torch.stack(expected))


@pytest.mark.parametrize("algorithm", ["maml", "protonet"])
def test_algorithms_keep_their_laws(algorithm):
    base = OrientedGradients((1, 3), n_orientations=4, smoothing=0.8, stride=1)
    check_algorithm(algorithm, backbone=Correction(MLP((8,)), base))


def test_a_correction_starts_at_its_base():
    base = OrientedGradients(IMAGE, smoothing=0.8, stride=2)
    network = Correction("mlp", base).build(64)
    X = torch.rand(5, 64, generator=torch.Generator().manual_seed(0))
    assert network.out_features == 8 * 4 * 4
    assert torch.equal(network(X), base.build(64)(X))


def test_it_is_registered_cloned_and_pickled():
    assert isinstance(plugins.resolve("backbone", "gradients"), OrientedGradients)
    backbone = OrientedGradients(IMAGE, 4, 0.8, 2, 3.0)
    assert repr(clone(backbone)) == repr(backbone)
    network = pickle.loads(pickle.dumps(backbone.build(64)))
    X = torch.rand(2, 64)
    assert torch.equal(network(X), backbone.build(64)(X))
    assert not network.state_dict()  # nothing is learnt


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image_shape": (8, 9)}, r"image_shape=\(8, 9\) does not fit rows of 64"),
        ({"image_shape": (64,)}, "give .height, width. or"),
        ({"n_orientations": 1}, "n_orientations must be a whole number from 2 on"),
        ({"stride": 0.5}, "stride must be a whole number from 1 on, not 0.5"),
        ({"smoothing": 0}, "smoothing must be positive"),
        ({"sharpness": 0.5}, "sharpness must be 1 or more"),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        OrientedGradients(**{"image_shape": IMAGE} | options).build(64)


def test_one_digit_of_each_class_tells_more_by_its_gradients_than_by_its_pixels():
    X, y = load_digits(return_X_y=True)
    network = OrientedGradients(IMAGE, smoothing=0.8, stride=2).build(64)
    Z = network(torch.tensor(X / 16, dtype=torch.float32)).numpy()
    rng = np.random.default_rng(0)
    scores = []
    for _ in range(20):
        few = [rng.choice(np.flatnonzero(y == k)) for k in range(10)]
        scores.append(
            [NearestCentroid().fit(rows[few], y[few]).score(rows, y) for rows in (X, Z)]
        )
    pixels, gradients = np.mean(scores, axis=0)
    assert gradients > pixels + 0.05


def test_an_estimator_takes_it_by_name_and_tunes_it():
    X, y = load_digits(return_X_y=True)
    meta = MetaClassifier(
        "protonet", "gradients", tasks="classes", max_epochs=1, tasks_per_epoch=8
    )
    meta.set_params(
        backbone=OrientedGradients(), backbone__image_shape=IMAGE, backbone__stride=4
    )
    meta.fit(X[y < 6], y[y < 6])
    assert meta.transform(X[:3]).shape == (3, 32)
