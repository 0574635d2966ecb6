"""Task by task: the data, and what lands on the axes."""

import matplotlib as mpl
import numpy as np
import pytest
from sklearn.dummy import DummyRegressor
from sklearn.metrics import accuracy_score, r2_score

from skmeta.datasets import make_sinusoids
from skmeta.display import TaskScoreDisplay
from skmeta.model_selection import PerTask, compare

mpl.use("Agg")


def test_two_learners_are_set_against_each_other_task_by_task(maml):
    X, y, task = make_sinusoids(n_tasks=8, n_rows=12, random_state=1)
    mean = PerTask(DummyRegressor()).fit(X, y, groups=task)
    metric = "neg_mean_squared_error"
    display = TaskScoreDisplay.from_estimator(
        maml, mean, X, y, task, metric=metric, name="maml", baseline_name="mean"
    )
    tests = compare({"maml": maml, "mean": mean}, X, y, task, metric=metric).tests
    assert display.gain.mean() == pytest.approx(tests.difference[0])
    assert sorted(display.task) == list(range(8))
    assert "neg mean squared error: maml − mean" in display.ax_.get_xlabel()
    with pytest.raises(ValueError, match="both called"):
        TaskScoreDisplay.from_estimator(maml, mean, X, y, task, name="baseline")


def test_tasks_are_sorted_by_gain_and_unscored_ones_left_out():
    display = TaskScoreDisplay.from_scores(
        ["a", "b", "c", "d"], [0.9, 0.5, np.nan, 0.7], [0.5, 0.6, 0.1, 0.7]
    )
    assert display.task.tolist() == ["b", "d", "a"]
    widths = [bar.get_width() for bar in display.bars_]
    np.testing.assert_allclose(widths, [-0.1, 0.0, 0.4])
    assert (display.n_won, display.n_lost) == (1, 1)
    assert "ahead on 1 of 3 tasks, behind on 1" in display.ax_.get_title("left")


def test_rounding_wins_no_task():
    display = TaskScoreDisplay.from_scores(["a", "b"], [0.1 + 0.2, 0.5], [0.3, 0.25])
    assert display.gain.tolist() == [0, 0.25]
    assert (display.n_won, display.n_lost) == (1, 0)


def test_predictions_are_scored_per_task():
    y = np.array([0, 0, 1, 1, 0, 1])
    groups = np.array(["u", "u", "u", "v", "v", "v"])
    ours, base = np.array([0, 0, 1, 0, 0, 1]), np.array([1, 0, 1, 1, 0, 1])
    display = TaskScoreDisplay.from_predictions(y, ours, base, groups)
    assert display.task.tolist() == ["v", "u"]
    for task, score, baseline in zip(
        display.task, display.score, display.baseline_score, strict=True
    ):
        own = groups == task
        assert score == accuracy_score(y[own], ours[own])
        assert baseline == accuracy_score(y[own], base[own])
    assert "accuracy score" in display.ax_.get_xlabel()
    values = TaskScoreDisplay.from_predictions(y, ours, base, groups, score=r2_score)
    assert values.score_name == "r2 score"


def test_many_tasks_are_counted_and_few_are_named():
    few = TaskScoreDisplay.from_scores(["$1", "x" * 99], [1, 2], [0, 0])
    names = [label.get_text() for label in few.ax_.get_yticklabels()]
    assert names[0] == "$1"
    assert len(names[1]) == 24
    many = TaskScoreDisplay.from_scores(range(50), np.arange(50), np.zeros(50))
    assert many.ax_.get_ylabel() == "50 tasks, sorted"
    assert not len(many.ax_.get_yticks())


def test_no_scored_task_is_an_error():
    with pytest.raises(ValueError, match="No task has both"):
        TaskScoreDisplay.from_scores(["a"], [np.nan], [1.0])
