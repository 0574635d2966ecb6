"""A million rows of ten thousand tasks: how long does the default take to learn them?

Rows are made, with columns such as tables of shops have: prices with long tails,
counts, shares, days and kinds as 0/1 columns, a column that nearly is another and one
that says nothing. The target depends on them in ways that all tasks share, with
thresholds and products, and each task has an intercept and slopes of its own.

A way that takes the group for a category learns from the rows of new tasks as well, so
it starts from nothing when one comes: its training is in what it takes to adapt.
"""

from time import process_time

import numpy as np
import torch
from _grouped import Table, task_losses
from _grouped_learners import answer, make_learner
from threadpoolctl import threadpool_limits

LEARNERS = ("default", "lightgbm + group")
N_TASKS, N_ROWS = 10_000, 100  # to learn from
N_NEW, N_KNOWN, N_ASKED = 1000, 8, 20
REQUIRED = 10  # times the training of LightGBM, at most


def make_table(kind, n_tasks, n_rows, seed):
    """Return rows of shops: what sells, or how much of it."""
    rng = np.random.default_rng(seed)
    n = n_tasks * n_rows
    task = np.repeat(np.arange(n_tasks), n_rows)

    def own(scale):
        return rng.normal(scale=scale, size=n_tasks)[task]

    log_price = rng.normal(scale=0.6, size=n) + own(0.3)
    discount = rng.beta(1, 4, size=n) * (rng.random(n) < 0.4)
    visitors = rng.poisson(np.exp(2 + own(0.5)))
    stock = rng.lognormal(3, 1, size=n)
    day = rng.integers(365, size=n)
    warmth = 12 - 10 * np.cos(2 * np.pi * day / 365) + rng.normal(scale=3, size=n)
    promoted = rng.random(n) < 0.1
    weekday = day % 7
    sort = rng.choice(5, size=n, p=[0.5, 0.25, 0.15, 0.07, 0.03])
    columns = [
        np.exp(log_price),
        np.exp(log_price + rng.normal(scale=0.1, size=n)),  # what others ask
        discount,
        visitors,
        stock,
        day,
        warmth,
        promoted,
        rng.normal(size=n),
        *(weekday == np.arange(7)[:, np.newaxis]),
        *(sort == np.arange(5)[:, np.newaxis]),
    ]
    signal = (
        (own(0.3) - 0.8) * log_price
        + (own(1.0) + 3 * (sort == 0)) * discount
        + (own(0.3) + 0.5) * (weekday >= 5)
        + 0.3 * np.log1p(visitors) * (1 + promoted)
        - 0.8 * (stock < 8)
        + 0.03 * warmth * (sort == 1)
        + own(0.5)
    )
    if kind == "regressor":
        y = signal + rng.normal(scale=0.7, size=n)
    else:
        y = (signal + rng.logistic(scale=0.5, size=n) > 1).astype(np.int64)
    X = np.stack(columns, axis=1, dtype=np.float32, casting="unsafe")
    return Table(kind, X, y, task + seed * N_TASKS)


def measure_large(kind, names=None):
    """Return seconds and losses of learners, each fitted once in one thread."""
    old = make_table(kind, N_TASKS, N_ROWS, seed=0)
    new = make_table(kind, N_NEW, N_KNOWN + N_ASKED, seed=1)
    rank = np.arange(len(new.y)) % (N_KNOWN + N_ASKED)
    known, asked = new.take(rank < N_KNOWN), new.take(rank >= N_KNOWN)
    torch.set_num_threads(1)
    results = {}
    with threadpool_limits(1):
        for name in names or LEARNERS:
            row = measure_one(make_learner(name, kind, seed=0), old, known, asked)
            results[name] = row
            print(f"{kind}, {name}: {row}", flush=True)
    return results


def measure_one(learner, old, known, asked):
    answers = []
    taken = {
        "fit": seconds(lambda: learner.fit(old.X, old.y, groups=old.groups)),
        "adapt": seconds(lambda: learner.adapt(known.X, known.y, groups=known.groups)),
        "predict": seconds(lambda: answers.append(answer(learner, asked, 2))),
    }
    losses = task_losses(old.kind, asked.y, *answers, asked.groups, old.y.var())
    return {
        name: float(f"{value:.4g}")
        for name, value in {**taken, "loss": losses.mean()}.items()
    }


def seconds(call):
    """Return the processor time of a call in one thread."""
    start = process_time()
    call()
    return process_time() - start


def report_large(results):
    """Say how the training of the default stands to that of LightGBM."""
    if set(LEARNERS) <= set(results):
        default, lightgbm = (results[name] for name in LEARNERS)
        # All of its training, whichever verb does it.
        ratio = default["fit"] / (lightgbm["fit"] + lightgbm["adapt"])
        print(f"Required: {REQUIRED} x LightGBM. Reached: {ratio:.1f} x.")
