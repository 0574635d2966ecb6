"""Episodes with padding to augment."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from skmeta.algorithms import Spec
from skmeta.episodes import Episode, EpisodeSampler
from skmeta.episodes.table import Table

PER_TASK = Spec(9, 0, "classifier", "per_task", n_train_classes=7)
SHARED = Spec(9, 4, "classifier", "shared", n_train_classes=4)
REGRESSOR = Spec(9, 1, "regressor")


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(0)


def draw_episode(spec: Spec, n_tasks: int = 40, seed: int = 0) -> Episode:
    """Draw an episode with padding; classes of unequal number where they may be."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(400, 9)).astype(np.float32)
    task = np.arange(400) % 20
    cell = rng.integers(0, 2 + task % (4 if spec.label_space == "per_task" else 3))
    table = Table(X, cell if spec.kind == "classifier" else X[:, 0])
    if spec.kind == "classifier":
        table = replace(table, label=rng.integers(0, 7, size=400))
    sampler = EpisodeSampler(
        table,
        task,
        cell if spec.label_space == "per_task" else None,
        n_classes=spec.n_outputs if spec.kind == "classifier" else 0,
        n_shot=(1, 6),
        n_query=4,
    )
    return sampler.episode(*sampler.draw(n_tasks, rng))
