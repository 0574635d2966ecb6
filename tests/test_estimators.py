"""The scikit-learn verbs: many tasks in one call, every kind of label and table."""

import time
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_iris
from sklearn.preprocessing import StandardScaler

from skmeta import MetaClassifier, MetaRegressor
from skmeta.datasets import make_sinusoids

from .conftest import ALGORITHMS, QUICK


@pytest.fixture(scope="module")
def shared(wine):
    X, y, groups = wine
    return {
        algorithm: MetaClassifier(algorithm, n_shot=4, lr=0.01, **QUICK).fit(
            X, y, groups=groups
        )
        for algorithm in ALGORITHMS
    }


# Labels and containers ------------------------------------------------------------


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


def test_an_index_of_a_data_frame_is_not_a_task(wine):
    X, y, groups = wine
    shuffled = np.random.default_rng(1).permutation(len(y))
    frame = pd.DataFrame(X, index=shuffled).rename(columns=str)
    by_frame = MetaClassifier("protonet", **QUICK).fit(
        frame, pd.Series(y, index=shuffled[::-1]), groups=pd.Series(groups)
    )
    by_array = MetaClassifier("protonet", **QUICK).fit(X, y, groups=groups)
    for mine, theirs in zip(
        by_frame.module_.parameters(), by_array.module_.parameters(), strict=True
    ):
        assert torch.equal(mine, theirs)


# Many tasks in one call -----------------------------------------------------------


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_many_tasks_in_one_call_equal_one_after_another(algorithm, per_task, digits):
    X, y = digits
    meta, rng = per_task[algorithm], np.random.default_rng(0)
    n_tasks = 3000
    # Tasks of 1 to 12 rows, whatever their labels, in shuffled order.
    groups = rng.permutation(
        np.repeat(np.arange(n_tasks), rng.integers(1, 13, n_tasks))
    )
    rows = rng.integers(len(X), size=len(groups))
    meta.adapt(X[rows], y[rows], groups=groups)
    asked = rng.integers(n_tasks, size=5000)
    asked_rows = rng.integers(len(X), size=len(asked))
    answers = meta.predict(X[asked_rows], groups=asked)
    proba = meta.predict_proba(X[asked_rows], groups=asked)
    assert proba.shape == (5000, 10)

    for task in rng.choice(asked, 60, replace=False):
        own, queries = groups == task, asked == task
        meta.adapt(X[rows[own]], y[rows[own]])
        alone = meta.predict_proba(X[asked_rows[queries]])
        columns = meta.classes_
        np.testing.assert_allclose(
            proba[queries][:, columns], alone, rtol=1e-3, atol=1e-5
        )
        absent = np.setdiff1d(np.arange(10), columns)
        assert not proba[queries][:, absent].any()
        np.testing.assert_array_equal(
            answers[queries], np.arange(10)[proba[queries].argmax(axis=1)]
        )


def test_a_regressor_learns_many_tasks_in_one_call(diabetes):
    X, y, groups = diabetes
    meta = MetaRegressor(**QUICK).fit(X, y, groups=groups)
    rng = np.random.default_rng(0)
    shuffled = rng.permutation(len(y))
    meta.adapt(X[shuffled], y[shuffled], groups=groups[shuffled])
    together = meta.predict(X, groups=groups)
    for task in range(12):
        own = groups == task
        alone = meta.adapt(X[own], y[own]).predict(X[own])
        np.testing.assert_allclose(together[own], alone, rtol=1e-4)


def test_tasks_named_by_strings_are_found_as_fast_as_by_numbers(per_task, digits):
    X, y = digits
    meta = per_task["protonet"]
    n_tasks = 40_000
    names = np.array([f"user {i}" for i in range(n_tasks)], dtype=object)
    rows = np.arange(n_tasks) % len(X)
    meta.adapt(X[rows], y[rows], groups=names)
    start = time.perf_counter()
    answers = meta.predict(X[rows], groups=names)
    assert time.perf_counter() - start < 10  # a comparison of all pairs takes a minute
    np.testing.assert_array_equal(answers, y[rows])


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


def test_the_next_adaptation_forgets_the_last(per_task, digits):
    X, y = digits
    meta = per_task["maml"]
    expected = meta.adapt(X[:20], y[:20]).predict_proba(X)
    meta.adapt(X[20:60], y[20:60], groups=np.arange(40) % 4)
    np.testing.assert_array_equal(meta.adapt(X[:20], y[:20]).predict_proba(X), expected)


# The prior ------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_adapt_without_rows_answers_by_the_prior(algorithm, shared, wine):
    X, *_ = wine
    meta = shared[algorithm].adapt()
    np.testing.assert_array_equal(meta.classes_, [0, 1, 2])
    proba = meta.predict_proba(X)
    assert np.isfinite(proba).all()
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_prior_learns_what_tasks_have_in_common(algorithm, wine):
    X, y, groups = wine
    meta = MetaClassifier(
        algorithm,
        n_shot=(0, 4),
        n_query=5,
        max_epochs=8,
        tasks_per_epoch=128,
        lr=0.02,
        random_state=0,
    ).fit(X, y, groups=groups)
    assert meta.adapt().score(X, y) > 0.8


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_unknown_task_is_answered_by_the_prior_where_asked(algorithm, shared, wine):
    X, y, groups = wine
    meta = shared[algorithm]
    prior = meta.adapt().predict_proba(X)
    meta.set_params(unknown_task="prior")
    try:
        known = groups < 5
        meta.adapt(X[known], y[known], groups=groups[known])
        proba = meta.predict_proba(X, groups=groups)
        np.testing.assert_allclose(proba[~known], prior[~known], rtol=1e-4, atol=1e-6)
        assert not np.allclose(proba[known], prior[known], atol=1e-3)
        embedding = meta.transform(X, groups=groups)
        np.testing.assert_allclose(
            embedding[~known], meta.adapt().transform(X)[~known], rtol=1e-4, atol=1e-5
        )
    finally:
        meta.set_params(unknown_task="error")


def test_the_prior_of_a_regressor(diabetes):
    X, y, groups = diabetes
    meta = MetaRegressor(unknown_task="prior", **QUICK).fit(X, y, groups=groups)
    prior = meta.adapt().predict(X)
    known = groups < 5
    meta.adapt(X[known], y[known], groups=groups[known])
    answers = meta.predict(X, groups=groups)
    np.testing.assert_allclose(answers[~known], prior[~known], rtol=1e-4)


# The embedding --------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_transform_embeds_before_and_after_adaptation(algorithm, wine):
    X, y, groups = wine
    meta = MetaClassifier(algorithm, n_shot=4, **QUICK).fit(X, y, groups=groups)
    before = meta.transform(X)
    assert before.shape == (len(X), 64)
    assert before.dtype == np.float32
    scaled = torch.from_numpy(StandardScaler().fit_transform(X).astype(np.float32))
    backbone = (
        meta.module_.tip.backbone
        if algorithm == "maml"
        else meta.module_.backbone
        if algorithm == "protonet"
        else meta.module_.trunk
    )
    with torch.no_grad():
        expected = backbone(scaled).numpy()
    np.testing.assert_allclose(before, expected, rtol=1e-4, atol=1e-5)

    after = meta.adapt(X[:40], y[:40]).transform(X)
    if algorithm == "maml":  # it alone adapts its backbone
        assert not np.allclose(after, before, atol=1e-3)
    else:
        np.testing.assert_allclose(after, before, rtol=1e-5, atol=1e-6)


def test_transform_answers_each_row_with_its_own_backbone(wine):
    X, y, groups = wine
    meta = MetaClassifier("maml", n_shot=4, **QUICK).fit(X, y, groups=groups)
    together = meta.adapt(X, y, groups=groups).transform(X, groups=groups)
    own = groups == 3
    alone = meta.adapt(X[own], y[own]).transform(X[own])
    np.testing.assert_allclose(together[own], alone, rtol=1e-4, atol=1e-5)


def test_the_embedding_has_named_columns_as_a_data_frame():
    table, y = load_iris(return_X_y=True, as_frame=True)
    meta = MetaClassifier("protonet", "linear", tasks="classes", **QUICK)
    meta.set_params(backbone="linear").set_output(transform="pandas").fit(table, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the names of the columns arrive
        frame = meta.transform(table)
    names = [f"metaclassifier{i}" for i in range(32)]
    np.testing.assert_array_equal(meta.get_feature_names_out(), names)
    assert list(frame.columns) == names
    assert frame.index.equals(table.index)
    meta.set_output(transform="default")
    np.testing.assert_array_equal(meta.transform(table), frame.to_numpy())


def test_names_of_the_embedding_are_known_before_adaptation(wine):
    X, y, groups = wine
    meta = MetaClassifier("maml", n_shot=4, **QUICK).fit(X, y, groups=groups)
    assert len(meta.get_feature_names_out()) == 64
    assert meta.adapted_ is None


# Tasks from one table -------------------------------------------------------------


def test_a_table_is_its_own_task_after_fit(wine, diabetes):
    X, y, _ = wine
    for tasks in ("classes", "table"):
        meta = MetaClassifier("protonet", tasks=tasks, **QUICK).fit(X, y)
        fitted = meta.predict_proba(X)
        np.testing.assert_array_equal(meta.adapt(X, y).predict_proba(X), fitted)
    X, y, _ = diabetes
    meta = MetaRegressor(tasks="table", **QUICK).fit(X, y)
    fitted = meta.predict(X)
    np.testing.assert_array_equal(meta.adapt(X, y).predict(X), fitted)


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


# Meta-training ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["classifier", "regressor"])
def test_an_epoch_weights_each_meta_batch_by_its_tasks(kind):
    X, y, groups = make_sinusoids(n_tasks=40, n_rows=20, random_state=0)
    estimator = {"classifier": MetaClassifier, "regressor": MetaRegressor}[kind]
    y = y > 0 if kind == "classifier" else y
    meta = estimator(max_epochs=1, batch_size=25, tasks_per_epoch=60, random_state=0)
    history = meta.fit(X, y, groups=groups).history_
    assert history[-1, "batches", :, "train_batch_size"] == [25, 25, 10]
    valid = [b["valid_batch_size"] for b in history[-1, "batches"] if "valid_loss" in b]
    assert sum(valid) == 256
    losses = history[-1, "batches", :, "train_loss"]
    expected = np.average(losses, weights=[25, 25, 10])
    assert history[-1, "train_loss"] == pytest.approx(expected)
