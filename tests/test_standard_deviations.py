"""Intervals cover what they promise, after any number of support rows, or warn."""

import re
import warnings

import numpy as np
import pytest

import skmeta
from skmeta import MetaRegressor
from skmeta.builtin import skmeta_algorithms
from skmeta.ensemble import MetaStackingRegressor
from tests.quick import TASK, TINY, X, Y

KNOWING = [
    name
    for name, algorithm in sorted(skmeta_algorithms().items())
    if hasattr(algorithm, "predict_std")
]


def leveled(n_tasks, n_rows, seed):
    """A line in every task, at a level of its own that varies three times as much."""
    rng = np.random.default_rng(seed)
    task = np.repeat(np.arange(n_tasks), n_rows)
    X = rng.normal(size=(len(task), 3))
    level = 3 * rng.normal(size=n_tasks)
    return X, X[:, 0] + level[task] + 0.3 * rng.normal(size=len(task)), task


@pytest.fixture(scope="module")
def fitted():
    X, y, task = leveled(120, 30, seed=0)
    learnt = {}
    for name in KNOWING:
        prior = {"prior": "linear"} if name == "gp" else {}
        meta = MetaRegressor(
            name, max_epochs=30, tasks_per_epoch=256, random_state=0, **prior
        )
        learnt[name] = meta.fit(X, y, groups=task)
    return learnt


@pytest.mark.slow
@pytest.mark.parametrize("n_rows", [0, 1, 2, 3, 5, 10, 20])
@pytest.mark.parametrize("name", KNOWING)
def test_an_interval_covers_after_any_number_of_rows(fitted, name, n_rows):
    X, y, task = leveled(200, 30, seed=1)
    place = np.arange(len(task)) % 30
    query, support = place >= 20, place < n_rows
    meta = fitted[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if n_rows:
            meta.adapt(X[support], y[support], groups=task[support])
            how = {"groups": task[query]}
        else:
            meta.adapt()
            how = {}
        mean, std = meta.predict(X[query], return_std=True, **how)
    covered = np.mean(np.abs(y[query] - mean) < 1.96 * std)
    assert 0.88 < covered < 0.999


@pytest.fixture
def meta():
    return MetaRegressor("cnp", n_shot=(2, 4), **TINY).fit(X, Y, groups=TASK)


@pytest.mark.parametrize("n_rows", [0, 1, 9, 12])
def test_other_numbers_of_rows_are_warned_of(meta, n_rows):
    meta.adapt(*((X[:n_rows], Y[:n_rows]) if n_rows else ()))
    said = f"1 task has {n_rows} to {n_rows} support rows, .* trained with 2 to 4: .*"
    remedy = re.escape(f"n_shot=({min(n_rows, 2)}, {max(n_rows, 4)}).")
    with pytest.warns(UserWarning, match=said + remedy) as caught:
        meta.predict(X[:3], return_std=True)
    assert len(caught) == 1


@pytest.mark.parametrize("n_rows", [2, 3, 4, 8])
def test_numbers_of_rows_that_were_trained_with_are_not(meta, n_rows):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        meta.adapt(X[:n_rows], Y[:n_rows]).predict(X[:3], return_std=True)
        meta.adapt(X[:1], Y[:1]).predict(X[:3])  # nobody asks how sure it is


def test_only_tasks_that_are_asked_about_count(meta, tmp_path):
    rows = np.r_[0, 12:15, 24:34]  # one, three and ten
    meta.adapt(X[rows], Y[rows], groups=TASK[rows])
    meta.save(tmp_path / "cnp")
    for learner in (meta, skmeta.load(tmp_path / "cnp")):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            learner.predict(X[:2], groups=[1, 1], return_std=True)
        with pytest.warns(UserWarning, match="2 tasks have 1 to 10 support rows"):
            learner.predict(X[:3], groups=[0, 1, 2], return_std=True)


def test_a_mixture_far_from_zero_is_as_unsure_as_near_it():
    deviations = []
    for level in (0.0, 1e9):
        members = [(name, MetaRegressor(name, **TINY)) for name in ("cnp", "r2d2")]
        ensemble = MetaStackingRegressor(members, weights="equal")
        ensemble.fit(X, Y + level, groups=TASK).adapt(X[:5], Y[:5] + level)
        deviations.append(ensemble.predict(X[5:9], return_std=True)[1])
    np.testing.assert_allclose(deviations[1], deviations[0], rtol=0.02)
