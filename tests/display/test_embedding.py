"""Embeddings: their data, and what lands on the axes."""

import copy

import matplotlib as mpl
import numpy as np
import pytest

from skmeta.display import EmbeddingDisplay

mpl.use("Agg")


def test_prototypes_are_the_means_of_the_embedded_support(protonet):
    meta, X, y = protonet
    before = meta.adapted_
    display = EmbeddingDisplay.from_estimator(meta, X[:30], y[:30], X[30:90], y[30:90])
    assert meta.adapted_ is before
    for label, prototype in zip(display.classes, display.prototypes, strict=True):
        own = display.support[y[:30] == label]
        np.testing.assert_allclose(prototype, own.mean(axis=0), atol=1e-6)
    answers = copy.copy(meta).adapt(X[:30], y[:30]).predict(X[30:90])
    np.testing.assert_array_equal(display.wrong, answers != y[30:90])
    assert 0 < display.explained.sum() <= 1


def test_the_plane_shows_as_much_variance_as_a_plane_can(protonet):
    meta, X, y = protonet
    display = EmbeddingDisplay.from_estimator(meta, X[:30], y[:30], X[30:90])
    own = copy.copy(meta).adapt(X[:30], y[:30])
    rows = own.transform(X[:90])
    shown = np.concatenate([display.support, display.query])
    variances = np.linalg.svd(rows - rows.mean(axis=0), compute_uv=False) ** 2
    total = (shown - shown.mean(axis=0)) ** 2
    assert total.sum() == pytest.approx(variances[:2].sum(), rel=1e-4)
    np.testing.assert_array_equal(display.y_query, own.predict(X[30:90]))


def test_values_are_coloured_by_value_and_have_no_prototypes(maml, sinusoids):
    X, y, _ = sinusoids
    display = EmbeddingDisplay.from_estimator(maml, X[:10], y[:10], X[10:20], y[10:20])
    assert display.classes is None
    assert display.prototypes is None


@pytest.mark.parametrize("width", [1, 2])
def test_narrow_embeddings_are_shown_as_they_are(width):
    rows = np.arange(8.0).reshape(-1, width)
    y = np.arange(len(rows)) % 2
    display = EmbeddingDisplay.from_predictions(rows, y, rows, y)
    np.testing.assert_array_equal(display.support[:, :width], rows)
    assert display.explained is None
