"""Randomness by a seed of one's own leaves everybody else's alone."""

import pickle

import numpy as np
import pytest
import torch

from skmeta.utils.random import generator, seeded


def same(one, other):
    return np.array_equal(one.random(8), other.random(8))


def test_a_number_is_a_seed():
    assert same(generator(3), np.random.default_rng(3))
    assert not same(generator(3), generator(4))


def test_a_random_state_is_drawn_from_and_goes_on():
    state, again = np.random.RandomState(0), np.random.RandomState(0)
    drawn = [generator(state).random(8) for _ in range(2)]
    np.testing.assert_array_equal([generator(again).random(8) for _ in range(2)], drawn)
    assert not np.array_equal(*drawn)


def test_none_is_the_default_or_a_fresh_seed_and_never_numpys_own():
    before = pickle.dumps(np.random.get_state())  # noqa: NPY002
    assert same(generator(None, default=7), np.random.default_rng(7))
    assert same(generator(None, default=0), np.random.default_rng(0))
    assert not same(generator(None), generator(None))
    assert pickle.dumps(np.random.get_state()) == before  # noqa: NPY002


def test_a_seed_goes_before_the_default():
    assert same(generator(0, default=7), np.random.default_rng(0))


def draws(seed):
    with seeded(seed, "cpu"):
        return torch.rand(8)


def test_a_block_draws_by_its_seed():
    assert torch.equal(draws(1), draws(1))
    assert not torch.equal(draws(1), draws(2))


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_torchs_generator_is_after_a_block_where_it_was_before(error):
    before = torch.get_rng_state()
    draws(0)
    assert torch.equal(torch.get_rng_state(), before)

    def fail():
        with seeded(0, "cpu"):
            torch.rand(8)
            raise error

    with pytest.raises(error):
        fail()
    assert torch.equal(torch.get_rng_state(), before)
