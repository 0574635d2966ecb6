"""Steps of adaptation: their data, and what lands on the axes."""

import pickle

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

from skmeta.display import AdaptationDisplay

mpl.use("Agg")


def test_adaptation_scores_what_the_estimator_answers_after_so_many_steps(
    maml, sinusoids
):
    X, y, task = sinusoids
    before = pickle.dumps(maml)
    display = AdaptationDisplay.from_estimator(maml, X, y, task, steps=[0, 5, 2])
    assert pickle.dumps(maml) == before
    assert display.scores.shape == (3, 20)
    assert display.scores[1].mean() == pytest.approx(maml.score(X, y, groups=task))
    half = student.ppf(0.975, 19) * display.scores[0].std(ddof=1) / np.sqrt(20)
    assert display.half_width[0] == pytest.approx(half)
    np.testing.assert_array_equal(display.line_.get_xdata(), [0, 2, 5])
    np.testing.assert_array_equal(display.line_.get_ydata(), display.mean[[0, 2, 1]])


def test_zero_steps_answer_by_the_start_whatever_the_support(maml, sinusoids):
    X, y, task = sinusoids
    start = maml.adapt().predict(X)
    display = AdaptationDisplay.from_estimator(
        maml, X, y, task, steps=[0], n_shot=1, score=lambda y, answers: len(y)
    )
    assert (display.scores == 19).all()  # one row is support
    seen = []
    AdaptationDisplay.from_estimator(
        maml, X, y, task, steps=[0], score=lambda y, answers: seen.extend(answers) or 0
    )
    assert np.isin(np.round(seen, 4), np.round(start, 4)).all()


def test_steps_go_from_none_to_twice_those_of_training(maml, sinusoids):
    display = AdaptationDisplay.from_estimator(maml, *sinusoids)
    np.testing.assert_array_equal(display.steps, range(11))
    assert display.trained_steps == 5


def test_predictions_after_each_number_of_steps_are_scored_per_task():
    y, groups = np.array([0, 1, 1, 0, 1]), np.array(["u", "u", "v", "v", "v"])
    after = np.array([[0, 0, 0, 0, 0], [0, 1, 1, 0, 0]])
    display = AdaptationDisplay.from_predictions(
        y, after, groups, steps=[0, 5], trained_steps=5
    )
    np.testing.assert_allclose(display.scores, [[1 / 2, 1 / 3], [1, 2 / 3]])
    np.testing.assert_array_equal(display.line_.get_ydata(), display.mean)
    assert "accuracy score" in display.ax_.get_ylabel()
    table = AdaptationDisplay.from_predictions(
        y, pd.DataFrame(after), pd.Series(groups), steps=[0, 5], plot=False
    )
    np.testing.assert_array_equal(table.scores, display.scores)
    with pytest.raises(ValueError, match="groups must have one value per row"):
        AdaptationDisplay.from_predictions(y, after, None, steps=[0, 5])
    with pytest.raises(ValueError, match="groups contains NaN"):
        AdaptationDisplay.from_predictions(y, after, [*"uuv", None, "v"], [0, 5])
    with pytest.raises(ValueError, match="No task has a score"):
        AdaptationDisplay.from_predictions(
            y, after, groups, steps=[0, 5], score=lambda y, answers: np.nan
        )
    with pytest.raises(ValueError, match=r"2 numbers of steps, but steps names 3"):
        AdaptationDisplay.from_predictions(y, after, groups, steps=[0, 1, 2])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        AdaptationDisplay.from_predictions(y[:4], after, groups, steps=[0, 5])


def test_algorithms_without_inner_steps_have_nothing_to_show(protonet):
    meta, X, y = protonet
    with pytest.raises(ValueError, match="takes no inner steps"):
        AdaptationDisplay.from_estimator(meta, X, y, y)
