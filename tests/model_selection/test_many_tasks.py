"""Models of many tasks in one computation answer as scikit-learn's do, one by one."""

from threading import Barrier, get_ident

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from sklearn.linear_model import Lasso, LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from skmeta.model_selection import PerTask, _per_task
from skmeta.model_selection._many_tasks import ManyLogistic, many_of

EXACT = {"tol": 1e-10, "max_iter": 10_000}


def tasks_of(seed, n_classes=0, width=4):
    """Tasks of one row to many, columns that are constant or of odd scales."""
    rng = np.random.default_rng(seed)
    size = rng.integers(1, 13, size=9)
    task = rng.permutation(np.repeat(np.arange(len(size)), size))
    X = rng.normal(size=(len(task), width)) * 10.0 ** rng.integers(-2, 3, size=width)
    X[:, 0] = 3.0  # in every task
    X[:, 1] = rng.normal(size=len(size))[task]  # in each task
    if not n_classes:
        return X, rng.normal(size=len(task)) * 100, task
    y = rng.integers(n_classes, size=len(task))
    y[task == 0] = 1  # one class
    names = np.array(["no", "perhaps", "yes", "zero"])
    return X, names[y], task


def answers_of(way, X, y, task, monkeypatch, alone):
    """Fit to every other row, ask all; by a model for each task where asked to."""
    if alone:
        monkeypatch.setattr(_per_task, "many_of", lambda estimator: None)
    known = np.arange(len(y)) % 2 == 0
    known |= ~np.isin(task, task[known])
    way.fit(X, y, groups=task, classes=np.unique(y) if y.dtype.kind == "U" else None)
    way.adapt(X[known], y[known], groups=task[known])
    assert bool(way.models_) == alone
    asked = way.predict_proba if hasattr(way, "predict_proba") else way.predict
    found = asked(X, groups=task)
    monkeypatch.undo()
    return found


def both(model, rows, monkeypatch, **how):
    return [
        answers_of(PerTask(model, **how), *rows, monkeypatch, alone)
        for alone in (False, True)
    ]


@pytest.mark.parametrize("width", [2, 5, 30])
@pytest.mark.parametrize(
    "model", [Ridge(), Ridge(0.01), Ridge(3.0, fit_intercept=False)], ids=str
)
def test_ridge_of_all_tasks_is_ridge_of_each(model, width, monkeypatch):
    for seed in range(4):
        here, alone = both(model, tasks_of(seed, width=width), monkeypatch)
        np.testing.assert_allclose(here, alone, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    ("model", "n_classes"),
    [
        (LogisticRegression(**EXACT), 2),
        (LogisticRegression(C=20.0, **EXACT), 3),
        (LogisticRegression(class_weight="balanced", **EXACT), 2),
        (LogisticRegression(class_weight="balanced", C=0.3, **EXACT), 4),
        (LogisticRegression(fit_intercept=False, **EXACT), 2),
        (LogisticRegression(fit_intercept=False, **EXACT), 3),
    ],
    ids=str,
)
@pytest.mark.parametrize("width", [3, 20])
def test_logistic_regression_of_all_tasks_is_that_of_each(
    model, n_classes, width, monkeypatch
):
    rng = np.random.default_rng(0)
    for seed in range(2):
        X, y, task = tasks_of(seed, n_classes, width)
        X = rng.normal(size=X.shape) + X / np.abs(X).max(axis=0)  # the loop ends, too
        X[:, 0] = 3.0
        for how in ({}, {"prior_rows": 2.0}):
            here, alone = both(model, (X, y, task), monkeypatch, **how)
            np.testing.assert_allclose(here, alone, atol=2e-6)


@pytest.mark.parametrize("n_neighbors", [1, 3])
def test_nearest_rows_of_all_tasks_are_those_of_each(n_neighbors, monkeypatch):
    rng = np.random.default_rng(0)
    for seed in range(4):
        for model, n_classes in ((KNeighborsRegressor, 0), (KNeighborsClassifier, 3)):
            X, y, task = tasks_of(seed, n_classes)
            X, y, task = (np.tile(each.T, 8).T for each in (X, y, task))
            X = X + rng.normal(size=X.shape) * X.std(axis=0)
            here, alone = both(model(n_neighbors), (X, y, task), monkeypatch)
            np.testing.assert_allclose(here, alone, rtol=1e-9)


def test_names_inside_a_task_are_told_apart_in_each(monkeypatch):
    X, y, task = tasks_of(1, 3)
    y = np.char.add(np.char.add(task.astype(str), ":"), y)
    way = PerTask(LogisticRegression(**EXACT))
    proba = []
    for alone in (False, True):
        if alone:
            monkeypatch.setattr(_per_task, "many_of", lambda estimator: None)
        way.fit(X, y, groups=task).adapt(X, y, groups=task)
        assert way.label_space_ == "per_task"
        proba.append(way.predict_proba(X, groups=task))
    np.testing.assert_allclose(proba[0], proba[1], atol=1e-5)


def test_separable_rows_and_extreme_scales_come_to_an_end():
    X = np.array([[1e6, 0.0], [-1e6, 0.0], [1e-6, 1.0], [2e-6, 1.0]])
    task = np.array([0, 0, 1, 1])
    y = np.array([[1.0, 0], [0, 1], [1, 0], [0, 1]])
    learnt = ManyLogistic(1e4, True, False).fit(X, y, task, 2)
    proba = ManyLogistic(1e4, True, False).answers(learnt, X, task)
    assert (proba[:2].max(axis=1) > 0.99).all()
    np.testing.assert_allclose(proba[2:], 0.5, atol=1e-3)  # they hardly differ


def test_a_column_of_large_numbers_leaves_the_others_their_minimum():
    rng = np.random.default_rng(0)
    y = np.arange(30) % 2
    X = rng.normal(size=(30, 3)) + y[:, np.newaxis]
    X[:, 0] = rng.normal(size=30) * 1e10
    task, target = np.zeros(30, dtype=int), np.eye(2)[y]
    way = ManyLogistic(1.0, True, False)
    learnt = way.fit(X, target, task, 1)
    wrong = (way.answers(learnt, X, task) - target)[:, 1]
    gradient = X.T @ wrong + learnt["slopes"][0, :, 1]
    np.testing.assert_allclose(gradient[1:], 0, atol=3e-8)


def test_scales_too_far_apart_are_left_to_scikit_learn():
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    X = np.column_stack([y * 1e12, rng.normal(size=(60, 3))])
    way = PerTask(LogisticRegression()).fit(X, y, groups=np.arange(60) // 30)
    way.adapt(X, y)
    assert np.isfinite(way.predict_proba(X)).all()


@pytest.mark.parametrize(
    "model",
    [
        KNeighborsClassifier(0),
        KNeighborsClassifier(-1),
        KNeighborsRegressor(2.5),
        Ridge(fit_intercept="no"),
        LogisticRegression(C="large"),
    ],
    ids=lambda model: str(model.get_params()),
)
def test_of_wrong_parameters_scikit_learn_says_so(model):
    assert many_of(model) is None


@pytest.mark.parametrize(
    "model",
    [
        Ridge(0.0),
        Ridge([1.0]),
        Ridge(positive=True),
        Ridge(solver="sag"),
        LogisticRegression(l1_ratio=0.5, solver="saga"),
        LogisticRegression(solver="liblinear"),
        LogisticRegression(max_iter=3),
        LogisticRegression(tol=0.1),
        LogisticRegression(class_weight={0: 2.0}),
        LogisticRegression(C=np.inf),
        KNeighborsRegressor(p=1),
        KNeighborsClassifier(weights="distance"),
        KNeighborsClassifier(metric="cosine"),
        Lasso(),
        type("Own", (Ridge,), {})(),
    ],
    ids=lambda model: str(model.get_params()),
)
def test_what_asks_for_something_else_is_left_to_scikit_learn(model):
    assert many_of(model) is None


def test_gaps_and_words_are_left_to_scikit_learn():
    X, y, task = tasks_of(0)
    X[0, 2] = np.nan
    with pytest.warns(UserWarning, match="Input X contains NaN"):
        PerTask(Ridge()).fit(X, y, groups=task).adapt(X, y, groups=task)
    way = PerTask(Ridge()).fit(X, y, groups=task).adapt(X[1:], y[1:], groups=task[1:])
    with pytest.raises(ValueError, match="Input X contains NaN"):
        way.predict(X, groups=task)


def test_a_task_of_many_unknowns_is_left_to_scikit_learn():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 60)), rng.integers(4, size=200)
    way = PerTask(LogisticRegression()).fit(X, y, groups=np.arange(200) % 2)
    way.adapt(X, y)
    assert len(way.models_) == 1


def test_clones_are_fitted_side_by_side_to_the_same():
    X, y, task = tasks_of(3)
    way = PerTask(Lasso(0.1)).fit(X, y, groups=task)
    alone = way.adapt(X, y, groups=task).predict(X, groups=task)
    with parallel_config("threading", n_jobs=2):
        way.adapt(X, y, groups=task)
    np.testing.assert_array_equal(way.predict(X, groups=task), alone)
    threads = []
    way = PerTask(_Telling(threads), n_jobs=2).fit(X, y, groups=task)
    with parallel_config("threading"):
        way.adapt(X, y, groups=task)
    assert len(set(threads)) == 2


class _Telling(Lasso):
    """Tells which thread fits it, once two do."""

    both = Barrier(2, timeout=20)

    def __init__(self, threads=None):
        super().__init__(0.1)
        self.threads = threads

    def __sklearn_clone__(self):
        return self

    def fit(self, X, y):
        if len(self.threads) < 2:
            self.threads.append(get_ident())
            self.both.wait()
        return Lasso(0.1).fit(X, y)


def test_a_file_of_an_earlier_version_answers():
    """It has the models and targets of tasks, and neither totals nor sizes."""
    X, y, task = tasks_of(2)
    way = PerTask(Lasso(0.1)).fit(X, y, groups=task).adapt(X, y, groups=task)
    expected = way.predict(X, groups=task)
    way.supports_ = [y[task == each] for each in range(task.max() + 1)]
    for name in ("totals_", "sizes_", "learnt_"):
        delattr(way, name)
    np.testing.assert_array_equal(way.predict(X, groups=task), expected)


def test_a_frame_of_numbers_needs_no_loop():
    X, y, task = tasks_of(0)
    frame = pd.DataFrame(X, columns=list("abcd"))
    way = PerTask(Ridge()).fit(frame, y, groups=task).adapt(frame, y, groups=task)
    assert way.learnt_ is not None
    expected = PerTask(Ridge()).fit(X, y, groups=task).adapt(X, y, groups=task)
    np.testing.assert_array_equal(
        way.predict(frame, groups=task), expected.predict(X, groups=task)
    )
