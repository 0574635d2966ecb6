"""A model for each task, of its support alone."""

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.preprocessing import StandardScaler

from skmeta import FewShotClassifier, MetaClassifier
from skmeta.model_selection import PerTask, compare
from tests.conftest import QUICK


def test_a_model_per_task_never_thinks_a_label_impossible(wine):
    X, y, groups = wine
    own = PerTask(LogisticRegression(max_iter=50)).fit(X, y, groups=groups)
    two = np.r_[np.flatnonzero(y == 0)[:4], np.flatnonzero(y == 1)[:4]]
    proba = own.adapt(X[two], y[two]).predict_proba(X)
    np.testing.assert_allclose(proba[:, 2], 1 / 11)  # one row of eleven
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    proba = own.adapt(X[two[:4]], y[two[:4]]).predict_proba(X)
    np.testing.assert_allclose(proba, np.tile([5 / 7, 1 / 7, 1 / 7], (len(X), 1)))


@pytest.mark.parametrize("seen", [0, 1, 2])
@pytest.mark.parametrize(
    "model",
    [KNeighborsClassifier(1), LogisticRegression(), DummyClassifier(), GaussianNB()],
)
def test_where_one_class_was_seen_it_is_the_answer(wine, model, seen):
    X, y, groups = wine
    own = PerTask(model).fit(X, y, groups=groups)
    one = np.flatnonzero(y == seen)[:1]
    own.adapt(X[one], y[one])
    assert (own.predict(X) == seen).all()
    proba = np.where(np.arange(3) == seen, 2 / 4, 1 / 4)
    np.testing.assert_allclose(own.predict_proba(X[:1]), [proba])


def test_imaginary_rows_may_have_the_shares_of_the_training_rows(wine):
    X, y, groups = wine
    own = PerTask(KNeighborsClassifier(1), prior_rows=2.0).fit(X, y, groups=groups)
    two = np.r_[np.flatnonzero(y == 0)[:1], np.flatnonzero(y == 1)[:1]]
    proba = own.adapt(X[two], y[two]).predict_proba(X[two])
    shares = np.bincount(y) / len(y)
    expected = (2 * np.eye(3)[:2] + 2 * shares) / 4
    np.testing.assert_allclose(proba, expected)


def test_a_scale_is_learnt_of_training_tasks(wine):
    X, y, groups = wine
    neighbours = PerTask(KNeighborsClassifier(1), preprocessor=StandardScaler())
    neighbours.fit(X[20:], y[20:], groups=groups[20:])
    few = np.r_[0, np.flatnonzero(y == 1)[:1], np.flatnonzero(y == 2)[:1]]
    answers = neighbours.adapt(X[few], y[few]).predict(X)
    Z = StandardScaler().fit(X[20:]).transform(X)
    expected = KNeighborsClassifier(1).fit(Z[few], y[few]).predict(Z)
    assert (answers == expected).all()


def test_a_few_shot_classifier_per_task_answers_as_its_meta_learner_does(wine):
    X, y, groups = wine
    meta = MetaClassifier("protonet", **QUICK).fit(X, y, groups=groups)
    scores = compare(
        {"at once": meta, "one by one": FewShotClassifier(meta, classes="all")},
        X,
        y,
        groups,
        shots=(1, 4),  # with one shot there is one class in the support
        metric="neg_log_loss",
        n_repeats=1,
    ).per_task.pivot_table("score", ["shots", "task"], "estimator")
    np.testing.assert_allclose(scores["at once"], scores["one by one"], rtol=1e-4)


def test_a_model_that_cannot_be_fitted_to_a_support_is_counted(wine):
    X, y, groups = wine
    neighbours = PerTask(KNeighborsClassifier(5)).fit(X, y, groups=groups)
    rows = np.r_[np.flatnonzero(y == 0)[:2], np.flatnonzero(y == 1)[:6]]
    rows = np.sort(rows)
    task = np.array([0, 1, 0, 1, 1, 1, 1, 1])
    with pytest.warns(UserWarning, match="the support of 1 of 2 tasks"):
        neighbours.adapt(X[rows], y[rows], groups=task)
    proba = neighbours.predict_proba(X[:1], groups=[0])
    assert proba.shape == (1, 3)
    assert proba.min() > 0


def test_values_are_those_of_a_model_of_each_task(diabetes):
    X, y, groups = diabetes
    way = PerTask(Ridge(0.1)).fit(X, y, groups=groups)
    few = np.arange(len(y)) < 120
    way.adapt(X[few], y[few], groups=groups[few])
    answers = way.predict(X, groups=groups)
    for task in range(12):
        own = groups == task
        model = Ridge(0.1).fit(X[few & own], y[few & own])
        np.testing.assert_allclose(answers[own], model.predict(X[own]))


def test_values_that_no_model_learns_are_the_mean_of_the_support(diabetes):
    X, y, groups = diabetes
    way = PerTask(KNeighborsRegressor(3)).fit(X, y, groups=groups)
    few = np.r_[np.flatnonzero(groups == 0)[:2], np.flatnonzero(groups == 1)[:5]]
    with pytest.warns(UserWarning, match="support of 1 of 2 tasks"):
        way.adapt(X[few], y[few], groups=groups[few])
    answers = way.predict(X[:2], groups=[0, 1])
    model = KNeighborsRegressor(3).fit(X[few[2:]], y[few[2:]])
    assert answers.tolist() == [y[few[:2]].mean(), model.predict(X[1:2])[0]]


@pytest.mark.parametrize(
    "other",
    [
        {"estimator": Ridge(1e6)},
        {"estimator": DummyRegressor()},
        {"estimator__n_neighbors": 1},
    ],
)
def test_other_parameters_count_from_the_next_adaptation_on(diabetes, other):
    X, y, groups = diabetes
    own = PerTask(KNeighborsRegressor(3)).fit(X, y, groups=groups)
    before = own.adapt(X, y, groups=groups).predict(X, groups=groups)
    own.set_params(**other)
    np.testing.assert_array_equal(own.predict(X, groups=groups), before)
    after = own.adapt(X, y, groups=groups).predict(X, groups=groups)
    assert not np.allclose(after, before)
