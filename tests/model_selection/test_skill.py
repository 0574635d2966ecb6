"""Skill: squared error of all tasks together against that of shrunken means."""

from threading import Barrier

import numpy as np
import pytest
from joblib import parallel_config
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import Ridge

from skmeta.datasets import make_sinusoids
from skmeta.model_selection import PerTask, TaskMean, few_shot_curve, few_shot_scorer
from skmeta.model_selection._task_mean import variance_ratio

SKILL = few_shot_scorer("skill", n_shot=4)


@pytest.fixture(scope="module")
def sines():
    return make_sinusoids(n_tasks=30, n_rows=20, random_state=0)


class Knowing(RegressorMixin, BaseEstimator):
    """Reads the target in the second column, and is off by a part of it."""

    def __init__(self, off=0.0):
        self.off = off

    def fit(self, X, y):
        self.fitted_ = True
        return self

    def predict(self, X):
        return X[:, 1] + self.off


def with_targets(sines):
    X, y, groups = sines
    return np.column_stack([X, y]), y, groups


def test_the_truth_has_skill_one_and_shrunken_means_have_none(sines):
    X, y, groups = with_targets(sines)
    assert SKILL(Knowing(), X, y, groups) == 1
    means = TaskMean("regressor").fit(X, y, groups=groups)
    assert SKILL(means, X, y, groups) == pytest.approx(0, abs=1e-6)


def test_it_is_one_minus_a_ratio_of_sums_over_all_tasks(sines):
    X, y, groups = with_targets(sines)
    given = np.tile(np.arange(20) < 4, 30)
    score = few_shot_scorer("skill", n_shot=None)
    strength = variance_ratio(y, groups)
    error = 0.0
    for group in range(30):
        own = groups == group
        few, new = y[own & given], y[own & ~given]
        mean = (few.sum() + strength * y.mean()) / (len(few) + strength)
        error += ((new - mean) ** 2).sum()
    expected = 1 - 0.25 * (~given).sum() / error  # off by a half everywhere
    found = score(Knowing(off=0.5), X, y, groups, in_support=given)
    assert found == pytest.approx(expected)
    parts = score.per_task(Knowing(off=0.5), X, y, groups, in_support=given)
    assert parts.mean() == pytest.approx(expected)


def test_a_task_that_hardly_varies_does_not_rule_it(sines):
    X, y, groups = (each.copy() for each in with_targets(sines))
    y[groups == 0] = 1 + 1e-3 * np.sign(y[groups == 0])
    X[:, 1] = y
    r2 = few_shot_scorer("r2", n_shot=4)(Knowing(off=0.1), X, y, groups)
    assert r2 < -100
    assert SKILL(Knowing(off=0.1), X, y, groups) > 0.9


def test_a_query_of_one_row_has_skill(sines):
    X, y, groups = (each[np.arange(600) % 20 < 5] for each in with_targets(sines))
    assert SKILL(Knowing(), X, y, groups) == 1
    with pytest.raises(ValueError, match="undefined"):
        few_shot_scorer("r2", n_shot=4)(Knowing(), X, y, groups)


def test_several_targets_have_the_mean_of_their_skills(sines):
    X, y, groups = with_targets(sines)
    both = np.column_stack([y, X[:, 0]])
    ridge = PerTask(Ridge()).fit(X[:, 1:], both, groups=groups)
    alone = [
        SKILL(PerTask(Ridge()).fit(X[:, 1:], one, groups=groups), X[:, 1:], one, groups)
        for one in both.T
    ]
    assert SKILL(ridge, X[:, 1:], both, groups) == pytest.approx(np.mean(alone))


def test_judges_take_it_too(sines):
    X, y, groups = with_targets(sines)
    curve = few_shot_curve(
        {"mean": TaskMean("regressor"), "ridge": PerTask(Ridge())},
        X,
        y,
        groups=groups,
        shots=(2, 5),
        metric="skill",
        random_state=0,
    )
    mean = curve.groupby(["estimator", "shots"]).score.mean()
    assert mean["ridge", 5] > 0.9
    assert abs(mean["mean", 5]) < 0.1


class Meeting(TaskMean):
    """Answers when another thread is about to answer, too."""

    both = Barrier(2, timeout=60)

    def predict(self, X, groups=None):
        self.both.wait()
        return super().predict(X, groups=groups)


def test_threads_that_judge_side_by_side_have_units_of_their_own(sines):
    X, y, groups = with_targets(sines)
    how = {"groups": groups, "shots": (1, 8), "metric": "skill", "n_repeats": 1}
    how |= {"random_state": 0, "per_task": True}
    own = [each("regressor").fit(X, y, groups=groups) for each in (TaskMean, Meeting)]
    expected = few_shot_curve({"mean": own[0]}, X, y, **how)
    with parallel_config("threading", n_jobs=2):
        found = few_shot_curve({"mean": own[1]}, X, y, **how)
    np.testing.assert_array_equal(found.score, expected.score)


def test_classes_have_none(sines):
    X, y, groups = sines
    with pytest.raises(ValueError, match="'skill' compares squared errors of values"):
        SKILL(TaskMean("classifier"), X, (y > 0).astype(int), groups)
