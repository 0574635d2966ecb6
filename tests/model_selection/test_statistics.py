"""Intervals, tests and corrections: exact numbers of tables, papers and R."""

import numpy as np
import pytest
from scipy import stats

from skmeta.evaluation.verdict import Duel
from skmeta.model_selection._statistics import (
    differences,
    holm,
    student_half_width,
    wilcoxon_p_value,
)


def test_half_the_interval_is_students_quantile_times_the_standard_error():
    # t_{0.975} of 2 degrees of freedom is 4.3027, the standard error 1 / sqrt(3)
    assert student_half_width([1.0, 2.0, 3.0]) == pytest.approx(2.4841377)
    scores = np.random.default_rng(0).normal(size=(4, 9))
    low, high = stats.t.interval(
        0.95, 8, loc=scores.mean(axis=1), scale=stats.sem(scores, axis=1)
    )
    np.testing.assert_allclose(student_half_width(scores), (high - low) / 2)


@pytest.mark.parametrize("n_tasks", [0, 1])
def test_fewer_than_two_tasks_have_no_interval(n_tasks):
    assert np.isnan(student_half_width(np.ones(n_tasks)))
    half = student_half_width(np.ones((3, n_tasks)))
    assert half.shape == (3,)
    assert np.isnan(half).all()


def test_wilcoxon_counts_signs_of_ranks():
    # All 2**n signs are equally likely; the most extreme two of them are these.
    assert wilcoxon_p_value(np.arange(1, 7) / 10) == 2 / 2**6
    assert wilcoxon_p_value(-np.arange(1, 9) / 10) == 2 / 2**8
    # Of ranks 1 to 6 the sum of the negative ones is 3: {}, {1}, {2}, {3}, {1, 2}.
    assert wilcoxon_p_value([0.1, 0.2, -0.3, 0.4, 0.5, 0.6]) == 2 * 5 / 2**6


def test_equal_shares_differ_by_nothing_however_they_were_added_up():
    rng = np.random.default_rng(0)
    right = rng.integers(0, 2, size=(2, 200, 7)).astype(float)
    a, b = right.sum(axis=2) / 7
    noisy = sum(right[0].T / 7)  # another order: other last digits
    assert (noisy != a).any()
    np.testing.assert_array_equal(differences(noisy, b), differences(a, b))
    assert (differences(noisy, a) == 0).all()
    assert wilcoxon_p_value(differences(noisy, b)) == wilcoxon_p_value(
        right[0].sum(axis=1) - right[1].sum(axis=1)  # whole numbers
    )


def test_differences_of_any_size_stay_what_they_are():
    a = np.array([3e-120, 2.5e-7, 1.0, 12345.678, 1e15, 1e300, np.nan, np.inf])
    b = np.array([-2e-120, 1e-7, -4.0, 12345.677, -1e15, -1e300, 0.0, 1.0])
    wanted = [5e-120, 1.5e-7, 5.0, 0.001, 2e15, 2e300, np.nan, np.inf]
    np.testing.assert_allclose(differences(a, b), wanted, rtol=1e-9, atol=0)


def test_where_nothing_differs_nothing_is_shown():
    assert wilcoxon_p_value(np.zeros(9)) == 1.0


def test_holm_is_as_published():
    # p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") of R
    np.testing.assert_allclose(
        holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02]
    )


def test_corrected_p_values_are_never_above_one_nor_out_of_order():
    p_values = np.array([0.9, 0.3, 0.8, 0.01])
    corrected = holm(p_values)
    np.testing.assert_allclose(corrected, [1, 0.9, 1, 0.04])
    assert holm(np.array([])).shape == (0,)


def test_a_duel_is_decided_by_these_statistics():
    rng = np.random.default_rng(0)
    meta, plain = rng.normal(size=(2, 12))
    duel = Duel(5, "maml", "ridge", np.arange(12), meta, plain)
    assert duel.half_width == pytest.approx(student_half_width(meta - plain))
    assert duel.p_value == pytest.approx(wilcoxon_p_value(meta - plain))
    tied = Duel(
        5, "maml", "ridge", np.arange(12), 0.3 - 0.0 * meta, 0.1 + 0.2 * meta**0
    )
    assert tied.p_value == 1.0
    assert tied.n_won == tied.n_lost == 0
