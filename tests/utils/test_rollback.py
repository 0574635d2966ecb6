"""What fails changes nothing that was learnt before it."""

import pytest
from sklearn.base import BaseEstimator

from skmeta.utils.rollback import kept_on_failure


class Learner(BaseEstimator):
    def __init__(self, lr=0.1):
        self.lr = lr


def relearn(meta, error):
    with kept_on_failure(meta):
        meta.weights_, meta.history_ = [2], [1, 2]
        del meta.old_
        if error is not None:
            raise error


@pytest.fixture
def meta():
    meta = Learner(lr=0.5)
    meta.weights_, meta.old_ = [1], "old"
    return meta


def test_a_change_that_succeeds_stays(meta):
    relearn(meta, None)
    assert vars(meta) == {"lr": 0.5, "weights_": [2], "history_": [1, 2]}


@pytest.mark.parametrize(
    "error", [ValueError("diverged"), MemoryError(), KeyboardInterrupt()]
)
def test_a_change_that_fails_is_taken_back_and_its_error_goes_on(meta, error):
    weights = meta.weights_
    with pytest.raises(type(error)) as raised:
        relearn(meta, error)
    assert raised.value is error
    assert vars(meta) == {"lr": 0.5, "weights_": [1], "old_": "old"}
    assert meta.weights_ is weights
