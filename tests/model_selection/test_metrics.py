"""Metrics are scikit-learn's own, of one task after the other."""

from functools import partial

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    f1_score,
    log_loss,
    make_scorer,
    max_error,
    mean_pinball_loss,
    mean_squared_error,
    r2_score,
    roc_auc_score,
)

from skmeta.model_selection._metrics import Metric

CLASSES = np.array(["a", "b", "c"])
Y = np.array(["a", "b", "b", "a"])


def score(metric, answers, y=Y, classes=CLASSES):
    [found] = Metric(metric).per_task(
        y, [answers], np.zeros(len(y), dtype=int), 1, [classes]
    )
    return found


def test_a_metric_of_labels_is_not_told_of_labels_that_nobody_has():
    answers = np.array(["a", "b", "a", "a"])
    expected = f1_score(Y, answers, average="macro")
    assert expected != f1_score(
        Y, answers, average="macro", labels=CLASSES, zero_division=0
    )
    assert score("f1_macro", answers) == expected


def test_a_metric_of_probabilities_is_told_of_all_labels_if_it_asks():
    proba = np.array(
        [[0.7, 0.2, 0.1], [0.3, 0.6, 0.1], [0.1, 0.8, 0.1], [0.5, 0.4, 0.1]]
    )
    expected = -log_loss(Y, proba, labels=CLASSES)
    assert score("neg_log_loss", proba) == pytest.approx(expected)
    two = proba[:, :2] / proba[:, :2].sum(axis=1, keepdims=True)
    y = np.array([0, 1, 1, 0])
    found = score("average_precision", two, y, np.arange(2))
    assert found == pytest.approx(average_precision_score(y, two[:, 1]))


def test_an_unknown_label_has_no_probability():
    y = np.array(["a", "d", "b", "a"])
    proba = np.full((4, 3), 1 / 3)
    wider = np.column_stack([proba, np.zeros(4)])
    expected = -log_loss(y, wider, labels=["a", "b", "c", "d"])
    assert score("neg_log_loss", proba, y) == pytest.approx(expected)
    assert expected < -5
    assert np.isnan(score("roc_auc", proba[:, :2], y, CLASSES[:2]))


VALUES, GUESSES = np.array([1.0, 2.0, 4.0]), np.array([1.5, 2.0, 3.0])


def of_values(metric, answers=GUESSES, y=VALUES):
    [found] = Metric(metric).per_task(y, [answers], np.zeros(len(y), dtype=int), 1)
    return found


def test_functions_are_scored_as_scikit_learn_scores_them_by_name():
    error = mean_squared_error(VALUES, GUESSES)
    assert (
        of_values("neg_mean_squared_error") == of_values(mean_squared_error) == -error
    )
    assert of_values(r2_score) == of_values("r2") == r2_score(VALUES, GUESSES)
    weights = partial(mean_pinball_loss, alpha=0.9)
    assert of_values(weights) == -weights(VALUES, GUESSES)
    assert of_values(lambda y, answers: y.sum() - answers.sum()) == 0.5
    labels = np.array(["a", "b", "a", "a"])
    assert score(accuracy_score, labels) == 0.75
    macro = partial(f1_score, average="macro")
    assert score(macro, labels) == macro(Y, labels)
    proba = np.array([[0.7, 0.3], [0.6, 0.4], [0.1, 0.9], [0.5, 0.5]])
    expected = roc_auc_score(Y, proba[:, 1])
    assert score(roc_auc_score, proba, classes=CLASSES[:2]) == expected != 0.5


def test_a_scorer_is_asked_as_it_is():
    def scorer(estimator, X, y):
        return np.abs(estimator.predict(X) - y).max()

    assert of_values(scorer) == 1.0
    assert of_values(make_scorer(max_error, greater_is_better=False)) == -1.0
    for name in ("est", "clf", "model"):
        own = {}
        exec(f"def scorer({name}, X, y): return {name}.predict(X)[-1]", own)
        assert of_values(own["scorer"]) == GUESSES[-1]
    with pytest.raises(TypeError, match="not 7"):
        Metric(7)


def test_metrics_have_names_and_ask_for_what_they_need():
    assert Metric("r2").name == "r2"
    assert Metric(partial(mean_pinball_loss, alpha=0.9)).name == "mean_pinball_loss"
    assert Metric(make_scorer(max_error)).name == "max_error"
    asks = {"accuracy": (False, True), "neg_log_loss": (True, False)}
    asks |= {"roc_auc": (True, False), "r2": (False, True), "f1": (False, True)}
    asks |= {"average_precision": (True, False)}
    for name, asked in asks.items():
        metric = Metric(name)
        assert (metric.needs_probabilities, metric.takes_labels) == asked
        assert metric._takes_vocabulary == (name in ("neg_log_loss", "roc_auc"))


@pytest.mark.parametrize(
    "metric", ["r2", "d2_absolute_error_score", "explained_variance"]
)
def test_what_compares_with_a_variance_is_undefined_without_one(metric):
    constant = np.ones(3)
    assert np.isnan(of_values(metric, y=constant))
    assert np.isnan(of_values(metric, GUESSES[:1], VALUES[:1]))
    assert np.isfinite(of_values(metric))
    assert of_values("neg_mean_squared_error", y=constant) < 0


def test_each_task_is_scored_by_its_own_rows():
    y, task = np.array([1.0, 5.0, 2.0, 7.0]), np.array([2, 0, 2, 0])
    answers = [np.array([4.0, 6.0]), np.empty(0), np.array([1.0, 0.0])]
    scores = Metric("neg_mean_squared_error").per_task(y, answers, task, 3)
    np.testing.assert_array_equal(scores, [-1.0, np.nan, -2.0])
