"""Meta-steps on a busy machine: beside a process that keeps a core busy, and in a grid.

Threads that wait for each other at every small product are slowed down out of
proportion as soon as another process wants one of their cores. ``fit`` therefore
computes small steps in one thread (``skmeta/utils/threads.py``), and ``adapt`` and
``predict`` compute whole chunks of tasks side by side, as does a step of many large
tasks. For comparison, *all threads* is ``fit`` with all of torch's threads inside every
product.

Quiet and busy turns alternate. The grid is ``GridSearchCV(n_jobs=2)``, whose workers
report the time of their own steps. Quiet is what this machine is when nothing else
runs on it: look at the load that the results record.
"""

import argparse
import contextlib
import statistics
import subprocess
import sys
from unittest import mock

import numpy as np
import sklearn
from _measure import seconds
from _results import save
from matplotlib.figure import Figure
from sklearn.model_selection import GridSearchCV, GroupKFold

from skmeta import MetaClassifier
from skmeta.algorithms import MAML
from skmeta.backbones import MLP, Conv4

REQUIRED = 2.5  # times the quiet machine's
N_TASKS, N_ROWS, N_CLASSES = 100, 100, 5
STEPS = {"tab": 20, "big": 4, "conv": 3}  # in a measurement
# features, backbone, tasks at once, support rows and query rows of a task
WORKLOADS = {
    "tab": (20, MLP((64, 64)), 32, 25, 75),
    "big": (64, MLP((256, 256)), 32, 25, 75),
    "conv": (28 * 28, Conv4(image_shape=(28, 28), channels=32), 4, 5, 25),
}


def make_table(n_features):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N_TASKS * N_ROWS, n_features)).astype(np.float32)
    y = rng.integers(N_CLASSES, size=len(X))
    return X, y, np.repeat(np.arange(N_TASKS), N_ROWS)


def make_learner(workload, **parameters):
    _, backbone, batch_size, n_shot, n_query = WORKLOADS[workload]
    return MetaClassifier(
        MAML(inner_steps=3 if workload == "conv" else 5, inner_lr=0.1),
        backbone,
        n_shot=n_shot,
        n_query=n_query,
        batch_size=batch_size,
        tasks_per_epoch=batch_size * STEPS[workload],
        max_epochs=1,
        early_stopping=False,
        random_state=0,
        **parameters,
    )


def step_time(meta, X=None, y=None):
    """Seconds of a step in the last fit; also a scorer for the grid."""
    steps = meta.tasks_per_epoch // meta.batch_size
    last = meta.history_[-meta.max_epochs :, "dur"]  # a warm start keeps all others
    return statistics.median(last) / steps


def through_fit(workload):
    X, y, groups = make_table(WORKLOADS[workload][0])
    meta = make_learner(workload, warm_start=True)

    def measure():
        return step_time(meta.fit(X, y, groups=groups))

    return measure


def adapt_and_predict():
    X, y, groups = make_table(WORKLOADS["tab"][0])
    meta = make_learner("tab").fit(X, y, groups=groups)
    few = np.arange(len(X)) % N_ROWS < WORKLOADS["tab"][3]

    def measure():
        return seconds(
            lambda: meta.adapt(X[few], y[few], groups=groups[few]).predict(
                X, groups=groups
            )
        )

    return measure


def with_all_threads(workload):
    fit = through_fit(workload)

    def measure():
        with mock.patch("skmeta.utils.threads._WORTH_THREADS", 0):  # nothing is small
            return fit()

    return measure


def in_grid(workload, n_jobs):
    """Seconds of a step in each fit of a grid search; the median of them."""
    X, y, groups = make_table(WORKLOADS[workload][0])
    search = GridSearchCV(
        make_learner(workload).set_params(max_epochs=3),
        {"lr": [1e-3, 2e-3, 3e-3]},
        scoring=step_time,
        cv=GroupKFold(2),
        n_jobs=n_jobs,
        refit=False,
    )
    with sklearn.config_context(enable_metadata_routing=True):
        search.fit(X, y, groups=groups)
    scores = [search.cv_results_[f"split{fold}_test_score"] for fold in range(2)]
    return float(np.median(scores))


@contextlib.contextmanager
def a_busy_core():
    """Keep one core busy with another process."""
    code = "print(flush=True)\nwhile True: pass"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True
    )
    process.stdout.readline()  # now it spins
    try:
        yield
    finally:
        process.kill()
        process.wait()


def measure(rounds, repeats):
    quiet, busy = {}, {}
    calls = {}
    for workload in WORKLOADS:
        calls[f"{workload}: fit"] = through_fit(workload)
        calls[f"{workload}: all threads"] = with_all_threads(workload)
    calls["tab: adapt and predict"] = adapt_and_predict()
    for call in calls.values():
        call()  # warm
    for _ in range(rounds):
        for times, around in ((quiet, contextlib.nullcontext()), (busy, a_busy_core())):
            with around:
                for name, call in calls.items():
                    times.setdefault(name, []).extend(call() for _ in range(repeats))
    grid = {
        f"{workload}: fit": [in_grid(workload, n_jobs=2) for _ in range(rounds)]
        for workload in WORKLOADS
    }
    return [
        {name: 1e3 * statistics.median(own) for name, own in times.items()}
        for times in (quiet, busy, grid)
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=3, help="in a round")
    options = parser.parse_args()
    quiet, busy, grid = measure(options.rounds, options.repeats)
    results = {}
    print(f"{'':26} ms quiet   beside a busy core      in a grid of 2")
    for name, own in quiet.items():
        line = results[name] = {"quiet": own, "busy": busy[name]}
        shown = f"{name:24} {own:10.2f} {busy[name]:10.2f} {busy[name] / own:7.2f} x"
        if name in grid:
            line["grid"] = grid[name]
            shown += f" {grid[name]:10.2f} {grid[name] / own:7.2f} x"
        print(shown)
    reached = max(
        slow / own["quiet"]
        for name, own in results.items()
        for slow in list(own.values())[1:]
        if "all threads" not in name
    )
    print(f"Required: at most {REQUIRED} x. Reached: {reached:.2f} x.")
    draw(results, save("busy", {"required": REQUIRED, "ms": results}))


def draw(results, path):
    figure = Figure(figsize=(9, 3), layout="constrained")
    axes = figure.subplots()
    place = np.arange(len(results))
    kinds = {"busy": "beside a busy core", "grid": "in a grid of 2"}
    for shift, (kind, label) in enumerate(kinds.items()):
        ratios = [own.get(kind, np.nan) / own["quiet"] for own in results.values()]
        colour = "#9ecae1" if shift else "#1f6fb4"
        bars = axes.barh(place + 0.4 * shift, ratios, 0.4, color=colour, label=label)
        shown = ["" if np.isnan(ratio) else f"{ratio:.1f}" for ratio in ratios]
        axes.bar_label(bars, shown, padding=3)
    axes.axvline(REQUIRED, color="0.3", linestyle=":", label="at most")
    axes.set_yticks(place + 0.2, list(results))
    axes.invert_yaxis()
    axes.set(title="time of a step, times a quiet machine's", xscale="log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.margins(x=0.12)
    figure.legend(frameon=False, loc="outside right center")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
