"""How much unlabelled rows count is learnt from tasks that hide labels."""

from contextlib import nullcontext

import numpy as np
import pytest
import torch

from skmeta.algorithms import GP, ProtoNet
from skmeta.algorithms.shared import graph
from skmeta.backbones import Identity
from skmeta.engine import chunks, unlabelled
from skmeta.engine.unlabelled import _best, learn_unlabelled
from skmeta.episodes import Spec
from skmeta.episodes.sampler import EpisodeSampler
from skmeta.episodes.table import Table

NOTHING = (0.0, 0.0)
NEAREST_MEAN = ProtoNet(learn_scale=False)


def choose(without, n_tasks=100, **others):
    losses = {NOTHING: torch.tensor(without)}
    losses |= {(1.0, float(n)): torch.tensor(x) for n, x in enumerate(others.values())}
    return _best(losses, NOTHING, n_tasks)


def test_a_gain_on_every_task_is_taken_and_the_larger_of_two():
    without = [1.0, 1.1, 0.9, 1.0]
    half, less = [0.5 * x for x in without], [0.4 * x for x in without]
    assert choose(without, a=half) == (1.0, 0.0)
    assert choose(without, a=half, b=less) == (1.0, 1.0)


def test_a_loss_on_every_task_and_what_may_be_chance_are_not():
    without = [1.0, 1.1, 0.9, 1.0]
    assert choose(without, a=[x + 0.1 for x in without]) == NOTHING
    assert choose(without, a=[0.9, 1.3, 0.5, 1.1]) == NOTHING
    assert choose(without, a=without) == NOTHING


def test_few_tasks_tell_less_however_many_episodes_there_are_of_them():
    rng = np.random.default_rng(0)
    without = rng.uniform(0.5, 1.5, 48)
    with_them = 0.75 * rng.permutation(without)
    losses = {"without": without.tolist(), "a": with_them.tolist()}
    gain = np.log((without + np.median(without)) / (with_them + np.median(without)))
    assert gain.mean() < 2.5 * gain.std() / 4**0.5
    assert choose(**losses) == (1.0, 0.0)
    assert choose(**losses, n_tasks=4) == NOTHING


def test_one_task_does_not_rule():
    """A single wild task makes the mean loss higher without, or lower with."""
    without = [1.0] * 19 + [1e6]
    assert choose(without, a=[1.1] * 19 + [1.0]) == NOTHING
    assert choose([1.0] * 20, a=[0.5] * 19 + [1e6]) == NOTHING


def sampler_of(X, y, task, n_way=0):
    cell = y if n_way else None
    return EpisodeSampler(
        Table(X, y), task, cell, n_classes=2, n_way=n_way or 1, n_shot=(2, 2)
    )


def learn(X, y, *, seed=0, algorithm=NEAREST_MEAN):
    """Learn for a nearest mean, or another, of two classes in a pool of them."""
    spec = Spec(2, 0, "classifier", "per_task", from_pool=True)
    torch.manual_seed(0)
    module = algorithm.build(Identity(), spec)
    task = np.zeros(len(y), dtype=int)
    return learn_unlabelled(
        algorithm,
        [(module, sampler_of(X.astype(np.float32), y, task, n_way=2))],
        scaling=None,
        spec=spec,
        device="cpu",
        rng=np.random.default_rng(seed),
    )


def test_two_moons_are_told_apart_by_their_graph():
    angle = np.linspace(0, np.pi, 60)
    one = np.column_stack([np.cos(angle), np.sin(angle)])
    two = np.column_stack([1 - np.cos(angle), 0.5 - np.sin(angle)])
    X, y = 3 * np.concatenate([one, two]), np.repeat([0, 1], 60)
    assert learn(X, y)[1] > 0


def test_a_draw_depends_on_the_generator_alone():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(80, 2)), np.repeat([0, 1], 40)
    X[y == 1] += 1
    assert learn(X, y, seed=3) == learn(X, y, seed=3)


def test_tasks_of_many_rows_are_asked_a_few_at_a_time(monkeypatch):
    X, y = np.random.default_rng(0).normal(size=(80, 2)), np.arange(80) % 2
    shapes = []
    adapt = ProtoNet.adapt

    def noting(self, module, support):
        shapes.append(support.unlabelled.X.shape[:2])
        return adapt(self, module, support)

    monkeypatch.setattr(ProtoNet, "adapt", noting)
    learn(X, y)
    assert {n_tasks for n_tasks, _ in shapes} == {16}
    del shapes[:]
    monkeypatch.setattr(chunks, "ROWS_AT_ONCE", 128)
    learn(X, y)
    assert 128 < max(a * b for a, b in shapes) <= chunks.rows_at_once([])
    assert sum(a for a, _ in shapes) % 48 == 0


@pytest.mark.parametrize("algorithm", [NEAREST_MEAN, GP(width=4)], ids=str)
def test_choices_share_their_graphs_which_changes_none(algorithm, monkeypatch):
    X, y = np.random.default_rng(0).normal(size=(80, 2)), np.arange(80) % 2
    X[:, 0] += y
    spread, made, losses = graph.spread, [], []

    def count(*asked):
        made.append(asked)
        return spread(*asked)

    def keep(found, *others):
        losses.append(found)
        return _best(found, *others)

    monkeypatch.setattr(graph, "spread", count)
    monkeypatch.setattr(unlabelled, "_best", keep)
    learn(X, y, algorithm=algorithm)
    n_graphs = len(made)
    monkeypatch.setattr(unlabelled, "reusing", nullcontext)
    learn(X, y, algorithm=algorithm)
    torch.testing.assert_close(*losses, rtol=0, atol=0)
    with_graph = [share > 0 for _, share in losses[0]]
    assert len(made) - n_graphs == sum(with_graph) * n_graphs
