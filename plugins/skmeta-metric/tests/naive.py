"""An episode of three unequal tasks, and losses over it by naive loops."""

import numpy as np
import pytest
import torch

from skmeta.algorithms import Spec, task_losses
from skmeta.backbones import Identity
from skmeta.episodes import Batch, Episode

SPEC = Spec(3, 0, "classifier", "per_task", n_train_classes=4)
SIZES = {"support": [6, 4, 1], "query": [5, 7, 2]}  # of three tasks


def make_batch(sizes, seed):
    generator = torch.Generator().manual_seed(seed)
    mask = torch.arange(max(sizes)) < torch.tensor(sizes).unsqueeze(1)
    X = torch.randn(*mask.shape, 3, generator=generator, dtype=torch.float64)
    y = torch.arange(max(sizes)).expand(mask.shape) % torch.tensor([[3], [2], [1]])
    label = (y + torch.arange(3).unsqueeze(1)) % 4
    return Batch(
        X * mask.unsqueeze(2),
        y * mask,
        mask,
        torch.tensor([3, 2, 1]),
        torch.where(mask, label, -1),
    )


EPISODE = Episode(make_batch(SIZES["support"], 0), make_batch(SIZES["query"], 1))


def meta_loss(algorithm):
    """Return the loss of the episode, without what the scale learns from."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = algorithm.build(Identity(), SPEC).double()
    support, query = EPISODE
    log_p = algorithm.predict(module, algorithm.adapt(module, support), query.X)
    on_the_side = task_losses(log_p, query).mean()
    return (algorithm.meta_loss(module, EPISODE) - on_the_side).item(), module


def naive_tasks():
    """Yield anchors, classes and support size of each task, support rows first."""
    for task in range(3):
        rows = [batch.X[task][batch.mask[task]] for batch in EPISODE]
        y = [batch.y[task][batch.mask[task]] for batch in EPISODE]
        yield torch.cat(rows).numpy(), torch.cat(y).numpy(), len(rows[0])


def naive_pairs(distance):
    """Yield, for each task and anchor, the distances to its fellows and strangers."""
    for Z, y, n_support in naive_tasks():
        yield [
            (
                [
                    distance(Z[a], Z[b])
                    for b in range(n_support)
                    if b != a and y[a] == y[b]
                ],
                [distance(Z[a], Z[b]) for b in range(n_support) if y[a] != y[b]],
            )
            for a in range(len(Z))
        ]


def unit(z):
    return z / np.linalg.norm(z)


def chord(a, b):
    return np.linalg.norm(unit(a) - unit(b))


def cosine(a, b):
    return 1 - unit(a) @ unit(b)


def mean(values):
    return np.mean(values) if len(values) else 0.0


def naive_miner(miner, fellows, strangers, epsilon):
    """Return fellows and strangers that a miner keeps."""
    if miner == "batch_hard":
        both = fellows and strangers
        return ([max(fellows)], [min(strangers)]) if both else ([], [])
    if miner == "multi_similarity":
        return (
            [p for p in fellows if strangers and p + epsilon > min(strangers)],
            [n for n in strangers if fellows and n - epsilon < max(fellows)],
        )
    return fellows, strangers


MINERS = pytest.mark.parametrize("miner", [None, "multi_similarity", "batch_hard"])
