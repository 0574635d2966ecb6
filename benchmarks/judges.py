"""How long does judging thousands of tasks take, beside a loop over them?

The loop fits a model of scikit-learn to each task and calls its metric for each, as
judges did before: the same code, with what computes all tasks at once switched off.
Both judge the same learners on the same new tasks, and their scores are compared. Then
`evaluate` as a whole, beside what its learners' own fits take, in processor time.
"""

import argparse
import contextlib
import io
import warnings
from time import perf_counter, process_time
from unittest import mock

import joblib
import numpy as np
import pandas as pd
from _results import save

from skmeta.evaluation import evaluate
from skmeta.evaluation.attempts import Attempts
from skmeta.model_selection import (
    GPBoost,
    TaskAsCategory,
    _judge,
    _metrics,
    _per_task,
    few_shot_curve,
    plain_ways,
)


def make_table(n_tasks, n_columns, kind):
    rng = np.random.default_rng(0)
    task = rng.integers(n_tasks, size=20 * n_tasks)
    X = rng.normal(size=(len(task), n_columns))
    slopes = rng.normal(size=n_columns) + rng.normal(size=(n_tasks, n_columns)) / 2
    y = np.einsum("nd,nd->n", X, slopes[task]) + 2 * rng.normal(size=len(task))
    if kind == "classifier":
        y = np.where(y > 0, "yes", "no")
    return X, y, task


@contextlib.contextmanager
def loop_over_tasks():
    with (
        mock.patch.object(_per_task, "many_of", return_value=None),
        mock.patch.object(_metrics, "form_of", return_value=None),
    ):
        yield


def judge(name, way, X, y, task, n_jobs=None):
    new = task >= 0.7 * (task.max() + 1)
    metric = "accuracy" if y.dtype.kind == "U" else "neg_mean_absolute_error"
    start, busy = perf_counter(), process_time()
    with joblib.parallel_config(**{} if n_jobs is None else {"n_jobs": n_jobs}):
        scores = few_shot_curve(
            {name: way},
            X[new],
            y[new],
            task[new],
            shots=(1, 5, 10),
            metric=metric,
            test_groups=np.unique(task[new]),
            per_task=True,
        )
    took = {"seconds": perf_counter() - start, "processor": process_time() - busy}
    return took, scores


def compare_judges(kind, args):
    X, y, task = make_table(args.tasks, args.columns, kind)
    old = task < 0.7 * args.tasks
    rows, total = {}, {"seconds": [0.0, 0.0], "processor": [0.0, 0.0]}
    for name, way in plain_ways(kind, rivals=False).items():
        if "group" in name and not args.refits:  # fitted anew: no work of the judge's
            continue
        fitted = way.fit(X[old], y[old], groups=task[old])
        with loop_over_tasks():
            before, expected = judge(name, fitted, X, y, task)
        n_jobs = args.jobs if "group" in name else None
        after, found = judge(name, fitted, X, y, task, n_jobs)
        apart = np.abs(found.score - expected.score).mean()
        rows[name] = {"loop": before, "at once": after, "mean difference": apart}
        for what, sums in total.items():
            sums[:] = sums[0] + before[what], sums[1] + after[what]
        shown = [f"{took['seconds']:7.2f} s" for took in (before, after)]
        print(f"{kind:11}{name:22}", *shown, f"{apart:.1e} apart", flush=True)
    rows["ratio"] = total["seconds"][0] / total["seconds"][1]
    print(f"{kind}: the loop takes {rows['ratio']:.1f} times as long", flush=True)
    if not args.refits:  # which go to other processes
        rows["processor ratio"] = total["processor"][0] / total["processor"][1]
    return rows


class Clock:
    """Sums up processor seconds of what it is put around, each second once."""

    def __init__(self):
        self.seconds, self.is_running = 0.0, False

    def around(self, function):
        def timed(*args, **kwargs):
            if self.is_running:
                return function(*args, **kwargs)
            self.is_running, start = True, process_time()
            try:
                return function(*args, **kwargs)
            finally:
                self.seconds += process_time() - start
                self.is_running = False

        return timed


def compare_whole(args):
    """Evaluate a table, and time the fits of its learners wherever they are fitted.

    Those that are told the task are fitted anew to every set of supports.
    """
    X, y, task = make_table(args.whole, args.columns, "regressor")
    table = pd.DataFrame(X).add_prefix("x").assign(task=task, target=y)
    fits, stages = Clock(), {}
    run = Attempts.run

    def told(self, stage, name, work, **how):
        start = process_time()
        work = fits.around(work) if stage == "fitting" else work
        try:
            return run(self, stage, name, work, **how)
        finally:
            took = process_time() - start
            stages.setdefault(stage, {})[name] = round(took, 2)

    start, busy = perf_counter(), process_time()
    with contextlib.ExitStack() as patched:
        patched.enter_context(contextlib.redirect_stdout(io.StringIO()))
        patched.enter_context(mock.patch.object(Attempts, "run", told))
        for owner in (_judge, TaskAsCategory, GPBoost):
            timed = fits.around(owner._fit)
            patched.enter_context(mock.patch.object(owner, "_fit", timed))
        plain = args.plain or list(plain_ways("regressor", rivals=False))
        evaluate(table, algorithms=args.algorithms, plain=plain, out=None)
    took = {"seconds": perf_counter() - start, "processor": process_time() - busy}
    ratio = took["processor"] / fits.seconds
    row = {"tasks": args.whole, **took, "fits": fits.seconds, "ratio": ratio}
    print("evaluate:", {k: round(v, 2) for k, v in row.items()}, flush=True)
    return row | {"processor seconds": stages}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=5_000)
    parser.add_argument("--columns", type=int, default=30)
    parser.add_argument("--refits", action="store_true", help="boosting + group, too")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--whole", type=int, default=5_000, help="tasks of evaluate")
    parser.add_argument("--plain", nargs="+", help="of evaluate; default no rivals")
    parser.add_argument("--algorithms", nargs="+", help="of evaluate; default its own")
    args = parser.parse_args()
    warnings.filterwarnings("ignore", ".*too few rows")
    results = {"tasks": args.tasks, "columns": args.columns}
    for kind in ("regressor", "classifier"):
        results[kind] = compare_judges(kind, args)
    if args.whole:
        results["evaluate"] = compare_whole(args)
    save("judges", results, levels=3)


if __name__ == "__main__":
    main()
