"""Bounds of scores: by hand, by simulation, and for sizes that were not tried."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

from skmeta.estimators.calibration import (
    Calibration,
    Misfits,
    TrainingRows,
    check_coverage,
    least_tasks,
)
from skmeta.exceptions import LoadError


def known(*scores, size=1, weight=None):
    """Make a calibration of tasks with so many scores each."""
    score = np.concatenate([np.asarray(own, dtype=float) for own in scores])
    task = np.repeat(np.arange(len(scores)), [len(own) for own in scores])
    weight = np.ones(len(score)) if weight is None else np.asarray(weight, dtype=float)
    return Misfits(np.full(len(score), size), score, task, weight)


def joined(*parts):
    return Misfits(*map(np.concatenate, zip(*parts, strict=True)))


def bound(misfits, coverage, size=1):
    return Calibration().learn(misfits).bounds(np.array([size]), coverage)[0][0]


def test_the_bound_is_the_quantile_that_a_further_task_leaves():
    each = known(*([float(k)] for k in range(1, 20)))  # 19 tasks of a row
    assert bound(each, 0.5) == 10  # the tenth of twenty
    assert bound(each, 0.9) == 18
    assert bound(each, 0.95) == 19
    assert bound(each, 0.96) == np.inf


def test_all_tasks_count_the_same_however_many_rows_they_have():
    one, many = [[1.0]] * 9, [[2.0] * 50, [2.0]]
    # Nine of eleven tasks, with one more to come: 9 / 12 is 0.75.
    assert bound(known(*one, *many), 0.75) == 1
    assert bound(known(*one, *many), 0.76) == 2


def test_rows_count_inside_their_task_by_their_weight():
    scores = [[0.0, 1.0]] * 3
    assert bound(known(*scores, weight=[3, 1] * 3), 0.5) == 0
    assert bound(known(*scores, weight=[1, 3] * 3), 0.5) == 1


def test_few_tasks_bound_nothing():
    for n_tasks in range(1, 9):
        assert bound(known(*([1.0] for _ in range(n_tasks))), 0.9) == np.inf
    assert bound(known(*([1.0] for _ in range(9))), 0.9) == 1
    assert [least_tasks(c) for c in (0.9, 0.8, 0.99, 0.01)] == [9, 4, 99, 1]


@pytest.mark.parametrize("n_tasks", [12, 40])
@pytest.mark.parametrize("coverage", [0.5, 0.9])
def test_a_row_of_a_new_task_is_covered_as_often_as_was_asked(n_tasks, coverage):
    """Tasks of several sizes whose rows have much in common; 3,000 draws."""
    rng = np.random.default_rng(0)
    hits = []
    for _ in range(3000):
        level = rng.exponential(size=n_tasks + 1)
        sizes = rng.integers(1, 6, size=n_tasks + 1)
        tasks = [
            own * rng.exponential(size=size)
            for own, size in zip(level, sizes, strict=True)
        ]
        hits.append(tasks[-1][0] <= bound(known(*tasks[:-1]), coverage))
    off = 3 * np.sqrt(coverage * (1 - coverage) / len(hits))
    assert coverage - off < np.mean(hits) < coverage + 1.5 / n_tasks + off


def test_many_scores_are_thinned_to_bounds_that_are_not_lower():
    rng = np.random.default_rng(0)
    misfits = known(*rng.exponential(size=(500, 40)))
    calibration = Calibration().learn(misfits)
    assert len(calibration.scores[0]) <= 1000
    for coverage in (0.5, 0.9, 0.99):
        exact = np.quantile(misfits.score, coverage * 501 / 500, method="higher")
        [found], _ = calibration.bounds(np.array([1]), coverage)
        assert exact <= found < exact * 1.02


# Sizes ------------------------------------------------------------------------------

WIDER = joined(*(known(*[[s]] * 20, size=n) for n, s in ((0, 9), (1, 4), (4, 2))))


@pytest.mark.parametrize(
    ("size", "expected"), [(0, 9), (1, 4), (2, 4), (3.5, 4), (4, 2)]
)
def test_between_two_sizes_the_larger_bound_holds(size, expected):
    bounds, is_promised = Calibration().learn(WIDER).bounds(np.array([size]), 0.9)
    assert (bounds, is_promised) == (expected, True)


def test_beyond_all_sizes_the_last_bound_is_taken_and_nothing_promised():
    bounds, is_promised = Calibration().learn(WIDER).bounds(np.array([5, 4]), 0.9)
    assert bounds.tolist() == [2, 2]
    assert is_promised.tolist() == [False, True]


def test_sizes_that_few_tasks_tell_of_are_left_out():
    calibration = Calibration().learn(joined(WIDER, known(*[[0.1]] * 8, size=6)))
    assert calibration.largest(0.9) == 4
    assert calibration.largest(0.8) == 6
    assert calibration.bounds(np.array([6]), 0.9) == (2, False)
    assert calibration.bounds(np.array([6]), 0.8)[0] == 0.1


def test_answers_without_rows_tell_nothing_of_those_with_some():
    calibration = Calibration().learn(known(*[[1.0]] * 20, size=0))
    bounds, _ = calibration.bounds(np.array([0, 1]), 0.9)
    assert bounds.tolist() == [1, np.inf]


# What coverage is -------------------------------------------------------------------


@pytest.mark.parametrize(
    "coverage", [0, 1, 0.0, 1.0, -0.1, 90, "0.9", None, True, np.nan, [0.9]]
)
def test_what_is_no_coverage_is_refused(coverage):
    with pytest.raises(ValueError, match="a number above 0 and below 1"):
        check_coverage(coverage)


# Files, pickles and copies ------------------------------------------------------------


def test_pickles_know_the_scores_and_not_the_rows():
    calibration = Calibration(TrainingRows(np.ones((3, 2)), np.ones(3))).learn(WIDER)
    again = pickle.loads(pickle.dumps(calibration))
    assert again.training is None
    assert again.bounds(np.array([3]), 0.9) == calibration.bounds(np.array([3]), 0.9)


@pytest.mark.parametrize("kind", ["array", "frame", "list", "words"])
def test_rows_that_are_kept_are_copies(kind):
    """And of many it is told whether they are still the same."""
    X, groups = np.arange(12.0).reshape(6, 2), np.array([*"aabbcc"])
    if kind == "frame":
        X = pd.DataFrame(X)
    elif kind == "list":
        X = X.tolist()
    elif kind == "words":
        groups = groups.astype(object)
    before = copy.deepcopy(X)
    rows = TrainingRows(X, np.ones(6), groups)
    kept = rows.kept(Ridge())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("skmeta.estimators.calibration._MOST_COPIED", 1)
        patch.setattr("skmeta.estimators.calibration._AT_ONCE", 4)
        many = rows.kept(Ridge())
    assert many.X is X
    assert not many.have_changed
    if kind == "frame":
        X.iloc[5, 1] = 0.0
    elif kind == "words":
        groups[5] = "d"
    else:
        X[5][1] = 0.0
    assert many.have_changed
    np.testing.assert_array_equal(kept.X, before)
    assert [*kept.groups] == [*"aabbcc"]
    assert not kept.have_changed


def test_deep_copies_share_the_rows():
    calibration = Calibration(TrainingRows(np.ones((3, 2)), np.ones(3)))
    again = copy.deepcopy(calibration)
    assert again.training is calibration.training
    again.learn(WIDER)
    assert not calibration.is_ready


def test_parts_make_the_same_again():
    calibration = Calibration().learn(WIDER)
    again = Calibration.of_parts(calibration.parts())
    for size in (0, 2, 9):
        at = np.array([size])
        assert again.bounds(at, 0.9) == calibration.bounds(at, 0.9)


@pytest.mark.parametrize(
    "change",
    [
        {"sizes": np.array([0, 1])},
        {"sizes": np.array([1, 0, 4])},
        {"sizes": np.array([0.0, 1.0, 4.0])},
        {"n_tasks": np.array([1, 2, -3])},
        {"scores": [np.array([1.0])] * 2},
        {"scores": [np.array([np.nan])] * 3},
        {"scores": [np.empty(0)] * 3},
        {"levels": [np.array([np.inf])] * 3},
        {"levels": [None] * 3},
    ],
    ids=str,
)
def test_parts_that_do_not_fit_together_are_refused(change):
    parts = Calibration().learn(WIDER).parts()
    with pytest.raises(LoadError):
        Calibration.of_parts(parts | change)
