"""Six digits to learn from, four to tell apart: the case of too few training classes.

A learner of an embedding memorises six classes and then tells the other four of
scikit-learn's digits apart worse than the nearest centroid of the raw pixels does. All
metric-based algorithms are trained plainly, and with what docs/few_classes.md
recommends, on 40 of the 210 splits into six and four, and judged 4-way with 1 and 5
shots on the same episodes as the nearest centroid. The same settings without any
training tell how much of a gain is learnt. Settings were chosen on ten other splits,
with another seed.
"""

import argparse
import warnings
from itertools import combinations
from time import process_time

import numpy as np
import torch
from _results import save
from joblib import Parallel, cpu_count, delayed
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from tqdm import tqdm

from skmeta import MetaClassifier
from skmeta.algorithms import (
    R2D2,
    BaselinePlusPlus,
    MatchingNet,
    MetaOptNet,
    ProtoNet,
    RelationNet,
    Siamese,
    SimpleShot,
)
from skmeta.augmentations import RandomAffine, Rotations
from skmeta.backbones import Correction, Identity, OrientedGradients
from skmeta.distances import Tangent

SHOTS = (1, 5)
N_EPISODES, N_QUERY = 150, 15
IMAGE = (8, 8)
N_FITTED = 30  # episodes that baselines are fitted to one by one
BASELINES = {
    "logistic regression": LogisticRegression(),
    "1-NN": KNeighborsClassifier(1),
}
VARIANTS = ("plain", "untrained", "recommended")

X, y = load_digits(return_X_y=True)
X = X / 16  # ink from 0 to 1


def make_learners():
    """Return algorithm, backbone and training of every algorithm and variant."""
    tangent = Tangent((8, 4, 4))  # the gradients: eight channels of 4 x 4
    correction = Correction(
        Identity(), base=OrientedGradients(IMAGE, smoothing=0.8, stride=2)
    )
    augment = [
        Rotations(IMAGE),
        RandomAffine(IMAGE, per="class"),
        RandomAffine(IMAGE),
    ]
    alone = {"class_loss": 0.0}  # episodes alone, for all that learn from episodes
    recommended = {
        "protonet": (ProtoNet(tangent, **alone), 1.0),
        "matching": (MatchingNet(tangent, **alone), 0.5),
        "relation": (RelationNet(distance=tangent, **alone), 0.1),
        "siamese": (Siamese(tangent, margin=2.0, **alone), 0.03),
        "simpleshot": (SimpleShot(), 0.1),
        "baseline++": (BaselinePlusPlus(), 0.1),
        "r2d2": (R2D2(**alone), 0.5),
        "metaoptnet": (MetaOptNet(C=30.0, **alone), 0.1),
    }
    plain = {
        "protonet": ProtoNet(**alone),
        "matching": MatchingNet(**alone),
        "relation": RelationNet(**alone),
        "siamese": Siamese(**alone),
        "simpleshot": SimpleShot(),
        "baseline++": BaselinePlusPlus(),
        "r2d2": R2D2(**alone),
        "metaoptnet": MetaOptNet(**alone),
    }
    untrained = {"lr": 1e-12, "max_epochs": 1, "tasks_per_epoch": 16}
    untrained |= {"augment": None, "optimizer": torch.optim.Adam}
    learners = {}
    for name, (algorithm, lr) in recommended.items():
        training = {
            "augment": augment,
            "optimizer": torch.optim.SGD,
            "lr": lr,
            "max_epochs": 6,
            "tasks_per_epoch": 128,
        }
        learners[name, "plain"] = (
            plain[name],
            "mlp",
            {"max_epochs": 8, "augment": None, "optimizer": torch.optim.Adam},
        )
        learners[name, "untrained"] = algorithm, correction, untrained
        learners[name, "recommended"] = algorithm, correction, training
    return learners


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


def score_fitted(estimator, old, n_shot):
    """Score an estimator that is fitted to one episode after another."""
    support, query = (
        rows[:N_FITTED].reshape(N_FITTED, -1) for rows in draw_episodes(old, n_shot)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pixels that are blank in all rows
        scores = [
            estimator.fit(X[few], y[few]).score(X[new], y[new])
            for few, new in zip(support, query, strict=True)
        ]
    return np.mean(scores)


def measure(algorithm, backbone, training, old):
    """Train on one split; return the accuracies by shots, and seconds."""
    start = process_time()
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
        **training,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        meta.fit(X[np.isin(y, old)], y[np.isin(y, old)])
    seconds = process_time() - start
    return [score_learner(meta, old, n_shot) for n_shot in SHOTS], seconds


def summary(values):
    """Return mean and half the 95 % interval over splits, for each shot."""
    values = np.asarray(values)
    half = 1.96 * values.std(axis=0, ddof=1) / np.sqrt(len(values))
    return np.transpose([values.mean(axis=0), half]).tolist()


def measure_split(old, learners):
    """Return the scores by shots of all that is compared, and seconds of training."""
    scores = {"nearest centroid": [score_centroids(old, n) for n in SHOTS]}
    few = {"": NearestCentroid()} | BASELINES  # on fewer episodes, the same for all
    for name, estimator in few.items():
        scores[name] = [score_fitted(estimator, old, n) for n in SHOTS]
    seconds = {}
    for key, learner in learners.items():
        scores[key], seconds[key] = measure(*learner, old)
    return scores, seconds


def main():
    """Measure, print, save and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--splits", type=int, default=40)
    parser.add_argument("--jobs", type=int, default=cpu_count(), help="processes")
    options = parser.parse_args()
    learners, done = make_learners(), []
    each = Parallel(options.jobs, return_as="generator")(
        delayed(measure_split)(old, learners) for old in draw_splits(options.splits)
    )
    for split in tqdm(each, total=options.splits, desc="splits"):
        done.append(split)
    results = compare(done)
    print(f"{'':24} 1 shot (less nearest centroid)     5 shots")
    for name, row in results["learners"].items():
        differences = row.get("difference", [[0, 0]] * len(SHOTS))
        cells = [
            f"{accuracy[0]:.3f} ({less[0]:+.3f} ± {less[1]:.3f})"
            for accuracy, less in zip(row["accuracy"], differences, strict=True)
        ]
        if "learnt" in row:
            gains = [f"{mean:+.3f} ± {half:.3f}" for mean, half in row["learnt"]]
            cells.append(f"of which learnt {', '.join(gains)}")
        print(f"{name:24} {'   '.join(cells)}")
    draw(results["learners"], save("digits", results))


def compare(done):
    """Summarise what every split gave, and the differences within each."""

    def of(key):
        return np.array([scores[key] for scores, _ in done])

    rows = {"nearest centroid": {"accuracy": summary(of("nearest centroid"))}}
    for key in done[0][0]:
        if key in ("", "nearest centroid"):
            continue
        if key in BASELINES:
            name, base = key, of("")
        else:
            name, base = ", ".join(key), of("nearest centroid")
        rows[name] = {
            "accuracy": summary(of(key)),
            "difference": summary(of(key) - base),
        }
        if key not in BASELINES:
            seconds = np.mean([times[key] for _, times in done])
            rows[name]["seconds per training"] = float(seconds)
            if key[1] == "recommended":
                learnt = of(key) - of((key[0], "untrained"))
                rows[name]["learnt"] = summary(learnt)
    return {"splits": len(done), "learners": rows}


def draw(rows, path):
    """Draw what every learner gains over the nearest centroid."""
    algorithms = [name.split(",")[0] for name in rows if name.endswith("plain")][::-1]
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    panels = figure.subplots(1, len(SHOTS), sharey=True)
    for i, (n_shot, axes) in enumerate(zip(SHOTS, panels, strict=True)):
        for j, variant in enumerate(VARIANTS):
            cells = [rows[f"{name}, {variant}"]["difference"][i] for name in algorithms]
            mean, half = 100 * np.transpose(cells)
            places = np.arange(len(algorithms)) + 0.2 * (1 - j)
            axes.errorbar(mean, places, xerr=half, fmt="o", ms=4, label=variant)
        axes.axvline(0, color="0.5", lw=1)
        axes.set_xscale("symlog", linthresh=10)
        axes.set_xticks([-50, -10, -5, 0, 5, 10])
        axes.xaxis.set_major_formatter("{x:+.0f}")
        axes.minorticks_off()
        axes.set_title(f"{n_shot} shot{'s' * (n_shot > 1)}", loc="left", fontsize=11)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_yticks(range(len(algorithms)), algorithms)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center", frameon=False)
    figure.supxlabel(
        "points of accuracy more than the nearest centroid of raw pixels, four digits "
        "new after six",
        fontsize=10,
    )
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
