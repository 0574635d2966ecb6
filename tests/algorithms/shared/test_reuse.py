"""What is computed once, and for how long."""

import torch

from skmeta.algorithms.shared.reuse import once, reusing


def counting():
    calls = []

    def double(x, factor=2.0):
        calls.append(factor)
        return factor * x

    return double, calls


def test_a_call_is_made_once_inside_the_block_and_anew_elsewhere():
    double, calls = counting()
    x = torch.ones(3)
    with reusing():
        assert once(double, x) is once(double, x)
    assert len(calls) == 1
    once(double, x)
    with reusing():
        once(double, x)
    assert len(calls) == 3


def test_other_arguments_have_results_of_their_own():
    double, calls = counting()
    x = torch.ones(3)
    with reusing():
        once(double, x)
        once(double, x.clone())
        assert once(double, x, 3.0).tolist() == [3.0] * 3
        assert once(double, x, factor=3.0).tolist() == [3.0] * 3
        once(double, x, 3.0)
        assert once(counting()[0], x).tolist() == [2.0] * 3
        once(double, x, 1), once(double, x, 1.0)
    assert calls == [2.0, 2.0, 3.0, 3.0, 1, 1.0]


def test_arguments_that_are_gone_are_not_taken_for_new_ones():
    double, calls = counting()
    with reusing():
        for n in range(20):  # without their owner, ids would come again
            assert once(double, torch.full((3,), float(n))).tolist() == [2.0 * n] * 3
    assert len(calls) == 20
