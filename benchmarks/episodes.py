"""Episodes drawn per second, beside a loop in Python.

Two tables of 20,000 rows and 16 columns. *Classes*: 26 classes, 5-way 5-shot with 15
queries. *Groups*: 1000 tasks of unequal size, 5 support and 15 query rows, fewer where
a task has fewer. All draw without replacement. Row numbers are what a sampler draws; a
meta-batch has the standardised rows of 32 tasks, padded, as tensors.

For scale, and not measured here: on a table like that of classes, and on two cores,
learn2learn is reported to draw about 90 episodes/s and easyfsl 830 episodes/s.
"""

import argparse

import numpy as np
import torch
from _measure import medians
from _results import save
from matplotlib.figure import Figure

from skmeta.episodes import EpisodeSampler
from skmeta.episodes.table import Table

N_ROWS, N_FEATURES, N_CLASSES, N_TASKS = 20_000, 16, 26, 1000
N_WAY, N_SHOT, N_QUERY, BATCH_SIZE = 5, 5, 15, 32
REQUIRED = 30_000


def make_tables(rng):
    X = rng.normal(size=(N_ROWS, N_FEATURES))
    label = rng.integers(N_CLASSES, size=N_ROWS)
    # Two thirds of the tasks have fewer rows than an episode takes, the largest 126.
    weight = rng.lognormal(sigma=0.8, size=N_TASKS)
    group = rng.choice(N_TASKS, size=N_ROWS, p=weight / weight.sum())
    return X, {"classes": label, "groups": np.unique(group, return_inverse=True)[1]}


def make_sampler(X, name, unit):
    table = Table(X, unit, X.mean(axis=0), X.std(axis=0))
    draw = {"n_way": N_WAY, "n_shot": (N_SHOT, N_SHOT), "n_query": N_QUERY}
    if name == "classes":
        return EpisodeSampler(table, np.zeros(N_ROWS, dtype=np.intp), unit, **draw)
    return EpisodeSampler(table, unit, n_classes=2, **draw)


def make_loop(X, name, unit, rng):
    """What one writes by hand: an episode is a list of row numbers for each class."""
    rows_of = [np.flatnonzero(unit == each) for each in np.unique(unit)]
    rows_of = [rows for rows in rows_of if len(rows) > 1]
    n_way = N_WAY if name == "classes" else 1
    mean, scale = X.mean(axis=0), X.std(axis=0)

    def draw(n_episodes):
        for _ in range(n_episodes):
            chosen = rng.choice(len(rows_of), n_way, replace=False)
            yield [
                rng.choice(rows, min(N_SHOT + N_QUERY, len(rows)), replace=False)
                for rows in (rows_of[each] for each in chosen)
            ]

    def gather(n_episodes):
        for episode in draw(n_episodes):
            for part in (slice(N_SHOT), slice(N_SHOT, None)):
                rows = np.concatenate([drawn[part] for drawn in episode])
                torch.tensor((X[rows] - mean) / scale, dtype=torch.float32)

    return draw, gather


def measure(X, name, unit, rng, rounds, n_episodes, n_slow):
    sampler = make_sampler(X, name, unit)
    draw, gather = make_loop(X, name, unit, rng)

    def ready():
        drawn = sampler.draw(n_episodes, rng)
        for start in range(0, n_episodes, BATCH_SIZE):
            sampler.episode(*(part[start : start + BATCH_SIZE] for part in drawn))

    counts = {
        "skmeta, row numbers": (n_episodes, lambda: sampler.draw(n_episodes, rng)),
        "skmeta, meta-batches": (n_episodes, ready),
        "loop, row numbers": (n_slow, lambda: list(draw(n_slow))),
        "loop, rows as tensors": (n_slow, lambda: gather(n_slow)),
    }
    times = medians({who: call for who, (_, call) in counts.items()}, rounds)
    return {who: counts[who][0] / taken for who, taken in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--episodes", type=int, default=8192)
    parser.add_argument("--slow-episodes", type=int, default=512)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    X, tables = make_tables(rng)
    results = {}
    for name, unit in tables.items():
        results[name] = measure(
            X,
            name,
            unit,
            rng,
            options.rounds,
            options.episodes,
            options.slow_episodes,
        )
        print(f"\n{name:24} episodes/s   of the loop's")
        for who, rate in results[name].items():
            like = "row numbers" if "row numbers" in who else "rows as tensors"
            ratio = rate / results[name][f"loop, {like}"]
            print(f"  {who:22} {rate:10,.0f} {ratio:12.1f}")
    reached = min(own["skmeta, row numbers"] for own in results.values())
    print(f"\nRequired: {REQUIRED:,} episodes/s. Reached: {reached:,.0f}.")
    draw_bars(results, save("episodes", {"required": REQUIRED, **results}))


def draw_bars(results, path):
    figure = Figure(figsize=(9, 2.6), layout="constrained")
    panels = figure.subplots(1, len(results), squeeze=False)[0]
    for axes, (name, rates) in zip(panels, results.items(), strict=True):
        order = list(rates)[::-1]
        colours = ["#1f6fb4" if "skmeta" in each else "0.7" for each in order]
        bars = axes.barh(order, [rates[each] for each in order], color=colours)
        axes.bar_label(bars, fmt="{:,.0f}", padding=3)
        axes.axvline(REQUIRED, color="0.3", linestyle=":")
        axes.set(title=f"{name}: episodes per second", xscale="log")
        axes.margins(x=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        axes.minorticks_off()
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
