"""Meta-training in one process and in several: the speed of `fit`, in turns.

Epochs of *big* (a 64-256-256-5 network, meta-batches of 32 tasks of 25 + 75 rows, five
inner steps) and of *tab* (20-64-64-5), in one thread each, with the same losses in the
end. A round starts one process, then several, then again; each times its later epochs
by itself. Beside them what limits them: the sum of the gradients, and drawing and
gathering of meta-batches.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np
from _measure import seconds
from _results import save
from matplotlib.figure import Figure

from skmeta import MetaClassifier
from skmeta.algorithms import MAML
from skmeta.backbones import MLP

N_TASKS, N_ROWS, N_CLASSES, BATCH = 64, 100, 5, 32
SIZES = {"big": (64, (256, 256)), "tab": (20, (64, 64))}  # features, hidden units
REQUIRED = 1.6  # times the speed of one process, by two, on big


def table(name):
    n_features, _ = SIZES[name]
    rng = np.random.default_rng(0)
    task = np.repeat(np.arange(N_TASKS), N_ROWS)
    X = rng.normal(size=(len(task), n_features))
    weights = rng.normal(size=(N_TASKS, n_features, N_CLASSES))
    y = np.einsum("nf,nfc->nc", X, weights[task]).argmax(axis=1)
    return X, y, task


def learner(name, epochs, steps):
    return MetaClassifier(
        MAML(inner_lr=0.1, inner_steps=5, learn_inner_lr=False),
        MLP(SIZES[name][1]),
        label_space="shared",
        n_shot=25,
        n_query=75,
        batch_size=BATCH,
        tasks_per_epoch=BATCH * steps,
        max_epochs=epochs,
        early_stopping=False,
        accelerate=True,
        random_state=0,
    )


def work(out, name, epochs, steps):
    """Fit, as one of the processes that have been launched."""
    from accelerate import PartialState

    X, y, task = table(name)
    meta = learner(name, epochs, steps).fit(X, y, groups=task)
    if not PartialState().is_main_process:
        return
    n_values = sum(weight.numel() for weight in meta.module_.parameters())
    told = {
        "ms": (1e3 * np.array(meta.history_[1:, "dur"]) / steps).tolist(),
        "losses": np.array(meta.history_[:, "train_loss"]).tolist(),
        "bytes": 4 * n_values,
    }
    Path(out).write_text(json.dumps(told))


def sums(out):
    """Time the sum of as many values as *big* has, and of more, in all processes."""
    import torch

    from skmeta.utils.processes import together

    told = {}
    with together(True) as processes:
        for n_values in (1_000, 85_000, 1_000_000, 10_000_000):
            values = torch.ones(n_values)
            took = [seconds(lambda v=values: processes.sum(v)) for _ in range(12)]
            told[4 * n_values] = 1e3 * statistics.median(took[2:])
        if processes.is_main:
            Path(out).write_text(json.dumps(told))


def launch(n, *arguments):
    """Start this file in n processes of one thread; return what the first has told."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "told.json"
        launcher = ["-m", "torch.distributed.run", "--standalone"]
        launcher += [f"--nproc_per_node={n}"]
        subprocess.run(
            [sys.executable, *launcher, __file__, "--out", str(out), *arguments],
            env=environment,
            check=True,
        )
        return json.loads(out.read_text())


def drawing(n_processes):
    """Time what a process does of a meta-batch: to draw all, to gather its own."""
    from skmeta.episodes import Episodes, EpisodeSampler, Table
    from skmeta.episodes.sharing import Sharing

    X, y, task = table("big")
    sampler = EpisodeSampler(
        Table(X, y), task, n_classes=N_CLASSES, n_shot=(25, 25), n_query=75
    )
    rng = np.random.default_rng(0)
    n_tasks = BATCH * n_processes
    sharing = Sharing(0, n_processes) if n_processes > 1 else None
    episodes = Episodes(sampler, 4 * n_tasks, n_tasks, rng, sharing=sharing)
    took = [seconds(lambda: list(episodes)) / 4 for _ in range(12)]
    return 1e3 * statistics.median(took[2:])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--on", nargs="+", default=[*SIZES], choices=SIZES)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--steps", type=int, default=8, help="in an epoch")
    parser.add_argument("--out", help=argparse.SUPPRESS)
    parser.add_argument("--sums", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.out and options.sums:
        sums(options.out)
    elif options.out:
        [name] = options.on
        work(options.out, name, options.epochs, options.steps)
    else:
        compare(options)


def compare(options):
    started = perf_counter()
    found = {name: in_turns(name, options) for name in options.on}
    first, *_ = found.values()
    results = {
        "required": REQUIRED,
        **{what: {name: own[what] for name, own in found.items()} for what in first},
        "ms to sum bytes, two processes": launch(2, "--sums"),
        "ms to draw all and gather the own tasks": {
            n: drawing(n) for n in (1, 2, 8, 64)
        },
    }
    print(f"{perf_counter() - started:.0f} s in all")
    draw(results, save("data_parallel", results))


def in_turns(name, options):
    """Time meta-steps of one workload in one process and in several."""
    size = [f"--on={name}", f"--epochs={options.epochs}", f"--steps={options.steps}"]
    told = {n: [] for n in options.processes}
    for turn in range(options.rounds):
        # Every other round the other way round: what else runs hits all alike.
        for n in options.processes[:: 1 if turn % 2 == 0 else -1]:
            told[n].append(launch(n, *size))
    [first, *_] = told[options.processes[0]]
    times = {
        n: statistics.median([ms for t in each for ms in t["ms"]])
        for n, each in told.items()
    }
    off = max(
        float(np.abs(np.array(t["losses"]) / np.array(first["losses"]) - 1).max())
        for each in told.values()
        for t in each
    )
    assert off < 1e-3, off
    one = times[options.processes[0]]
    for n, took in times.items():
        speed = f"{took:7.1f} ms per meta-step, {one / took:.2f} x one"
        print(f"{name}, {n} processes: {speed}, losses off by {off:.1e}", flush=True)
    return {
        "ms per meta-step": times,
        "times the speed of one": {n: one / took for n, took in times.items()},
        "losses off by": off,
        "bytes summed in a step": first["bytes"],
    }


def draw(results, path):
    figure = Figure(figsize=(5, 3), layout="constrained")
    axes = figure.subplots()
    speeds = results["times the speed of one"]
    for place, (name, speed) in enumerate(speeds.items()):
        at = np.arange(len(speed)) + (place - (len(speeds) - 1) / 2) * 0.4
        n_features, hidden = SIZES[name]
        called = "-".join(map(str, [n_features, *hidden, N_CLASSES]))
        bars = axes.bar(at, list(speed.values()), 0.38, label=called)
        axes.bar_label(bars, fmt="%.2f")
    axes.axhline(REQUIRED, color="0.5", ls=":", label="required of 64-256-256-5")
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    axes.set_xticks(range(len(speed)), [str(n) for n in speed])
    axes.set(xlabel="processes, one thread each", ylabel="times the speed of one")
    axes.set_title("meta-training")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
