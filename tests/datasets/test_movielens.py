"""No rating that is to be predicted enters the features of MovieLens."""

import numpy as np
import pytest

from skmeta.datasets import _movielens, load_movielens


@pytest.fixture
def flip(monkeypatch):
    """Load the data as if some users had liked what they did not, and the reverse."""
    ratings = _movielens._read_ratings()

    def load(users):
        flipped = ratings.copy()
        own = flipped.user.isin(users)
        flipped.loc[own, "rating"] = 5.5 - flipped.rating[own]
        flipped["like"] = (flipped.rating >= 4).astype(int)
        monkeypatch.setattr(_movielens, "_read_ratings", flipped.copy)
        return load_movielens()

    return load


def test_no_rating_of_a_new_user_enters_the_features(flip):
    data = load_movielens()
    flipped = flip(data.groups_test.unique())
    assert not data.y_test.equals(flipped.y_test)
    assert data.X_train.equals(flipped.X_train)
    assert data.X_test.equals(flipped.X_test)


def test_no_rating_of_a_training_user_enters_the_users_own_features(flip):
    data = load_movielens()
    user = data.groups_train.iloc[0]
    flipped, own = flip([user]), data.groups_train == user
    assert not data.y_train[own].equals(flipped.y_train[own])
    np.testing.assert_allclose(data.X_train[own], flipped.X_train[own], atol=2e-3)
    assert not data.X_test.equals(flipped.X_test)  # but it tells new users of films
