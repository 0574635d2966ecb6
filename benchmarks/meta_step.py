"""One meta-step of second-order MAML, side by side with what others do.

Same network, tasks, loss and optimizer (Adam) for all; the contenders' losses on the
same weights are compared first. Each round times every contender once, so that whatever
else the machine does hits all alike; medians over the rounds. skmeta's steps have as
many threads as `fit` would choose for the sizes at hand; JAX and the other torch
contenders have all.
"""

import argparse
from functools import partial

from _contenders import bare, matrix_products, public_fit, vmap_of_grad
from _in_jax import with_jax
from _loops import with_higher, with_torchopt
from _measure import medians, seconds
from _results import save
from _workloads import INNER_LR, OF_A_CPU, WORKLOADS, Workload
from matplotlib.figure import Figure

from skmeta.algorithms import Reptile
from skmeta.utils.threads import one_thread_if_small

# These loop over the tasks, at up to a second a step.
SLOW = {"higher", "torchopt"}


def as_in_fit(work, call):
    """Call with the threads that `fit` would give to a step."""
    n_rows = work.tasks * work.queries
    with one_thread_if_small(work.module, n_rows, work.features):
        return call()


def measure(work, rounds, compiled):
    steps = {
        "skmeta": bare(work, work.maml()),
        "vmap(grad)": vmap_of_grad(work),
        "JAX, compiled": with_jax(work),
        "higher": with_higher(work),
        "torchopt": with_torchopt(work),
    }
    if compiled:
        steps["skmeta, compiled"] = bare(work, work.maml(), compiled=True)
    losses = {name: as_in_fit(work, step) for name, step in steps.items()}
    first = losses["skmeta"]
    assert all(abs(loss - first) < 1e-4 * first for loss in losses.values()), losses
    steps["skmeta, first order"] = bare(work, work.maml(first_order=True))
    if work.hidden:
        # As in its paper: each inner step on as many rows as MAML has in the support.
        reptile = Reptile(INNER_LR, work.steps, inner_batch_size=work.shot)
        steps["skmeta, Reptile"] = bare(work, reptile)
        steps["matrix products"] = matrix_products(work)
    calls = {
        name: partial(as_in_fit, work, partial(seconds, step))
        if "skmeta" in name
        else partial(seconds, step)
        for name, step in steps.items()
    }
    calls["skmeta, through fit"] = public_fit(work)
    slow = {name: calls.pop(name) for name in SLOW}
    times = medians(calls, rounds) | medians(slow, rounds=3)
    return {name: 1e3 * took for name, took in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=OF_A_CPU)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument(
        "--compile", nargs="*", default=["sine"], help="workloads to compile as well"
    )
    options = parser.parse_args()
    results = {}
    for name in options.workloads:
        work = Workload(name)
        results[name] = measure(work, options.rounds, name in options.compile)
        report(name, results[name])
    draw(results, save("meta_step", results))


def report(name, times):
    own = times["skmeta"]
    print(f"\n{name}: milliseconds per meta-step, and in units of skmeta's")
    for contender in sorted(times, key=times.get):
        print(f"  {contender:20} {times[contender]:8.2f} {times[contender] / own:8.2f}")


def draw(results, path):
    figure = Figure(figsize=(4 * len(results), 3.2), layout="constrained")
    panels = figure.subplots(1, len(results), squeeze=False)[0]
    for axes, (name, times) in zip(panels, results.items(), strict=True):
        order = sorted(times, key=times.get, reverse=True)
        colours = ["#1f6fb4" if "skmeta" in each else "0.7" for each in order]
        bars = axes.barh(order, [times[each] for each in order], color=colours)
        axes.bar_label(bars, fmt="%.3g", padding=3)
        axes.set(title=f"{name}: ms per meta-step", xscale="log")
        axes.margins(x=0.2)
        axes.spines[["top", "right"]].set_visible(False)
        axes.minorticks_off()
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
