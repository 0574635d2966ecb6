"""Clones have seen all tasks but those that they are asked about."""

import numpy as np
import pytest
from sklearn.datasets import load_wine

from skmeta.estimators.calibration import TrainingRows
from skmeta.estimators.cross_fitting import cross_fit, units_of
from tests.quick import TASK, X, Y, classifier, regressor, wine

pytestmark = pytest.mark.filterwarnings("ignore:Meta-learning does not help")


def test_every_task_is_left_out_once_and_never_in_part():
    meta = regressor(warm_start=True).fit(X, Y, groups=TASK)
    rows = TrainingRows(X, Y, TASK)
    left_out = []
    for learner, rest in cross_fit(meta, rows, 3, seed=0):
        assert learner.n_tasks_ == 20
        assert not learner.warm_start
        assert not np.isin(TASK[rest], np.delete(TASK, rest)).any()
        left_out.append(rest)
    assert np.array_equal(np.sort(np.concatenate(left_out)), np.arange(len(X)))
    assert meta.warm_start


def test_there_are_no_more_clones_than_tasks_and_none_of_one_task():
    meta = regressor().fit(X[:24], Y[:24], groups=TASK[:24])
    rows = TrainingRows(X[:24], Y[:24], TASK[:24])
    assert len([*cross_fit(meta, rows, 5, seed=0)]) == 2
    one = TrainingRows(X[:12], Y[:12], TASK[:12])
    assert not [*cross_fit(meta, one, 5, seed=0)]


def test_labels_mean_to_clones_what_they_mean_to_the_learner():
    X, y, groups = wine()
    y = np.where(groups == 0, "rare", y)  # a label of a single task
    meta = classifier("cnp", label_space="shared").fit(X, y, groups=groups)
    for learner, _ in cross_fit(meta, TrainingRows(X, y, groups), 4, seed=0):
        assert learner.label_space_ == "shared"
        assert np.array_equal(learner.classes_, meta.classes_)


def test_weights_go_with_their_rows():
    weight = np.linspace(1, 2, len(X))
    meta = regressor(algorithm="cnp").fit(X, Y, groups=TASK, sample_weight=weight)
    rows = TrainingRows(X, Y, TASK, weight)
    for learner, rest in cross_fit(meta, rows, 3, seed=0):
        given = learner.calibration_.training.sample_weight
        assert np.array_equal(given, np.delete(weight, rest))


@pytest.mark.parametrize(
    ("tasks", "n_units"), [("classes", 3), ("table", 178), ("groups", 8)]
)
def test_what_is_left_out_together(tasks, n_units):
    X, y = load_wine(return_X_y=True)
    groups = np.arange(len(y)) % 8
    rows = TrainingRows(X, y, groups if tasks == "groups" else None)
    assert len(np.unique(units_of(classifier(tasks=tasks), rows))) == n_units
