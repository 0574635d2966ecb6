"""Digits among columns of noise, where a network that was not trained is lost."""

from functools import cache
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits

from skmeta import MetaClassifier


@cache
def _digits():
    """Pixels, and three times as many columns of pixels of any other drawings."""
    X, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    return np.hstack([X, *(rng.permuted(X, axis=0) for _ in range(3))]), y


def _share_right(algorithm: Any, *args: Any, **settings: Any) -> float:
    """Learn from seven digits; tell the other three apart by five rows of each."""
    X, y = _digits()
    meta = MetaClassifier(
        algorithm, *args, tasks="classes", tasks_per_epoch=256, random_state=0
    ).set_params(**settings)
    meta.fit(X[y >= 3], y[y >= 3])
    return share_told_apart(meta, X[y < 3], y[y < 3])


def share_told_apart(meta: Any, X: np.ndarray, y: np.ndarray) -> float:
    """Return which share of three digits is right by five rows of each."""
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(10):
        few = np.concatenate(
            [rng.choice(np.flatnonzero(y == k), 5, replace=False) for k in range(3)]
        )
        rest = np.setdiff1d(np.arange(len(y)), few)
        shares.append(meta.adapt(X[few], y[few]).score(X[rest], y[rest]))
    return float(np.mean(shares))


def check_learns(algorithm: Any, *args: Any, max_epochs: int = 2) -> None:
    """See that training tells what of a row counts, which nothing else says."""
    trained = _share_right(algorithm, *args, lr=3e-3, max_epochs=max_epochs)
    as_drawn = _share_right(
        algorithm, *args, lr=1e-12, max_epochs=1, optimizer=torch.optim.SGD
    )
    assert trained > as_drawn + 0.12, (as_drawn, trained)
