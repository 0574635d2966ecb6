"""Adapting and answering in chunks: what is computed at once has a bound."""

import numpy as np
import pytest

from skmeta import MetaRegressor, adapted
from skmeta.algorithms import MAML
from skmeta.backbones import MLP
from skmeta.datasets import make_sinusoids


@pytest.fixture
def meta():
    X, y, task = make_sinusoids(n_tasks=20, n_rows=20, random_state=0)
    meta = MetaRegressor(MAML(inner_steps=1), max_epochs=1, random_state=0)
    return meta.fit(X, y, groups=task)


@pytest.fixture
def seen(meta, monkeypatch):
    """Tasks and padded rows of every batch that reaches the algorithm."""
    batches = []
    adapt, predict = MAML.adapt, MAML.predict

    def watched_adapt(self, module, support):
        batches.append(support.X.shape[:2])
        return adapt(self, module, support)

    def watched_predict(self, module, state, X):
        batches.append(X.shape[:2])
        return predict(self, module, state, X)

    monkeypatch.setattr(MAML, "adapt", watched_adapt)
    monkeypatch.setattr(MAML, "predict", watched_predict)
    return batches


def test_no_batch_holds_more_rows_or_weights_than_its_bound(meta, seen):
    rng = np.random.default_rng(0)
    task = np.repeat(np.arange(4000), rng.integers(1, 12, size=4000))
    X, y = rng.normal(size=(len(task), 1)), rng.normal(size=len(task))
    meta.adapt(X, y, groups=task).predict(X, groups=task)
    n_weights = sum(weight.numel() for weight in meta.module_.parameters())
    assert max(tasks * rows for tasks, rows in seen) <= adapted._ROWS_AT_ONCE
    assert max(tasks for tasks, _ in seen) * n_weights <= adapted._WEIGHTS_AT_ONCE
    assert sum(tasks for tasks, _ in seen) == 2 * 4000 + 1  # and the prior


def test_the_rows_of_one_large_task_are_cut_too(meta, seen):
    X = np.linspace(-5, 5, 40_000).reshape(-1, 1)
    whole = meta.adapt(X[::8000], np.zeros(5)).predict(X)
    assert max(tasks * rows for tasks, rows in seen) <= adapted._ROWS_AT_ONCE
    np.testing.assert_allclose(whole[::8000], meta.predict(X[::8000]), atol=1e-5)


def test_a_large_network_still_gets_a_task_at_a_time(monkeypatch):
    monkeypatch.setattr(adapted, "_WEIGHTS_AT_ONCE", 1)
    X, y, task = make_sinusoids(n_tasks=12, n_rows=20, random_state=0)
    meta = MetaRegressor(backbone=MLP((8,)), max_epochs=1, random_state=0)
    meta.fit(X, y, groups=task)
    one_by_one = meta.adapt(X, y, groups=task).predict(X, groups=task)
    monkeypatch.undo()
    together = meta.adapt(X, y, groups=task).predict(X, groups=task)
    np.testing.assert_allclose(one_by_one, together, atol=1e-5)
