"""Tasks that differ by their slope, and members that are quick to fit."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge

from skmeta.ensemble import MetaStackingRegressor
from skmeta.model_selection import PerTask, Pooled
from skmeta.tables.rows import TaskRows


def slopes(n_tasks=24, n_rows=15, seed=0):
    """Tasks whose two slopes vary around (1, -1), with noise of 0.3."""
    rng = np.random.default_rng(seed)
    task = np.repeat(np.arange(n_tasks), n_rows)
    X = rng.normal(size=(len(task), 2))
    weights = np.array([1.0, -1.0]) + rng.normal(size=(n_tasks, 2))
    noise = 0.3 * rng.normal(size=len(task))
    return X, (X * weights[task]).sum(axis=1) + noise, task


def few(task, n_rows=6):
    """The first rows of each task."""
    return np.arange(len(task)) % 15 < n_rows


def value_members():
    return [("own", PerTask(LinearRegression())), ("pooled", Pooled(Ridge()))]


def class_members():
    return [
        ("own", PerTask(LogisticRegression(C=10))),
        ("pooled", Pooled(LogisticRegression())),
    ]


@pytest.fixture(scope="module")
def table():
    return slopes()


@pytest.fixture(scope="module")
def classes():
    X, y, task = slopes(seed=1)
    return X, np.where(y > 0, "yes", "no"), task


@pytest.fixture(scope="module")
def rows(table):
    return TaskRows.of(*table)


@pytest.fixture(scope="module")
def stack(table):
    X, y, task = table
    return MetaStackingRegressor(value_members(), random_state=0).fit(X, y, groups=task)
