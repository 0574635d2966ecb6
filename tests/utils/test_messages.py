"""Values, counts and lists in words, and warnings that name the user's line."""

import numpy as np

from skmeta.utils.messages import count, listed, show


def test_words():
    assert count(1, "task") == "1 task"
    assert count(1200, "class", "classes") == "1,200 classes"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed(["a"]) == "a"


def test_a_long_list_of_values_is_cut_short():
    assert show(np.arange(3)) == "[0, 1, 2]"
    assert show(np.arange(99), most=2) == "[0, 1, ...]"
