"""What do side-by-side parts save on a quiet machine, and cost on a busy one?

Steps through `fit` of this tree and of another commit, each in a process of its own
that waits while the other works, in turns; once with nothing else to do, and once
beside a process that spins. All of it takes three minutes at most on two cores; where
JAX is installed, its compiled step of *sine* stands beside.

Quiet is what the machine is when nothing else runs on it: look at the load that the
results record.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from time import perf_counter

from _results import save
from matplotlib.figure import Figure

HERE = Path(__file__).parent
BEFORE = "7f7147e"  # before parts were so small
# What is measured, and steps at a time: about a third of a second.
CASES = {
    "sine": 100,
    "sine, first order": 150,
    "tab": 15,
    "tab, tanh": 8,
    "big": 4,
    "conv": 3,
}
# Of the steps before, at most: in the quiet, and beside a process that spins.
REQUIRED = {"quiet": 0.65, "busy": 1.3}


# In the processes that measure ---------------------------------------------------


def make_case(name):
    from _contenders import public_fit  # of the tree that the process has
    from _workloads import Workload
    from torch import nn

    from skmeta.backbones import Backbone
    from skmeta.nn import Linear

    class Tanh(Backbone):
        """The network of *tab* with tanh, which goes by autograd."""

        def build(self, n_features):
            layers = (Linear(n_features, 64), nn.Tanh(), Linear(64, 64), nn.Tanh())
            network = nn.Sequential(*layers)
            network.out_features = 64
            return network

    work = Workload(name.partition(",")[0])
    if name.endswith("tanh"):
        work.backbone = Tanh()
    algorithm = work.maml(first_order=name.endswith("first order"))
    return public_fit(work, CASES[name], algorithm)


def with_jax():
    from _in_jax import with_jax as make
    from _workloads import Workload

    step = make(Workload("sine"))
    step()

    def seconds():
        start = perf_counter()
        for _ in range(CASES["sine"]):
            step()
        return (perf_counter() - start) / CASES["sine"]

    return seconds


def serve():
    """Answer every case that is asked for with the seconds of a step."""
    made = {}
    for line in sys.stdin:
        name = line.strip()
        if name not in made:
            made[name] = with_jax() if name == "JAX" else make_case(name)
            made[name]()
        start = os.times()
        took = made[name]()
        end = os.times()
        spent = end.user - start.user + end.system - start.system
        print(json.dumps([took, spent]), flush=True)


# In the one that asks ------------------------------------------------------------


@contextlib.contextmanager
def a_process(tree, folder):
    """Start a process that measures a tree; yield a function that asks it."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tree), str(HERE)])}
    env |= {"PYTHONWARNINGS": "ignore", "PYTHONPYCACHEPREFIX": folder}
    env.pop("OMP_NUM_THREADS", None)
    process = subprocess.Popen(
        [sys.executable, __file__, "--serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=env,
        cwd=folder,
    )

    def ask(name):
        print(name, file=process.stdin, flush=True)
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"The process of {tree} has ended.")
        return json.loads(line)

    try:
        yield ask
    finally:
        process.stdin.close()
        process.kill()
        process.wait()


@contextlib.contextmanager
def a_spinning_process():
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def unpack(commit, folder):
    """Put the library of another commit into a folder."""
    archive = subprocess.run(
        ["git", "archive", commit, "skmeta"],
        cwd=HERE.parent,
        stdout=subprocess.PIPE,
        check=True,
    )
    subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
    return folder


def measure(cases, rounds, commit):
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        cache = stack.enter_context(tempfile.TemporaryDirectory())
        ask = {
            "before": stack.enter_context(a_process(unpack(commit, folder), cache)),
            "now": stack.enter_context(a_process(HERE.parent, cache)),
        }
        calls = {(name, who): partial(ask[who], name) for name in cases for who in ask}
        if "sine" in cases and _has_jax():
            calls["sine", "JAX"] = partial(ask["now"], "JAX")
        for call in calls.values():  # what is first costs more
            call()
        times = {}
        for _ in range(rounds):
            for load in ("quiet", "busy"):
                is_busy = load == "busy"
                with a_spinning_process() if is_busy else contextlib.nullcontext():
                    for key, call in calls.items():
                        times.setdefault((*key, load), []).append(call())
    results = {name: {} for name in cases}
    for (name, who, load), own in times.items():
        took, spent = (1e3 * statistics.median(each) for each in zip(*own, strict=True))
        results[name][f"{who}, {load}"] = took
        results[name][f"{who}, {load}, of the processor"] = spent / CASES[name]
    return results


def _has_jax():
    from importlib.util import find_spec

    return find_spec("jax") is not None and find_spec("optax") is not None


def report(results):
    print(f"{'':20} ms before   now            beside a spinning process, before   now")
    for name, own in results.items():
        quiet, busy = (
            own[f"now, {load}"] / own[f"before, {load}"] for load in ("quiet", "busy")
        )
        spent = [own[f"{who}, quiet, of the processor"] for who in ("before", "now")]
        print(
            f"{name:20} {own['before, quiet']:8.2f} {own['now, quiet']:8.2f}"
            f" {quiet:6.2f} x {own['before, busy']:20.2f} {own['now, busy']:8.2f}"
            f" {busy:6.2f} x, {own['now, busy'] / own['now, quiet']:.2f} x quiet,"
            f" processor's time {spent[1] / spent[0]:.2f} x"
        )
    if "tab" in results:
        own = results["tab"]
        for load, most in REQUIRED.items():
            ratio = own[f"now, {load}"] / own[f"before, {load}"]
            print(f"tab, {load}: {ratio:.2f} of before. Required: at most {most}.")
    if {"sine", "sine, first order"} <= results.keys():
        first = results["sine, first order"]["now, quiet"]
        ratio = first / results["sine"]["now, quiet"]
        print(f"sine, first order: {ratio:.2f} of second order. Aim: 0.60.")
    if "JAX, quiet" in results.get("sine", {}):
        own = results["sine"]
        ratio = own["now, quiet"] / own["JAX, quiet"]
        print(f"sine: {ratio:.2f} of compiled JAX. Aim: 1.1.")


def draw(results, path):
    figure = Figure(figsize=(8, 3), layout="constrained")
    axes = figure.subplots()
    for shift, (load, colour) in enumerate({"quiet": "#1f6fb4", "busy": "0.6"}.items()):
        ratios = [
            own[f"now, {load}"] / own[f"before, {load}"] for own in results.values()
        ]
        place = [row + 0.4 * shift for row in range(len(results))]
        bars = axes.barh(place, ratios, 0.4, color=colour, label=load)
        axes.bar_label(bars, fmt="%.2f", padding=3)
    axes.axvline(1, color="0.3", linestyle=":")
    axes.set_yticks([row + 0.2 for row in range(len(results))], list(results))
    axes.invert_yaxis()
    axes.set(title="time of a step, times that of the commit before")
    axes.margins(x=0.12)
    figure.legend(frameon=False, loc="outside right center")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", default=BEFORE, help="the commit to compare with")
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve()
        return
    results = measure(options.cases, options.rounds, options.before)
    report(results)
    path = save("threads", {"before": options.before, "ms": results})
    draw(results, path)


if __name__ == "__main__":
    main()
