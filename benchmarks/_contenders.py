"""Meta-steps of second-order MAML, by skmeta and by others, each a function to call."""

import itertools

import higher
import jax
import jax.numpy as jnp
import numpy as np
import optax
import torch
import torchopt
from _workloads import INNER_LR
from torch.func import functional_call, grad, vmap

from skmeta import MetaClassifier, MetaRegressor
from skmeta.engine.net import compile_step


def adam(module):
    return torch.optim.Adam(module.parameters(), fused=True)


def bare(work, algorithm, compiled=False):
    """The step alone, on tasks that are ready."""
    module = work.learner(algorithm)
    optimizer = adam(module)
    meta_backward = algorithm.meta_backward
    if compiled:
        meta_backward = compile_step(meta_backward, "cpu")

    def step():
        optimizer.zero_grad()
        loss = meta_backward(module, work.episode)
        optimizer.step()
        return float(loss)

    return step


def public_fit(work, steps_at_once=10):
    """Seconds of an epoch through `fit`, a step's share of it."""
    rng, n_rows = np.random.default_rng(0), 200
    X = rng.normal(size=(100 * n_rows, work.features)).astype(np.float32)
    y = rng.integers(work.classes, size=len(X)) if work.classes else X[:, 0]
    estimator = MetaClassifier if work.classes else MetaRegressor
    meta = estimator(
        work.maml(),
        work.backbone,
        n_shot=work.shot,
        n_query=work.queries,
        batch_size=work.tasks,
        tasks_per_epoch=work.tasks * steps_at_once,
        max_epochs=1,
        early_stopping=False,
        warm_start=True,
        random_state=0,
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
        return float(loss)

    return step


def with_higher(work):
    network = work.network()
    optimizer = adam(network)
    inner = torch.optim.SGD(network.parameters(), lr=INNER_LR)
    support, query = work.episode

    def step():
        optimizer.zero_grad()
        total = 0.0
        for t in range(work.tasks):
            with higher.innerloop_ctx(network, inner, copy_initial_weights=False) as (
                own,
                descend,
            ):
                for _ in range(work.steps):
                    descend.step(work.loss(own(support.X[t]), support.y[t]))
                loss = work.loss(own(query.X[t]), query.y[t]) / work.tasks
                loss.backward()
                total += float(loss)
        optimizer.step()
        return total

    return step


def with_torchopt(work):
    network = work.network()
    optimizer = adam(network)
    inner = torchopt.MetaSGD(network, lr=INNER_LR)
    support, query = work.episode

    def step():
        optimizer.zero_grad()
        total = 0.0
        start = torchopt.extract_state_dict(network, by="reference")
        start_inner = torchopt.extract_state_dict(inner, by="reference")
        for t in range(work.tasks):
            for _ in range(work.steps):
                inner.step(work.loss(network(support.X[t]), support.y[t]))
            loss = work.loss(network(query.X[t]), query.y[t]) / work.tasks
            loss.backward()
            total += float(loss.detach())
            torchopt.recover_state_dict(network, start)
            torchopt.recover_state_dict(inner, start_inner)
        optimizer.step()
        return total

    return step


def with_jax(work):
    network, weights = work.jax_network(), work.jax_weights()
    support, query = work.episode
    rows = [jnp.array(part.numpy()) for part in (*support[:2], *query[:2])]

    def loss(weights, X, y):
        outputs = network(weights, X)
        if work.classes:
            entropy = optax.softmax_cross_entropy_with_integer_labels
            return entropy(outputs, y).mean()
        return jnp.square(outputs[:, 0] - y).mean()

    def of_task(weights, X, y, X_query, y_query):
        for _ in range(work.steps):
            gradients = jax.grad(loss)(weights, X, y)
            weights = [
                w - INNER_LR * g for w, g in zip(weights, gradients, strict=True)
            ]
        return loss(weights, X_query, y_query)

    def meta_loss(weights, *rows):
        return jax.vmap(of_task, (None, 0, 0, 0, 0))(weights, *rows).mean()

    optimizer = optax.adam(1e-3)

    @jax.jit
    def update(weights, state, *rows):
        loss, gradients = jax.value_and_grad(meta_loss)(weights, *rows)
        updates, state = optimizer.update(gradients, state)
        return loss, optax.apply_updates(weights, updates), state

    current = [weights, optimizer.init(weights)]

    def step():
        loss, *current[:] = update(*current, *rows)
        return float(loss)  # waits for the result

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
