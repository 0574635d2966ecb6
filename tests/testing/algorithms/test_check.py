"""The check of algorithms: its results, its cases and what it refuses."""

import pickle
import random

import numpy as np
import pytest
import torch

from skmeta.algorithms import MAML, ProtoNet
from skmeta.testing import check_algorithm, parametrize_with_algorithm_checks
from skmeta.testing.algorithms.laws import ALGORITHM_LAWS


class DrawsAtRandom(ProtoNet):
    def adapt(self, module, support):
        torch.rand(3)
        return super().adapt(module, support)


def test_results_cover_what_the_algorithm_declares():
    results = check_algorithm("protonet")
    assert {result.law for result in results} == {law.name for law in ALGORITHM_LAWS}
    assert {result.case for result in results} == {
        "classifier, shared",
        "classifier, per_task",
        "classifier, shared, with a prior",
    }
    assert all(result.exception is None for result in results)
    assert str(results[0]) == "passed  outputs_fit_the_task (classifier, shared)"


def test_regression_is_tried_where_it_is_declared():
    results = check_algorithm(MAML(inner_steps=2), on_fail=None)
    assert {result.case for result in results} == {
        "classifier, shared",
        "classifier, per_task",
        "regressor",
        "classifier, shared, with a prior",
        "regressor, with a prior",
    }


def test_checks_leave_the_random_state_as_it_was():
    def state():
        of_numpy = np.random.get_state()  # noqa: NPY002
        return pickle.dumps((torch.get_rng_state().tolist(), of_numpy))

    before = state(), random.getstate()
    check_algorithm(DrawsAtRandom())
    assert (state(), random.getstate()) == before


def test_a_class_in_place_of_an_instance_is_refused():
    with pytest.raises(TypeError, match=r"ProtoNet\(\)"):
        check_algorithm(ProtoNet)
    with pytest.raises(TypeError, match=r"ProtoNet\(\)"):
        parametrize_with_algorithm_checks([ProtoNet])


@pytest.mark.parametrize("kinds", [(), ("classification",), "classifier"])
def test_kinds_that_do_not_exist_are_refused(kinds):
    algorithm = ProtoNet()
    algorithm.kinds = kinds
    with pytest.raises(ValueError, match=r"kinds of ProtoNet\(\) must be"):
        check_algorithm(algorithm)
