"""Adapting and answering in chunks: what is computed at once has a bound."""

from typing import NamedTuple

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch.utils._pytree import tree_flatten, tree_map

from skmeta import MetaClassifier, MetaRegressor
from skmeta.algorithms import MAML
from skmeta.backbones import MLP
from skmeta.datasets import make_sinusoids
from skmeta.engine import chunks


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
    weights = list(meta.module_.parameters())
    n_weights = sum(weight.numel() for weight in weights)
    assert max(tasks * rows for tasks, rows in seen) <= chunks.rows_at_once(weights)
    assert max(tasks for tasks, _ in seen) * n_weights <= chunks.WEIGHTS_AT_ONCE
    assert sum(tasks for tasks, _ in seen) == 2 * 4000 + 1  # and the prior


def test_the_rows_of_one_large_task_are_cut_too(meta, seen):
    X = np.linspace(-5, 5, 40_000).reshape(-1, 1)
    whole = meta.adapt(X[::8000], np.zeros(5)).predict(X)
    at_most = chunks.rows_at_once(list(meta.module_.parameters()))
    assert max(tasks * rows for tasks, rows in seen) <= at_most
    np.testing.assert_allclose(whole[::8000], meta.predict(X[::8000]), atol=1e-5)


def test_a_large_network_still_gets_a_task_at_a_time(monkeypatch):
    monkeypatch.setattr(chunks, "WEIGHTS_AT_ONCE", 1)
    X, y, task = make_sinusoids(n_tasks=12, n_rows=20, random_state=0)
    meta = MetaRegressor("maml", backbone=MLP((8,)), max_epochs=1, random_state=0)
    meta.fit(X, y, groups=task)
    one_by_one = meta.adapt(X, y, groups=task).predict(X, groups=task)
    monkeypatch.undo()
    together = meta.adapt(X, y, groups=task).predict(X, groups=task)
    np.testing.assert_allclose(one_by_one, together, atol=1e-5)


# What is kept --------------------------------------------------------------------


def learnt(*shapes):
    """Chunks of tasks, each with a matrix per task and its number of classes."""
    for chunk, (n_tasks, width) in enumerate(shapes):
        state = torch.full((n_tasks, width, 2), chunk), torch.ones(n_tasks)
        yield chunks.Learnt(n_tasks, state)


@pytest.mark.parametrize("n_chunks", [1, 2, 40])
def test_joining_chunks_keeps_what_was_learnt_in_order(n_chunks):
    shapes = [(1 + chunk % 3, 4) for chunk in range(n_chunks)]
    sizes, states, _ = zip(*chunks.join(learnt(*shapes)), strict=True)
    assert len(states) == -(-n_chunks // 16)
    assert [len(matrix) for matrix, _ in states] == list(sizes)
    for leaf in (0, 1):
        torch.testing.assert_close(
            torch.cat([state[leaf] for state in states]),
            torch.cat([each.state[leaf] for each in learnt(*shapes)]),
        )


def test_chunks_of_other_shapes_stay_apart():
    shapes = [(2, 3), (1, 3), (4, 5), (2, 3)]
    sizes, states, _ = zip(*chunks.join(learnt(*shapes)), strict=True)
    assert sizes == (3, 4, 2)
    assert [matrix.shape[1] for matrix, _ in states] == [3, 5, 3]


def test_tasks_of_unlike_numbers_of_classes_are_answered_as_if_alone():
    X, label = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    n_tasks = 400
    # Tasks with more rows have more classes, and chunks are of tasks of one size.
    task = np.repeat(np.arange(n_tasks), rng.integers(4, 60, size=n_tasks))
    rows = rng.integers(len(X), size=len(task))
    few_labels = label[rows] % (2 + np.bincount(task)[task] // 10)
    meta = MetaClassifier("protonet", tasks="classes", max_epochs=1, random_state=0)
    meta.fit(X, label).adapt(X[rows], few_labels, groups=task)
    assert len(meta.adapted_.states) > 2
    whole = meta.predict_proba(X[rows], groups=task)
    labels = list(meta.classes_)
    for t in (0, 150, n_tasks - 1):
        own = task == t
        alone = meta.adapt(X[rows[own]], few_labels[own]).predict_proba(X[rows[own]])
        column = [labels.index(each) for each in meta.classes_]
        np.testing.assert_allclose(whole[own][:, column], alone, atol=1e-5)


@pytest.fixture
def many_tasks():
    """Supports and queries of tasks of many sizes, more than one chunk of them."""
    rng = np.random.default_rng(0)
    sizes = rng.integers(1, 12, size=1500)
    task = rng.permutation(np.repeat(np.arange(1500), sizes))
    return rng.normal(size=(len(task), 1)), rng.normal(size=len(task)), task


def test_the_number_of_threads_changes_no_bit_of_an_answer(meta, seen, many_tasks):
    X, y, task = many_tasks
    before, answers = torch.get_num_threads(), []
    try:
        for n_threads in (1, 3):
            torch.set_num_threads(n_threads)
            meta.adapt(X, y, groups=task)
            answers.append(meta.predict(X, groups=task))
    finally:
        torch.set_num_threads(before)
    assert len(seen) >= 8  # two chunks and two blocks at least, each time
    np.testing.assert_array_equal(*answers)


def test_asking_for_some_of_the_tasks_gives_them_the_same_answers(meta, many_tasks):
    X, y, task = many_tasks
    whole = meta.adapt(X, y, groups=task).predict(X, groups=task)
    for asked in (task == 700, task % 7 == 0, np.isin(task, [3, 4, 5, 1499])):
        some = meta.predict(X[asked], groups=task[asked])
        np.testing.assert_allclose(some, whole[asked], rtol=1e-4, atol=1e-5)


def test_a_task_is_learnt_and_answered_as_if_it_were_alone(meta, many_tasks):
    X, y, task = many_tasks
    whole = meta.adapt(X, y, groups=task).predict(X, groups=task)
    for t in (0, 700, 1499):
        own = task == t
        alone = meta.adapt(X[own], y[own]).predict(X[own])
        np.testing.assert_allclose(alone, whole[own], rtol=1e-4, atol=1e-5)


def test_a_question_about_one_task_computes_that_task_alone(meta, seen, many_tasks):
    X, y, task = many_tasks
    meta.adapt(X, y, groups=task)
    seen.clear()
    meta.predict(X[task == 700], groups=task[task == 700])
    assert seen == [(1, np.count_nonzero(task == 700))]


# On accelerators -----------------------------------------------------------------


def bounds_of(sizes, weights):
    parts = list(chunks.of_similar_size(np.array(sizes), weights))
    assert sorted(np.concatenate(parts)) == list(range(len(sizes)))
    return [(len(part), max(sizes[task] for task in part)) for part in parts]


def test_networks_with_convolutions_get_fewer_rows_at_once():
    dense, image = torch.empty(8, 4), torch.empty(8, 1, 3, 3)
    assert chunks.rows_at_once([dense]) == 2 * chunks.ROWS_AT_ONCE
    assert chunks.rows_at_once([image, dense]) == chunks.ROWS_AT_ONCE


def test_chunks_on_an_accelerator_are_larger_and_bounded_too():
    sizes = [10] * 50_000 + [3000] * 40 + [20_000]
    weights = [torch.empty(100, device="meta")]
    assert chunks.rows_at_once(weights) == 16 * chunks.ROWS_AT_ONCE
    found = bounds_of(sizes, weights)
    for n_tasks, width in found:
        assert n_tasks == 1 or n_tasks * width <= 16 * chunks.ROWS_AT_ONCE
        assert n_tasks == 1 or n_tasks * width**2 <= 2**26
    assert len(found) < len(bounds_of(sizes, [torch.empty(100)])) / 5
    n_weights = 64 * chunks.WEIGHTS_AT_ONCE // 100
    large = bounds_of(sizes, [torch.empty(n_weights, device="meta")])
    assert max(n_tasks for n_tasks, _ in large) == 100


def test_tasks_without_weights_of_their_own_are_cut_by_their_rows_alone():
    weights, sizes = [torch.zeros(chunks.WEIGHTS_AT_ONCE)], np.full(200, 64)
    alone = list(chunks.of_similar_size(sizes, weights))
    together = list(chunks.of_similar_size(sizes, weights, with_weights=False))
    assert [len(part) for part in alone] == [1] * 200
    assert [len(part) for part in together] == [128, 72]


def test_leaves_of_states_are_mapped_as_torch_does():
    class State(NamedTuple):
        one: torch.Tensor
        more: object

    one = torch.arange(3)
    for state in (one, [one, {"a": one}], State(one, State(one, (one, [one])))):
        mapped = chunks.map_leaves(lambda leaf: leaf + 1, state)
        wanted = tree_map(lambda leaf: leaf + 1, state)
        (leaves, structure), (found, own) = map(tree_flatten, (wanted, mapped))
        assert structure == own
        assert all(map(torch.equal, leaves, found))
