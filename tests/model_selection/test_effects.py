"""Effects of many tasks at once: the same by rows and by effects, in any company."""

import numpy as np
import pytest

from skmeta.model_selection._effects import class_effects, value_effects


def effects_of(design, target, task, n_tasks, variance):
    if target.ndim == 1:
        return value_effects(design, target, task, n_tasks, variance, noise=0.5)
    offset = np.zeros_like(target)
    return class_effects(design, offset, target, task, n_tasks, variance)


@pytest.fixture(params=["values", "classes"])
def case(request):
    rng = np.random.default_rng(0)
    # Fewer rows than effects, more, none at all, and so many that they stand apart.
    task = np.repeat([0, 1, 3, 4], [2, 9, 4, 60])
    design = rng.normal(size=(len(task), 4))
    variance = np.array([0.0, 0.2, 0.5, 1.0])
    target = rng.normal(size=len(task))
    if request.param == "classes":
        target = np.eye(3)[rng.integers(3, size=len(task))]
    return design, target, task, variance


def test_each_task_learns_as_it_would_alone(case):
    design, target, task, variance = case
    together = effects_of(design, target, task, 5, variance)
    assert not together[2].any()  # no row, no effect
    for each in (0, 1, 3, 4):
        own = task == each
        alone = effects_of(design[own], target[own], task[own] * 0, 1, variance)
        np.testing.assert_allclose(together[each], alone[0], atol=1e-3)


def test_the_gradient_of_the_posterior_is_zero(case):
    design, target, task, variance = case
    effects = effects_of(design, target, task, 5, variance)
    for each in (0, 1, 3, 4):
        Z, own = design[task == each], effects[each]
        if target.ndim == 1:
            wrong = (target[task == each] - Z @ own) / 0.5
        else:
            likely = np.exp(Z @ own)
            wrong = target[task == each] - likely / likely.sum(1, keepdims=True)
        scale = variance if target.ndim == 1 else variance[:, np.newaxis]
        np.testing.assert_allclose(own, scale * (Z.T @ wrong), atol=2e-3)


def test_no_variance_is_no_effect(case):
    design, target, task, _ = case
    assert not effects_of(design, target, task, 5, np.zeros(4)).any()
