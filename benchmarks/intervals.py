"""How sure are answers to new tasks? Coverage and width on sixteen tables with groups.

    python benchmarks/intervals.py                        # 20 splits, for hours
    python benchmarks/intervals.py --splits 3 --tables dietox tuna
    python benchmarks/intervals.py --inner                # to choose settings by
    python benchmarks/intervals.py --summary              # what is known

40 % of a table's tasks are new, drawn from all (``grouped.py`` draws them from those
with many rows, which differ from those to learn from). 0, 3 or 8 rows of each are
known, and others are asked for intervals, or sets of classes, that cover 90 %. A
learner calibrates by itself, by the tasks it was fitted to. Coverage is that of one row
drawn from each new task: the mean over tasks of the share of their rows. It is set
beside two others, *at the coverage found*, which is more than they can know:

- "own split": of a task's known rows half are learnt from, and its intervals reach as
  far as the largest error of the other half, times a factor for all tasks. By itself it
  would be infinite, for it takes nine rows to say anything with 90 %.
- "own word": intervals are standard deviations times a factor; sets hold the most
  likely classes until their probabilities are a sum for all tasks.

The learner is the default with a linear prior and a third of the epochs, for 20 splits
take 80 fits of each table. What is measured is kept in a file of its own, so
that a run that was stopped goes on.
"""

import argparse
import json
import os
import warnings

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before anything starts threads

import numpy as np
import torch
from _grouped import (
    MIN_NEW,
    MIN_QUERY,
    NEW_SHARE,
    TABLES,
    load,
    shuffled_ranks,
)
from _results import FOLDER, save

from skmeta import MetaClassifier, MetaRegressor

KEPT = FOLDER / ".intervals"
COVERAGE = 0.9
SIZES = (0, 3, 8)
CV = 3
LEARNER = {"prior": "linear", "max_epochs": 6, "n_shot": (1, 10)}
OWN = "calibrated by tasks"


def main():
    """Measure what was asked for, print what is known, and save it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tables", nargs="+", choices=list(TABLES), default=[*TABLES])
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--inner", action="store_true")
    parser.add_argument("--summary", action="store_true", help="measure nothing")
    options = parser.parse_args()
    torch.set_num_threads(1)
    folder = KEPT / "inner" if options.inner else KEPT
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(options.splits):
        for name in options.tables:
            path = folder / f"{name}, {seed}.json"
            if not (path.exists() or options.summary):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    path.write_text(json.dumps(measure(name, seed, options.inner)))
    results = summarise(folder)
    print_table(results)
    if not options.inner:
        save("intervals", results, levels=3)


def measure(name, seed, inner=False):
    """Return what intervals or sets are like, by the number of known rows."""
    table = load(name)
    if inner:
        table = table.take(part(table.groups, seed)[0])
    old, new = part(table.groups, seed)
    estimator = MetaRegressor if table.kind == "regressor" else MetaClassifier
    meta = estimator(random_state=seed, **LEARNER)
    meta.fit(table.X[old], table.y[old], groups=table.groups[old]).calibrate(cv=CV)
    of_kind = of_values if table.kind == "regressor" else of_classes
    rng = np.random.default_rng(seed)
    records = {}
    unit = table.y[old].std() if table.kind == "regressor" else 1.0
    for size, (known, asked) in new.items():
        parts = table.take(known), table.take(asked)
        records[str(size)] = of_kind(meta, *parts, unit, rng)
    return records


def part(groups, seed):
    """Part tasks to learn from and new ones, of which some rows are known.

    Returns
    -------
    rows of the tasks to learn from, and for each of ``SIZES`` (fewer where tasks are
    small) the rows of new tasks that are known and those that are asked.
    """
    _, task, n_rows = np.unique(groups, return_inverse=True, return_counts=True)
    sizes = list(SIZES)
    while np.sum(n_rows >= max(sizes) + MIN_QUERY) < 2 * MIN_NEW:
        sizes.pop()
    rng = np.random.default_rng(seed)
    drawn = rng.permutation(len(n_rows))[: int(max(MIN_NEW, NEW_SHARE * len(n_rows)))]
    is_new = np.isin(task, drawn)
    rank = shuffled_ranks(task, rng)
    new = {}
    for size in sizes:
        first = np.maximum(size, np.minimum(max(sizes), n_rows - MIN_QUERY))[task]
        able = is_new & (n_rows > size)[task]
        new[size] = (
            np.flatnonzero(able & (rank < size)),
            np.flatnonzero(able & (rank >= first)),
        )
    return np.flatnonzero(~is_new), new


def adapt(meta, known, asked):
    """Adapt to new tasks, of which nothing may be known; return how to name them."""
    if not len(known.y):
        meta.adapt()
        return {}
    meta.adapt(known.X, known.y, groups=known.groups)
    return {"groups": asked.groups}


def of_values(meta, known, asked, unit, rng):
    how = adapt(meta, known, asked)
    low, high = meta.predict_interval(asked.X, coverage=COVERAGE, **how)
    mean, std = meta.predict(asked.X, return_std=True, **how)
    task = np.unique(asked.groups, return_inverse=True)[1]
    covered = (low <= asked.y) & (asked.y <= high)
    found = by_task(covered, task)
    record = described(found, covered, task, rng)
    record["infinite"] = float(np.isinf(high).mean())
    error = np.abs(asked.y - mean)
    widths = {OWN: high - low, "own word": 2 * std * level(error / std, task, found)}
    if len(known.y):
        learnt, kept = halves(known, rng)
        meta.adapt(learnt.X, learnt.y, groups=learnt.groups)
        off = np.abs(kept.y - meta.predict(kept.X, groups=kept.groups))
        far = largest(off, kept.groups, asked.groups)
        error = np.abs(asked.y - meta.predict(asked.X, groups=asked.groups))
        widths["own split"] = 2 * far * level(error / far, task, found)
    record["size"] = {n: float(by_task(w, task) / unit) for n, w in widths.items()}
    return record


def of_classes(meta, known, asked, unit, rng):
    how = adapt(meta, known, asked)
    sets = meta.predict_set(asked.X, coverage=COVERAGE, **how)
    task = np.unique(asked.groups, return_inverse=True)[1]
    row, column = np.arange(len(task)), np.searchsorted(meta.classes_, asked.y)
    covered = sets[row, column]
    found = by_task(covered, task)
    record = described(found, covered, task, rng)
    record["empty"] = float((~sets.any(axis=1)).mean())
    likely = meta.predict_proba(asked.X, **how)
    order = np.argsort(-likely, axis=1)
    before = np.empty_like(likely)  # the sum of those that are more likely
    ranked = np.take_along_axis(likely, order, axis=1)
    np.put_along_axis(before, order, ranked.cumsum(axis=1) - ranked, axis=1)
    most = level(before[row, column], task, found)
    sizes = {OWN: sets.sum(axis=1), "own word": (before <= most).sum(axis=1)}
    if len(known.y):
        learnt, kept = halves(known, rng)
        meta.adapt(learnt.X, learnt.y, groups=learnt.groups)
        off = 1 - meta.predict_proba(kept.X, groups=kept.groups)
        off = off[np.arange(len(off)), np.searchsorted(meta.classes_, kept.y)]
        far = largest(off, kept.groups, asked.groups)
        unlikely = 1 - meta.predict_proba(asked.X, groups=asked.groups)
        unlikely = unlikely - far[:, np.newaxis]
        most = level(unlikely[row, column], task, found)
        sizes["own split"] = (unlikely <= most).sum(axis=1)
    record["size"] = {n: float(by_task(s, task)) for n, s in sizes.items()}
    return record


def described(found, covered, task, rng):
    """Return the coverage, and that of one row drawn from each task."""
    shuffled = rng.permutation(len(task))
    one = shuffled[np.unique(task[shuffled], return_index=True)[1]]
    return {
        "coverage": found,
        "tasks": int(task.max()) + 1,
        "hits": int(covered[one].sum()),
    }


def by_task(values, task):
    """Average over the rows of each task, then over tasks."""
    return float((np.bincount(task, values) / np.bincount(task)).mean())


def level(scores, task, coverage):
    """Return the bound of scores that covers as much, the middle of all that do."""
    order = np.argsort(scores, kind="stable")
    weight = 1 / np.bincount(task)[task[order]] / (task.max() + 1)
    place = int(np.searchsorted(weight.cumsum(), coverage - 1e-9))
    places = np.minimum([place, place + 1], len(order) - 1)
    return scores[order][places].mean()


def halves(known, rng):
    """Part the known rows of each task, those to learn from not fewer."""
    order = rng.permutation(len(known.y))
    order = order[np.argsort(known.groups[order], kind="stable")]
    first = np.unique(known.groups[order], return_index=True)[1]
    task = np.unique(known.groups[order], return_inverse=True)[1]
    odd = (np.arange(len(order)) - first[task]) % 2 == 1
    return known.take(order[~odd]), known.take(order[odd])


def largest(values, groups, asked):
    """Return the largest value of each task, for the rows that are asked."""
    names, task = np.unique(groups, return_inverse=True)
    most = np.full(len(names), 1e-9)
    np.maximum.at(most, task, values)
    return most[np.searchsorted(names, asked)]


def summarise(folder):
    """Return means over splits of all that is kept."""
    results = {}
    for name, (kind, _) in TABLES.items():
        records = []
        while (path := folder / f"{name}, {len(records)}.json").exists():
            records.append(json.loads(path.read_text()))
        if not records:
            continue
        results[name] = {"kind": kind, "splits": len(records)}
        for size in records[0]:
            own = [record[size] for record in records]
            results[name][size] = {
                "coverage": mean(own, "coverage"),
                "one row": round(
                    sum(each["hits"] for each in own)
                    / sum(each["tasks"] for each in own),
                    4,
                ),
                "new tasks": own[0]["tasks"],
                "band": round(1.96 * (0.09 / own[0]["tasks"]) ** 0.5, 4),
                **{
                    key: mean(own, key)
                    for key in ("infinite", "empty")
                    if key in own[0]
                },
                "size": {
                    way: mean([each["size"] for each in own], way)
                    for way in own[0]["size"]
                },
            }
    return results


def mean(records, key):
    return round(float(np.mean([record[key] for record in records])), 4)


def print_table(results):
    """Print coverages, and sizes in units of those that are calibrated by tasks."""
    coverages, ratios = [], {"own split": [], "own word": []}
    print(f"{'table':14} rows  coverage  band   size   own split  own word")
    for name, table in results.items():
        for size in (each for each in table if each.isdigit()):
            own = table[size]
            coverages.append(own["coverage"])
            others = []
            for way, known in ratios.items():
                if way in own["size"]:
                    known.append(own["size"][way] / own["size"][OWN])
                    others.append(f"{known[-1]:9.2f}")
                else:
                    others.append(" " * 9)
            print(
                f"{name:14} {size:>4}  {own['coverage']:8.3f}  {own['band']:.3f}  "
                f"{own['size'][OWN]:.2f}  {' '.join(others)}"
            )
    print(f"mean coverage {np.mean(coverages):.3f}")
    for way, known in ratios.items():
        print(f"{way}: {np.exp(np.mean(np.log(known))):.3f} times the size")


if __name__ == "__main__":
    main()
