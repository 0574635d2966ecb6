"""What a score by random rows promises, and what the first rows of a task keep of it.

    python benchmarks/first_rows.py                     # all tables, one thread
    python benchmarks/first_rows.py --tables storms     # one; the others as they were

Real tables with rows in order of time. A new task is known by its first 3 or 8 rows,
later ones are asked; beside it by as many random ones, as a score is usually drawn.
The same learner is trained with ``support="random"`` and with ``support="first"``.
Losses are squared errors in units of the variance of the targets to learn from, means
over new tasks and splits.
"""

import argparse
import json
import warnings
from functools import partial

import numpy as np
import pandas as pd
from _grouped_reading import rows_of
from _results import FOLDER, save
from matplotlib.figure import Figure

from skmeta import MetaRegressor
from skmeta.model_selection import TaskSplit, few_shot_curve, plain_ways

MOST_TASKS, MOST_ROWS, FEWEST_ROWS = 120, 60, 11  # of a table, of a task
SHOTS, SEEDS = (3, 8), (0, 1)
LEARNERS = ("mixed linear", "gp")


def in_time(package, item, target, task, order, keep, log=()):
    """Return features, targets and tasks: the first rows of some tasks, in order."""
    frame = rows_of(package, item)
    tasks = [task] if isinstance(task, str) else task
    frame = frame.dropna(subset=[target, *tasks, *keep])
    frame[list(log)] = np.log(frame[list(log)].clip(lower=1e-9))
    frame = frame.sort_values([*tasks, *order], kind="stable")
    name = frame[tasks].astype(str).agg("|".join, axis=1)
    large = name.groupby(name).transform("size") >= FEWEST_ROWS
    frame, name = frame[large], name[large]
    some = np.random.default_rng(0).permutation(name.unique())[:MOST_TASKS]
    early = name.groupby(name).cumcount() < MOST_ROWS
    kept = early & name.isin(some)
    X = pd.get_dummies(frame.loc[kept, keep], dtype=float)
    return X.to_numpy(), frame.loc[kept, target].to_numpy(float), name[kept].to_numpy()


TABLES = {
    "storms": partial(
        in_time,
        "dplyr",
        "storms",
        "wind",
        ["name", "year"],
        ["month", "day", "hour"],
        ["lat", "long", "month"],
    ),
    "pigs": partial(
        in_time, "geepack", "dietox", "Weight", "Pig", ["Time"], ["Time", "Cu", "Evit"]
    ),
    "house prices": partial(
        in_time,
        "ggplot2",
        "txhousing",
        "median",
        "city",
        ["year", "month"],
        ["year", "month", "sales", "listings"],
        log=["median", "sales", "listings"],
    ),
    "wages": partial(
        in_time,
        "sampleSelection",
        "nlswork",
        "ln_wage",
        "idcode",
        ["year"],
        ["year", "age", "grade", "south", "ttl_exp", "tenure", "hours"],
    ),
    "drug levels": partial(
        in_time,
        "nlme",
        "Remifentanil",
        "conc",
        "ID",
        ["Time"],
        ["Time", "Rate", "Age", "Wt"],
        log=["conc"],
    ),
    "nitrogen oxides": partial(
        in_time,
        "robustbase",
        "NOxEmissions",
        "LNOx",
        "julday",
        [],
        ["LNOxEm", "sqrtWS"],
    ),
    "life expectancy": partial(
        in_time,
        "gapminder",
        "gapminder",
        "lifeExp",
        "country",
        ["year"],
        ["year", "gdpPercap", "pop", "continent"],
        log=["gdpPercap", "pop"],
    ),
}


def make(name, support, seed):
    if name in ("gp", "cnp"):
        return MetaRegressor(name, n_shot=(1, 10), support=support, random_state=seed)
    return plain_ways("regressor", random_state=seed, support=support)[name]


def measure(table):
    """Return losses by learner: of training and judging, and number of known rows."""
    X, y, groups = TABLES[table]()
    losses = {}
    for seed in SEEDS:
        cut = TaskSplit(test_size=0.4, random_state=seed)
        [(train, test)] = cut.split(X, y, groups)
        for name in LEARNERS:
            for trained in ("random", "first"):
                learner = make(name, trained, seed)
                learner.fit(X[train], y[train], groups=groups[train])
                for judged in ("random", "first"):
                    curve = few_shot_curve(
                        {name: learner},
                        X[test],
                        y[test],
                        groups[test],
                        shots=SHOTS,
                        metric="neg_mean_squared_error",
                        test_groups=np.unique(groups[test]),
                        support=judged,
                        random_state=seed,
                    )
                    loss = -curve.score.to_numpy() / np.var(y[train])
                    key = f"{name}, trained {trained}, judged {judged}"
                    losses.setdefault(key, []).append(loss)
    means = {key: np.mean(own, axis=0).round(4) for key, own in losses.items()}
    return {
        key: dict(zip(map(str, SHOTS), own.tolist(), strict=True))
        for key, own in means.items()
    }


def draw(results, path):
    """Draw what is promised and what is kept, a line of dots for each table."""
    figure = Figure(figsize=(9, 0.5 * len(results) + 1.6), layout="constrained")
    shown = {
        "trained random, judged random": ("o", "none", "scored by random rows"),
        "trained random, judged first": ("o", "C0", "met by first rows"),
        "trained first, judged first": ("D", "C1", 'so, and trained by "first"'),
    }
    panels = zip(figure.subplots(1, 2, sharey=True), map(str, SHOTS), strict=True)
    for ax, shots in panels:
        for how, (marker, face, label) in shown.items():
            losses = [own[f"gp, {how}"][shots] for own in results.values()]
            edge = "C0" if face == "none" else face
            ax.plot(
                losses,
                list(results),
                marker,
                mfc=face,
                mec=edge,
                label=label,
                ls="none",
            )
        ax.set_xscale("log")
        ax.set_xlabel(f"squared error / variance, {shots} rows known")
        ax.grid(axis="y", alpha=0.3)
    figure.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=3)
    figure.savefig(path, dpi=120)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tables", nargs="+", default=list(TABLES), choices=TABLES)
    given = parser.parse_args()
    before = FOLDER / "first_rows.json"
    results = {}
    if before.exists():
        results = json.loads(before.read_text())["results"]
    for table in given.tables:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results[table] = measure(table)
        print(table, json.dumps(results[table], indent=1))
        results = {name: results[name] for name in TABLES if name in results}
        path = save("first_rows", results, levels=3)
    draw(results, path)


if __name__ == "__main__":
    main()
