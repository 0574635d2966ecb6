"""Meta-train on a Parquet file that is larger than the memory that may be used.

A file of ``--rows`` rows of 20 features, in tasks of 100 rows each, is written in
pieces to a temporary folder (it and what is made of it take some 9 GB at 50 million
rows) and goes at the end. A process of its own reads it by ``MetaDataset.from_parquet``
and fits the default ``MetaRegressor``; the most memory that was resident in it is told
by the operating system. Then the steps of three algorithms are timed on the first
``--speed-rows`` rows, from disk and from memory, in turns within one process, for the
same episodes. Asked for: under 2 GiB, and at least 0.7 of the speed in memory.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import numpy as np
from _results import save
from matplotlib.figure import Figure

from skmeta import MetaDataset, MetaRegressor

N_ROWS, N_FEATURES = 100, 20  # of a task, of a row
AT_ONCE = 500_000  # rows that are written at once
ALGORITHMS = ("gp", "cnp", "maml")
FIT = {"tasks_per_epoch": 1024, "batch_size": 32, "n_query": 15, "random_state": 0}
MOST_BYTES, LEAST_SPEED = 2 * 2**30, 0.7
GIB = 2**30


def write(path, n_rows):
    """Write rows, task after task: values of a level and slopes of each task's own."""
    import pyarrow as pa
    from pyarrow import parquet

    names = [f"x{j}" for j in range(N_FEATURES)]
    kinds = [*((name, pa.float32()) for name in names)]
    schema = pa.schema([*kinds, ("y", pa.float32()), ("store", pa.int32())])
    rng = np.random.default_rng(0)
    plain = {"compression": "NONE", "use_dictionary": False, "write_statistics": False}
    with parquet.ParquetWriter(path, schema, **plain) as file:
        for start in range(0, n_rows, AT_ONCE):
            size = min(AT_ONCE, n_rows - start)
            X = rng.standard_normal((N_FEATURES, size), dtype=np.float32)
            store = np.arange(start, start + size, dtype=np.int32) // N_ROWS
            own = rng.standard_normal((3, store[-1] - store[0] + 1), dtype=np.float32)
            level, slope, other = own[:, store - store[0]]
            y = level + (1 + slope) * X[0] + other * X[1] + np.abs(X[2])
            file.write_table(
                pa.table([*X, y, store], schema=schema), row_group_size=AT_ONCE
            )


def resident():
    """Return the most bytes that were resident in this process."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most * (1 if sys.platform == "darwin" else 1024)


def measure_fit(folder):
    """Read the file and fit, in this process; the arrays stay for the next one."""
    before = resident()
    start = perf_counter()
    tasks = MetaDataset.from_parquet(
        folder / "rows.parquet", target="y", groups="store", folder=folder / "arrays"
    )
    read, after_read = perf_counter() - start, resident()
    start = perf_counter()
    meta = MetaRegressor(**FIT, max_epochs=5).fit(tasks)
    whole = perf_counter() - start
    epochs = [epoch["dur"] for epoch in meta.history_]
    return {
        "tasks": len(tasks),
        "bytes at import": before,
        "bytes after reading": after_read,
        "bytes at most": resident(),
        "seconds to read": read,
        "seconds before the first step": whole - sum(epochs),
        "seconds per epoch": median(epochs),
    }


def measure_speed(folder, n_rows, n_turns):
    """Time epochs from disk and from memory, in turns."""
    X = np.load(folder / "arrays" / "features.npy", mmap_mode="r")[:n_rows]
    y = np.load(folder / "arrays" / "targets.npy", mmap_mode="r")[:n_rows]
    groups = np.arange(n_rows) // N_ROWS
    held = np.array(X), np.array(y)
    results = {}
    for algorithm in ALGORITHMS:
        took = {"memory": [], "disk": []}
        used = {"memory": [], "disk": []}
        losses = {}
        for turn in range(n_turns):
            for where in sorted(took, reverse=bool(turn % 2)):
                given = held if where == "memory" else (X, y)
                meta = MetaRegressor(algorithm, **FIT, max_epochs=4)
                clock = _Clock()
                meta.set_params(callbacks=[clock]).fit(*given, groups=groups)
                took[where].append(min(clock.wall))
                used[where].append(min(clock.processor))
                losses[where] = meta.history_[-1]["train_loss"]
        results[algorithm] = {
            "ms per step": {k: _ms(v) for k, v in took.items()},
            "processor ms per step": {k: _ms(v) for k, v in used.items()},
            "speed": median(took["memory"]) / median(took["disk"]),
            "losses": losses,
        }
    return results


def _ms(seconds):
    return 1e3 * median(seconds) / (FIT["tasks_per_epoch"] // FIT["batch_size"])


class _Clock:
    """Notes how long each epoch takes; made a callback when skorch is there."""

    def __new__(cls):
        from skorch.callbacks import Callback

        class Clock(Callback):
            def __init__(self):
                self.wall, self.processor = [], []

            def on_epoch_begin(self, net, **kwargs):
                self.start = perf_counter(), process_time()

            def on_epoch_end(self, net, **kwargs):
                self.wall.append(perf_counter() - self.start[0])
                self.processor.append(process_time() - self.start[1])

        return Clock()


def apart(*arguments):
    """Measure in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--measure", *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--rows", type=int, default=50_000_000)
    parser.add_argument("--speed-rows", type=int, default=1_000_000)
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="where to write; default temporary")
    parser.add_argument("--measure", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        what, folder, *rest = options.measure
        measured = {"fit": measure_fit, "speed": measure_speed}[what]
        print(json.dumps(measured(Path(folder), *map(int, rest))))
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        needed = options.rows * (N_FEATURES + 2) * 4 * 2.1
        free = shutil.disk_usage(folder).free
        if free < needed:
            parser.error(
                f"{needed / GIB:.0f} GiB are needed in {folder}, and {free / GIB:.0f} "
                "are free: choose another --folder, or fewer --rows."
            )
        start = perf_counter()
        write(folder / "rows.parquet", options.rows)
        n_bytes = (folder / "rows.parquet").stat().st_size
        print(f"{n_bytes / GIB:.2f} GiB written in {perf_counter() - start:.0f} s")
        fit = apart("fit", folder)
        fit |= {"rows": options.rows, "bytes of the file": n_bytes}
        print(
            f"fit to {options.rows:,} rows in {fit['tasks']:,} tasks: at most "
            f"{fit['bytes at most'] / GIB:.2f} GiB resident "
            f"({fit['bytes at import'] / GIB:.2f} of them at import), read in "
            f"{fit['seconds to read']:.0f} s, then "
            f"{fit['seconds before the first step']:.0f} s before the first step and "
            f"{fit['seconds per epoch']:.2f} s per epoch"
        )
        n_rows = min(options.speed_rows, options.rows)
        speed = apart("speed", folder, n_rows, options.turns)
    for algorithm, each in speed.items():
        ms = each["ms per step"]
        same = len(set(each["losses"].values())) == 1
        print(
            f"{algorithm:6} {ms['disk']:.1f} ms a step from disk, {ms['memory']:.1f} "
            f"from memory: {each['speed']:.2f} of the speed; "
            f"{'the same losses' if same else each['losses']}"
        )
    is_small = fit["bytes at most"] < MOST_BYTES
    is_fast = all(each["speed"] >= LEAST_SPEED for each in speed.values())
    print("as asked for" if is_small and is_fast else "NOT as asked for")
    picture = save("out_of_memory", {"fit": fit, "speed": speed, "speed rows": n_rows})
    draw(fit, speed).savefig(picture, dpi=150)


def draw(fit, speed):
    figure = Figure(figsize=(8, 3), layout="constrained")
    left, right = figure.subplots(1, 2)
    names = ["the file", "after reading", "fit, at most"]
    keys = ["bytes of the file", "bytes after reading", "bytes at most"]
    left.barh(names, [fit[key] / GIB for key in keys], color=["0.7", "C0", "C0"])
    left.axvline(MOST_BYTES / GIB, color="C3", linestyle=":")
    left.invert_yaxis()
    left.set(xlabel="GiB", title=f"{fit['rows']:,} rows of {N_FEATURES} features")
    right.bar([*speed], [each["speed"] for each in speed.values()])
    right.axhline(LEAST_SPEED, color="C3", linestyle=":")
    right.set(title="speed of steps from disk / from memory")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


if __name__ == "__main__":
    main()
