"""Randomness by a seed of one's own leaves everybody else's alone."""

import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from skmeta.backbones.dropout import Dropout
from skmeta.utils.random import (
    Generators,
    generator,
    generator_of,
    may_draw,
    seeded,
)


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


@pytest.mark.parametrize("seed", ["x", -1, 0.5, True, [1, 2], np.nan])
def test_what_is_no_seed_is_refused_by_name(seed):
    with pytest.raises(ValueError, match="random_state must be None, an integer"):
        generator(seed)


def test_none_is_the_default_or_a_fresh_seed_and_never_numpys_own():
    before = pickle.dumps(np.random.get_state())  # noqa: NPY002
    assert same(generator(None, default=7), np.random.default_rng(7))
    assert same(generator(None, default=0), np.random.default_rng(0))
    assert not same(generator(None), generator(None))
    assert pickle.dumps(np.random.get_state()) == before  # noqa: NPY002


def test_a_seed_goes_before_the_default():
    assert same(generator(0, default=7), np.random.default_rng(0))


def draws(seed):
    with seeded(seed):
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
        with seeded(0):
            torch.rand(8)
            raise error

    with pytest.raises(error):
        fail()
    assert torch.equal(torch.get_rng_state(), before)


DRAWS = {
    "a factory": lambda: torch.rand(5),
    "a factory of integers": lambda: torch.randint(9, (5,)),
    "an order": lambda: torch.randperm(9),
    "a shape of another": lambda: torch.rand_like(torch.zeros(5)),
    "in place": lambda: torch.zeros(5).exponential_(),
    "normal": lambda: torch.normal(torch.zeros(5), torch.ones(5)),
    "a start of weights": lambda: torch.nn.init.xavier_normal_(torch.empty(3, 2)),
    "dropout": lambda: torch.nn.functional.dropout(torch.ones(20), 0.5),
    "dropout of channels": lambda: torch.nn.Dropout2d(0.5)(torch.ones(1, 20, 1, 1)),
    "alpha dropout": lambda: torch.nn.AlphaDropout(0.5)(torch.ones(20)),
    "a leaky slope": lambda: torch.nn.RReLU()(-torch.ones(5)),
    "dropout of attention": lambda: torch.nn.functional.scaled_dot_product_attention(
        *torch.ones(3, 1, 1, 8, 4), dropout_p=0.5
    ),
    "dropout between recurrent layers": lambda: LSTM(torch.ones(1, 3, 4))[0] + 0,
    "by task": lambda: torch.func.vmap(
        lambda x: torch.nn.functional.dropout(x, 0.5), randomness="different"
    )(torch.ones(3, 20)),
}
LSTM = torch.nn.LSTM(4, 4, num_layers=2, dropout=0.5)


@pytest.mark.parametrize("name", DRAWS)
def test_whatever_draws_inside_a_block_draws_what_torch_would_by_that_seed(name):
    draw, before = DRAWS[name], torch.get_rng_state()
    with torch.random.fork_rng():
        torch.manual_seed(3)
        expected = draw(), draw()
    with seeded(3):
        drawn = draw(), draw()
    assert torch.equal(torch.get_rng_state(), before)
    for ours, theirs in zip(drawn, expected, strict=True):
        assert torch.equal(ours, theirs)
    assert not torch.equal(*drawn) or name == "a leaky slope"


@pytest.mark.parametrize("name", DRAWS)
def test_threads_draw_each_by_its_own_seed(name):
    draw = DRAWS[name]

    def draws(seed):
        with seeded(seed):
            together.wait()
            return torch.stack([draw() for _ in range(50)])

    together = threading.Barrier(1)
    alone = [draws(seed) for seed in range(3)]
    together = threading.Barrier(3, timeout=10)
    with ThreadPoolExecutor(3) as pool:
        beside = list(pool.map(draws, range(3)))
    assert all(map(torch.equal, alone, beside))


def test_a_block_inside_another_draws_by_its_own_seed_and_the_outer_one_goes_on():
    with seeded(1):
        expected = torch.rand(3), torch.rand(3)
    for options in ({}, {"borrow": True}):
        with seeded(1):
            first = torch.rand(3)
            with seeded(2, **options):
                inner = torch.rand(3)
            last = torch.rand(3)
        assert torch.equal(first, expected[0])
        assert torch.equal(last, expected[1])
        assert torch.equal(
            inner, torch.rand(3, generator=torch.Generator().manual_seed(2))
        )


def test_generators_go_on_where_they_were_in_another_block():
    generators = Generators(4)
    with seeded(4):
        expected = torch.rand(6)
    with seeded(generators):
        first = torch.rand(2)
    state = generators.get_state()
    with seeded(generators, borrow=True):
        second = torch.rand(2)
    with seeded(generators, watch=False):
        third = torch.rand(2, generator=generator_of("cpu"))
    assert torch.equal(torch.cat([first, second, third]), expected)
    again = Generators(0)
    again.set_state(state)
    with seeded(again):
        assert torch.equal(torch.rand(4), expected[2:])


def test_dropout_of_ours_needs_no_watching():
    layer, X = Dropout(0.5), torch.ones(200)
    with seeded(5, watch=False):
        unwatched = layer(X)
    with seeded(5):
        assert torch.equal(torch.nn.Dropout(0.5)(X), unwatched)
    with torch.random.fork_rng():
        assert 0 < (layer(X) == 0).sum() < 200  # outside of a block, by torch's own
    assert torch.equal(layer.eval()(X), X)


def test_a_generator_that_is_given_is_kept():
    with seeded(5):
        drawn = torch.rand(5, generator=of_seed(6))
    assert torch.equal(drawn, torch.rand(5, generator=of_seed(6)))


def of_seed(seed):
    return torch.Generator().manual_seed(seed)


class Net(torch.nn.Module):
    pass


@pytest.mark.parametrize(
    ("part", "may"),
    [
        (torch.nn.Linear(2, 2), False),
        (Dropout(0.5), False),
        (torch.nn.Dropout(0.5), True),
        (torch.nn.LSTM(2, 2), False),
        (LSTM, True),
        (Net(), True),
    ],
)
def test_only_what_may_draw_is_watched(part, may):
    assert may_draw([torch.nn.Linear(1, 1), part]) is may
