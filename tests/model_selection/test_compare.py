"""Comparisons: the right statistics."""

import pandas as pd
import pytest
from scipy import stats
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import Ridge

from skmeta.datasets import make_sinusoids
from skmeta.model_selection import compare
from skmeta.model_selection._compare import Comparison


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


def test_scores_are_shown_by_shots_and_then_the_best_first():
    names = ["worse", "best", "tied", "also tied"]
    scores = pd.DataFrame(
        {
            "estimator": names * 2,
            "shots": [10] * 4 + [2] * 4,
            "score": [0.1, 0.9, 0.5, 0.5, 0.4, 0.3, 0.2, 0.2],
        }
    ).assign(low=0.0, high=1.0, n_tasks=5)
    shown = repr(Comparison("accuracy", scores, scores[:0], scores[:0]))
    order = [line.rsplit(maxsplit=5)[0].strip() for line in shown.splitlines()[2:]]
    assert order == [
        *("worse", "best", "tied", "also tied"),
        *("best", "tied", "also tied", "worse"),
    ]
