"""Supports unlike all that fit has seen: one warning, and no wild answer."""

import warnings

import numpy as np
import pytest

import skmeta
from skmeta import FewShotRegressor, MetaClassifier, MetaRegressor
from tests.quick import TASK, TINY, X, Y, wine


@pytest.fixture(scope="module")
def waves():
    return MetaRegressor("maml", **TINY).fit(X, Y, groups=TASK)


def far_support():
    """Rows of three tasks, of which the first and the last have one far out."""
    rows = np.isin(TASK, [0, 1, 2])
    X_far, y_far = X[rows].copy(), Y[rows].copy()
    X_far[0] = 1e6
    y_far[-1] = -1e6
    return X_far, y_far, np.array(["a", "b", "c"])[TASK[rows]]


def test_one_warning_names_all_tasks_with_far_supports(waves):
    with pytest.warns(UserWarning, match=r"of \['a', 'c'\] is far outside") as caught:
        waves.adapt(*far_support())
    assert len(caught) == 1


def test_usual_supports_and_scores_are_not_warned_of(waves):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        waves.adapt(X, Y, groups=TASK)
        waves.adapt(X[:3] * 1.1, Y[:3] * 1.1)
        X_far, y_far, task = far_support()
        waves.score(X_far, y_far, groups=task)


@pytest.mark.parametrize("normalize", ["global", "robust"])
@pytest.mark.parametrize("algorithm", ["maml", "r2d2", "cnp", "reptile"])
def test_far_supports_and_far_queries_give_moderate_answers(algorithm, normalize):
    meta = MetaRegressor(algorithm, normalize=normalize, **TINY)
    meta.fit(X, Y, groups=TASK)
    X_far, y_far, task = far_support()
    with pytest.warns(UserWarning, match="far outside"):
        meta.adapt(X_far, y_far, groups=task)
    answers = meta.predict(np.r_[X[:12], X[:12] * 1e9], np.repeat(["a", "c"], 12))
    assert np.isfinite(answers).all()
    assert np.abs(answers).max() < 100 * np.abs(Y).max()


def test_rows_within_the_range_are_answered_as_if_there_were_no_range(waves):
    before = waves.adapt(X[:5], Y[:5]).predict(X)
    low, high = waves.low_, waves.high_
    np.testing.assert_array_equal([low, high], [X.min(axis=0), X.max(axis=0)])
    waves.low_ = waves.target_low_ = None
    try:
        np.testing.assert_array_equal(waves.predict(X), before)
    finally:
        waves.low_, waves.target_low_ = low, Y.min()


def test_a_task_a_little_outside_keeps_its_level(waves):
    """Ends of the range are no walls: levels of a new task may be beyond."""
    values, _, _ = waves._encode(rows_of(np.zeros(1), [Y.max() + Y.std()]), 1)
    plain = (Y.max() + Y.std() - waves.target_mean_) / waves.target_scale_
    assert values[0] == pytest.approx(plain, abs=0.01)


def rows_of(x, y):
    from skmeta.tables.rows import TaskRows

    return TaskRows.of(np.reshape(x, (-1, 1)), np.asarray(y), None)


def test_partial_fit_widens_the_range_and_fit_begins_anew():
    meta = MetaRegressor("maml", **TINY).fit(X, Y, groups=TASK)
    meta.partial_fit(X * 2, Y * 2, groups=TASK)
    assert meta.high_ == pytest.approx(2 * X.max(axis=0))
    assert meta.target_high_ == pytest.approx(2 * Y.max())
    meta.fit(X, Y, groups=TASK)
    assert meta.high_ == pytest.approx(X.max(axis=0))


def test_without_standardisation_the_range_itself_is_the_unit():
    meta = MetaRegressor("maml", normalize=None, **TINY).fit(X, Y, groups=TASK)
    width, height = np.ptp(X), np.ptp(Y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        meta.adapt(X[:5] + 0.9 * width, Y[:5] + 0.9 * height)
    for dx, dy in [(2.1 * width, 0), (0, 2.1 * height)]:
        with pytest.warns(UserWarning, match="more than its own width beyond"):
            meta.adapt(X[:5] + dx, Y[:5] + dy)
    inside = meta._bounds().clip(X)
    np.testing.assert_array_equal(inside, X)  # rows of the range stay as they are


@pytest.mark.parametrize("normalize", ["global", "task", None])
def test_what_a_prior_is_asked_is_never_far_beyond_the_range(normalize):
    """By three deviations, or by the width of a range that is the unit itself."""
    meta = MetaRegressor("maml", normalize=normalize, **TINY).fit(X, Y, groups=TASK)
    room = 3 * X.std() if normalize else np.ptp(X)
    asked = np.array([[X.min() - 1e6], [X.mean()], [X.max() + 1e6]])
    near = meta._nearer(asked)
    expected = [[X.min() - room], [X.mean()], [X.max() + room]]
    np.testing.assert_allclose(near, expected, rtol=1e-6)
    assert meta._nearer(X) is X


def test_the_range_is_kept_in_files_and_old_files_have_none(waves, tmp_path):
    waves.save(tmp_path / "waves")
    again = skmeta.load(tmp_path / "waves")
    np.testing.assert_array_equal(again.high_, waves.high_)
    assert again.target_low_ == waves.target_low_
    for name in ("low_", "high_", "target_low_", "target_high_"):
        delattr(again, name)  # as in a file of before
    again.save(tmp_path / "old")
    old = skmeta.load(tmp_path / "old")
    far = old._table(np.full((1, 1), 1e6)).features(
        np.zeros((1, 1), int), np.ones((1, 1), bool)
    )
    expected = (1e6 - old.mean_) / old.scale_
    np.testing.assert_allclose(far.numpy().ravel(), expected, rtol=1e-6)
    old.adapt(X[:5] * 1e3, Y[:5])  # and no warning


def test_an_ordinary_estimator_warns_as_well(waves):
    with pytest.warns(UserWarning, match="The support is far outside"):
        FewShotRegressor(waves).fit(X[:5] * 1e6, Y[:5])


@pytest.mark.parametrize("other", ["robust", "task", None])
def test_another_standardisation_counts_from_the_next_fit_on(other):
    meta = MetaRegressor("r2d2", **TINY).fit(X, Y, groups=TASK)
    before = meta.adapt(X[:5], Y[:5]).predict(X)
    meta.set_params(normalize=other)
    np.testing.assert_array_equal(meta.predict(X), before)
    np.testing.assert_array_equal(meta.adapt(X[:5], Y[:5]).predict(X), before)
    assert meta.normalize_ == "global"
    meta.fit(X, Y, groups=TASK)
    assert meta.normalize_ == other
    assert (meta.adapt(X[:5], Y[:5]).predict(X) != before).any()


def test_robust_scale_takes_no_notice_of_one_outlier():
    A, b, task = wine()
    spoilt = A.copy()
    spoilt[0] *= 1e6
    clean, robust = (
        MetaClassifier("protonet", normalize="robust", **TINY).fit(rows, b, groups=task)
        for rows in (A, spoilt)
    )
    np.testing.assert_allclose(robust.mean_, clean.mean_, rtol=0.05)
    np.testing.assert_allclose(robust.scale_, clean.scale_, rtol=0.2)
    assert (
        robust._table(spoilt)
        .features(np.arange(len(A))[np.newaxis], np.ones((1, len(A)), bool))
        .abs()
        .max()
        <= 3
    )
