"""Several targets: every member learns all of them, and each has weights of its own."""

import copy

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import Ridge
from sklearn.multioutput import MultiOutputRegressor

import skmeta
from skmeta import MetaRegressor
from skmeta.ensemble import MetaStackingClassifier, MetaStackingRegressor
from skmeta.estimators.few_shot import FewShotClassifier, FewShotRegressor
from skmeta.model_selection import Pooled, few_shot_scorer
from tests.ensemble.conftest import class_members, slopes, value_members
from tests.quick import TINY

X, ONE, TASK = slopes()
# One target that every task has in its own way, and one that all have alike.
VALUES = np.column_stack([ONE, 50 + 9 * (X @ [2.0, 1.0]) + slopes(seed=3)[1]])
LABELS = (np.median(VALUES, axis=0) < VALUES).astype(int)
KNOWN = np.arange(len(TASK)) % 15 < 6


@pytest.fixture(scope="module")
def values():
    stack = MetaStackingRegressor(value_members(), random_state=0)
    return stack.fit(X, pd.DataFrame(VALUES, columns=["own", "alike"]), groups=TASK)


@pytest.fixture(scope="module")
def labels():
    stack = MetaStackingClassifier(class_members(), random_state=0)
    return stack.fit(X, csr_matrix(LABELS), groups=TASK)


def adapted(stack, y):
    return copy.copy(stack).adapt(X[KNOWN], y[KNOWN], groups=TASK[KNOWN])


def test_each_target_is_weighed_and_answered_as_by_an_ensemble_of_its_own(values):
    assert values.weights_.shape == (len(values.support_sizes_), 2, 2)
    assert values.weights_[-1, 0, 0] > values.weights_[-1, 0, 1] + 0.2
    told = adapted(values, VALUES).predict(X, groups=TASK)
    for target in range(2):
        y = VALUES[:, target]
        one = MetaStackingRegressor(value_members(), random_state=0)
        one.fit(X, y, groups=TASK)
        np.testing.assert_allclose(values.weights_[..., target], one.weights_)
        np.testing.assert_allclose(values.losses_[..., target], one.losses_)
        alone = adapted(one, y).predict(X, groups=TASK)
        np.testing.assert_allclose(told[:, target], alone)


def test_each_label_is_weighed_and_answered_as_by_an_ensemble_of_its_own(labels):
    full = adapted(labels, LABELS)
    told = full.predict_proba(X, groups=TASK)
    np.testing.assert_array_equal(full.predict(X, groups=TASK), told > 0.5)
    np.testing.assert_array_equal(
        full.decision_function(X, groups=TASK) > 0, told > 0.5
    )
    logs = full.predict_log_proba(X, groups=TASK)
    np.testing.assert_allclose(np.exp(logs), told)
    for target in range(2):
        y = LABELS[:, target]
        one = MetaStackingClassifier(class_members(), random_state=0)
        one.fit(X, y, groups=TASK)
        np.testing.assert_allclose(labels.weights_[..., target], one.weights_)
        alone = adapted(one, y).predict_proba(X, groups=TASK)[:, 1]
        np.testing.assert_allclose(told[:, target], alone)


def test_names_of_targets_are_kept_until_a_fit_without(values):
    assert values.target_names_.tolist() == ["own", "alike"]
    again = copy.copy(values).fit(X, VALUES, groups=TASK)
    assert not hasattr(again, "target_names_")
    assert again.fit(X, ONE, groups=TASK).weights_.ndim == 2


def test_scores_are_means_over_targets(values, labels):
    score = few_shot_scorer("r2", n_shot=10)(values, X, VALUES, groups=TASK)
    assert score == pytest.approx(values.score(X, VALUES, groups=TASK), abs=0.1)
    assert labels.score(X, LABELS, groups=TASK) > 0.7
    one = adapted(values, VALUES).forget(np.arange(1, 24))
    told = one.predict(X[:15])
    residual = ((VALUES[:15] - told) ** 2).sum(axis=0)
    variance = ((VALUES[:15] - VALUES[:15].mean(axis=0)) ** 2).sum(axis=0)
    assert one.score(X[:15], VALUES[:15]) == pytest.approx(
        np.mean(1 - residual / variance)
    )


def test_intervals_are_of_every_target_and_sets_of_none(values, labels):
    some = np.arange(len(TASK)) % 15 < 3
    full = copy.copy(values).calibrate(X[some], VALUES[some], groups=TASK[some] + 100)
    full.adapt(X[:2], VALUES[:2])
    low, high = full.predict_interval(X[:15], coverage=0.8)
    assert low.shape == high.shape == (15, 2)
    np.testing.assert_allclose((low + high) / 2, full.predict(X[:15]))
    assert ((low < VALUES[:15]) & (VALUES[:15] < high)).mean() > 0.6
    with pytest.raises(ValueError, match="fit had several"):
        adapted(labels, LABELS).predict_set(X[:15], groups=TASK[:15])


def test_deviations_are_of_every_target():
    members = [("cnp", MetaRegressor("cnp", **TINY)), ("pooled", Pooled(Ridge()))]
    stack = MetaStackingRegressor(members, weights="equal").fit(X, VALUES, groups=TASK)
    told, sure = adapted(stack, VALUES).predict(X, groups=TASK, return_std=True)
    cnp, pooled = (
        each.adapt(X[KNOWN], VALUES[KNOWN], groups=TASK[KNOWN])
        for each in stack.named_estimators_.values()
    )
    one, deviation = cnp.predict(X, groups=TASK, return_std=True)
    other = pooled.predict(X, groups=TASK)
    np.testing.assert_allclose(told, (one + other) / 2, rtol=1e-6)
    between = (one - other) ** 2 / 4
    np.testing.assert_allclose(sure, np.sqrt(deviation**2 + between), rtol=1e-4)


@pytest.mark.parametrize("kind", ["values", "labels"])
def test_rows_come_one_by_one_and_files_bring_all_back(kind, request, tmp_path):
    stack, y = request.getfixturevalue(kind), {"values": VALUES, "labels": LABELS}[kind]
    expected = adapted(stack, y).predict(X, groups=TASK)
    first = KNOWN & (np.arange(len(TASK)) % 15 < 3)
    path = tmp_path / "stack.skmeta"
    copy.copy(stack).adapt(X[first], y[first], TASK[first]).save(path, supports=True)
    again = skmeta.load(path)
    names = {"values": ["own", "alike"], "labels": []}[kind]
    assert [*getattr(again, "target_names_", [])] == names
    rest = KNOWN & ~first
    again.partial_adapt(X[rest], y[rest], TASK[rest])
    np.testing.assert_allclose(again.predict(X, groups=TASK), expected)


def test_few_shot_estimators_learn_several_targets(values, labels):
    few = FewShotRegressor(values).fit(X[:9], VALUES[:9])
    assert few.predict(X[9:15]).shape == (6, 2)
    few = FewShotClassifier(labels).fit(X[:9], LABELS[:9])
    assert few.predict_proba(X[9:15]).shape == (6, 2)


def test_who_has_no_prior_is_left_out_of_all_targets_of_a_task_without_rows(values):
    told = copy.copy(values).adapt().predict(X)
    pooled = copy.copy(values.named_estimators_["pooled"]).adapt()
    np.testing.assert_allclose(told, pooled.predict(X))


def test_rows_without_any_target_say_nothing(values):
    y = np.where(KNOWN[:, np.newaxis], VALUES, np.nan)
    stack = copy.copy(values).adapt(X, y, groups=TASK)
    expected = adapted(values, VALUES).predict(X, groups=TASK)
    np.testing.assert_allclose(stack.predict(X, groups=TASK), expected)
    nothing = copy.copy(values).adapt(X[:5], np.full((5, 2), np.nan))
    prior = copy.copy(values).adapt()
    np.testing.assert_allclose(nothing.predict(X), prior.predict(X))


def test_what_several_targets_do_not_go_with_is_refused(values):
    labels = MetaStackingClassifier(class_members(), label_space="per_task")
    with pytest.raises(ValueError, match="label_space='per_task' cannot be given"):
        labels.fit(X, LABELS, groups=TASK)
    labels = MetaStackingClassifier(class_members())
    with pytest.raises(ValueError, match="classes cannot be given"):
        labels.fit(X, LABELS, groups=TASK, classes=[0, 1])
    with pytest.raises(ValueError, match="0 and 1"):
        labels.fit(X, LABELS + 1, groups=TASK)
    with pytest.raises(ValueError, match="fit has learnt 2 targets"):
        copy.copy(values).adapt(X[:5], ONE[:5])
    around = MultiOutputRegressor(MetaStackingRegressor(value_members()))
    with pytest.raises(ValueError, match="learns several targets by itself"):
        around.fit(X, VALUES, groups=TASK)


def test_a_single_target_with_all_rows_unlabelled_is_answered_by_the_prior():
    members = [("mean", Pooled(DummyRegressor()))]
    stack = MetaStackingRegressor(members).fit(X, ONE, groups=TASK)
    stack.adapt(X[:5], np.full(5, np.nan))
    np.testing.assert_allclose(stack.predict(X[:3]), ONE.mean())
