"""A table of stores, and scores of learners on tasks."""

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "store": np.repeat([f"s{i}" for i in range(10)], 6),
            "area": rng.normal(size=60),
            "sold": rng.normal(size=60),
            "open": np.tile([True, False], 30),
        }
    )


def scores_of(gain, n_tasks=20, noise=0.05):
    rng = np.random.default_rng(0)
    rows = []
    for task in range(n_tasks):
        level = rng.normal(0.7, 0.1)
        own = rng.normal(0, noise)
        for shots in (1, 5, 10):
            rows.append(("maml", shots, task, level + gain + own))
            rows.append(("cnp", shots, task, level + gain - 0.2))
            rows.append(("ridge", shots, task, level))
            rows.append(("dummy", shots, task, level - 0.3))
    return pd.DataFrame(rows, columns=["estimator", "shots", "task", "score"])
