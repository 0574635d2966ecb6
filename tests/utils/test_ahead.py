"""Items come in their order, one of them is made ahead, and errors in their turn."""

import threading

import pytest
import sklearn

from skmeta.utils.ahead import one_ahead


def test_one_item_is_made_while_the_one_before_it_is_used():
    made = [threading.Event() for _ in range(3)]

    def make():
        for number, each in enumerate(made):
            each.set()
            yield number

    items = one_ahead(make())
    assert next(items) == 0
    assert made[1].wait(timeout=60)  # without being asked for
    assert list(items) == [1, 2]


def test_an_error_comes_when_it_is_the_turn_of_its_item():
    def fail():
        yield 1
        raise OSError("gone")

    items = one_ahead(fail())
    assert next(items) == 1
    with pytest.raises(OSError, match="gone"):
        next(items)


def test_the_other_thread_has_the_configuration_of_this_one():
    with sklearn.config_context(transform_output="pandas"):
        items = one_ahead(sklearn.get_config()["transform_output"] for _ in range(2))
        assert list(items) == ["pandas"] * 2
    assert sklearn.get_config()["transform_output"] == "default"
