"""What all ways without meta-learning share, whatever they do inside."""

import copy

import numpy as np
import pandas as pd
import pytest
from sklearn.base import is_classifier, is_regressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.svm import LinearSVC

from skmeta.model_selection import PerTask, Pooled, TaskAsCategory, TaskMean
from skmeta.model_selection._strategy import (
    Strategy,
    log_probabilities_of,
    probabilities_of,
    stand_in,
)

X = np.arange(12.0)[:, np.newaxis]
TASK = np.repeat([0, 1], 6)


def test_a_task_shares_out_among_its_own_classes_what_is_said_of_all():
    way = Strategy()
    way.members_ = np.array([[True, True, False, False], [False, True, True, True]])
    said = np.array([[0.1, 0.3, 0.2, 0.4], [0.1, 0.3, 0.2, 0.4], [0, 0, 0.5, 0.5]])
    shared_out = way._restrict(said, np.array([0, 1, 0]))
    expected = [[0.25, 0.75, 0, 0], [0, 1 / 3, 2 / 9, 4 / 9], [0.5, 0.5, 0, 0]]
    np.testing.assert_allclose(shared_out, expected)
    way.members_ = None  # where no task was adapted to
    assert way._restrict(said, np.zeros(3, int)) is said


@pytest.mark.parametrize(
    "way", [Pooled(Ridge()), TaskAsCategory(Ridge()), PerTask(Ridge())]
)
def test_tables_that_change_after_fit_do_no_harm(way):
    X_own, y_own, task = X.copy(), 2 * X[:, 0], TASK.copy()
    way.fit(X_own, y_own, groups=task)
    right = copy.deepcopy(way).adapt(X[:3], X[:3, 0]).predict(X)
    X_own[:], y_own[:], task[:] = 7.0, 0.0, 0
    np.testing.assert_array_equal(way.adapt(X[:3], X[:3, 0]).predict(X), right)


def test_probabilities_are_put_in_the_columns_of_other_classes():
    y = np.where(X[:, 0] < 6, "b", "d")
    model = LogisticRegression().fit(X, y)
    classes = np.array(["a", "b", "c", "d"])
    said = probabilities_of(model, X, classes)
    np.testing.assert_array_equal(said[:, [1, 3]], model.predict_proba(X))
    assert not said[:, [0, 2]].any()
    of_one = probabilities_of(model, X, np.array(["d", "e"]))
    np.testing.assert_array_equal(of_one[:, 0], model.predict_proba(X)[:, 1])
    logs = log_probabilities_of(model, X, classes)
    np.testing.assert_allclose(logs[:, [1, 3]], model.predict_log_proba(X))
    np.testing.assert_allclose(logs[:, [0, 2]], np.log(1e-4))
    certain = probabilities_of(LinearSVC().fit(X, y), X, classes)
    np.testing.assert_array_equal(certain, y[:, np.newaxis] == classes)


def test_what_a_model_thinks_impossible_has_a_logarithm():
    class Certain(LogisticRegression):
        def predict_proba(self, X):
            return np.eye(2)[np.zeros(len(X), int)]

    model = Certain().fit(X, TASK)
    logs = log_probabilities_of(model, X[:1], np.array([0, 1, 2]))
    np.testing.assert_allclose(logs, np.log([[1.0, 1e-12, 1e-4]]))


@pytest.mark.parametrize("kind", ["classifier", "regressor"])
def test_a_stand_in_is_of_its_kind(kind):
    judge = {"classifier": is_classifier, "regressor": is_regressor}[kind]
    assert judge(stand_in(kind))
    with pytest.raises(ValueError, match='must be "classifier" or "regressor"'):
        stand_in(kind + "s")


def test_values_of_any_unit_come_back_in_it():
    y = np.sin(X[:, 0])
    answers = []
    for unit in (1.0, 1e-40, 1e40):
        way = PerTask(Ridge()).fit(X, unit * y, groups=TASK)
        way.adapt(X, unit * y, groups=TASK)
        answers.append(way.predict(X, groups=TASK) / unit)
    np.testing.assert_allclose(answers[1], answers[0])
    np.testing.assert_allclose(answers[2], answers[0])
    with pytest.raises(ValueError, match="far beyond those that fit has seen"):
        PerTask(Ridge()).fit(X, y, groups=TASK).adapt(X, 1e40 * y)


def test_rows_are_answered_by_their_own_task_or_the_only_one():
    y = X[:, 0] + 100 * TASK
    way = TaskMean("regressor").fit(X, y, groups=TASK)
    way.adapt(X, y, groups=np.where(TASK, "b", "a"))
    with pytest.raises(ValueError, match="Adapted to several tasks: pass groups="):
        way.predict(X)
    with pytest.raises(ValueError, match=r"groups \['c'\]"):
        way.predict(X[:1], groups=["c"])
    both = way.predict(X[:2], groups=["b", "a"])
    assert both[0] > both[1] + 50
    alone = way.adapt(X[:6], y[:6]).predict(X[:2])
    np.testing.assert_allclose(alone, both[1])


def test_a_shallow_copy_adapts_without_the_original():
    several = np.column_stack([X[:, 0], 5 + TASK])
    for y in (several[:, 0], several):
        way = TaskMean("regressor").fit(X, y, groups=TASK).adapt(X, y, groups=TASK)
        before = way.predict(X, groups=TASK)
        copy.copy(way).adapt(X, y + 100, groups=TASK)
        np.testing.assert_array_equal(way.predict(X, groups=TASK), before)


def test_what_is_missing_is_said():
    y = X[:, 0]
    with pytest.raises(ValueError, match="Pooled needs the task of each row"):
        Pooled(Ridge()).fit(X, y)
    way = PerTask(Ridge()).fit(X, y, groups=TASK)
    with pytest.raises(ValueError, match="PerTask has no prior"):
        way.adapt()
    with pytest.raises(ValueError, match="pass X as well, or neither"):
        way.adapt(y=y)
    with pytest.raises(ValueError, match="X has no rows"):
        way.adapt(X[:0], y[:0])


def test_labels_declared_mean_the_same_in_every_task():
    y = np.where(X[:, 0] % 2, 3, 1)
    way = TaskMean("classifier").fit(X, y, groups=TASK, classes=[3, 2, 1])
    assert way.classes_.tolist() == [1, 2, 3]
    assert way.label_space_ == "shared"
    proba = way.adapt(X[:4], np.array([1, 1, 1, 2])).predict_proba(X[:1])
    assert proba.shape == (1, 3)
    assert proba.argmax() == 0
    with pytest.raises(ValueError, match="2"):
        TaskMean("classifier").fit(X, y + 1, groups=TASK, classes=[1, 3])


NAMED = pd.DataFrame({"a": X[:, 0], "b": X[::-1, 0] ** 2})


@pytest.mark.parametrize("way", [PerTask(Ridge()), TaskAsCategory(kind="regressor")])
def test_columns_of_another_order_are_refused(way):
    way.fit(NAMED, X[:, 0], groups=TASK)
    swapped = NAMED[["b", "a"]]
    with pytest.raises(ValueError, match="same order"):
        way.adapt(swapped, X[:, 0], groups=TASK)
    way.adapt(NAMED, X[:, 0], groups=TASK)
    with pytest.raises(ValueError, match="same order"):
        way.predict(swapped, groups=TASK)
    with pytest.raises(ValueError, match="same order"):
        way.predict(swapped.assign(b=1.0), groups=TASK)


def test_tables_without_names_go_by_place():
    way = PerTask(Ridge()).fit(NAMED, X[:, 0], groups=TASK)
    way.adapt(NAMED.to_numpy(), X[:, 0], groups=TASK)
    of_array = way.predict(NAMED.to_numpy(), groups=TASK)
    np.testing.assert_array_equal(of_array, way.predict(NAMED, groups=TASK))


def test_an_adaptation_that_fails_leaves_the_tasks_as_they_were():
    way = Pooled(Ridge()).fit(X, X[:, 0], groups=TASK)
    way.adapt(X[:2], X[:2, 0], groups=["a", "b"])
    before = way.predict(X[:2], groups=["b", "a"])
    with pytest.raises(ValueError, match="NaN"):
        way.adapt(np.full((2, 1), np.nan), X[:2, 0], groups=["b", "c"])
    np.testing.assert_array_equal(way.predict(X[:2], groups=["b", "a"]), before)


def test_shallow_copies_have_tasks_of_their_own_of_several_targets_too():
    Y = np.column_stack([X[:, 0], -X[:, 0]])
    way = TaskMean("regressor").fit(X, Y, groups=TASK).adapt(X[:3], Y[:3])
    before = way.predict(X[:1])
    other = copy.copy(way).adapt(X[-3:], Y[-3:])
    assert (other.predict(X[:1]) != before).all()
    np.testing.assert_array_equal(way.predict(X[:1]), before)
