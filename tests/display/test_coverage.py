"""Coverage found: counted by task, for intervals and sets, and what is drawn."""

import matplotlib as mpl
import numpy as np
import pytest
from scipy.stats import binom
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmeta.display import CoverageDisplay
from tests.quick import TASK, X, Y, classifier, regressor

mpl.use("Agg")
pytestmark = pytest.mark.filterwarnings("ignore:Meta-learning does not help")


@pytest.fixture(scope="module")
def meta():
    old = TASK < 15
    return regressor().fit(X[old], Y[old], groups=TASK[old])


def test_tasks_count_the_same_whatever_their_rows():
    display = CoverageDisplay.from_predictions(
        [1.0, 1, 1, 1],
        [([0, 2, 0, 0], [2, 3, 2, 2]), ([9] * 4, [10] * 4)],
        ["a", "a", "a", "b"],
        coverages=[0.9, 0.5],
        plot=False,
    )
    np.testing.assert_allclose(display.found, [[2 / 3, 1], [0, 0]])
    np.testing.assert_allclose(display.coverage, [5 / 6, 0])


def test_labels_that_no_column_has_are_not_covered():
    sets = np.ones((4, 2), dtype=bool)
    display = CoverageDisplay.from_predictions(
        ["a", "b", "c", "d"], [sets], [0, 1, 2, 3], coverages=[0.9], classes=["a", "c"]
    )
    assert display.found.tolist() == [[1, 0, 1, 0]]


def test_the_band_is_what_rows_of_so_many_tasks_show():
    display = CoverageDisplay(np.array([0.5, 0.9]), np.zeros((2, 40)))
    for end, level in ((display.low, 0.025), (display.high, 0.975)):
        np.testing.assert_allclose(end * 40, binom.ppf(level, 40, [0.5, 0.9]))


@pytest.mark.parametrize("n_shot", [0, 4])
def test_new_tasks_are_adapted_to_and_the_current_one_stays(meta, n_shot):
    new = TASK >= 15
    meta.calibrate(X[new], Y[new], groups=TASK[new]).adapt(X[:4], Y[:4])
    before = meta.predict(X[4:9])
    display = CoverageDisplay.from_estimator(
        meta, X[new], Y[new], TASK[new], n_shot=n_shot, coverages=[0.9, 0.2]
    )
    assert np.array_equal(meta.predict(X[4:9]), before)
    assert display.found.shape == (2, 15)
    assert display.coverage[0] > display.coverage[1]
    x, y = display.line_.get_data()
    assert x.tolist() == [0.2, 0.9]
    np.testing.assert_array_equal(y, display.coverage[::-1])
    assert display.figure_ is display.ax_.figure


def test_classifiers_in_pipelines_are_shown():
    scaler = StandardScaler().fit(X)
    meta = classifier("cnp").fit(scaler.transform(X), Y > 0, groups=TASK)
    meta.calibrate(scaler.transform(X), Y > 0, groups=TASK + 30)
    display = CoverageDisplay.from_estimator(
        make_pipeline(scaler, meta), X, Y > 0, TASK, coverages=[0.7], plot=False
    )
    assert 0.6 < display.coverage[0] < 0.95  # of the tasks it was calibrated by


def test_rows_without_a_target_are_not_uncovered(meta):
    known = np.arange(len(Y)) % 3 > 0
    some = np.where(known, Y, np.nan)
    found = [
        CoverageDisplay.from_estimator(meta, *table, coverages=[0.8], plot=False).found
        for table in ((X, some, TASK), (X[known], Y[known], TASK[known]))
    ]
    np.testing.assert_array_equal(*found)


def test_tasks_without_other_rows_are_no_tasks(meta):
    with pytest.raises(ValueError, match="No task has more than n_shot=12 rows"):
        CoverageDisplay.from_estimator(meta, X, Y, TASK, n_shot=12)
    with pytest.raises(ValueError, match="There are answers to 1 coverages, and 2"):
        CoverageDisplay.from_predictions(Y, [(Y, Y)], TASK, coverages=[0.1, 0.2])
