"""One call for few-shot images: what is said wins, and the rest is the recipe."""

import numpy as np
import pytest
from sklearn.base import clone

import skmeta
from skmeta import MetaClassifier


@pytest.fixture(scope="module")
def drawings():
    """Strokes of twelve directions or lengths, each drawn five times."""
    rng = np.random.default_rng(0)
    images, labels = [], []
    for label in range(12):
        for _ in range(5):
            image = np.zeros((12, 12), dtype=np.float32)
            start = rng.integers(1, 4, 2)
            step = np.array([[1, 0], [0, 1], [1, 1], [1, 2]])[label % 4]
            for i in range(3 + 2 * (label // 4)):
                row, column = start + i * step // 2
                image[row % 12, column % 12] = 1
            images.append(image.ravel())
            labels.append(label)
    return np.array(images), np.array(labels)


def test_what_is_said_wins():
    meta = MetaClassifier.for_images((12, 12), n_way=5, normalize="global")
    assert meta.n_way == 5
    assert meta.normalize == "global"
    assert meta.n_shot == 1
    assert meta.backbone.image_shape == (12, 12)
    assert MetaClassifier.for_images(algorithm="matching").algorithm == "matching"


def test_pictures_are_not_laid_over_one_another():
    kinds = [
        [type(each).__name__ for each in MetaClassifier.for_images(ink=ink).augment]
        for ink in (True, False)
    ]
    assert kinds[0] == [*kinds[1], "ClassOverlay"]


def test_it_is_an_ordinary_learner(drawings, tmp_path):
    X, y = drawings
    meta = MetaClassifier.for_images(
        (12, 12), channels=(4, 4), max_epochs=2, tasks_per_epoch=4, random_state=0
    )
    meta = clone(meta).fit(X[y < 10], y[y < 10])
    assert meta.unlabelled_ is None  # not learnt, which would take longest
    few, new = X[y >= 10], y[y >= 10]
    answers = meta.adapt(few[::5], new[::5]).predict(few)
    assert set(answers) <= {10, 11}
    meta.save(tmp_path / "images.skmeta")
    assert np.array_equal(skmeta.load(tmp_path / "images.skmeta").predict(few), answers)


@pytest.mark.parametrize("shape", [(28,), (0, 28), (1, 2, 3, 4)])
def test_shapes_of_no_image_are_refused(shape):
    with pytest.raises(ValueError, match="image_shape"):
        MetaClassifier.for_images(shape)
