"""Metrics are scikit-learn's own, of one task after the other."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, log_loss

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
