"""Meta-steps of second-order MAML, by skmeta and by torch, each a function to call."""

import itertools

import numpy as np
import torch
from _workloads import INNER_LR
from torch.func import functional_call, grad, vmap

from skmeta import MetaClassifier, MetaRegressor
from skmeta.engine.net import compile_step


def adam(module):
    return torch.optim.Adam(module.parameters(), fused=True)


def bare(work, algorithm, compiled=False, precision="float32"):
    """The step alone, on tasks that are ready."""
    module = work.learner(algorithm)
    if precision == "bfloat16":
        from skmeta.nn.calls import train_in_bfloat16  # not in trees of before

        train_in_bfloat16(module)
    optimizer = adam(module)
    meta_backward = algorithm.meta_backward
    if compiled:
        meta_backward = compile_step(algorithm, work.device)

    def step():
        optimizer.zero_grad()
        loss = meta_backward(module, work.episode)
        optimizer.step()
        return float(loss)

    return step


def public_fit(work, steps_at_once=10, algorithm=None, **parameters):
    """Seconds of an epoch through `fit`, a step's share of it."""
    rng, n_rows = np.random.default_rng(0), 200
    X = rng.normal(size=(100 * n_rows, work.features)).astype(np.float32)
    y = rng.integers(work.classes, size=len(X)) if work.classes else X[:, 0]
    estimator = MetaClassifier if work.classes else MetaRegressor
    meta = estimator(
        work.maml() if algorithm is None else algorithm,
        work.backbone,
        n_shot=work.shot,
        n_query=work.queries,
        batch_size=work.tasks,
        tasks_per_epoch=work.tasks * steps_at_once,
        max_epochs=1,
        early_stopping=False,
        warm_start=True,
        device=work.device,
        random_state=0,
        **parameters,
    )
    groups = np.repeat(np.arange(100), n_rows)

    def seconds():
        meta.fit(X, y, groups=groups)
        return meta.history_[-1, "dur"] / steps_at_once

    return seconds


def vmap_of_grad(work):
    network = work.network()
    optimizer = adam(network)

    def loss(weights, X, y):
        return work.loss(functional_call(network, weights, (X,)), y)

    def of_task(weights, X, y, X_query, y_query):
        for _ in range(work.steps):
            gradients = grad(loss)(weights, X, y)
            weights = {k: w - INNER_LR * gradients[k] for k, w in weights.items()}
        return loss(weights, X_query, y_query)

    support, query = work.episode
    rows = support.X, support.y, query.X, query.y

    def step():
        optimizer.zero_grad()
        weights = dict(network.named_parameters())
        loss = vmap(of_task, in_dims=(None, 0, 0, 0, 0))(weights, *rows).mean()
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return step


def matrix_products(work):
    """What no way of computing the meta-step of an MLP gets around.

    Each layer takes a product forward and two backward, and differentiating an inner
    step takes each of them twice more.
    """
    sizes = [work.features, *work.hidden, work.classes or 1]
    products = []
    for rows, times in [(work.shot, 3 * work.steps), (work.queries, 1)]:
        for n_in, n_out in itertools.pairwise(sizes):
            A, G = (torch.randn(work.tasks, rows, n) for n in (n_in, n_out))
            W = torch.randn(work.tasks, n_out, n_in)
            of_layer = [(A, W.mT), (G, W), (G.mT, A)]
            products += [
                (torch.empty(work.tasks, a.shape[1], b.shape[2]), a, b)
                for a, b in of_layer
            ] * times

    def step():
        for out, a, b in products:
            torch.bmm(a, b, out=out)

    return step
