"""Many tasks in one call, tasks without rows, and embeddings."""

import warnings

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from skmeta import MetaClassifier, MetaRegressor, NotAdaptedError
from skmeta.ensemble import MetaStackingRegressor
from skmeta.model_selection import PerTask
from tests.conftest import ALGORITHMS, QUICK
from tests.quick import TASK, X, Y, classifier


@pytest.mark.parametrize("stacks", [False, True])
def test_unknown_groups_are_answered_by_the_prior_before_any_adapt(stacks, diabetes):
    X, y, groups = diabetes
    meta = MetaRegressor("r2d2", unknown_task="prior", **QUICK)
    if stacks:
        members = [("meta", MetaRegressor("r2d2", **QUICK)), ("own", PerTask(Ridge()))]
        meta = MetaStackingRegressor(members, unknown_task="prior", random_state=0)
    meta.fit(X, y, groups=groups)
    answers = meta.predict(X[:3], groups=["a", "b", "a"])
    assert meta.adapted_ is None
    with pytest.raises(NotAdaptedError):
        meta.predict(X[:3])  # of a task that is not an unknown one, but the current one
    np.testing.assert_array_equal(answers, meta.adapt().predict(X[:3]))
    meta.fit(X, y, groups=groups).set_params(unknown_task="error")
    with pytest.raises(NotAdaptedError):
        meta.predict(X[:3], groups=["a", "b", "a"])


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


class Name(str):
    """A string that counts how often it is compared."""

    n_compared = 0
    __hash__ = str.__hash__

    def __lt__(self, other):
        Name.n_compared += 1
        return super().__lt__(other)

    def __eq__(self, other):
        Name.n_compared += 1
        return super().__eq__(other)


def test_tasks_named_by_strings_are_found_without_comparing_all_pairs(
    per_task, digits, monkeypatch
):
    X, y = digits
    meta, n_tasks = per_task["protonet"], 2_000
    names = np.array([Name(f"user {i}") for i in range(n_tasks)], dtype=object)
    rows = np.arange(n_tasks) % len(X)
    meta.adapt(X[rows], y[rows], groups=names)
    monkeypatch.setattr(Name, "n_compared", 0)
    answers = meta.predict(X[rows], groups=names)
    assert 0 < Name.n_compared < n_tasks**2 / 10
    np.testing.assert_array_equal(answers, y[rows])


def test_the_next_adaptation_forgets_the_last(per_task, digits):
    X, y = digits
    meta = per_task["maml"]
    expected = meta.adapt(X[:20], y[:20]).predict_proba(X)
    meta.adapt(X[20:60], y[20:60], groups=np.arange(40) % 4)
    np.testing.assert_array_equal(meta.adapt(X[:20], y[:20]).predict_proba(X), expected)


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


VERBS = ["predict", "predict_proba", "predict_set", "transform", "decision_function"]


@pytest.mark.parametrize("verb", VERBS)
def test_rows_that_are_asked_in_another_unit_are_told_of(verb):
    """They are drawn nearer, and answers to them look like all others."""
    meta = classifier("r2d2", label_space="shared", early_stopping=False)
    meta.fit(X, Y > 0, groups=TASK).adapt(X[:12], Y[:12] > 0)
    meta.calibrate(X, Y > 0, groups=np.char.add("new ", TASK.astype(str)))
    with warnings.catch_warnings():
        warnings.filterwarnings("error", ".*far outside")
        getattr(meta, verb)(X)
        getattr(meta, verb)(X[:2] * 1.5)
    with pytest.warns(UserWarning, match="what is asked is far outside .* units"):
        getattr(meta, verb)(1000 * X[:2])
