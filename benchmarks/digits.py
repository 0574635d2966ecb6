"""Six digits to learn from, four to tell apart: the case of too few training classes.

A learner of an embedding memorises six classes and then tells the other four of
scikit-learn's digits apart worse than the nearest centroid of the raw pixels does. All
metric-based algorithms are trained without and with what docs/few_classes.md
recommends, on 40 of the 210 splits into six and four, and judged 4-way with 1 and 5
shots on the same episodes as the nearest centroid.
"""

import argparse
import warnings
from itertools import combinations
from time import process_time

import numpy as np
from _results import save
from matplotlib.figure import Figure
from sklearn.datasets import load_digits

from skmeta import MetaClassifier
from skmeta.algorithms import MatchingNet, ProtoNet, RelationNet, Siamese
from skmeta.augmentations import RandomAffine, Rotations
from skmeta.backbones import MLP, Correction
from skmeta.tangent import Tangent

SHOTS = (1, 5)
N_EPISODES, N_QUERY = 150, 15
IMAGE = (8, 8)

X, y = load_digits(return_X_y=True)
X = X / 16  # ink from 0 to 1


def make_learners():
    """Return what is compared: algorithm, backbone and parameters of training."""
    tangent = Tangent(IMAGE)
    recommended = {
        "augment": [
            Rotations(IMAGE),
            RandomAffine(IMAGE, per="class"),
            RandomAffine(IMAGE),
        ],
        "lr": 3e-4,
        "max_epochs": 6,
        "tasks_per_epoch": 128,
    }
    plain = {"max_epochs": 8}
    correction = Correction(MLP((64,)))
    return {
        "protonet": (ProtoNet(), "mlp", plain),
        "matching": (MatchingNet(), "mlp", plain),
        "relation": (RelationNet(), "mlp", plain),
        "siamese": (Siamese(), "mlp", plain),
        "protonet, recommended": (ProtoNet(tangent), correction, recommended),
        "matching, recommended": (MatchingNet(tangent), correction, recommended),
        "relation, recommended": (
            RelationNet(distance=tangent),
            correction,
            recommended,
        ),
        "siamese, recommended": (
            Siamese(tangent, margin=2.0),
            correction,
            recommended,
        ),
    }


def draw_splits(n_splits):
    """Return sixes of digits to train on."""
    sixes = list(combinations(range(10), 6))
    order = np.random.default_rng(0).permutation(len(sixes))
    return [sixes[i] for i in order[10 : 10 + n_splits]]  # the first 10 chose settings


def draw_episodes(old, n_shot):
    """Return support and query rows, each (episodes, 4, rows), of the other digits."""
    rng = np.random.default_rng(1000 * sum(2**digit for digit in old) + n_shot)
    support, query = [], []
    for digit in sorted(set(range(10)) - set(old)):
        own = np.flatnonzero(y == digit)
        order = rng.random((N_EPISODES, len(own))).argsort(axis=1)
        rows = own[order[:, : n_shot + N_QUERY]]
        support.append(rows[:, :n_shot])
        query.append(rows[:, n_shot:])
    return np.stack(support, axis=1), np.stack(query, axis=1)


def score_centroids(old, n_shot):
    """Score the nearest centroid of the raw pixels."""
    support, query = draw_episodes(old, n_shot)
    centroids = X[support].mean(axis=2)  # (episodes, 4, pixels)
    rows = X[query].reshape(N_EPISODES, -1, X.shape[1])
    distances = (centroids**2).sum(-1)[:, None] - 2 * rows @ centroids.swapaxes(1, 2)
    return np.mean(distances.argmin(-1) == np.repeat(np.arange(4), N_QUERY))


def score_learner(meta, old, n_shot):
    """Score a meta-trained learner on all episodes at once."""
    support, query = (rows.reshape(-1) for rows in draw_episodes(old, n_shot))
    episode = np.arange(N_EPISODES)
    meta.adapt(X[support], y[support], groups=np.repeat(episode, 4 * n_shot))
    answers = meta.predict(X[query], groups=np.repeat(episode, 4 * N_QUERY))
    return np.mean(answers == y[query])


def measure(algorithm, backbone, parameters, splits):
    """Train on every split; return accuracies (splits, shots) and seconds."""
    start, scores = process_time(), []
    for old in splits:
        meta = MetaClassifier(
            algorithm,
            backbone,
            tasks="classes",
            n_way=4,
            n_shot=1,
            n_query=5,
            normalize=None,
            early_stopping=False,
            random_state=0,
            **parameters,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            meta.fit(X[np.isin(y, old)], y[np.isin(y, old)])
        scores.append([score_learner(meta, old, n_shot) for n_shot in SHOTS])
    return np.array(scores), process_time() - start


def summary(values):
    """Return mean and half the 95 % interval over splits, for each shot."""
    half = 1.96 * values.std(axis=0, ddof=1) / np.sqrt(len(values))
    return np.transpose([values.mean(axis=0), half]).tolist()


def main():
    """Measure, print, save and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--splits", type=int, default=40)
    splits = draw_splits(parser.parse_args().splits)
    base = np.array([[score_centroids(old, n) for n in SHOTS] for old in splits])
    results = {"nearest centroid": {"accuracy": summary(base)}}
    print(f"{'':24} 1 shot (less nearest centroid)     5 shots")
    one, five = base.mean(axis=0)
    print(f"{'nearest centroid':24} {one:.3f}{'':29}{five:.3f}")
    for name, learner in make_learners().items():
        scores, seconds = measure(*learner, splits)
        row = {
            "accuracy": summary(scores),
            "difference": summary(scores - base),
            "seconds per training": seconds / len(splits),
        }
        results[name] = row
        cells = [
            f"{accuracy[0]:.3f} ({less[0]:+.3f} ± {less[1]:.3f})"
            for accuracy, less in zip(row["accuracy"], row["difference"], strict=True)
        ]
        print(f"{name:24} {'   '.join(cells)}", flush=True)
    draw(results, save("digits", results))


def draw(results, path):
    """Draw what every learner gains over the nearest centroid."""
    rows = [name for name in results if "difference" in results[name]][::-1]
    figure = Figure(figsize=(7, 3.6), layout="constrained")
    axes = figure.subplots()
    for i, n_shot in enumerate(SHOTS):
        mean, half = 100 * np.transpose([results[n]["difference"][i] for n in rows])
        places = np.arange(len(rows)) + 0.12 * (1 - 2 * i)
        label = f"{n_shot} shot{'s' * (n_shot > 1)}"
        axes.errorbar(mean, places, xerr=half, fmt="o", label=label)
    axes.axvline(0, color="0.5", lw=1)
    axes.set_yticks(range(len(rows)), rows)
    axes.set_xlabel("points of accuracy more than the nearest centroid of raw pixels")
    axes.set_title("Six digits to learn from, four new ones", loc="left", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
