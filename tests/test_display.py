"""Displays: their data, and what lands on the axes."""

import copy
import pickle
import sys

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student
from sklearn.datasets import load_digits
from sklearn.dummy import DummyRegressor
from sklearn.metrics import accuracy_score, r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmeta import MetaClassifier, MetaRegressor
from skmeta.datasets import make_sinusoids
from skmeta.display import (
    AdaptationDisplay,
    EmbeddingDisplay,
    FewShotCurveDisplay,
    TaskScoreDisplay,
    TrainingDisplay,
)
from skmeta.model_selection import PerTask, compare, few_shot_curve

mpl.use("Agg")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def sinusoids():
    return make_sinusoids(n_tasks=20, n_rows=20, random_state=0)


@pytest.fixture(scope="module")
def maml(sinusoids):
    X, y, task = sinusoids
    meta = MetaRegressor("maml", max_epochs=3, early_stopping=True, random_state=0)
    return meta.fit(X, y, groups=task)


@pytest.fixture(scope="module")
def protonet():
    X, y = load_digits(return_X_y=True)
    meta = MetaClassifier("protonet", tasks="classes", max_epochs=1, random_state=0)
    return meta.fit(X[y < 7], y[y < 7]), X[y >= 7], y[y >= 7]


# Training ------------------------------------------------------------------------


def test_training_shows_the_history_and_the_epoch_that_was_kept(maml):
    display = TrainingDisplay.from_estimator(maml)
    losses = maml.history_[:, "valid_loss"]
    np.testing.assert_array_equal(display.lines_["valid"].get_ydata(), losses)
    np.testing.assert_array_equal(
        display.lines_["train"].get_ydata(), maml.history_[:, "train_loss"]
    )
    assert display.best_epoch == np.argmin(losses) + 1
    assert display.figure_ is display.ax_.figure


def test_training_without_validation_has_no_best_epoch(sinusoids):
    X, y, task = sinusoids
    meta = MetaRegressor(max_epochs=1, early_stopping=False, random_state=0)
    display = TrainingDisplay.from_estimator(
        make_pipeline(StandardScaler(), meta.fit(X, y, groups=task))[1:]
    )
    assert display.best_epoch is None
    assert list(display.lines_) == ["train"]


def test_an_empty_history_is_an_error():
    with pytest.raises(ValueError, match="no epoch"):
        TrainingDisplay.from_history([{"epoch": 1}])


# Adaptation ----------------------------------------------------------------------


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


# Embedding -----------------------------------------------------------------------


def test_prototypes_are_the_means_of_the_embedded_support(protonet):
    meta, X, y = protonet
    before = meta.adapted_
    display = EmbeddingDisplay.from_estimator(meta, X[:30], y[:30], X[30:90], y[30:90])
    assert meta.adapted_ is before
    for label, prototype in zip(display.classes, display.prototypes, strict=True):
        own = display.support[y[:30] == label]
        np.testing.assert_allclose(prototype, own.mean(axis=0), atol=1e-6)
    answers = copy.copy(meta).adapt(X[:30], y[:30]).predict(X[30:90])
    np.testing.assert_array_equal(display.wrong, answers != y[30:90])
    assert 0 < display.explained.sum() <= 1


def test_the_plane_shows_as_much_variance_as_a_plane_can(protonet):
    meta, X, y = protonet
    display = EmbeddingDisplay.from_estimator(meta, X[:30], y[:30], X[30:90])
    own = copy.copy(meta).adapt(X[:30], y[:30])
    rows = own.transform(X[:90])
    shown = np.concatenate([display.support, display.query])
    variances = np.linalg.svd(rows - rows.mean(axis=0), compute_uv=False) ** 2
    total = (shown - shown.mean(axis=0)) ** 2
    assert total.sum() == pytest.approx(variances[:2].sum(), rel=1e-4)
    np.testing.assert_array_equal(display.y_query, own.predict(X[30:90]))


def test_values_are_coloured_by_value_and_have_no_prototypes(maml, sinusoids):
    X, y, _ = sinusoids
    display = EmbeddingDisplay.from_estimator(maml, X[:10], y[:10], X[10:20], y[10:20])
    assert display.classes is None
    assert display.prototypes is None


@pytest.mark.parametrize("width", [1, 2])
def test_narrow_embeddings_are_shown_as_they_are(width):
    rows = np.arange(8.0).reshape(-1, width)
    y = np.arange(len(rows)) % 2
    display = EmbeddingDisplay.from_predictions(rows, y, rows, y)
    np.testing.assert_array_equal(display.support[:, :width], rows)
    assert display.explained is None


# Curves --------------------------------------------------------------------------


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


# Tasks ---------------------------------------------------------------------------


def test_tasks_are_sorted_by_gain_and_unscored_ones_left_out():
    display = TaskScoreDisplay.from_scores(
        ["a", "b", "c", "d"], [0.9, 0.5, np.nan, 0.7], [0.5, 0.6, 0.1, 0.7]
    )
    assert display.task.tolist() == ["b", "d", "a"]
    widths = [bar.get_width() for bar in display.bars_]
    np.testing.assert_allclose(widths, [-0.1, 0.0, 0.4])
    assert (display.n_won, display.n_lost) == (1, 1)
    assert "ahead on 1 of 3 tasks, behind on 1" in display.ax_.get_title("left")


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


# All -----------------------------------------------------------------------------


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
