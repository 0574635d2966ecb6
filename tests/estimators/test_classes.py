"""The kinds of labels, and which of them a learner knows."""

import numpy as np
import pandas as pd
import pytest

from skmeta import MetaClassifier
from tests.conftest import QUICK
from tests.quick import classifier
from tests.quick import wine as small_wine


@pytest.mark.parametrize("label_space", ["shared", "per_task"])
@pytest.mark.parametrize("algorithm", ["maml", "protonet"])
def test_the_kind_of_labels_and_containers_does_not_matter(
    algorithm, label_space, wine
):
    X, y, groups = wine
    X, y, groups = X[y < 2], y[y < 2], groups[y < 2]
    quick = QUICK | {"max_epochs": 1, "tasks_per_epoch": 32}
    names = np.array(["Barbera", "Grignolino"])

    def answers(y, X=X, groups=groups):
        meta = MetaClassifier(algorithm, label_space=label_space, n_shot=3, **quick)
        meta.fit(X, y, groups=groups).adapt(X, y, groups=groups)
        return meta.predict(X, groups=groups), meta.predict_proba(X, groups=groups)

    expected, proba = answers(y)
    variants = {
        "string": (names[y], names),
        "object": (names[y].astype(object), names.astype(object)),
        "bool": (y.astype(bool), np.array([False, True])),
        "other numbers": (np.array([-7, 40])[y], np.array([-7, 40])),
        "float": (y.astype(float), np.array([0.0, 1.0])),
        "list": (names[y].tolist(), names),
        "series": (pd.Series(names[y]), names.astype(object)),
        "categorical": (pd.Series(names[y], dtype="category"), names.astype(object)),
    }
    for kind, (labels, classes) in variants.items():
        got, got_proba = answers(labels)
        assert got.dtype.kind == classes.dtype.kind, kind
        np.testing.assert_array_equal(got, classes[expected], err_msg=kind)
        np.testing.assert_array_equal(got_proba, proba, err_msg=kind)

    rows = X.tolist()
    frame = pd.DataFrame(X, columns=[f"c{i}" for i in range(X.shape[1])])
    for table in (rows, frame, np.asfortranarray(X)):
        np.testing.assert_array_equal(answers(y, table)[1], proba)
    named = np.array([f"shop {g}" for g in groups])  # one digit: the same order
    for tasks in (groups.tolist(), named, named.tolist(), pd.Series(named)):
        np.testing.assert_array_equal(answers(y, groups=tasks)[1], proba)


def test_columns_of_unknown_classes_are_zero_and_classes_are_the_union(
    per_task, digits
):
    X, y = digits
    tasks = {"a": [1, 2], "b": [2, 7, 9], "c": [5]}
    picked = [(g, np.flatnonzero(np.isin(y, own))[:30]) for g, own in tasks.items()]
    rows = np.concatenate([r for _, r in picked])
    groups = np.concatenate([[g] * len(r) for g, r in picked])
    for meta in per_task.values():
        meta.adapt(X[rows], y[rows], groups=groups)
        np.testing.assert_array_equal(meta.classes_, [1, 2, 5, 7, 9])
        for group, own in tasks.items():
            queries = np.full(50, group)
            proba = meta.predict_proba(X[:50], groups=queries)
            np.testing.assert_array_equal(
                np.any(proba > 0, axis=0), np.isin(meta.classes_, own)
            )
            np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-5)
            assert set(meta.predict(X[:50], groups=queries)) <= set(own)


@pytest.mark.parametrize(
    ("tasks", "label_space", "expected"),
    [
        ("groups", "auto", "shared"),
        ("groups", "per_task", "per_task"),
        ("table", "auto", "shared"),
        ("table", "per_task", "per_task"),
        ("classes", "auto", "per_task"),
        ("classes", "per_task", "per_task"),
    ],
)
def test_the_label_space_follows_the_tasks(tasks, label_space, expected, wine):
    X, y, groups = wine
    meta = MetaClassifier(
        "protonet", tasks=tasks, label_space=label_space, n_shot=2, **QUICK
    ).fit(X, y, groups=groups)
    assert meta.label_space_ == expected


def test_labels_of_single_tasks_are_taken_as_per_task(digits):
    X, y = digits
    groups = y // 2
    meta = MetaClassifier("protonet", **QUICK).fit(X, y, groups=groups)
    assert meta.label_space_ == "per_task"
    named = np.where(y % 2 == 0, "even", "odd")
    meta = MetaClassifier("protonet", **QUICK).fit(X, named, groups=groups)
    assert meta.label_space_ == "shared"


def test_class_weights_are_odds_where_rows_of_a_class_cannot_count_more(wine):
    X, y, groups = wine
    names = np.array(["barolo", "grignolino", "barbera"])[y]
    weights = {"barolo": 5.0, "barbera": 0.5}

    known = (y != 1) | (groups != 0)  # the first task lacks a class
    meta = MetaClassifier("protonet", label_space="per_task", n_shot=3, **QUICK)
    meta.set_params(class_weight=weights).fit(X, names, groups=groups)

    def probabilities():
        meta.adapt(X[known], names[known], groups=groups[known])
        return meta.predict_proba(X, groups=groups)

    weighed = probabilities()
    meta.given_class_weight_ = None  # the same learner, that weighs no class
    odds = probabilities() * [0.5, 5.0, 1.0]  # in the order of names
    odds /= odds.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(weighed, odds, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("other", ["nonsense", "balanced", {"barolo": 5.0}, None])
@pytest.mark.parametrize("label_space", ["shared", "per_task"])
def test_other_weights_of_classes_count_from_the_next_fit_on(label_space, other):
    A, b, task = small_wine()
    given = {"barolo": 3.0}
    meta = classifier("anil", label_space=label_space, class_weight=given)
    meta.fit(A, b, groups=task).adapt(A[::9], b[::9])
    before = meta.predict_proba(A)
    given["barolo"] = 100.0  # nor do changes of what was given
    np.testing.assert_array_equal(meta.predict_proba(A), before)
    meta.set_params(class_weight=other).adapt(A[::9], b[::9])
    np.testing.assert_array_equal(meta.predict_proba(A), before)
    assert meta.given_class_weight_ == {"barolo": 3.0}


def test_strata_and_devices_that_are_set_after_fit():
    A, b, task = small_wine()
    meta = classifier("anil", label_space="shared").fit(A, b, groups=task)
    meta.set_params(stratify="no")
    with pytest.raises(ValueError, match="stratify must be True or False"):
        meta.score(A, b, groups=task)
    right = meta.adapt(A[::9], b[::9]).predict(A)
    meta.set_params(device="cuda:7")  # for the next fit
    np.testing.assert_array_equal(meta.adapt(A[::9], b[::9]).predict(A), right)
