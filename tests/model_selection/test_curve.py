"""Curves over shots and their intervals."""

import numpy as np
import pytest
from scipy import stats
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, Ridge

from skmeta import MetaClassifier, MetaRegressor
from skmeta.datasets import make_sinusoids
from skmeta.model_selection import Pooled, few_shot_curve
from tests.conftest import QUICK


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


def test_by_default_three_splits_have_supports_of_no_row_to_twenty(diabetes):
    X, y, groups = diabetes
    frame = few_shot_curve(DummyRegressor(), X, y, groups, per_task=True)
    assert frame.columns.tolist() == ["estimator", "shots", "task", "repeat", "score"]
    assert sorted(set(frame.shots)) == [1, 2, 5, 10, 20]  # it answers none without one
    assert frame.groupby(["shots", "task"]).repeat.apply(sorted).tolist() == (
        [[0, 1, 2]] * 5 * frame.task.nunique()
    )
    prior = few_shot_curve(Pooled(DummyRegressor()), X, y, groups)
    assert prior.shots.tolist() == [0, 1, 2, 5, 10, 20]
    again = few_shot_curve(DummyRegressor(), X, y, groups, per_task=True)
    assert again.equals(frame)


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
