"""A service: many tasks held, rows coming in, answers in between.

100,000 stores with ten rows each are adapted to in one call. Then, again and again, a
thousand rows come of any of them (``partial_adapt``), a thousand are asked about
(``predict``), and once in a while a thousand stores close (``forget``). What would the
same knowledge cost without ``partial_adapt``? One ``adapt`` of all rows, of which the
others are given as a share: at most 3 % is allowed.

A task has 20 features and two classes, and a name, "store 000042". All is timed in
turns in one run; the median counts, the slowest call is told, too. At the end the
answers of the service are held against those after one ``adapt`` of all rows that have
come of some of the stores.
"""

import argparse
import copy
import statistics
import warnings

import numpy as np
from _measure import PeakMemory, seconds
from _results import save
from matplotlib.figure import Figure

from skmeta import MetaClassifier
from skmeta.algorithms import MAML
from skmeta.backbones import MLP

N_ROWS, N_FEATURES, N_COME = 10, 20, 1000
LEARNERS = {
    "protonet": {"algorithm": "protonet"},
    "r2d2": {"algorithm": "r2d2"},
    "gp": {"algorithm": "gp"},
    # Every task has a network of its own, which is kept: a small one.
    "MAML, 5 steps": {"algorithm": MAML(inner_steps=5), "backbone": MLP((16,))},
}
ALLOWED = 0.03  # of one adapt of all rows


class Stores:
    """Rows of stores, each with a half-space of its own around a common one."""

    def __init__(self, n_stores):
        self.rng = np.random.default_rng(0)
        self.names = np.array([f"store {number:06}" for number in range(n_stores)])
        common = self.rng.normal(size=N_FEATURES)
        self.own = common + self.rng.normal(size=(n_stores, N_FEATURES))

    def rows(self, store):
        X = self.rng.normal(size=(len(store), N_FEATURES)).astype(np.float32)
        y = np.einsum("rf,rf->r", X, self.own[store]) > 0
        return X, y.astype(np.int64), self.names[store]

    def some(self, size=N_COME):
        return self.rows(self.rng.integers(len(self.names), size=size))


def serve(meta, stores, rounds, calls):
    """Time one adapt of all rows in every round, and the calls of a service."""
    X, y, names = stores.rows(np.arange(len(stores.names)).repeat(N_ROWS))
    meta.adapt(X[:10_000], y[:10_000], groups=names[:10_000])  # buffers, threads
    service, come = copy.copy(meta), [(X, y, names)]
    times = {"adapt": [], "partial_adapt": [], "predict": [], "forget": []}

    def timed(verb, whom, *given, **named):
        times[verb].append(seconds(lambda: getattr(whom, verb)(*given, **named)))

    with PeakMemory() as peak:
        timed("adapt", service, X, y, groups=names)
    for turn in range(rounds):
        if turn:
            timed("adapt", copy.copy(meta), X, y, groups=names)
        for _ in range(calls):
            come.append(stores.some())
            timed("partial_adapt", service, *come[-1])
            asked, _, of = stores.some()
            timed("predict", service, asked, groups=of)
        gone = stores.rng.choice(stores.names, size=N_COME, replace=False)
        timed("forget", copy.copy(service), gone)  # the service still has them
    X, y, names = (np.concatenate(part) for part in zip(*come, strict=True))
    some = np.isin(names, stores.names[::50])
    whole = copy.copy(meta).adapt(X[some], y[some], groups=names[some])
    answers = [
        each.predict_proba(X[some], groups=names[some]) for each in (service, whole)
    ]
    kept = service.adapted_.supports
    return times, {
        "seconds": {verb: statistics.median(own) for verb, own in times.items()},
        "slowest": {verb: max(own) for verb, own in times.items()},
        "largest difference of a probability": float(abs(np.subtract(*answers)).max()),
        "MB of supports": sum(each.X.nbytes + each.y.nbytes for each in kept) / 1e6,
        "MB at the peak of adapt": peak.n_bytes / 1e6,
        "parts": len(service.adapted_.states),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--calls", type=int, default=30, help="in each round")
    parser.add_argument("--learners", nargs="+", default=[*LEARNERS])
    options = parser.parse_args()
    results, streams = {}, {}
    for name in options.learners:
        stores = Stores(options.tasks)
        meta = MetaClassifier(
            **LEARNERS[name], n_shot=N_ROWS, max_epochs=5, random_state=0
        )
        train = np.arange(300).repeat(2 * N_ROWS)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            X, y, groups = stores.rows(train)
            meta.fit(X, y, groups=groups)
        streams[name], own = serve(meta, stores, options.rounds, options.calls)
        whole = own["seconds"]["adapt"]
        own["shares of adapt"] = {
            verb: own["seconds"][verb] / whole for verb in own["seconds"]
        }
        results[name] = own
        print(f"{name}: adapt {whole:.2f} s", end="")
        for verb in ("partial_adapt", "predict", "forget"):
            share, slowest = own["shares of adapt"][verb], own["slowest"][verb] / whole
            print(f", {verb} {share:.2%} (slowest {slowest:.2%})", end="")
        print(f"; at most {ALLOWED:.0%} allowed")
        print({key: own[key] for key in own if key.startswith(("MB", "largest", "p"))})
    draw(streams, save("one_by_one", {"allowed": ALLOWED, **results}))


def draw(streams, path):
    figure = Figure(figsize=(7, 3), layout="constrained")
    axes = figure.subplots()
    for name, times in streams.items():
        whole = statistics.median(times["adapt"])
        shares = [100 * each / whole for each in times["partial_adapt"]]
        axes.plot(range(1, len(shares) + 1), shares, label=name, lw=1)
    axes.axhline(100 * ALLOWED, color="0.5", lw=1, ls="--")
    axes.set(
        xlabel=f"call of partial_adapt, {N_COME:,} rows each",
        ylabel="% of one adapt of all rows",
    )
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, ncols=2)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
