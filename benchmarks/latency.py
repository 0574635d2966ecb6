"""Learn one task and answer, through the public face: how long, and where it goes.

25 support rows and 75 queries of 5 classes and 20 features, as numpy arrays, against
scikit-learn's ``LogisticRegression().fit(X, y).predict(X_new)``. All compute in one
thread, which is the fastest for all of them at this size (skmeta takes one by itself).

Of skmeta's time three parts are shown: scikit-learn's own checks of the arrays, the
algorithm on tensors, and all between them: labels, gathering and scattering rows.
"""

import argparse
import warnings

import numpy as np
import torch
from _measure import medians
from _results import save
from matplotlib.figure import Figure
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from skmeta import MetaClassifier
from skmeta.algorithms import MAML
from skmeta.episodes import Batch

N_SUPPORT, N_QUERY, N_FEATURES, N_CLASSES = 25, 75, 20, 5
ALGORITHMS = {"protonet": "protonet", "MAML, 5 steps": MAML(inner_steps=5)}
REQUIRED = {"protonet": 1.0, "MAML, 5 steps": 3.0}  # of LogisticRegression's time
CALLS = 20  # in one measurement


def make_tasks(n_tasks, seed):
    """Draw tasks of five classes, each class the side of a plane of its own."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_tasks, N_SUPPORT + N_QUERY, N_FEATURES))
    planes = rng.normal(size=(n_tasks, N_FEATURES, N_CLASSES))
    return X, np.einsum("trf,tfc->trc", X, planes).argmax(axis=-1)


def meta_train(algorithm, label_space):
    X, y = make_tasks(100, seed=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it learns is of no interest here
        return MetaClassifier(
            algorithm,
            label_space=label_space,
            max_epochs=2,
            early_stopping=False,
            random_state=0,
        ).fit(
            X.reshape(-1, N_FEATURES),
            y.ravel(),
            groups=np.repeat(np.arange(100), X.shape[1]),
        )


def parts_of(meta, X, y, X_query):
    """The parts of adapt and predict that can be called by themselves."""

    def check():
        meta._validate_rows(X, y, reset=False)
        meta._validate_features(X_query)

    scaled = [
        torch.from_numpy(((rows - meta.mean_) / meta.scale_).astype(np.float32))[None]
        for rows in (X, X_query)
    ]
    support = Batch(
        scaled[0],
        torch.from_numpy(y)[None],
        torch.ones(1, len(y), dtype=torch.bool),
        torch.tensor([N_CLASSES]),
    )

    def compute():
        with torch.no_grad():
            state = meta.algorithm_.adapt(meta.module_, support)
            meta.algorithm_.predict(meta.module_, state, scaled[1])

    return {"checks": check, "tensors": compute}


def measure(rounds):
    tasks_X, tasks_y = make_tasks(20, seed=2)
    whole = [t for t in range(20) if len(set(tasks_y[t, :N_SUPPORT])) == N_CLASSES]
    X, X_query = np.split(tasks_X[whole[0]], [N_SUPPORT])
    y = tasks_y[whole[0], :N_SUPPORT]

    def learn_and_answer(meta):
        return lambda: meta.adapt(X, y).predict(X_query)

    calls = {
        "LogisticRegression": lambda: LogisticRegression().fit(X, y).predict(X_query)
    }
    for name, algorithm in ALGORITHMS.items():
        for label_space in ("shared", "per_task"):
            meta = meta_train(algorithm, label_space)
            calls[f"{name}, {label_space} labels"] = learn_and_answer(meta)
        for part, call in parts_of(meta, X, y, X_query).items():
            calls[f"{name}: {part}"] = call

    def several(call):
        return lambda: [call() for _ in range(CALLS)]

    with threadpool_limits(1):
        times = medians({name: several(call) for name, call in calls.items()}, rounds)
    return {name: 1e3 * taken / CALLS for name, taken in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    options = parser.parse_args()
    times = measure(options.rounds)
    baseline = times["LogisticRegression"]
    print(f"{'':36} ms      of LogisticRegression")
    for name, taken in times.items():
        print(f"{name:34} {taken:6.2f} {taken / baseline:14.2f}")
    for name, most in REQUIRED.items():
        own = max(times[f"{name}, {space} labels"] for space in ("shared", "per_task"))
        print(f"Required of {name}: {most} x. Reached: {own / baseline:.2f} x.")
    draw(times, save("latency", {"required": REQUIRED, "ms": times}))


def draw(times, path):
    figure = Figure(figsize=(8, 2.4), layout="constrained")
    axes = figure.subplots()
    parts = {"checks": "#9ecae1", "tensors": "#1f6fb4", "the rest": "0.8"}
    rows = {"LogisticRegression": [0, 0, times["LogisticRegression"]]}
    for name in ALGORITHMS:
        own = [times[f"{name}: {part}"] for part in ("checks", "tensors")]
        rows[name] = [*own, times[f"{name}, per_task labels"] - sum(own)]
    left = np.zeros(len(rows))
    for (part, colour), widths in zip(
        parts.items(), np.transpose(list(rows.values())), strict=True
    ):
        axes.barh(list(rows), widths, left=left, color=colour, label=part)
        left += widths
    axes.set(title="ms to learn 25 rows and answer 75")
    axes.invert_yaxis()
    axes.legend(frameon=False, loc="lower right")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
