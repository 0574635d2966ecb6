"""Tasks over Dask: one worker beside two, one thread each, and a worker that dies.

The rows of every task lie in several partitions of two Dask frames, which workers make
themselves; both frames are shuffled so that tasks are whole, the tasks are adapted to
and the query answered, in its own order. Two clusters of processes are up at the same
time, with one worker and with two, and take turns; the median counts. At least 1.7
times as fast is asked of two. One adapt and predict of all rows in this process, in one
thread, says what the way over Dask costs. Answers must agree bit for bit between the
clusters, and when one of two workers is killed in the middle.

The model's bytes are counted as they leave this process.
"""

import argparse
import os
import signal
import time
import warnings

import dask.dataframe as dd
import numpy as np
import pandas as pd
import torch
from _measure import medians, seconds
from _results import save
from dask.distributed import Client, LocalCluster
from matplotlib.figure import Figure

from skmeta import MetaRegressor
from skmeta.algorithms import MAML
from skmeta.distributed import adapt_predict
from skmeta.utils import sending

N_SUPPORT, N_QUERY, N_FEATURES, N_PARTS = 20, 20, 10, 16
FEATURES = [f"x{number}" for number in range(N_FEATURES)]
LEARNERS = {
    "gp": {"algorithm": "gp", "max_epochs": 5},
    "maml, 5 steps": {"algorithm": MAML(inner_steps=5), "max_epochs": 2},
}
ASKED = 1.7  # times as fast


def rows(part, n_tasks, n_rows, seed):
    """Make the rows of a partition, of all tasks or of many."""
    own = np.random.default_rng([seed, part])
    places = np.arange(part, n_tasks * n_rows, N_PARTS)
    task = places % n_tasks
    X = own.normal(size=(len(places), N_FEATURES))
    weights = np.random.default_rng(0).normal(size=(n_tasks, N_FEATURES))
    y = np.einsum("rf,rf->r", X, 1 + 0.5 * weights[task])
    frame = pd.DataFrame(X, columns=FEATURES)
    return frame.assign(y=y + 0.3 * own.normal(size=len(y)), store=task)


def frame(n_tasks, n_rows, seed):
    return dd.from_map(rows, range(N_PARTS), n_tasks=n_tasks, n_rows=n_rows, seed=seed)


def question(meta, n_tasks, **how):
    support, query = frame(n_tasks, N_SUPPORT, 1), frame(n_tasks, N_QUERY, 2)
    return adapt_predict(meta, support, query, groups="store", target="y", **how)


def in_memory(meta, n_tasks):
    """Make all rows here, adapt and answer; return the answers and the seconds."""
    support, query = (
        pd.concat([rows(part, n_tasks, n_rows, seed) for part in range(N_PARTS)])
        for n_rows, seed in ((N_SUPPORT, 1), (N_QUERY, 2))
    )
    meta.adapt(support[FEATURES], support.y, groups=support.store)
    return meta.predict(query[FEATURES], groups=query.store)


def killed(meta, n_tasks, client, wait):
    """Answer with two workers of which one is killed on the way."""
    future = client.compute(question(meta, n_tasks))
    time.sleep(wait)
    is_done = future.done()
    os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)
    answers = future.result()
    client.wait_for_workers(2)
    return answers.to_numpy(), is_done


def measure(name, clients, options):
    meta = MetaRegressor(**LEARNERS[name], random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        train = rows(0, 200, 40 * N_PARTS, 3)
        meta.fit(train[FEATURES], train.y, groups=train.store)
    sent = []
    pickled = sending.Sent.__reduce__

    def count(self):
        sent.append(self.payload.nbytes)
        return pickled(self)

    answers = {}

    def ask(n_workers):
        asked = question(meta, options.tasks)
        answers[n_workers] = clients[n_workers].compute(asked).result().to_numpy()

    sending.Sent.__reduce__ = count
    try:
        times = medians(
            {str(n): lambda n=n: ask(n) for n in clients}, options.rounds, warm=1
        )
    finally:
        sending.Sent.__reduce__ = pickled
    torch.set_num_threads(1)
    here = {}
    alone = min(
        seconds(lambda: here.update(answers=in_memory(meta, options.tasks)))
        for _ in range(2)
    )
    after, was_done = killed(meta, options.tasks, clients[2], times["2"] / 2)
    difference = np.abs(answers[1] - here["answers"]).max()
    return {
        "seconds": {**times, "in memory, one thread": alone},
        "two workers are so many times as fast": times["1"] / times["2"],
        "equal bit for bit": bool((answers[1] == answers[2]).all()),
        "equal after a worker was killed": bool((answers[1] == after).all()),
        "it was killed before the end": not was_done,
        "largest difference to one call in memory": float(
            difference / np.abs(here["answers"]).max()
        ),
        "kB of the model": sent[0] / 1e3,
        "pickles of it in a question, of 32 calls": len(sent)
        / (2 * (options.rounds + 1)),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=30_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--learners", nargs="+", default=[*LEARNERS])
    options = parser.parse_args()
    clusters = {
        n_workers: LocalCluster(
            n_workers=n_workers,
            threads_per_worker=1,
            dashboard_address=":0",
            silence_logs="ERROR",
        )
        for n_workers in (1, 2)
    }
    clients = {
        n: Client(cluster, set_as_default=False) for n, cluster in clusters.items()
    }
    results = {}
    try:
        for name in options.learners:
            results[name] = own = measure(name, clients, options)
            ratio = own["two workers are so many times as fast"]
            print(f"{name}: two workers {ratio:.2f} x one, {ASKED} are asked")
            print(own)
    finally:
        for client in clients.values():
            client.close()
        for cluster in clusters.values():
            cluster.close()
    counts = {"tasks": options.tasks, "partitions": N_PARTS, "asked": ASKED}
    draw(results, save("over_dask", {**counts, **results}, levels=4))


def draw(results, path):
    figure = Figure(figsize=(5, 2.5), layout="constrained")
    axes = figure.subplots()
    names = ["in memory, one thread", "1", "2"]
    labels = ["in memory", "one worker", "two workers"]
    for place, (name, own) in enumerate(results.items()):
        at = np.arange(3) + place / (len(results) + 1)
        axes.barh(at, [own["seconds"][each] for each in names], 0.3, label=name)
    axes.set_yticks(np.arange(3) + 0.15, labels)
    axes.invert_yaxis()
    axes.set_xlabel("seconds, adapting and answering")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
