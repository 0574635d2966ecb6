"""What does a meta-step pay for the question whether steps have led astray?

Each algorithm takes the same meta-step as it is and without the question, in turns, on
tasks of which none is astray; the learners' weights stay as they are, so that none ever
is. The ratio of the times is the median over pairs.
"""

import argparse
from contextlib import contextmanager, nullcontext
from functools import partial
from statistics import median
from unittest.mock import patch

import torch
from _measure import seconds
from _results import save

from skmeta.algorithms import FOMAML, MAML, MAMLPlusPlus, MetaSGD, Reptile, Spec, maml
from skmeta.algorithms.inner_loop import meta_gradient
from skmeta.backbones import MLP
from skmeta.episodes import Batch, Episode

ALLOWED = 1.05
ALGORITHMS = {
    "maml": MAML(),
    "maml++": MAMLPlusPlus(),
    "fomaml": FOMAML(),
    "metasgd": MetaSGD(),
    "reptile": Reptile(),
}
# tasks, support rows, query rows, of a few tasks of few rows and of usual ones
SIZES = {"small": (16, 5, 15), "usual": (32, 25, 75)}
N_FEATURES = 8
STEPS = 3  # in one measurement


@contextmanager
def without_the_question():
    """Let every task keep its steps."""
    with (
        patch.object(meta_gradient, "keeps", lambda loss, outputs: None),
        patch.object(maml, "keeps", lambda loss, outputs: None),
        patch.object(
            maml, "keeps_by_step", lambda loss, outputs: [None] * (len(outputs) - 1)
        ),
    ):
        yield


def make_batch(kind, n_tasks, n_rows, generator):
    """Draw tasks that are much alike."""
    X = torch.randn(n_tasks, n_rows, N_FEATURES, generator=generator)
    noise = 0.1 * torch.randn(n_tasks, n_rows, generator=generator)
    y = X[..., 0] + noise
    n_classes = torch.zeros(n_tasks, dtype=torch.long)
    if kind == "classifier":
        y, n_classes = (y > 0).long(), n_classes + 2
    return Batch(X, y, torch.ones(n_tasks, n_rows, dtype=torch.bool), n_classes)


def measure(algorithm, kind, size, pairs):
    """Return the median milliseconds of a step, and the median ratio of pairs."""
    n_tasks, n_support, n_query = SIZES[size]
    generator = torch.Generator().manual_seed(0)
    episode = Episode(
        make_batch(kind, n_tasks, n_support, generator),
        make_batch(kind, n_tasks, n_query, generator),
    )
    torch.manual_seed(0)
    spec = Spec(N_FEATURES, 2 if kind == "classifier" else 1, kind)
    module = algorithm.build(MLP(), spec).train()

    def step():
        for weight in module.parameters():
            weight.grad = None
        return float(algorithm.meta_backward(module, episode))

    ways = {"guarded": nullcontext, "bare": without_the_question}
    losses, times = {}, {name: [] for name in ways}
    for turn in range(pairs + 1):
        for name in sorted(ways, reverse=bool(turn % 2)):
            with ways[name]():
                losses[name] = step()
                times[name].append(seconds(partial(several, step)))
    assert abs(losses["guarded"] - losses["bare"]) < 1e-3  # maml++ counts its steps
    ratios = [a / b for a, b in zip(times["guarded"], times["bare"], strict=True)]
    return {"ms": 1e3 * median(times["guarded"]) / STEPS, "ratio": median(ratios)}


def several(step):
    for _ in range(STEPS):
        step()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=100)
    options = parser.parse_args()
    torch.set_num_threads(1)
    results = {}
    for name, algorithm in ALGORITHMS.items():
        for kind in ("classifier", "regressor"):
            for size in SIZES:
                found = measure(algorithm, kind, size, options.pairs)
                results[f"{name}, {kind}, {size}"] = found
                verdict = "" if found["ratio"] <= ALLOWED else f"  above {ALLOWED}"
                print(
                    f"{name:8} {kind:10} {size:5} {found['ms']:7.2f} ms,"
                    f" {found['ratio']:.3f} of a step without{verdict}",
                    flush=True,
                )
    save("safeguard", results)


if __name__ == "__main__":
    main()
