"""Curves over shots: their data, and what lands on the axes."""

import sys

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student
from sklearn.dummy import DummyRegressor
from sklearn.metrics import r2_score

from skmeta.datasets import make_sinusoids
from skmeta.display import FewShotCurveDisplay
from skmeta.model_selection import PerTask, few_shot_curve

mpl.use("Agg")


@pytest.fixture
def curve():
    return pd.DataFrame(
        {
            "estimator": ["a $x$ b$", "a $x$ b$", "b", "b"],
            "shots": [10, 1, 1, 10],
            "score": [0.9, 0.6, 0.5, 0.7],
            "low": [0.8, 0.5, 0.4, 0.6],
            "high": [1.0, 0.7, 0.6, 0.8],
        }
    )


def test_a_curve_is_drawn_with_its_band_over_evenly_spaced_shots(curve):
    display = FewShotCurveDisplay.from_frame(curve, score_name="accuracy")
    line = display.lines_["a $x$ b$"]
    np.testing.assert_array_equal(line.get_xdata(), [0, 1])
    np.testing.assert_array_equal(line.get_ydata(), [0.6, 0.9])
    assert [tick.get_text() for tick in display.ax_.get_xticklabels()] == ["1", "10"]
    corners = display.bands_["b"].get_paths()[0].vertices
    assert {(0, 0.4), (0, 0.6), (1, 0.6), (1, 0.8)} <= set(map(tuple, corners))
    assert display.ax_.get_ylabel() == "accuracy"


def test_names_are_no_formulas(curve):
    display = FewShotCurveDisplay.from_frame(curve)
    display.figure_.canvas.draw()  # "$x$ b$" would be a broken one
    legend = display.ax_.get_legend().get_texts()[0]
    assert legend.get_text() == "a $x$ b$"
    assert not legend.get_parse_math()


def test_a_highlighted_curve_alone_has_a_band(curve):
    display = FewShotCurveDisplay(curve).plot(highlight="b")
    assert list(display.bands_) == ["b"]


def test_estimators_are_judged_as_few_shot_curve_judges_them(maml):
    X, y, task = make_sinusoids(n_tasks=8, n_rows=12, random_state=1)
    given = {"shots": (1, 5), "metric": "neg_mean_squared_error"}
    learners = {"maml": maml, "mean": PerTask(DummyRegressor()).fit(X, y, groups=task)}
    display = FewShotCurveDisplay.from_estimator(learners, X, y, task, **given)
    expected = few_shot_curve(learners, X, y, task, **given)
    pd.testing.assert_frame_equal(display.curve, expected)
    assert display.names == ["maml", "mean"]
    assert display.ax_.get_ylabel() == "neg mean squared error"


def test_predictions_make_the_curve_of_their_scores_per_task():
    shots = np.repeat([1, 5], 6)
    groups = np.tile(list("uuuvvv"), 2)
    y = np.tile([0, 0, 1, 1, 0, 1], 2)
    answers = y ^ np.array([1, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0])
    display = FewShotCurveDisplay.from_predictions(y, answers, groups, shots)
    np.testing.assert_allclose(display.curve["score"], [(1 / 3 + 2 / 3) / 2, 5 / 6])
    half = student.ppf(0.975, 1) * np.std([1 / 3, 2 / 3], ddof=1) / np.sqrt(2)
    np.testing.assert_allclose(display.curve["high"][0], 0.5 + half)
    assert display.ax_.get_ylabel() == "accuracy score"
    two = FewShotCurveDisplay.from_predictions(
        y, answers, groups, shots, name=np.repeat(["b", "a"], 6), score=r2_score
    )
    assert two.names == ["b", "a"]
    assert two.curve["shots"].tolist() == [1, 5]
    backwards = pd.Series(shots, index=np.arange(12)[::-1])
    by_place = FewShotCurveDisplay.from_predictions(
        y, answers, groups, backwards, name=pd.Series(["a"] * 12)
    )
    assert by_place.curve["score"].tolist() == display.curve["score"].tolist()
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        FewShotCurveDisplay.from_predictions(y, answers, groups, shots[:-1])
    with pytest.raises(ValueError, match="must not be missing"):
        FewShotCurveDisplay.from_predictions(y, answers, groups, [np.nan, *shots[1:]])


def test_a_frame_without_its_columns_is_an_error(curve):
    with pytest.raises(ValueError, match="no column 'low', 'high'"):
        FewShotCurveDisplay.from_frame(curve[["estimator", "shots", "score"]])


def test_given_axes_are_drawn_on(curve):
    ax = mpl.figure.Figure().subplots()
    display = FewShotCurveDisplay.from_frame(curve, ax=ax)
    assert display.ax_ is ax
    assert not plt.get_fignums()


def test_without_matplotlib_the_error_says_what_to_install(curve, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    display = FewShotCurveDisplay.from_frame(curve, plot=False)
    with pytest.raises(ImportError, match=r"FewShotCurveDisplay\.plot.*skmeta\[plot\]"):
        display.plot()
