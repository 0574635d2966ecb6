"""The sinusoid regression of the MAML paper (Finn et al. 2017, section 5.1)."""

import numpy as np
import pytest

from skmeta import MetaRegressor
from skmeta.algorithms import MAML
from skmeta.backbones import MLP
from skmeta.datasets import make_sinusoids

N_SHOT = 10


@pytest.fixture(scope="module")
def mse_after_one_step():
    X, y, task = make_sinusoids(n_tasks=2000, n_rows=40, random_state=0)
    X_new, y_new, new = make_sinusoids(n_tasks=500, n_rows=50, random_state=1)
    support = np.tile(np.arange(50) < N_SHOT, 500)

    def measure(algorithm, max_epochs):
        meta = MetaRegressor(
            algorithm,
            MLP((40, 40)),
            n_shot=N_SHOT,
            n_query=N_SHOT,
            batch_size=25,
            lr=3e-3,
            max_epochs=max_epochs,
            random_state=0,
        ).fit(X, y, groups=task)
        meta.adapt(X_new[support], y_new[support], groups=new[support])
        answers = meta.predict(X_new[~support], groups=new[~support])
        return np.mean((answers - y_new[~support]) ** 2)

    return measure


@pytest.mark.slow
def test_maml_learns_a_sinusoid_in_one_step_and_a_pooled_network_does_not(
    mse_after_one_step,
):
    maml = MAML(inner_lr=0.1, inner_steps=1, learn_inner_lr=False)
    # No inner step in training is one network for all tasks; then the same fine-tuning.
    pooled = MAML(inner_lr=0.1, inner_steps=0, adapt_steps=1, learn_inner_lr=False)
    assert mse_after_one_step(maml, max_epochs=60) < 0.9
    assert mse_after_one_step(pooled, max_epochs=60) > 2.5


def test_tasks_are_the_papers():
    X, y, task = make_sinusoids(n_tasks=2000, n_rows=10, random_state=0)
    assert -5 <= X.min() < -4.99
    assert 4.99 < X.max() <= 5
    amplitude = np.array([np.abs(y[task == t]).max() for t in range(2000)])
    assert 4.9 < amplitude.max() <= 5
    # One task's rows lie on one curve a sin(x - b) = p sin x + q cos x.
    rows = task == 7
    basis = np.column_stack([np.sin(X[rows, 0]), np.cos(X[rows, 0])])
    (p, q), residual, *_ = np.linalg.lstsq(basis, y[rows], rcond=None)
    assert residual[0] < 1e-20
    assert 0.1 <= np.hypot(p, q) <= 5
    assert 0 <= np.arctan2(-q, p) <= np.pi
