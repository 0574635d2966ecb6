"""A model for each task, of its support alone."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from skmeta import FewShotClassifier, MetaClassifier
from skmeta.model_selection import PerTask, compare
from tests.conftest import QUICK


def test_a_model_per_task_never_thinks_a_label_impossible(wine):
    X, y, groups = wine
    own = PerTask(LogisticRegression(max_iter=50)).fit(X, y, groups=groups)
    two = np.r_[np.flatnonzero(y == 0)[:4], np.flatnonzero(y == 1)[:4]]
    proba = own.adapt(X[two], y[two]).predict_proba(X)
    np.testing.assert_allclose(proba[:, 2], 1 / 9)  # one row of nine
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    proba = own.adapt(X[two[:4]], y[two[:4]]).predict_proba(X)
    np.testing.assert_allclose(proba, np.tile([5 / 7, 1 / 7, 1 / 7], (len(X), 1)))


def test_a_few_shot_classifier_per_task_answers_as_its_meta_learner_does(wine):
    X, y, groups = wine
    meta = MetaClassifier("protonet", **QUICK).fit(X, y, groups=groups)
    scores = compare(
        {"at once": meta, "one by one": FewShotClassifier(meta)},
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
