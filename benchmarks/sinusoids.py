"""Sinusoid regression (Finn et al. 2017, section 5.1): error after gradient steps.

Meta-trains longer than the tests do, with the paper's network of two hidden layers of
40 units, and prints the mean squared error on new sinusoids after 1 and 10 gradient
steps. From the literature, as recalled from Li et al. 2017 (table 1) for one step: MAML
1.13 (5 shots), 0.77 (10), 0.48 (20); Meta-SGD 0.90, 0.53, 0.31.
"""

import argparse
from time import perf_counter

import numpy as np
from _results import save
from matplotlib.figure import Figure
from skorch.callbacks import LRScheduler
from torch.optim.lr_scheduler import CosineAnnealingLR

from skmeta import MetaRegressor
from skmeta.algorithms import ANIL, MAML
from skmeta.backbones import MLP
from skmeta.datasets import make_sinusoids

N_ROWS = 70
STEPS = (1, 2, 5, 10)


def make_methods():
    fixed = {"inner_lr": 0.1, "inner_steps": 1, "learn_inner_lr": False}
    return {
        "pooled, fine-tuned": MAML(**fixed | {"inner_steps": 0, "adapt_steps": 1}),
        "FOMAML": MAML(**fixed, first_order=True),
        "ANIL": ANIL(**fixed | {"learn_inner_lr": "element"}),
        "MAML": MAML(**fixed),
        "MAML, learnt rates": MAML(**fixed | {"learn_inner_lr": "tensor"}),
        "Meta-SGD": MAML(**fixed | {"learn_inner_lr": "element"}),
    }


def measure(algorithm, n_shot, max_epochs):
    X, y, task = make_sinusoids(n_tasks=20_000, n_rows=40, random_state=0)
    X_new, y_new, new = make_sinusoids(n_tasks=1000, n_rows=N_ROWS, random_state=1)
    support = np.tile(np.arange(N_ROWS) < n_shot, 1000)
    query = np.tile(np.arange(N_ROWS) >= 20, 1000)
    start = perf_counter()
    meta = MetaRegressor(
        algorithm,
        MLP((40, 40)),
        n_shot=n_shot,
        n_query=15,
        batch_size=25,
        lr=3e-3,
        max_epochs=max_epochs,
        early_stopping=False,
        callbacks=[("anneal", LRScheduler(CosineAnnealingLR, T_max=max_epochs))],
        verbose=1,
        random_state=0,
    ).fit(X, y, groups=task)
    seconds = perf_counter() - start
    errors = {}
    for n_steps in STEPS:
        meta.algorithm_.set_params(adapt_steps=n_steps)
        meta.adapt(X_new[support], y_new[support], groups=new[support])
        error = (meta.predict(X_new[query], groups=new[query]) - y_new[query]) ** 2
        of_task = error.reshape(1000, -1).mean(axis=1)
        if of_task.mean() < 100:  # rates learnt for one step may diverge with more
            half = 1.96 * of_task.std() / np.sqrt(1000)
            errors[n_steps] = [float(of_task.mean()), float(half)]
    return {"errors": errors, "seconds": seconds}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shots", type=int, nargs="+", default=[5, 10, 20])
    parser.add_argument("--epochs", type=int, default=400)
    options = parser.parse_args()
    results = {}
    for n_shot in options.shots:
        print(f"\n{n_shot} shots{'':14} 1 step          10 steps        seconds")
        for name, algorithm in make_methods().items():
            result = measure(algorithm, n_shot, options.epochs)
            results.setdefault(n_shot, {})[name] = result
            cells = "   ".join(
                "{:5.2f} ± {:4.2f}".format(*result["errors"][n])
                if n in result["errors"]
                else "   diverges "
                for n in (1, 10)
            )
            print(f"{name:20}  {cells}   {result['seconds']:5.0f}", flush=True)
    draw(results, save("sinusoids", results))


def draw(results, path):
    figure = Figure(figsize=(3.5 * len(results) + 2, 4), layout="constrained")
    panels = figure.subplots(1, len(results), sharey=True, squeeze=False)[0]
    for axes, (n_shot, methods) in zip(panels, results.items(), strict=True):
        for name, result in methods.items():
            mean, half = np.transpose(list(result["errors"].values()))
            axes.errorbar([*result["errors"]], mean, half, marker="o", label=name)
        axes.set(title=f"{n_shot} shots", xlabel="gradient steps", yscale="log")
        axes.set_xscale("log")
        axes.set_xticks(STEPS, STEPS)
        axes.minorticks_off()
        axes.set_ylim(0.005, 10)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("mean squared error on new sinusoids")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right upper")
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
