"""Scores: plain on the current task, few-shot over new ones; and their precision."""

import warnings

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import accuracy_score, r2_score

from skmeta import MetaClassifier, MetaDataset, MetaRegressor
from skmeta.ensemble import MetaStackingRegressor
from skmeta.estimators.scoring import accuracy_per_task, r2_per_task
from skmeta.model_selection import PerTask, Pooled
from skmeta.tables.rows import TaskRows
from tests.conftest import ALGORITHMS, QUICK


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_few_shot_score_leaves_the_current_task_as_it_was(
    algorithm, per_task, digits
):
    X, y = digits
    meta = per_task[algorithm].adapt(X[:30], y[:30])
    expected, classes, adapted = meta.predict_proba(X), meta.classes_, meta.adapted_
    groups = np.arange(len(y)) % 20
    score = meta.score(X, y, groups=groups)
    assert meta.score(X, y, groups=groups) == score  # a second time
    assert 0.3 < score <= 1
    assert meta.adapted_ is adapted
    assert meta.classes_ is classes
    np.testing.assert_array_equal(meta.predict_proba(X), expected)


def test_a_few_shot_score_without_a_seed_is_deterministic_too(per_task, digits):
    X, y = digits
    groups = np.arange(len(y)) % 20
    meta = per_task["protonet"].set_params(random_state=None)
    try:
        assert meta.score(X, y, groups=groups) == meta.score(X, y, groups=groups)
    finally:
        meta.set_params(random_state=0)


def test_a_few_shot_score_counts_every_task_alike(wine, monkeypatch):
    X, y, groups = wine
    groups = np.where(groups < 8, 0, groups)  # one task is much larger
    meta = MetaClassifier("protonet", n_shot=4, **QUICK).fit(X, y, groups=groups)
    adapt = meta.algorithm_.adapt
    supports = []
    monkeypatch.setattr(
        type(meta.algorithm_),
        "adapt",
        lambda self, module, support: (
            supports.append(support) or adapt(module, support)
        ),
    )
    score = meta.score(X, y, groups=groups)
    monkeypatch.undo()

    support = np.concatenate([s.X[s.mask].numpy() for s in supports])
    scaled = ((X - meta.mean_) / meta.scale_).astype(np.float32)
    in_support = (scaled[:, np.newaxis] == support).all(axis=2).any(axis=1)
    assert np.bincount(groups[in_support], minlength=10)[[0, 8, 9]].tolist() == [4] * 3
    meta.adapt(X[in_support], y[in_support], groups=groups[in_support])
    right = meta.predict(X, groups=groups) == y
    means = [right[~in_support & (groups == g)].mean() for g in (0, 8, 9)]
    assert score == pytest.approx(np.mean(means))


def test_support_rows_do_not_score(digits):
    X, y = digits
    meta = MetaClassifier("protonet", tasks="classes", n_shot=3, **QUICK)
    meta.fit(X[y < 6], y[y < 6])
    # Five rows of two classes each: three of a class are support, two are query.
    rows = np.r_[np.flatnonzero(y == 8)[:5], np.flatnonzero(y == 9)[:5]]
    possible = np.arange(5) / 4
    for shuffle in range(5):
        rows = np.random.default_rng(shuffle).permutation(rows)
        assert meta.score(X[rows], y[rows], groups=np.zeros(10)) in possible


def test_weights_of_rows_count_in_both_scores(per_task, digits):
    X, y = digits
    meta = per_task["maml"].adapt(X[:30], y[:30])
    weight = np.random.default_rng(0).random(len(y))
    assert meta.score(X, y, sample_weight=weight) == pytest.approx(
        accuracy_score(y, meta.predict(X), sample_weight=weight)
    )
    groups = np.arange(len(y)) % 20
    plain = meta.score(X, y, groups=groups)
    assert meta.score(X, y, sample_weight=np.full(len(y), 3.0), groups=groups) == (
        pytest.approx(plain)
    )
    # Weighing a label alone gives its recall, whatever the others are answered.
    alone = [
        meta.score(X, y, sample_weight=(y == c).astype(float), groups=groups)
        for c in range(10)
    ]
    assert min(alone) < plain < max(alone)


def test_a_regressor_scores_r2(diabetes):
    X, y, groups = diabetes
    meta = MetaRegressor("maml", n_shot=8, **QUICK).fit(X, y, groups=groups)
    weight = np.random.default_rng(0).random(len(y))
    meta.adapt(X[:40], y[:40])
    for w in (None, weight):
        assert meta.score(X, y, sample_weight=w) == pytest.approx(
            r2_score(y, meta.predict(X), sample_weight=w)
        )
    few_shot = meta.score(X, y, groups=groups)
    assert meta.score(X, y, groups=groups) == few_shot
    assert -1 < few_shot < 1


def test_a_task_of_a_single_value_does_not_spoil_the_r2_of_the_others(diabetes):
    X, y, groups = diabetes
    meta = MetaRegressor("maml", n_shot=8, **QUICK).fit(X, y, groups=groups)
    without = meta.score(X[groups > 0], y[groups > 0], groups=groups[groups > 0])
    with_one = meta.score(X, np.where(groups == 0, 0.1, y), groups=groups)
    assert abs(with_one - without) < 0.5  # the supports differ, so not quite equal


@pytest.mark.parametrize(
    ("per_task", "of_one"),
    [(r2_per_task, r2_score), (accuracy_per_task, accuracy_score)],
)
def test_each_task_is_scored_as_scikit_learn_scores_it(per_task, of_one):
    rng = np.random.default_rng(0)
    task = rng.integers(3, size=60)
    y, answers = rng.normal(size=(2, 60)) + 5.0
    if of_one is accuracy_score:
        y, answers = y > 5, answers > 5
    for weight in (np.ones(60), rng.integers(1, 5, size=60) / 2):
        rows = TaskRows(np.empty((60, 0)), y, task, np.arange(3), weight)
        expected = [
            of_one(y[own], answers[own], sample_weight=weight[own])
            for own in (task == each for each in range(3))
        ]
        np.testing.assert_allclose(per_task(rows, answers), expected)


def test_the_few_shot_r2_is_the_mean_of_that_of_each_task(diabetes):
    X, y, groups = diabetes
    meta = MetaRegressor("r2d2", **QUICK).fit(X, y, groups=groups)
    in_support = np.random.default_rng(0).random(len(y)) < 0.3
    score = meta.score(MetaDataset(X, y, groups, in_support=in_support))
    meta.adapt(X[in_support], y[in_support], groups=groups[in_support])
    answers = meta.predict(X, groups=groups)
    expected = [
        r2_score(y[own], answers[own])
        for own in (~in_support & (groups == each) for each in np.unique(groups))
    ]
    assert score == pytest.approx(np.mean(expected))


def test_a_constant_target_is_the_reason_that_is_given(diabetes):
    X, _, groups = diabetes
    y = groups.astype(float)
    meta = MetaRegressor("r2d2", **QUICK).fit(X, y, groups=groups)
    with pytest.raises(ValueError, match="targets of every group are constant"):
        meta.score(X, y, groups=groups)
    with pytest.raises(ValueError, match="No group has enough rows"):
        meta.score(X[:12], y[:12], groups=groups[:12])
    with pytest.raises(ValueError, match="single row beyond its support"):
        meta.score(X[:24], X[:24, 0], groups=groups[:24])


def test_weights_and_groups_go_by_their_names_alone(diabetes):
    X, y, groups = diabetes
    meta = MetaRegressor("r2d2", **QUICK).fit(X, y, groups=groups)
    with pytest.raises(TypeError, match="positional"):
        meta.score(X, y, groups)


@pytest.mark.parametrize("make", [MetaRegressor, MetaStackingRegressor])
def test_many_tasks_are_not_scored_by_one_without_a_word(make, diabetes):
    X, y, groups = diabetes
    members = [("one", PerTask(Ridge())), ("all", Pooled(Ridge()))]
    meta = make(members) if make is MetaStackingRegressor else make("r2d2", **QUICK)
    meta.fit(X, y, groups=groups).adapt(X[:10], y[:10])
    largest = np.bincount(groups).max()
    with pytest.warns(UserWarning, match=f"takes all {len(y)} rows .* than {largest}"):
        meta.score(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        meta.score(X[:largest], y[:largest])
        meta.score(X, y, groups=groups)
        table = MetaRegressor("r2d2", tasks="table", **QUICK).fit(X[:100], y[:100])
        table.score(X, y)  # of which there is one task only


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_shot_of_zero_scores_the_prior(algorithm, wine):
    X, y, groups = wine
    meta = MetaClassifier(algorithm, n_shot=0, lr=0.01, **QUICK)
    meta.fit(X, y, groups=groups)
    score = meta.score(X, y, groups=groups)
    right = meta.adapt().predict(X) == y
    expected = np.mean([right[groups == g].mean() for g in np.unique(groups)])
    assert score == pytest.approx(expected)


@pytest.mark.parametrize("n_shot", ["auto", 2])
def test_the_shot_of_a_score_may_be_set_after_fit(n_shot, diabetes):
    X, y, groups = diabetes
    meta = MetaRegressor("r2d2", n_shot=n_shot, **QUICK).fit(X, y, groups=groups)
    scores = [
        meta.set_params(n_shot=shot).score(X, y, groups=groups) for shot in (2, 20)
    ]
    assert scores[0] < scores[1]
    assert meta.set_params(n_shot=2).score(X, y, groups=groups) == scores[0]


# Precision ------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [1e4, 1e8])
def test_targets_far_from_zero_keep_their_precision(offset, diabetes):
    X, y, groups = diabetes
    near, far = (
        MetaRegressor("maml", **QUICK)
        .fit(X, y + shift, groups=groups)
        .adapt(X[:40], y[:40] + shift)
        for shift in (0.0, offset)
    )
    np.testing.assert_allclose(far.predict(X) - offset, near.predict(X), atol=0.1)
    assert far.score(X, y + offset) == pytest.approx(near.score(X, y), abs=1e-3)
