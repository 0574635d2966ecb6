"""The score of unknown rows, by its equations."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from skmeta.engine.landmarks import CLUES
from skmeta.engine.rejection import Rejection

N = 2000
UNITS = {
    "embedding": 1.0,
    "features": np.ones(3, np.float32),
    "whitening": np.ones(3, np.float32),
}


def told(seed=0):
    """Clues of known and unknown rows: one tells well, one a little, others nothing."""
    rng = np.random.default_rng(seed)
    clues = rng.normal(size=(N, len(CLUES)))
    is_known = rng.random(N) < 0.5
    size = rng.choice([1, 5], size=N)
    clues[:, 1] += 3 * ~is_known
    clues[:, 2] += 2 * ~is_known
    clues += 10 / size[:, np.newaxis]  # fewer rows, farther from all
    return clues, size, rng.integers(2, size=N), is_known, np.zeros(N)


@pytest.fixture(scope="module")
def learnt():
    return Rejection.learn(UNITS, *told())


def test_clues_count_by_the_cube_of_what_they_tell(learnt):
    clues, size, part, is_known, _ = told()
    areas = [
        [roc_auc_score(~is_known[own], column) for column in clues[own].T]
        for own in (
            (size == each) & (part == other) for each in (1, 5) for other in (0, 1)
        )
    ]
    tells = np.maximum(norm.ppf(np.mean(areas, axis=0)), 0)
    expected = np.where(tells >= 0.6 * tells.max(), tells, 0) ** 3
    np.testing.assert_allclose(learnt.aurocs, np.mean(areas, axis=0))
    np.testing.assert_allclose(learnt.weights, expected / expected.sum())
    assert learnt.weights[1] > 2 * learnt.weights[2] > 0
    assert (learnt.weights[[0, 3, 4]] == 0).all()


def test_a_score_is_the_share_of_known_rows_below_it(learnt):
    clues, size, _, is_known, beyond = told()
    scores = learnt.shares(clues, size, beyond)
    for each in (1, 5):
        known = scores[is_known & (size == each)]
        for share in (0.05, 0.5, 0.9, 0.95):
            np.testing.assert_allclose(np.mean(known <= share), share, atol=0.005)
    new, size, _, is_known, beyond = told(seed=1)
    scores = learnt.shares(new, size, beyond)
    assert abs(np.mean(scores[is_known] <= 0.95) - 0.95) < 0.02
    assert roc_auc_score(~is_known, scores) > 0.95


def test_scores_rise_with_the_clues_also_beyond_all_that_was_seen(learnt):
    at = np.linspace(-15, 15, 200)
    clues = np.full((200, len(CLUES)), 2.0)
    clues[:, 1] = at
    scores = learnt.shares(clues, np.full(200, 5), np.zeros(200))
    assert (np.diff(scores) >= 0).all()
    assert (np.diff(scores[scores < 1 - 1e-12]) > 0).all()
    assert 0 < scores[0] < scores[-1] <= 1


def test_between_numbers_of_rows_scores_are_between(learnt):
    clues = np.full((1, len(CLUES)), 4.0)
    at = [
        learnt.shares(clues, np.array([size]), np.zeros(1))[0]
        for size in (0, 1, 2, 3, 5, 50)
    ]
    assert at[0] == at[1] < at[2] < at[3] < at[4] == at[5]


def test_a_row_far_outside_is_rejected_for_sure(learnt):
    usual = np.full((3, len(CLUES)), 2.0)
    usual[1, CLUES.index("class by features")] = 20.0
    scores = learnt.shares(usual, np.full(3, 5), np.array([0.0, 0.0, 1.5]))
    assert scores[0] < 0.9
    assert (scores[1:] == 1).all()


def test_nothing_to_tell_by_leaves_distances(learnt):
    clues, size, part, _, beyond = told()
    known = np.ones(N, dtype=bool)
    without = Rejection.learn(UNITS, clues, size, part, known, beyond)
    np.testing.assert_array_equal(without.aurocs, 0.5)
    np.testing.assert_allclose(without.weights, [0, 0.25, 0.25, 0.25, 0.25])


def test_odds_that_a_task_of_one_class_lacks_say_nothing(learnt):
    clues = np.full((2, len(CLUES)), 2.0)
    clues[1, 0] = -np.inf
    clues[0, 0] = learnt.center[-1, 0]
    scores = learnt.shares(clues, np.full(2, 5), np.zeros(2))
    assert scores[0] == scores[1]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("weights", np.ones(2)),
        ("levels", np.full((2, 199), np.nan)),
        ("spread", np.zeros((2, len(CLUES)))),
        ("sizes", np.array([5, 1])),
        ("beyond", "far"),
        ("units", {"embedding": 1.0}),
    ],
)
def test_forged_numbers_do_not_fit(learnt, name, value):
    assert learnt.fits(3, 0)
    assert not learnt.fits(4, 0)
    assert not learnt.fits(3, 2)
    assert not Rejection(**vars(learnt) | {name: value}).fits(3, 0)
