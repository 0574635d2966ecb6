"""Values and how sure they are, in the unit of the targets."""

import numpy as np
import pytest

from skmeta import FewShotRegressor
from tests.quick import TASK, X, Y, regressor


def test_deviations_have_the_unit_of_the_targets():
    meta = regressor(algorithm="cnp")
    answers = []
    for unit, level in [(1.0, 0.0), (100.0, 7.0)]:
        meta.fit(X, unit * Y + level, groups=TASK)
        meta.adapt(X[:5], unit * Y[:5] + level)
        values, deviations = meta.predict(X, return_std=True)
        np.testing.assert_array_equal(values, meta.predict(X))
        assert deviations.shape == values.shape == (len(X),)
        assert (deviations > 0).all()
        answers.append(((values - level) / unit, deviations / unit))
    np.testing.assert_allclose(*answers, rtol=1e-3, atol=1e-4)
    # New targets are somewhere there: neither far away nor known exactly.
    assert 0.05 * Y.std() < deviations.mean() / 100 < 5 * Y.std()


def test_each_row_has_the_deviation_of_its_own_task():
    meta = regressor(algorithm="cnp").fit(X, Y, groups=TASK)
    few = np.arange(len(X)) % 12 < 5
    asked, task = X[:4], np.array([3, 1, 3, 0])
    meta.adapt(X[few], Y[few], groups=TASK[few])
    _, together = meta.predict(asked, groups=task, return_std=True)
    for row, own in enumerate(task):
        rows = few & (own == TASK)
        meta.adapt(X[rows], Y[rows])
        _, alone = meta.predict(asked[[row]], return_std=True)
        assert together[row] == pytest.approx(alone[0], rel=1e-5)


def test_an_algorithm_without_deviations_says_so():
    meta = regressor().fit(X, Y, groups=TASK).adapt(X[:5], Y[:5])
    with pytest.raises(ValueError, match=r"ANIL\(\) predicts values without standard"):
        meta.predict(X, return_std=True)


def test_an_ordinary_regressor_over_it_learns_one_task():
    meta = regressor().fit(X, Y, groups=TASK)
    few_shot = meta.as_regressor()
    assert isinstance(few_shot, FewShotRegressor)
    assert few_shot.meta is meta
    np.testing.assert_array_equal(
        few_shot.fit(X[:5], Y[:5]).predict(X), meta.adapt(X[:5], Y[:5]).predict(X)
    )
