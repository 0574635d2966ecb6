"""Adapt to many tasks in one call, beside a scikit-learn model for every task.

A task has 20 support rows, 100 query rows, 20 features and two classes. Timed is the
way from the support rows to an answer for every query row: ``adapt`` and ``predict``
with ``groups=``, against ``make_pipeline(StandardScaler(), LogisticRegression())``
fitted to every task, one after another and by joblib on all cores, and against
``adapt`` and ``predict`` for every task by itself. The loops run on a sample of the
tasks.

The memory that a call adds at its peak is measured in processes of their own. Part of
it is what the caller gets and keeps: what was learnt of every task, and the answers.
An index of the rows takes its bytes per row. The rest must not grow with the tasks.
"""

import argparse
import json
import subprocess
import sys

import numpy as np
from _measure import PeakMemory, medians
from _results import save
from joblib import Parallel, cpu_count, delayed
from matplotlib.figure import Figure
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits
from torch.utils._pytree import tree_leaves

from skmeta import MetaClassifier
from skmeta.algorithms import MAML

N_SUPPORT, N_QUERY, N_FEATURES = 20, 100, 20
ALGORITHMS = {
    "gp": "gp",
    "protonet": "protonet",
    "MAML, 5 steps": MAML(inner_steps=5),
}
REQUIRED = {"gp": 20, "protonet": 30, "MAML, 5 steps": 10}  # times the joblib loop


def make_tasks(n_tasks, seed):
    """Draw tasks, each a half-space of its own around a common one."""
    rng = np.random.default_rng(seed)
    n_rows = N_SUPPORT + N_QUERY
    X = np.empty((n_tasks, n_rows, N_FEATURES), dtype=np.float32)
    y = np.empty((n_tasks, n_rows), dtype=np.int64)
    common = np.random.default_rng(0).normal(size=N_FEATURES)
    for part in np.array_split(np.arange(n_tasks), -(-n_tasks // 1000)):
        own = common + rng.normal(size=(len(part), N_FEATURES))
        X[part] = rng.normal(size=(len(part), n_rows, N_FEATURES))
        y[part] = np.einsum("trf,tf->tr", X[part], own) > 0
    return X[:, :N_SUPPORT], y[:, :N_SUPPORT], X[:, N_SUPPORT:], y[:, N_SUPPORT:]


def meta_train(algorithm):
    X, y, X_query, y_query = make_tasks(500, seed=1)
    X, y = np.concatenate([X, X_query], axis=1), np.concatenate([y, y_query], axis=1)
    return MetaClassifier(
        algorithm,
        n_shot=N_SUPPORT,
        n_query=20,
        max_epochs=20,
        early_stopping=False,
        random_state=0,
    ).fit(*flatten(X, y), groups=np.repeat(np.arange(500), X.shape[1]))


def flatten(X, y):
    return X.reshape(-1, N_FEATURES), y.ravel()


def fit_each(X, y, X_query):
    """One model per task; a single thread inside is the fastest for so few rows."""
    with threadpool_limits(1):
        return [
            make_pipeline(StandardScaler(), LogisticRegression())
            .fit(X[t], y[t])
            .predict(X_query[t])
            if len(set(y[t])) > 1
            else np.full(len(X_query[t]), y[t, 0])
            for t in range(len(X))
        ]


def measure_speed(n_tasks, n_sample, rounds):
    X, y, X_query, y_query = make_tasks(n_tasks, seed=2)
    rows, targets = flatten(X, y)
    queries, truth = flatten(X_query, y_query)
    task = np.repeat(np.arange(n_tasks), N_SUPPORT)
    asked = np.repeat(np.arange(n_tasks), N_QUERY)
    n_jobs, n_alone = cpu_count(), n_sample // 4
    parallel = Parallel(n_jobs=n_jobs)
    metas = {name: meta_train(each) for name, each in ALGORITHMS.items()}

    def together(meta):
        return meta.adapt(rows, targets, groups=task).predict(queries, groups=asked)

    def one_by_one(meta):
        for t in range(n_alone):
            meta.adapt(X[t], y[t]).predict(X_query[t])

    def by_joblib():
        parts = np.array_split(np.arange(n_sample), 8 * n_jobs)
        parallel(delayed(fit_each)(X[p], y[p], X_query[p]) for p in parts)

    calls, sizes = {}, {}
    for name, meta in metas.items():
        calls[name], sizes[name] = lambda meta=meta: together(meta), n_tasks
        alone = f"{name}, one by one"
        calls[alone], sizes[alone] = lambda meta=meta: one_by_one(meta), n_alone
    calls["loop"], sizes["loop"] = lambda: fit_each(X[:n_alone], y, X_query), n_alone
    calls["loop, joblib"], sizes["loop, joblib"] = by_joblib, n_sample
    times = medians(calls, rounds)
    right = {name: np.mean(together(meta) == truth) for name, meta in metas.items()}
    answers = np.concatenate(fit_each(X[:n_alone], y, X_query))
    right["loop"] = np.mean(answers == truth[: len(answers)])
    return {
        "seconds per task": {name: times[name] / sizes[name] for name in calls},
        "accuracy": {name: float(share) for name, share in right.items()},
    }


def measure_memory(name, n_tasks):
    """Bytes at the peak of adapt and predict, and what of them is kept."""
    meta = meta_train(ALGORITHMS[name])
    X, y, X_query, y_query = make_tasks(n_tasks, seed=2)
    rows, targets = (np.ascontiguousarray(part) for part in flatten(X, y))
    queries = flatten(X_query, y_query)[0]
    task = np.repeat(np.arange(n_tasks), N_SUPPORT)
    asked = np.repeat(np.arange(n_tasks), N_QUERY)
    some = slice(0, 100 * N_SUPPORT)  # threads, buffers: what the first call takes
    meta.adapt(rows[some], targets[some], groups=task[some])
    meta.predict(queries[some], groups=asked[some])
    with PeakMemory() as peak:
        meta.adapt(rows, targets, groups=task)
        answers = meta.predict(queries, groups=asked)
    kept = sum(
        leaf.untyped_storage().nbytes() for leaf in tree_leaves(meta.adapted_.states)
    )
    return {
        "peak": peak.n_bytes,
        "learnt": kept,
        "answers": answers.nbytes,
        "rows": len(rows) + len(queries),
    }


def measure_memory_apart(name, n_tasks):
    done = subprocess.run(
        [sys.executable, __file__, "--memory-of", name, str(n_tasks)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=10_000)
    parser.add_argument("--sample", type=int, default=1000, help="tasks of the loops")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--memory-tasks", type=int, nargs="+", default=[1000, 10_000, 100_000]
    )
    parser.add_argument("--memory-of", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory_of:
        name, n_tasks = options.memory_of
        print(json.dumps(measure_memory(name, int(n_tasks))))
        return

    speed = measure_speed(options.tasks, options.sample, options.rounds)
    per_task = speed["seconds per task"]
    print(f"{options.tasks} tasks{'':14} us per task   of the joblib loop   accuracy")
    for name, taken in sorted(per_task.items(), key=lambda pair: pair[1]):
        ratio = per_task["loop, joblib"] / taken
        share = speed["accuracy"].get(name)
        shown = "" if share is None else f"{share:18.3f}"
        print(f"{name:26} {1e6 * taken:9.0f} {ratio:14.1f} x {shown}")
    for name, times in REQUIRED.items():
        reached = per_task["loop, joblib"] / per_task[name]
        print(f"Required of {name}: {times} x. Reached: {reached:.1f} x.")

    memory = {}
    print("\nMB at the peak        tasks     all  learnt  answers    rest   bytes/row")
    for name in ALGORITHMS:
        for n_tasks in options.memory_tasks:
            own = measure_memory_apart(name, n_tasks)
            own["rest"] = own["peak"] - own["learnt"] - own["answers"]
            memory.setdefault(name, {})[n_tasks] = own
            columns = [
                own[part] / 1e6 for part in ("peak", "learnt", "answers", "rest")
            ]
            print(
                f"{name:16} {n_tasks:10,}",
                *(f"{column:7.0f}" for column in columns),
                f"{own['rest'] / own['rows']:11.0f}",
            )
    results = {"required": REQUIRED, **speed, "memory in bytes": memory}
    draw(speed, memory, save("adapt_many", results))


def draw(speed, memory, path):
    figure = Figure(figsize=(10, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[3, 2])
    per_task = speed["seconds per task"]
    order = sorted(per_task, key=per_task.get, reverse=True)
    colours = ["0.7" if "loop" in each else "#1f6fb4" for each in order]
    bars = left.barh(order, [1e6 * per_task[each] for each in order], color=colours)
    left.bar_label(bars, fmt="{:,.0f}", padding=3)
    left.set(title="microseconds per task", xscale="log")
    left.margins(x=0.2)
    for name, sizes in memory.items():
        rest = [own["rest"] / 1e6 for own in sizes.values()]
        right.plot(list(sizes), rest, marker="o", label=name)
    right.set(title="MB beyond rows, learnt and answers", xscale="log", xlabel="tasks")
    right.set_ylim(bottom=0)
    right.legend(frameon=False)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.minorticks_off()
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
