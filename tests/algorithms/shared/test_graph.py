"""The graph of rows and what it says of classes, against naive loops."""

import math

import numpy as np
import pytest
import torch
from scipy.special import softmax

from skmeta.algorithms.shared.graph import (
    MOST_GRAPH_ROWS,
    check_unlabelled,
    evenly_spaced,
    few_unlabelled,
    graph_rows,
    laplacian,
    mixed,
    nearest,
    spread,
)
from skmeta.episodes import Batch
from tests.batches import CLASSIFIER, PER_TASK, make_batch


@pytest.fixture
def draw():
    generator = torch.Generator().manual_seed(0)

    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    return draw


def naive_laplacian(rows, k):
    """Zelnik-Manor and Perona's weights, edge by edge."""
    n = len(rows)
    distance = np.array([[math.dist(a, b) for b in rows] for a in rows])
    radius = [sorted(np.delete(distance[i], i))[min(k, n - 1) - 1] for i in range(n)]
    scale = np.maximum(radius, math.sqrt(0.01 * np.mean(np.square(radius))))
    W = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            is_near = distance[i, j] <= max(radius[i], 0) + 1e-12
            is_near = is_near or distance[j, i] <= radius[j] + 1e-12
            if i != j and is_near:
                W[i, j] = math.exp(-(distance[i, j] ** 2) / (scale[i] * scale[j]))
    D = np.diag(W.sum(axis=1))
    return (D - W) / np.diag(D).mean()


@pytest.mark.parametrize("n_neighbors", [1, 3, 20])
def test_the_laplacian_equals_a_naive_loop(n_neighbors, draw):
    rows = draw(1, 9, 2)
    got = laplacian(rows, torch.ones(1, 9, dtype=torch.bool), n_neighbors)[0]
    wanted = naive_laplacian(rows[0].tolist(), n_neighbors)
    np.testing.assert_allclose(got, wanted, atol=1e-9)
    assert np.linalg.eigvalsh(got.numpy()).min() > -1e-12


def test_padding_and_order_do_not_change_a_laplacian(draw):
    rows, order = draw(1, 12, 2), torch.randperm(12)
    real = torch.ones(1, 12, dtype=torch.bool)
    L = laplacian(rows, real, 3)
    moved = laplacian(rows[:, order], real, 3)
    torch.testing.assert_close(moved, L[:, order][:, :, order])
    padded = torch.cat([rows[:, :5], 9 * draw(1, 3, 2), rows[:, 5:]], dim=1)
    mask = torch.ones(1, 15, dtype=torch.bool)
    mask[:, 5:8] = False
    wide = laplacian(padded, mask, 3)
    torch.testing.assert_close(wide[:, mask[0]][:, :, mask[0]], L)
    assert not wide[:, ~mask[0]].any()


def test_rows_that_are_equally_near_are_neighbours_in_any_order():
    """Of a table of a few different rows, which come first must not decide."""
    rows = torch.tensor([[[0.0], [1.0], [1.0], [-1.0], [-1.0]]])
    L = laplacian(rows, torch.ones(1, 5, dtype=torch.bool), 2)
    assert (L[0, 0, 1:] < 0).all()
    assert len(L[0, 0, 1:].unique()) == 1


def test_rows_that_come_many_times_are_still_neighbours_of_others():
    rows = torch.tensor([[[0.0]] * 5 + [[1e-3]] + [[1.0]] * 3])
    L = laplacian(rows, torch.ones(1, 9, dtype=torch.bool), 2)
    assert (L[0, 5, :5] < 0).all()


def test_one_row_and_equal_rows_have_a_laplacian():
    for n in (1, 2, 14):
        L = laplacian(torch.ones(1, n, 3), torch.ones(1, n, dtype=torch.bool))
        assert L.isfinite().all()
        torch.testing.assert_close(L.sum(-1), torch.zeros(1, n, dtype=torch.float64))


def naive_spread(rows, y, n_classes, expected):
    """The module's equation, with the labelled rows first."""
    n = len(y)
    L = naive_laplacian(rows, 10)
    G = np.linalg.inv(0.005 * np.eye(len(rows)) + L @ L)
    G = G / np.diag(G).mean()
    unexpected = np.eye(n_classes)[y] - expected
    return 20 * G[:, :n] @ np.linalg.inv(G[:n, :n] + 0.1 * np.eye(n)) @ unexpected


@pytest.mark.parametrize("spec", [CLASSIFIER, PER_TASK], ids=["shared", "per task"])
def test_spread_labels_equal_a_naive_computation(spec):
    generator = torch.Generator().manual_seed(0)
    support = make_batch(spec, [5, 3, 4], generator)
    others = make_batch(spec, [9, 14, 6], generator)
    state = spread(support, others, spec.n_outputs)
    queries = torch.randn(3, 4, 3, generator=generator, dtype=torch.float64)
    logits = torch.zeros(3, 4, 4, dtype=torch.float64)
    state = state._replace(share=torch.full((3,), 1.0))
    got = mixed(state, logits, queries, None).exp()
    for t in range(3):
        n_classes = int(support.n_classes[t])
        X = torch.cat([support.X[t][support.mask[t]], others.X[t][others.mask[t]]])
        X = X / (1 + (X / 10) ** 2).sqrt()
        low, high = X.amin(dim=0), X.amax(dim=0)
        rows = ((X - low) / (high - low)).tolist()
        y = support.y[t][support.mask[t]].numpy()
        g = naive_spread(rows, y, n_classes, 1 / n_classes)
        for j in range(4):
            x = queries[t, j] / (1 + (queries[t, j] / 10) ** 2).sqrt()
            x = ((x - low) / (high - low)).tolist()
            squares = np.array([math.dist(x, row) ** 2 for row in rows])
            near = np.argsort(squares)[:10]
            w = np.exp(-squares[near] / squares[near].mean())
            p = (w[:, None] * softmax(g[near], axis=1)).sum(axis=0) / w.sum()
            p = np.maximum(p, 1e-4) / np.maximum(p, 1e-4).sum()
            np.testing.assert_allclose(got[t, j, :n_classes], p, rtol=1e-6)
            assert not got[t, j, n_classes:].any()


def test_a_share_mixes_probabilities(draw):
    generator = torch.Generator().manual_seed(0)
    support = make_batch(CLASSIFIER, [5, 3, 4], generator)
    others = make_batch(CLASSIFIER, [9, 14, 6], generator)
    state, X, logits = spread(support, others, 4), draw(3, 2, 3), draw(3, 2, 4)

    def answer(share):
        own = state._replace(share=torch.full((3,), share, dtype=torch.float64))
        return mixed(own, logits, X, None).softmax(dim=-1)

    torch.testing.assert_close(answer(0.0), logits.softmax(dim=-1))
    torch.testing.assert_close(answer(0.3), 0.7 * answer(0.0) + 0.3 * answer(1.0))


def test_neighbours_are_never_padding(draw):
    mask = torch.tensor([[True, False, True, False]])
    found = nearest(draw(1, 3, 2), draw(1, 4, 2), mask, 3)
    counted = found.place[found.share > 0]
    assert mask[0, counted].all()
    torch.testing.assert_close(
        found.share.sum(-1), torch.ones(1, 3, dtype=torch.float64)
    )


def test_features_are_in_units_of_their_range_in_the_task(draw):
    support = Batch(
        draw(1, 2, 3), torch.zeros(1, 2), torch.ones(1, 2).bool(), torch.tensor([0])
    )
    others = support._replace(X=draw(1, 2, 3))
    graph = graph_rows(support, others)
    torch.testing.assert_close(graph.rows.amin(dim=1), torch.zeros(1, 3).double())
    torch.testing.assert_close(graph.rows.amax(dim=1), torch.ones(1, 3).double())
    torch.testing.assert_close(graph.of(support.X), graph.rows[:, :2])


def test_ten_thousand_rows_become_as_many_as_a_graph_takes(draw):
    support = Batch(
        draw(1, 5, 2), torch.zeros(1, 5), torch.ones(1, 5).bool(), torch.tensor([2])
    )
    n = 10_000
    others = Batch(
        draw(1, n, 2), torch.zeros(1, n), torch.ones(1, n).bool(), support.n_classes
    )
    few = few_unlabelled(support._replace(unlabelled=others))
    assert few.mask.shape == (1, MOST_GRAPH_ROWS - 5)
    assert len(few.X[0].unique(dim=0)) == MOST_GRAPH_ROWS - 5
    moved = others._replace(X=others.X[:, torch.randperm(n)])
    again = few_unlabelled(support._replace(unlabelled=moved))
    assert torch.equal(again.X, few.X)


def test_a_small_task_beside_a_large_one_keeps_all_its_rows(draw):
    n = 2000
    mask = torch.ones(2, n, dtype=torch.bool)
    mask[1, 3:] = False
    support = Batch(
        draw(2, 1, 2), torch.zeros(2, 1), torch.ones(2, 1).bool(), torch.tensor([2, 2])
    )
    others = Batch(
        draw(2, n, 2) * mask[..., None], torch.zeros(2, n), mask, support.n_classes
    )
    few = few_unlabelled(support._replace(unlabelled=others))
    assert few.mask.sum(dim=1).tolist() == [MOST_GRAPH_ROWS - 1, 3]
    assert torch.equal(few.X[1, :3], others.X[1, :3])


def test_evenly_spaced_rows_are_real(draw):
    mask = torch.arange(10) < torch.tensor([[10], [4]])
    chosen = evenly_spaced(draw(2, 10, 3), mask, 4)
    assert (chosen[1].sort().values == torch.arange(4)).all()


@pytest.mark.parametrize("wrong", ["some", (1.0,), (-1.0, 0.5), (1.0, 2.0), 3, None])
def test_a_wrong_value_of_unlabelled_is_refused(wrong):
    with pytest.raises(ValueError, match="unlabelled must be 'auto' or a weight"):
        check_unlabelled(wrong)
