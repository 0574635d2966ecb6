"""One meta-step of MAML, side by side: skmeta, torch.func.vmap, higher, JAX.

Same network, tasks, loss and optimizer (Adam) for all; the contenders' losses on the
same weights are compared first. Each round times every contender once, so that whatever
else the machine does hits all alike; medians over the rounds.
"""

import argparse
import statistics
from functools import partial
from time import perf_counter

import jax
import jax.numpy as jnp
import numpy as np
import optax
import torch
from _results import save
from matplotlib.figure import Figure
from torch.func import functional_call, grad, vmap

from skmeta import MetaClassifier, MetaRegressor
from skmeta.algorithms import MAML, Reptile, Spec
from skmeta.backbones import MLP
from skmeta.episodes import Batch, Episode

INNER_LR = 0.1
# tasks, support rows, query rows, features, hidden, classes (0: values), inner steps
WORKLOADS = {
    "sine": (25, 10, 10, 1, (40, 40), 0, 1),
    "tab": (32, 25, 75, 20, (64, 64), 5, 5),
    "big": (32, 25, 75, 64, (256, 256), 5, 5),
}


class Workload:
    def __init__(self, name):
        self.name = name
        shape = WORKLOADS[name]
        self.tasks, self.shot, self.queries, self.features = shape[:4]
        self.hidden, self.classes, self.steps = shape[4:]
        self.kind = "classifier" if self.classes else "regressor"
        self.spec = Spec(self.features, self.classes or 1, self.kind)
        generator = torch.Generator().manual_seed(0)
        self.episode = Episode(
            self._batch(self.shot, generator), self._batch(self.queries, generator)
        )

    def _batch(self, rows, generator):
        shape = (self.tasks, rows)
        X = torch.randn(*shape, self.features, generator=generator)
        y = torch.randn(shape, generator=generator)
        if self.classes:
            y = torch.randint(self.classes, shape, generator=generator)
        n_classes = torch.full((self.tasks,), self.classes)
        return Batch(X, y, torch.ones(shape, dtype=torch.bool), n_classes)

    def learner(self, algorithm):
        torch.manual_seed(0)
        return algorithm.build(MLP(self.hidden), self.spec).train()

    def loss(self, outputs, y):
        if self.classes:
            return torch.nn.functional.cross_entropy(outputs, y)
        return (outputs.squeeze(-1) - y).square().mean()


def adam(module):
    return torch.optim.Adam(module.parameters(), fused=True)


def bare(work, algorithm):
    module = work.learner(algorithm)
    optimizer = adam(module)

    def step():
        optimizer.zero_grad()
        loss = algorithm.meta_backward(module, work.episode)
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
        maml(work),
        MLP(work.hidden),
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


def maml(work, **parameters):
    return MAML(INNER_LR, work.steps, learn_inner_lr=False, **parameters)


def vmap_of_grad(work):
    network = work.learner(maml(work)).tip
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
    import higher

    network = work.learner(maml(work)).tip
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


def with_jax(work):
    weights = [
        jnp.array(weight.detach().numpy().T)
        for weight in work.learner(maml(work)).tip.parameters()
    ]
    support, query = work.episode
    rows = [jnp.array(part.numpy()) for part in (*support[:2], *query[:2])]

    def loss(weights, X, y):
        for matrix, shift in zip(weights[:-2:2], weights[1:-2:2], strict=True):
            X = jax.nn.relu(X @ matrix + shift)
        outputs = X @ weights[-2] + weights[-1]
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


def timed(step):
    start = perf_counter()
    step()
    return perf_counter() - start


def measure(work, rounds, slow_rounds):
    steps = {
        "skmeta": bare(work, maml(work)),
        "vmap(grad)": vmap_of_grad(work),
        "JAX, compiled": with_jax(work),
        "higher": with_higher(work),
    }
    losses = {name: step() for name, step in steps.items()}
    first = losses["skmeta"]
    assert all(abs(loss - first) < 1e-4 * first for loss in losses.values()), losses
    steps["skmeta, first order"] = bare(work, maml(work, first_order=True))
    steps["skmeta, Reptile"] = bare(work, Reptile(INNER_LR, work.steps))
    seconds = {name: partial(timed, step) for name, step in steps.items()}
    seconds["skmeta, through fit"] = public_fit(work)
    times = {name: [] for name in seconds}
    for once in seconds.values():
        once()  # warm
    for turn in range(rounds):
        for name, once in seconds.items():
            if name != "higher" or turn < slow_rounds:
                times[name].append(once())
    return {name: 1e3 * statistics.median(own) for name, own in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workloads", nargs="+", default=list(WORKLOADS))
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    results = {}
    for name in options.workloads:
        results[name] = measure(Workload(name), options.rounds, slow_rounds=3)
        own = results[name]["skmeta"]
        print(f"\n{name}: milliseconds per meta-step, and in units of skmeta's")
        for contender, milliseconds in sorted(
            results[name].items(), key=lambda x: x[1]
        ):
            print(f"  {contender:20} {milliseconds:8.2f} {milliseconds / own:8.2f}")
    draw(results, save("meta_step", {"threads": options.threads, **results}))


def draw(results, path):
    figure = Figure(figsize=(4 * len(results), 3.2), layout="constrained")
    panels = figure.subplots(1, len(results), squeeze=False)[0]
    for axes, (name, times) in zip(panels, results.items(), strict=True):
        order = sorted(times, key=times.get, reverse=True)
        colours = ["#1f6fb4" if "skmeta" in each else "0.7" for each in order]
        bars = axes.barh(order, [times[each] for each in order], color=colours)
        axes.bar_label(bars, fmt="%.3g", padding=3)
        axes.set(title=f"{name}: ms per meta-step", xscale="log")
        axes.margins(x=0.2)
        axes.spines[["top", "right"]].set_visible(False)
        axes.minorticks_off()
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
