"""Judging: on what was not trained on, by the same rows for all."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmeta import MetaClassifier, MetaRegressor
from skmeta.algorithms import MAML
from skmeta.model_selection import (
    PerTask,
    Pooled,
    PooledWithTaskMean,
    compare,
    few_shot_curve,
    few_shot_scorer,
)
from tests.conftest import QUICK


class Spy(RegressorMixin, BaseEstimator):
    """Looks like a meta-learner and writes down the rows it is shown.

    The first column of X is the number of the row.
    """

    def __init__(self, seen):
        self.seen = seen

    def __sklearn_clone__(self):
        return Spy(self.seen)

    def fit(self, X, y, groups=None):
        self.mean_ = np.mean(y)
        self.seen.append(("fit", set(X[:, 0])))
        return self

    def adapt(self, X, y, groups=None):
        self.seen.append(("adapt", set(X[:, 0])))
        return self

    def predict(self, X, groups=None):
        self.seen.append(("predict", set(X[:, 0])))
        return np.full(len(X), self.mean_)


@pytest.fixture(scope="module")
def ill(diabetes):
    X, y, groups = diabetes
    return np.column_stack([np.arange(len(X)), X]), y, groups


def test_what_is_judged_on_was_not_trained_on(ill):
    X, y, groups = ill
    seen = []
    few_shot_curve(Spy(seen), X, y, groups, shots=(2, 4), n_repeats=1)
    (fit,) = [rows for verb, rows in seen if verb == "fit"]
    judged = [rows for verb, rows in seen if verb != "fit"]
    of = groups[[int(row) for row in fit]]
    for rows in judged:
        assert not set(groups[[int(row) for row in rows]]) & set(of)
    small, asked, large, asked_again = judged
    assert small < large
    assert asked == asked_again  # one query for all shots
    assert not large & asked
    assert len(small) == 2 * 4  # tasks held out of twelve


def test_the_name_of_an_algorithm_is_no_estimator(ill):
    with pytest.raises(TypeError, match=r"Pass one, such as MetaClassifier\('maml'\)"):
        few_shot_curve(["maml"], *ill)
    with pytest.raises(TypeError, match="3 is no estimator and cannot be judged"):
        few_shot_curve({"three": 3}, *ill)


def test_estimators_are_named_for_what_tells_them_apart(diabetes):
    X, y, groups = diabetes
    meta = MetaRegressor(MAML(inner_steps=1), **QUICK).fit(X, y, groups=groups)
    scaled = make_pipeline(StandardScaler(), Ridge())
    search = GridSearchCV(Ridge(), {"alpha": [1.0]}, cv=2).fit(X, y)
    named = [meta, scaled, Pooled(scaled), search, PerTask(Ridge())]
    curve = few_shot_curve(named, X, y, groups, shots=3, n_repeats=1)
    assert curve.estimator.tolist() == [
        "MAML",
        "Ridge",
        "Pooled(Ridge)",
        "Ridge 2",
        "PerTask(Ridge)",
    ]


def test_estimators_meet_the_same_rows(ill):
    X, y, groups = ill
    seen = [], []
    estimators = {"a": Spy(seen[0]), "b": Spy(seen[1])}
    compare(estimators, X, y, groups, shots=(1, 3), metric="neg_mean_squared_error")
    assert seen[0] == seen[1]


def test_folds_judge_every_task_once(ill):
    X, y, groups = ill
    frame = few_shot_curve(
        Spy([]), X, y, groups, shots=3, cv=4, n_repeats=2, per_task=True
    )
    assert frame.groupby("task").size().eq(2).all()
    assert set(frame.task) == set(groups)
    with pytest.raises(ValueError, match="on both sides"):
        few_shot_curve(Spy([]), X, y, groups, shots=3, cv=[([0], [12])])


def test_the_tasks_to_judge_on_can_be_named(ill):
    X, y, groups = ill
    curve = few_shot_curve(Spy([]), X, y, groups, shots=3, test_groups=[1, 7, 8])
    assert curve.n_tasks.tolist() == [3]
    with pytest.raises(ValueError, match=r"unknown groups: \[77\]"):
        few_shot_curve(Spy([]), X, y, groups, shots=3, test_groups=[77])
    with pytest.raises(ValueError, match=r"unknown groups: \['7'\]"):
        few_shot_curve(Spy([]), X, y, groups, shots=3, test_groups=["7"])


def test_fitted_learners_are_judged_as_they_are_on_all_tasks(diabetes):
    X, y, groups = diabetes
    meta = MetaRegressor("anil", **QUICK).fit(X[:200], y[:200], groups=groups[:200])
    weights = [value.clone() for value in meta.module_.parameters()]
    both = [meta, Ridge()]  # a model per task needs no training tasks either
    curve = few_shot_curve(both, X[200:], y[200:], groups[200:], shots=(0, 5))
    assert curve.n_tasks.tolist() == [12, 12, 12]
    assert curve.estimator.tolist() == ["anil", "anil", "Ridge"]
    for before, after in zip(weights, meta.module_.parameters(), strict=True):
        assert (before == after).all()


def test_tasks_too_small_for_the_largest_support_are_counted(ill):
    X, y, groups = ill
    few = np.r_[np.flatnonzero(groups == 0)[:5], np.flatnonzero(groups > 0)]
    with pytest.warns(UserWarning, match="1 of 12 tasks have too few rows for 9 shots"):
        curve = few_shot_curve(
            Ridge(),
            X[few],
            y[few],
            groups[few],
            shots=(1, 9),
            n_repeats=1,
        )
    assert curve.n_tasks.tolist() == [11, 11]
    with pytest.raises(ValueError, match="could give 36"):
        few_shot_curve(Spy([]), X, y, groups, shots=500)


def test_tables_and_pipelines_and_searches_take_part(wine):
    X, y, groups = wine
    X = pd.DataFrame(X).add_prefix("c")
    pipe = make_pipeline(StandardScaler(), MetaClassifier("protonet", **QUICK))
    search = GridSearchCV(  # it meets its groups although routing is off here
        pipe,
        {"metaclassifier__n_shot": [2, 5]},
        cv=GroupKFold(2),
        scoring=few_shot_scorer("accuracy"),
        error_score="raise",
    )
    logistic = make_pipeline(StandardScaler(), LogisticRegression())
    y = pd.Series(np.array(["a", "b", "c"])[y], index=np.arange(len(y)) + 7)
    groups = pd.Series(groups, index=y.index).map("store {}".format)
    result = compare(
        [pipe, search, logistic, Pooled(logistic), PooledWithTaskMean(logistic)],
        X,
        y,
        groups,
        shots=6,
        n_repeats=1,
    )
    assert result.scores.estimator.tolist() == [
        "protonet",
        "GridSearchCV(MetaClassifier)",
        "LogisticRegression",
        "Pooled(LogisticRegression)",
        "PooledWithTaskMean(LogisticRegression)",
    ]
    assert (result.scores.score > 0.5).all()  # one of three classes has 0.4


def test_labels_per_task_are_judged_among_the_classes_of_the_support(digits):
    X, y = digits
    rng = np.random.default_rng(0)
    groups = rng.permutation(10)[y] // 2  # five tasks of two classes of their own
    logistic = make_pipeline(StandardScaler(), LogisticRegression())
    result = compare(
        {
            "ours": MetaClassifier("protonet", n_way=2, **QUICK),
            "per task": logistic,
            "pooled": Pooled(logistic),
        },
        X,
        y,
        groups,
        metric="roc_auc",
        test_groups=[0, 1],
        n_repeats=1,
    )
    assert (result.scores.n_tasks == 2).all()
    assert (result.scores.score > 0.8).all()
    with pytest.raises(ValueError, match="names inside a task"):
        PooledWithTaskMean(logistic).fit(X, y, groups=groups)


def test_kinds_that_do_not_go_together_are_refused(wine):
    X, y, groups = wine
    with pytest.raises(ValueError, match="cannot be judged together"):
        compare([Ridge(), LogisticRegression()], X, y, groups)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        compare([LogisticRegression()], X[:9], y, groups)
    with pytest.raises(ValueError, match="no estimator"):
        few_shot_curve({}, X, y, groups)
    with pytest.raises(ValueError, match="whole numbers"):
        few_shot_curve(LogisticRegression(), X, y, groups, shots=(1, 2.5))


def boosted_tasks(n_tasks=12):
    rng = np.random.default_rng(0)
    X, task = rng.normal(size=(n_tasks * 8, 2)), np.repeat(np.arange(n_tasks), 8)
    return X, X[:, 0] + rng.normal(size=n_tasks)[task], task


def test_a_bar_tells_how_long_judging_will_take(capsys):
    few_shot_curve(Ridge(), *boosted_tasks(), shots=(1, 2), n_repeats=2, verbose=True)
    shown = capsys.readouterr().err
    assert "judging: 100%" in shown
    assert "4/4" in shown
    few_shot_curve(Ridge(), *boosted_tasks(), shots=1)
    assert not capsys.readouterr().err
