"""The display of adaptation asks the scorer that users have."""

import numpy as np
import pytest
from sklearn.datasets import load_wine

from skmeta import MetaClassifier, MetaRegressor
from skmeta.datasets import make_sinusoids
from skmeta.display import AdaptationDisplay
from skmeta.model_selection import few_shot_scorer


def mean_squared_error(y, answers):
    return np.mean((y - answers) ** 2)


@pytest.fixture(scope="module")
def maml():
    X, y, task = make_sinusoids(n_tasks=20, n_rows=20, random_state=0)
    meta = MetaRegressor("maml", n_shot=5, max_epochs=2, random_state=0)
    return meta.fit(X, y, groups=task), X, y, task


def test_scores_are_those_of_the_few_shot_scorer(maml):
    meta, X, y, task = maml
    display = AdaptationDisplay.from_estimator(
        meta, X, y, task, steps=[5], random_state=3, plot=False
    )
    scorer = few_shot_scorer("r2", n_shot=5, random_state=3)
    expected = scorer.per_task(meta, X, y, task)
    np.testing.assert_array_equal(display.scores[0], expected)


def test_a_function_is_taken_as_it_is_even_when_it_is_named_as_a_loss(maml):
    meta, X, y, task = maml
    display = AdaptationDisplay.from_estimator(
        meta, X, y, task, score=mean_squared_error, plot=False
    )
    assert (display.scores > 0).all()
    assert display.score_name == "mean squared error"
    assert display.mean[5] < display.mean[0]


def test_tasks_without_a_score_are_left_out(maml):
    meta, X, y, task = maml
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
