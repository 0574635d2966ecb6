"""A million tasks of 20 rows, from Parquet to Parquet, beside calls in memory.

A task has 20 support rows and 5 rows to answer, 10 features and two classes. Timed are
``python -m skmeta adapt`` and ``predict``, each a process of its own from its start to
its end, and a process that reads the same files with pandas, calls ``adapt`` and
``predict`` and writes the answers. Measured are rows of supports and answers together
by second, on the clock and of processor time, and the resident memory at its peak.

Rows are sorted by task, or scattered: the first row of all tasks, then the second.
In memory the tasks must fit, so that it gets a tenth of them; of the kernel learner
``gp`` all get a fiftieth.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from _results import save
from matplotlib.figure import Figure

from skmeta import MetaClassifier

N_SUPPORT, N_QUERY, N_FEATURES = 20, 5, 10
FEATURES = [f"x{i}" for i in range(N_FEATURES)]
ROWS = "{kind}-{tasks}-{order}.parquet"
# What a process says at its end. At the start ru_maxrss is that of who started it.
PEAK = """
import atexit, re, resource, sys
from pathlib import Path
def tell():
    used = resource.getrusage(resource.RUSAGE_SELF)
    peak = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    if Path("/proc/self/status").exists():
        status = Path("/proc/self/status").read_text()
        peak = 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", status)[1])
    print(peak, used.ru_utime + used.ru_stime)
atexit.register(tell)
"""
COMMAND = """
from skmeta.__main__ import main
sys.exit(main(sys.argv[1:]))
"""
IN_MEMORY = """
import pandas as pd
import skmeta
model, support, rows, out = sys.argv[1:]
meta, table = skmeta.load(model), pd.read_parquet(support)
features = [name for name in table if name.startswith("x")]
meta.adapt(table[features], table["y"], groups=table["task"])
asked = pd.read_parquet(rows)
answers = meta.predict(asked[features], groups=asked["task"])
pd.DataFrame({"task": asked["task"], "y": answers}).to_parquet(out)
"""


def draw(tasks, n_rows, seed):
    """Draw rows of tasks, each a half-space of its own around a common one."""
    rng = np.random.default_rng([seed, tasks[0], n_rows])
    own = np.random.default_rng(0).normal(size=N_FEATURES)
    own = own + np.random.default_rng([1, tasks[0]]).normal(
        size=(len(tasks), N_FEATURES)
    )
    X = rng.normal(size=(len(tasks), n_rows, N_FEATURES)).astype(np.float32)
    y = np.einsum("trf,tf->tr", X, own) > 0
    return X, y.astype(np.int8)


def write(path, n_tasks, n_rows, order, seed):
    """Write rows of tasks, 10,000 tasks or 200,000 rows at a time."""
    if path.exists():
        return
    writer = None
    for table in tables(n_tasks, n_rows, order, seed):
        writer = writer or pq.ParquetWriter(path, table.schema, compression="lz4")
        writer.write_table(table)
    writer.close()


def tables(n_tasks, n_rows, order, seed):
    parts = np.array_split(np.arange(n_tasks), -(-n_tasks // 10_000))
    if order == "sorted":
        for part in parts:
            X, y = draw(part, n_rows, seed)
            yield table_of(X.reshape(-1, N_FEATURES), y.ravel(), part.repeat(n_rows))
        return
    for row in range(n_rows):  # a day after another
        for part in parts:
            X, y = draw(part, n_rows, seed)
            yield table_of(X[:, row], y[:, row], part)


def table_of(X, y, task):
    columns = {"task": task, **dict(zip(FEATURES, X.T.copy(), strict=True)), "y": y}
    return pa.table(columns)


def meta_train(algorithm, path):
    X, y = draw(np.arange(300), 40, seed=3)
    rows = pd.DataFrame(X.reshape(-1, N_FEATURES), columns=FEATURES)
    meta = MetaClassifier(
        algorithm, n_shot=N_SUPPORT, n_query=20, max_epochs=5, random_state=0
    )
    meta.fit(rows, y.ravel(), groups=np.arange(300).repeat(40)).save(path)


def run(code, *words):
    """Run a process; return seconds, processor seconds and its peak memory."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", PEAK + code, *map(str, words)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    peak, cpu = map(float, done.stdout.splitlines()[-1].split())
    return time.perf_counter() - start, cpu, peak


def measure(folder, algorithm, n_tasks, order, in_memory):
    files = {}
    for kind, n_rows in (("support", N_SUPPORT), ("query", N_QUERY)):
        name = ROWS.format(kind=kind, tasks=n_tasks, order=order)
        files[kind] = folder / name
        write(files[kind], n_tasks, n_rows, order, seed=len(kind))
    model, out = folder / f"{algorithm}.skmeta", folder / "answers.parquet"
    if in_memory:
        steps = [run(IN_MEMORY, model, files["support"], files["query"], out)]
    else:
        tasks, again = folder / "tasks", "--restart"
        adapt = ["adapt", model, files["support"], "--groups", "task", "--out", tasks]
        predict = ["predict", model, tasks, files["query"], "--out", out]
        steps = [run(COMMAND, *adapt, again), run(COMMAND, *predict, again)]
    seconds, cpu, peaks = zip(*steps, strict=True)
    n_rows = n_tasks * (N_SUPPORT + N_QUERY)
    right = np.mean(
        pq.read_table(out, columns=["y"])["y"].to_numpy()
        == pq.read_table(files["query"], columns=["y"])["y"].to_numpy()
    )
    found = {
        "algorithm": algorithm,
        "tasks": n_tasks,
        "order": order,
        "way": "in memory" if in_memory else "bulk",
        "seconds": sum(seconds),
        "seconds by step": seconds,
        "rows per second": n_rows / sum(seconds),
        "rows per processor second": n_rows / sum(cpu),
        "peak MB": max(peaks) / 1e6,
        "accuracy": float(right),
    }
    out.unlink()
    print(
        f"{algorithm:9} {found['way']:10} {order:10} {n_tasks:10,} tasks "
        f"{sum(seconds):7.1f} s {found['rows per processor second']:9,.0f} rows/s of "
        f"processor {found['peak MB']:7.0f} MB  accuracy {right:.4f}",
        flush=True,
    )
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=1_000_000)
    options = parser.parse_args()
    most = options.tasks
    cases = [
        ("r2d2", most // 10, "sorted", True),
        ("r2d2", most // 10, "sorted", False),
        ("r2d2", most // 10, "scattered", False),
        ("gp", most // 50, "sorted", True),
        ("gp", most // 50, "sorted", False),
        ("r2d2", most, "sorted", False),
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for algorithm in dict.fromkeys(case[0] for case in cases):
            meta_train(algorithm, folder / f"{algorithm}.skmeta")
        found = [measure(folder, *case) for case in cases]
    by = {tuple(case): own for case, own in zip(cases, found, strict=True)}
    nothing = run("import skmeta.bulk, pandas, pyarrow.dataset, pyarrow.parquet")[2]
    memory = by[("r2d2", most // 10, "sorted", True)]
    bulk = by[("r2d2", most // 10, "sorted", False)]
    ratios = {
        "speed of bulk, of that in memory": bulk["rows per processor second"]
        / memory["rows per processor second"],
        "peak at ten times the tasks, of the peak before": found[-1]["peak MB"]
        / bulk["peak MB"],
    }
    print(f"imports alone: {nothing / 1e6:.0f} MB")
    for title, ratio in ratios.items():
        print(f"{title}: {ratio:.2f}")
    draw_results(
        found, save("bulk", {**ratios, "MB of imports": nothing / 1e6, "runs": found})
    )


def draw_results(found, path):
    figure = Figure(figsize=(10, 3), layout="constrained")
    left, right = figure.subplots(1, 2)
    names = [
        f"{each['algorithm']}, {each['way']}, {each['order']}, {each['tasks']:,}"
        for each in found
    ]
    colours = ["0.7" if each["way"] == "in memory" else "#1f6fb4" for each in found]
    for axes, key, title in (
        (left, "peak MB", "resident memory at its peak, MB"),
        (right, "rows per processor second", "rows by second of processor time"),
    ):
        bars = axes.barh(names, [each[key] for each in found], color=colours)
        axes.bar_label(bars, fmt="{:,.0f}", padding=3)
        axes.set(title=title)
        axes.margins(x=0.2)
        axes.invert_yaxis()
        axes.spines[["top", "right"]].set_visible(False)
    right.set_yticklabels([])
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
