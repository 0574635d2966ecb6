"""Weights of a file are those of the module that it asks for, or are refused."""

import pytest
import torch
from torch import nn

from skmeta import LoadError
from skmeta.saving.weights import check_weights


class Module(nn.Module):
    def __init__(self, width=3):
        super().__init__()
        self.linear = nn.Linear(2, width)
        self.register_buffer("mask", torch.tensor([0.0, -torch.inf]))


def weights(**changed):
    return Module().state_dict() | {k.replace("__", "."): v for k, v in changed.items()}


def test_weights_of_the_module_are_taken_and_buffers_may_be_infinite():
    check_weights(Module, weights())


@pytest.mark.parametrize(
    "wrong", [None, [], [torch.zeros(1)], {"mask": 1.0}, weights(linear__bias=[1.0])]
)
def test_what_are_no_tensors_by_name_are_no_weights(wrong):
    with pytest.raises(LoadError, match="Its weights are none"):
        check_weights(Module, wrong)


def test_other_weights_are_named():
    fewer = weights()
    del fewer["linear.bias"]
    for wrong, named in [
        (fewer, r"\['linear.bias'\]"),
        (weights(more=torch.zeros(1)), r"\['more'\]"),
        (weights(linear__bias=torch.zeros(4)), r"\['linear.bias'\]"),
        ({}, r"\['linear.bias', 'linear.weight', 'mask'\]"),
    ]:
        with pytest.raises(LoadError, match=f"of another network, by {named}"):
            check_weights(Module, wrong)


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_learnt_weights_are_finite(value):
    wrong = weights(linear__bias=torch.tensor([0.0, value, 0.0]))
    with pytest.raises(LoadError, match=r"'linear\.bias' are not finite"):
        check_weights(Module, wrong)
    with pytest.raises(LoadError, match="'mask' are not finite"):
        check_weights(Module, weights(mask=torch.tensor([0.0, torch.nan])))


def test_a_module_much_larger_than_its_weights_is_not_made():
    made = []

    def build():
        made.append(Module(width=10**7))
        return made[0]

    with pytest.raises(LoadError, match="a network that its weights do not fill"):
        check_weights(build, weights())
    assert not made


def test_a_module_that_never_ends_is_not_made():
    def build():
        return nn.Sequential(*(nn.Linear(1, 1) for _ in range(10**6)))

    with pytest.raises(LoadError, match="a network that its weights do not fill"):
        check_weights(build, weights())


def test_a_module_that_looks_at_its_weights_is_made_all_the_same():
    def build():
        module = Module()
        assert module.linear.weight.abs().max().item() > 0
        return module

    given, state = weights(), torch.get_rng_state()
    check_weights(build, given)
    assert torch.equal(torch.get_rng_state(), state)
