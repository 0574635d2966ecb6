"""A value is pickled once and opened once, however many calls it goes with."""

import pickle
import sys

import numpy as np

from skmeta.utils import sending
from skmeta.utils.sending import Sent


class Counted:
    """Counts how often it is pickled and unpickled."""

    pickled = opened = 0

    def __reduce__(self):
        Counted.pickled += 1
        return _open_counted, ()


def _open_counted():
    Counted.opened += 1
    return Counted()


def test_a_value_is_pickled_and_opened_once(monkeypatch):
    monkeypatch.setattr(Counted, "pickled", 0)
    monkeypatch.setattr(Counted, "opened", 0)
    sent = Sent([Counted(), "pickled once"])
    arrived = [pickle.loads(pickle.dumps(sent)) for _ in range(3)]
    values = [each.open() for each in arrived]
    assert (Counted.pickled, Counted.opened) == (1, 1)
    assert all(value is values[0] for value in values)


def test_it_is_what_it_was_here_and_goes_on_from_there():
    value = {"weights": np.arange(3)}
    sent = Sent(value)
    assert sent.open() is value
    there = sent.detached()
    assert there.open() is not value
    further = pickle.loads(pickle.dumps(there))
    assert further.checksum == sent.checksum
    assert further.open() is there.open()


def test_it_says_how_large_it_is():
    large = Sent(np.zeros(10_000))
    assert sys.getsizeof(large) > 80_000


def test_a_process_keeps_the_last_few_open():
    arrived = [Sent(f"value {number}").detached() for number in range(9)]
    first = arrived[0].open()
    for each in arrived[1:]:
        each.open()
    assert len(sending._open) <= 4
    assert arrived[0].open() == first  # opened again
