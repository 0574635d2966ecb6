"""Meta-train on 100, 10,000 and a million tasks from a memory-mapped table.

A task has 10 rows of 16 features. Every fit runs in a process of its own, through the
public face, and draws the same number of tasks in an epoch. A step must take as long
on a million tasks as on a hundred; before the first step, ``fit`` reads the table once
and indexes its rows, which takes time and memory per row. Memory is what ``fit`` adds
at its peak to the labels and groups it is given. Pages of the table itself, which the
system takes back when it needs them, do not count.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
from _measure import PeakMemory
from _results import save
from matplotlib.figure import Figure

from skmeta import MetaClassifier

N_ROWS, N_FEATURES = 10, 16  # of a task, of a row
FIT = {
    "n_shot": 5,
    "n_query": 5,
    "tasks_per_epoch": 512,
    "batch_size": 32,
    "max_epochs": 6,
    "random_state": 0,
}
STEPS = FIT["tasks_per_epoch"] // FIT["batch_size"]
TOLERATED = 1.25  # times the step's time on the fewest tasks: noise


def write_table(folder, n_tasks):
    """Write rows and labels, some tasks at a time."""
    rng = np.random.default_rng(0)
    X = np.lib.format.open_memmap(
        folder / "X.npy", "w+", np.float32, (n_tasks * N_ROWS, N_FEATURES)
    )
    y = np.lib.format.open_memmap(folder / "y.npy", "w+", np.int64, (len(X),))
    for tasks in np.array_split(np.arange(n_tasks), -(-n_tasks // 20_000)):
        rows = slice(tasks[0] * N_ROWS, (tasks[-1] + 1) * N_ROWS)
        shape = (len(tasks), N_ROWS, N_FEATURES)
        drawn = rng.standard_normal(shape, dtype=np.float32)
        own = 1 + rng.standard_normal((len(tasks), N_FEATURES), dtype=np.float32)
        X[rows] = drawn.reshape(-1, N_FEATURES)
        y[rows] = (np.einsum("trf,tf->tr", drawn, own) > 0).ravel()


def measure(folder, n_tasks):
    X = np.load(folder / "X.npy", mmap_mode="r")[: n_tasks * N_ROWS]
    y = np.load(folder / "y.npy")[: len(X)]
    groups = np.repeat(np.arange(n_tasks), N_ROWS)
    few = slice(0, 100 * N_ROWS)  # imports, threads: what a first fit takes
    MetaClassifier(**FIT | {"max_epochs": 1}).fit(X[few], y[few], groups=groups[few])
    start = perf_counter()
    with PeakMemory() as peak:
        meta = MetaClassifier(**FIT).fit(X, y, groups=groups)
    whole = perf_counter() - start
    epochs = [epoch["dur"] for epoch in meta.history_]
    return {
        "ms per step": 1e3 * median(epochs) / STEPS,
        "seconds before": whole - sum(epochs),
        "bytes": peak.n_bytes,
    }


def measure_apart(folder, n_tasks):
    done = subprocess.run(
        [sys.executable, __file__, "--measure", str(folder), str(n_tasks)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--tasks", type=int, nargs="+", default=[100, 10_000, 1_000_000]
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        folder, n_tasks = options.measure
        print(json.dumps(measure(Path(folder), int(n_tasks))))
        return

    with tempfile.TemporaryDirectory() as folder:
        write_table(Path(folder), max(options.tasks))
        rounds = {n_tasks: [] for n_tasks in options.tasks}
        for _ in range(options.rounds):
            for n_tasks, own in rounds.items():
                own.append(measure_apart(folder, n_tasks))
    results = {
        n_tasks: {name: median(one[name] for one in own) for name in own[0]}
        for n_tasks, own in rounds.items()
    }
    fewest = results[min(results)]
    print("    tasks   table MB   ms per step   ratio   s before   MB peak   bytes/row")
    for n_tasks, own in results.items():
        n_rows = n_tasks * N_ROWS
        print(
            f"{n_tasks:9,} {4e-6 * N_FEATURES * n_rows:10.1f} "
            f"{own['ms per step']:13.2f} "
            f"{own['ms per step'] / fewest['ms per step']:7.2f} "
            f"{own['seconds before']:10.2f} {own['bytes'] / 1e6:9.1f} "
            f"{own['bytes'] / n_rows:11.0f}"
        )
    ratio = results[max(results)]["ms per step"] / fewest["ms per step"]
    print(f"Required: the step's time does not grow. Reached: {ratio:.2f} x.")
    draw(results, save("growth", {"tolerated": TOLERATED, "tasks": results}))


def draw(results, path):
    figure = Figure(figsize=(9, 2.8), layout="constrained")
    panels = figure.subplots(1, 3)
    shown = {
        "ms per step": [own["ms per step"] for own in results.values()],
        "seconds before the first step": [
            own["seconds before"] for own in results.values()
        ],
        "MB at the peak of fit": [own["bytes"] / 1e6 for own in results.values()],
    }
    for axes, (title, values) in zip(panels, shown.items(), strict=True):
        axes.plot(list(results), values, marker="o", color="#1f6fb4")
        axes.set(title=title, xscale="log", xlabel="tasks")
        axes.set_ylim(bottom=0)
        axes.spines[["top", "right"]].set_visible(False)
        axes.minorticks_off()
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
