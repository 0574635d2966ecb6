"""One far row, feature or target does no harm to the answers to all others."""

import warnings

import numpy as np
import pytest

from skmeta import MetaClassifier, MetaRegressor
from skmeta.builtin import skmeta_algorithms

NORMALIZE = ["global", "task", "robust"]
DISTANCES = (10, 100, 1000)
VALUES, CLASSES = (
    [name for name, cls in sorted(skmeta_algorithms().items()) if kind in cls.kinds]
    for kind in ("regressor", "classifier")
)
QUICK = {"max_epochs": 2, "tasks_per_epoch": 128, "n_query": 10, "random_state": 0}
N_SHOT = 8


def table():
    """Slopes that differ from task to task, and a column that two of 10,000 rows have.

    One of them is the first, so that a support shows it.
    """
    rng = np.random.default_rng(4)
    X, task = rng.normal(size=(10_000, 4)), np.repeat(np.arange(40), 250)
    slopes = 1 + 0.7 * rng.normal(size=(40, 4))
    y = (X * slopes[task]).sum(axis=1)
    rare = np.zeros(len(X))
    rare[[0, 7000]] = 1
    return np.c_[X, rare], y, task


X, Y, TASK = table()
SUPPORT, QUERY = X[:N_SHOT], X[N_SHOT:60]


def with_one_far():
    """Supports of the first task with something far, and how far a target is."""
    yield SUPPORT, Y[:N_SHOT], 0
    for distance in DISTANCES:
        row, cell, column = SUPPORT.copy(), SUPPORT.copy(), SUPPORT.copy()
        row[1, :4] *= distance / np.linalg.norm(row[1, :4])
        cell[1, 2] = distance
        column[:, 2] += distance
        for moved in (row, cell, column):
            yield moved, Y[:N_SHOT], 0
        y = Y[:N_SHOT].copy()
        y[1] += distance * Y.std()
        yield SUPPORT, y, distance


def stacked():
    supports, targets, distances = zip(*with_one_far(), strict=True)
    group = np.repeat(np.arange(len(supports)), N_SHOT)
    asked = np.repeat(np.arange(len(supports)), len(QUERY))
    return (
        np.concatenate(supports),
        np.concatenate(targets),
        group,
        np.tile(QUERY, (len(supports), 1)),
        asked,
        np.array(distances),
    )


def make(cls, name, normalize, **parameters):
    if name == "gp":
        parameters["prior"] = "linear"
    if "shared" not in skmeta_algorithms()[name].label_spaces:
        parameters["label_space"] = "per_task"
    return cls(name, normalize=normalize, early_stopping=False, **QUICK, **parameters)


@pytest.mark.parametrize("normalize", NORMALIZE)
@pytest.mark.parametrize("name", VALUES)
def test_values_of_ordinary_rows_stay_within_ten_deviations(name, normalize):
    meta = make(MetaRegressor, name, normalize).fit(X, Y, groups=TASK)
    supports, targets, group, queries, asked, distances = stacked()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*far outside")
        meta.adapt(supports, targets, groups=group)
    answers = meta.predict(queries, groups=asked).reshape(len(distances), -1)
    largest = np.abs(answers - Y.mean()).max(axis=1) / Y.std()
    # An own unit is one that targets are far by; else they are drawn nearer.
    in_proportion = 3 * distances if normalize == "task" else np.minimum(distances, 20)
    assert (largest < 10 + in_proportion).all(), largest


@pytest.mark.parametrize("normalize", NORMALIZE)
@pytest.mark.parametrize("name", CLASSES)
def test_probabilities_of_ordinary_rows_stay_probabilities(name, normalize):
    label = (Y > 0).astype(int)
    meta = make(MetaClassifier, name, normalize).fit(X, label, groups=TASK)
    supports, _, group, queries, asked, distances = stacked()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*far outside")
        meta.adapt(supports, np.tile(label[:N_SHOT], len(distances)), groups=group)
    p = meta.predict_proba(queries, groups=asked)
    assert np.isfinite(p).all()
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("name", VALUES)
def test_a_far_row_that_is_asked_changes_no_other_answer(name):
    meta = make(MetaRegressor, name, "task").fit(X, Y, groups=TASK)
    meta.adapt(SUPPORT, Y[:N_SHOT])
    alone = meta.predict(QUERY)
    beside = meta.predict(np.concatenate([QUERY, QUERY * 1e3]))[: len(QUERY)]
    np.testing.assert_allclose(beside, alone, rtol=1e-3, atol=1e-4)
