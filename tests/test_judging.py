"""Curves and comparisons: honest splits, equal supports, the right statistics."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmeta import FewShotClassifier, MetaClassifier, MetaRegressor
from skmeta.datasets import make_sinusoids
from skmeta.episodes.rounds import draw_rounds
from skmeta.model_selection import (
    ClassKFold,
    PerTask,
    Pooled,
    PooledWithTaskMean,
    TaskSplit,
    compare,
    few_shot_curve,
    few_shot_scorer,
)

from .conftest import QUICK


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


# Splits ---------------------------------------------------------------------------


def test_task_split_keeps_tasks_whole(wine):
    X, y, groups = wine
    splitter = TaskSplit(3, test_size=0.4)
    splits = list(splitter.split(X, y, groups))
    assert len(splits) == splitter.get_n_splits() == 3
    for train, test in splits:
        assert not set(groups[train]) & set(groups[test])
        assert len(set(groups[test])) == 4
        assert len(train) + len(test) == len(y)
    again = next(splitter.split(X, y, groups))
    np.testing.assert_array_equal(again[1], splits[0][1])
    with pytest.raises(ValueError, match="pass groups="):
        next(splitter.split(X, y))
    with pytest.raises(ValueError, match="cannot be split"):
        next(TaskSplit(test_size=9).split(X, y, groups))
    requests = splitter.get_metadata_routing().split.requests
    assert requests == {"groups": True}


def test_too_few_classes_for_folds_are_counted():
    with pytest.raises(ValueError, match="3 classes for n_splits=2"):
        next(ClassKFold(2).split(np.zeros(6), np.repeat([0, 1, 2], 2)))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=6),
    st.booleans(),
    st.integers(0, 5),
    st.integers(0, 99),
)
def test_supports_are_nested_and_never_in_the_query(sizes, per_task, shot, seed):
    task = np.repeat(np.arange(len(sizes)), sizes)
    label = np.arange(len(task)) % 2 if per_task else None
    rng = np.random.default_rng(seed)
    (drawn,) = draw_rounds(
        task, label, n_way=None, n_episodes=None, n_repeats=1, rng=rng
    )
    support, more = drawn.support(shot), drawn.support(shot + 1)
    query = drawn.query(shot)
    assert (support <= more).all()
    assert not (support & query).any()
    assert (support | query).all()
    cell = task if label is None else 2 * task + label
    sizes = np.bincount(cell[drawn.row])[cell[drawn.row]]
    in_query = np.bincount(cell[drawn.row], query)[cell[drawn.row]]
    assert (in_query[sizes > 1] >= 1).all()


# Honesty --------------------------------------------------------------------------


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
    with pytest.raises(TypeError, match="3 is no estimator"):
        few_shot_curve({"three": 3}, *ill)


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


# Numbers --------------------------------------------------------------------------


def test_intervals_are_those_of_student_over_tasks(diabetes):
    X, y, groups = diabetes
    kwargs = {"shots": (2, 6), "metric": "neg_mean_squared_error", "cv": 3}
    frame = few_shot_curve(Ridge(), X, y, groups, per_task=True, **kwargs)
    curve = few_shot_curve(Ridge(), X, y, groups, **kwargs)
    assert curve.columns.tolist() == [
        "estimator",
        "shots",
        "score",
        "low",
        "high",
        "n_tasks",
    ]
    for row in curve.itertuples():
        scores = frame[frame.shots == row.shots].groupby("task").score.mean()
        low, high = stats.t.interval(
            0.95, len(scores) - 1, scores.mean(), stats.sem(scores)
        )
        assert row.n_tasks == 12
        np.testing.assert_allclose([row.low, row.high], [low, high])
        assert row.score == pytest.approx(scores.mean())


def test_a_curve_rises_where_there_is_something_to_learn():
    X, y, task = make_sinusoids(n_tasks=60, n_rows=40, random_state=0)
    curve = few_shot_curve(
        {
            "r2d2": MetaRegressor("r2d2", max_epochs=5, random_state=0),
            "mean": DummyRegressor(),
        },
        X,
        y,
        task,
        shots=(0, 2, 10),
        metric=lambda y, answers: -np.abs(y - answers).mean(),
    )
    own = curve[curve.estimator == "r2d2"].score.to_numpy()
    assert own[-1] > own[1]
    assert own[-1] > curve[curve.estimator == "mean"].score.max()


def test_zero_shots_leave_out_what_has_no_prior(wine):
    X, y, groups = wine
    curve = few_shot_curve(
        {
            "ours": MetaClassifier("protonet", n_shot=(0, 5), **QUICK),
            "per task": LogisticRegression(max_iter=20),
            "pooled": Pooled(HistGradientBoostingClassifier(max_iter=3)),
        },
        X,
        y,
        groups,
        shots=(0, 3),
        metric="neg_log_loss",
        n_repeats=1,
    )
    at_zero = curve[curve.shots == 0].estimator.tolist()
    assert at_zero == ["ours", "pooled"]
    assert curve.score.notna().all()


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


def test_pairs_are_tested_by_wilcoxon_over_tasks(diabetes):
    X, y, groups = diabetes
    result = compare(
        {"ridge": Ridge(), "mean": DummyRegressor(), "again": Ridge()},
        X,
        y,
        groups,
        shots=12,
        metric="neg_mean_squared_error",
        cv=3,
        n_repeats=1,
    )
    table = result.per_task.pivot(index="task", columns="estimator", values="score")
    tests = result.tests.set_index(["a", "b"])
    row = tests.loc["ridge", "mean"]
    assert row.p_value == stats.wilcoxon(table["ridge"], table["mean"]).pvalue
    assert row.won == (table["ridge"] > table["mean"]).mean()
    assert row.difference == pytest.approx((table["ridge"] - table["mean"]).mean())
    assert row.n_tasks == 12
    same = tests.loc["ridge", "again"]
    assert (same.won, same.p_value, same.p_holm) == (0.5, 1.0, 1.0)
    assert (tests.p_holm >= tests.p_value).all()
    text = repr(result)
    assert "ridge - again = +0.000, wins 50% of 12 tasks, p = 1" in text
    assert "no clear difference" in text
    assert result._repr_html_().count("<table") == 2


def test_a_clear_winner_is_named():
    X, y, task = make_sinusoids(n_tasks=60, n_rows=30, random_state=0)
    result = compare(
        {"ridge": Ridge(), "mean": DummyRegressor(strategy="constant", constant=50.0)},
        X,
        y,
        task,
        metric="neg_mean_squared_error",
        n_repeats=1,
    )
    assert "ridge is better" in repr(result)
    assert result.tests.won.tolist() == [1.0]


# What takes part ------------------------------------------------------------------


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


def test_pooled_learns_of_training_rows_and_supports(diabetes):
    X, y, groups = diabetes
    new = groups == 11
    pooled = Pooled(Ridge()).fit(X[~new], y[~new], groups=groups[~new])
    support = np.flatnonzero(new)[:5]
    pooled.adapt(X[support], y[support])
    rows = np.r_[np.flatnonzero(~new), support]
    expected = Ridge().fit(X[rows], y[rows]).predict(X[new])
    np.testing.assert_allclose(pooled.predict(X[new]), expected)
    with pytest.raises(ValueError, match="pass groups="):
        Pooled(Ridge()).fit(X, y)


def test_the_task_mean_is_what_makes_the_difference():
    rng = np.random.default_rng(0)
    level = rng.normal(scale=10, size=40)  # tasks differ in level and in nothing else
    task = np.repeat(np.arange(40), 30)
    X = rng.normal(size=(len(task), 2))
    y = X[:, 0] + level[task]
    scores = compare(
        {"told": PooledWithTaskMean(Ridge()), "pooled": Pooled(Ridge())},
        X,
        y,
        task,
        metric="neg_mean_absolute_error",
        shots=10,
        n_repeats=1,
    ).scores.set_index("estimator")
    assert scores.score["told"] > -1.5
    assert scores.score["pooled"] < -4


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
