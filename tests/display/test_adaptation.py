"""Steps of adaptation: their data, and what lands on the axes."""

import pickle

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

from skmeta.display import AdaptationDisplay

mpl.use("Agg")

from sklearn.datasets import load_wine

from skmeta import MetaClassifier, MetaRegressor
from skmeta.datasets import make_sinusoids
from skmeta.model_selection import few_shot_scorer


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


# By the scorer that users have --------------------------------------------------


def mean_squared_error(y, answers):
    return np.mean((y - answers) ** 2)


@pytest.fixture(scope="module")
def waves():
    X, y, task = make_sinusoids(n_tasks=20, n_rows=20, random_state=0)
    meta = MetaRegressor("maml", n_shot=5, max_epochs=2, random_state=0)
    return meta.fit(X, y, groups=task), X, y, task


def test_scores_are_those_of_the_few_shot_scorer(waves):
    meta, X, y, task = waves
    display = AdaptationDisplay.from_estimator(
        meta, X, y, task, steps=[5], random_state=3, plot=False
    )
    scorer = few_shot_scorer("r2", n_shot=5, random_state=3)
    expected = scorer.per_task(meta, X, y, task)
    np.testing.assert_array_equal(display.scores[0], expected)


def test_a_function_is_taken_as_it_is_even_when_it_is_named_as_a_loss(waves):
    meta, X, y, task = waves
    display = AdaptationDisplay.from_estimator(
        meta, X, y, task, score=mean_squared_error, plot=False
    )
    assert (display.scores > 0).all()
    assert display.score_name == "mean squared error"
    assert display.mean[5] < display.mean[0]


def test_tasks_without_a_score_are_left_out(waves):
    meta, X, y, task = waves
    flat = np.where(task == task[0], 1.0, y)
    with pytest.warns(UserWarning, match="undefined for 1 of 20 tasks"):
        display = AdaptationDisplay.from_estimator(
            meta, X, flat, task, steps=[0, 1], plot=False
        )
    assert display.scores.shape == (2, 19)
    assert np.isfinite(display.mean).all()


def test_classifiers_are_scored_by_accuracy_through_a_pipeline():
    X, y = load_wine(return_X_y=True)
    task = np.arange(len(y)) % 9
    meta = MetaClassifier("anil", n_shot=4, max_epochs=2, random_state=0)
    meta.fit(X, y, groups=task)
    display = AdaptationDisplay.from_estimator(meta, X, y, task, plot=False)
    assert display.score_name == "accuracy"
    trained = display.scores[display.trained_steps].mean()
    assert trained == pytest.approx(meta.score(X, y, groups=task))


@pytest.mark.parametrize(
    "given",
    [0, None, np.random.default_rng(0), np.random.RandomState(0)],
    ids=["int", "None", "Generator", "RandomState"],
)
def test_all_numbers_of_steps_are_scored_on_the_same_supports(waves, given):
    meta, X, y, task = waves
    display = AdaptationDisplay.from_estimator(
        meta, X, y, task, steps=[2, 2], random_state=given, plot=False
    )
    np.testing.assert_array_equal(*display.scores)


def test_what_has_no_score_is_told_of_once(waves):
    meta, X, y, task = waves
    flat = np.where(task == task[0], 1.0, y)
    with pytest.warns(UserWarning, match="undefined for 1 of") as told:
        AdaptationDisplay.from_estimator(meta, X, flat, task, plot=False)
    assert len(told) == 1


def test_groups_of_one_row_cannot_be_split(waves):
    meta, X, y, _ = waves
    with pytest.raises(ValueError, match="No group has enough rows for a support"):
        AdaptationDisplay.from_estimator(meta, X, y, np.arange(len(y)), plot=False)
