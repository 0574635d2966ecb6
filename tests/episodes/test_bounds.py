"""What is beyond the range of the training comes nearer; all else is left alone."""

import numpy as np
import pytest

from skmeta.episodes.bounds import Bounds
from skmeta.episodes.table import Table

BOUNDS = Bounds(np.array([-2.0, 0.0]), np.array([3.0, 1.0]), room=3.0)


def test_numbers_within_the_range_stay_to_the_last_bit():
    values = np.random.default_rng(0).uniform([-2, 0], [3, 1], size=(50, 2))
    assert BOUNDS.clip(values) is values
    mixed = np.concatenate([values, [[1e9, 0.5]]])
    np.testing.assert_array_equal(BOUNDS.clip(mixed)[:50], values)


def test_beyond_it_they_rise_on_and_on_but_never_by_more_than_the_room():
    x = np.column_stack([np.linspace(3, 50, 200), np.full(200, 0.5)])
    clipped = BOUNDS.clip(x)[:, 0]
    assert (np.diff(clipped[:100]) > 0).all()
    assert clipped.max() <= 6.0
    assert BOUNDS.clip(np.array([[3.1, 0.5]]))[0, 0] == pytest.approx(3.1, abs=1e-3)
    assert BOUNDS.clip(np.array([[-1e30, 0.5]]))[0, 0] == -5.0


def test_far_is_what_is_more_than_a_distance_beyond():
    values = np.array([[3.0, 1.0], [3.9, 1.9], [4.1, 0.5], [-3.1, 0.5]])
    expected = [[False, False], [False, False], [True, False], [True, False]]
    np.testing.assert_array_equal(BOUNDS.is_far(values, 1.0), expected)


def test_squashed_features_stay_below_a_size_and_are_hardly_changed_near_zero():
    X = np.array([[0.01], [3.0], [1e9]])
    row, mask = np.arange(3)[np.newaxis], np.ones((1, 3), dtype=bool)
    squashed = Table(X, squash=3.0).features(row, mask)[0, :, 0].numpy()
    np.testing.assert_allclose(squashed, [0.01, 3 / np.sqrt(2), 3.0], rtol=1e-5)


def test_answers_are_cut_off_where_targets_cannot_come():
    values = np.array([[-9.0, -9.0], [-4.5, -2.5], [0.0, 0.5], [5.5, 3.5], [9.0, 9.0]])
    expected = [[-5.0, -3.0], [-4.5, -2.5], [0.0, 0.5], [5.5, 3.5], [6.0, 4.0]]
    assert BOUNDS.limit(values).tolist() == expected
    far = np.array([[-1e9, 1e9]])
    np.testing.assert_allclose(BOUNDS.limit(far), BOUNDS.clip(far))


def test_single_precision_is_compared_with_the_ends_as_they_are():
    """Between two of its numbers, and just on one of them."""
    one, next_one = np.float32(1.0), np.nextafter(np.float32(1.0), np.float32(2.0))
    values = np.array([[-next_one], [-one], [one], [next_one]])
    for end, expected in [
        (1.0 - 1e-12, [True, True, True, True]),
        (1.0, [True, False, False, True]),
        (1.0 + 1e-12, [True, False, False, True]),
        (1e300, [False] * 4),
    ]:
        bounds = Bounds(np.array([-end]), np.array([end]), 1.0)
        assert bounds.is_far(values, 0.0)[:, 0].tolist() == expected
        assert bounds.are_rows_far(values, 0.0).tolist() == expected


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_values_beyond_are_found_wherever_they_are_and_beside_missing_ones(dtype):
    rng = np.random.default_rng(0)
    values = (3 * rng.normal(size=(5, 31, 2))).astype(dtype)  # more than are one
    values[2, 2, 0] = values[-1, -1, 0] = 50
    if dtype != np.int64:
        values[0, 0, 0] = values[-1, 0, 0] = np.nan  # 64 rows apart from that of 50
    beyond = (values < BOUNDS.low - 1.0) | (values > BOUNDS.high + 1.0)
    assert beyond[0].any()
    assert beyond[-1, -1].any()
    np.testing.assert_array_equal(BOUNDS.is_far(values, 1.0), beyond)
    flat = values.reshape(-1, 2)
    rows = beyond.reshape(-1, 2).any(axis=1)
    assert BOUNDS.are_rows_far(flat, 1.0).tolist() == rows.tolist()
    assert not BOUNDS.is_far(values[:0], 1.0).size
