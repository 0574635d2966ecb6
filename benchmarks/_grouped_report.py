"""From losses on the tables with groups to ratios, tables of figures and a picture."""

import re
from functools import partial

import numpy as np
from _pages import fill, rewrite
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

PAGES = ("docs/which.md",)  # whose blocks hold figures
CAP = 10.0  # a ratio beyond counts as this in a mean
NEAR = 0.02
MAIN = {  # and their marks in the picture
    "stack": ("#0b3c6f", "D"),
    "default": ("#1f6fb4", "o"),
    "boosting + residual": ("#d95f02", "^"),
    "mixed linear": ("#7a5195", "s"),
    "lightgbm + group": ("#3a923a", "v"),
    "catboost + group": ("#b5a000", "P"),
    "gpboost": ("0.5", "X"),
}
FRONT = {  # in the picture of the first page, as who reads only that calls them
    "stack": "skmeta: several together",
    "default": "skmeta: MetaClassifier(), MetaRegressor()",
    "boosting + residual": "boosting, shifted by group",
    "mixed linear": "mixed linear model",
    "lightgbm + group": "LightGBM, group as category",
    "catboost + group": "CatBoost, group as category",
    "gpboost": "GPBoost",
    "pooled boosting": "boosting, all groups pooled",
}
DRAWN = (0.3, 4.0)  # ratios beyond stand at the edge


def mean_loss(record, size, n_seeds=None):
    """Return the mean over seeds; with an answer missing it is infinite."""
    losses = record["loss"].get(size, [])[:n_seeds]
    return float(np.mean(losses)) if losses and None not in losses else np.inf


def best_plain(results, table, size, n_seeds=None):
    """Return the best of the plain ways and its loss over the first seeds, or None."""
    learners = results["tables"][table]["learners"]
    plain = [
        name
        for name in results["plain ways"]
        if name in learners and len(learners[name]["loss"][size]) >= (n_seeds or 1)
    ]
    losses = {name: mean_loss(learners[name], size, n_seeds) for name in plain}
    return min(losses.items(), key=lambda pair: pair[1], default=None)


def ratios(results):
    """Return each learner's loss over the best plain way's, by table and size.

    Losses are averaged over the seeds that the learner has, before the ratio. The best
    plain way is picked for each cell after the fact: what a user could have had.
    """
    found = {}
    for table, own in results["tables"].items():
        for name, record in own["learners"].items():
            for size, losses in record["loss"].items():
                best = best_plain(results, table, size, len(losses))
                if best is not None:
                    ratio = mean_loss(record, size) / best[1]
                    found.setdefault(name, {})[table, size] = ratio
    return found


def summarise(cells):
    """Return what one learner's ratios come to."""
    values = np.array(list(cells.values()))
    return {
        "cells": len(values),
        "mean": float(np.exp(np.log(np.minimum(values, CAP)).mean())),
        "near": float((values <= 1 + NEAR).mean()),
        "ahead": float((values < 1 - NEAR).mean()),
        "worst": float(values.max()),
        "worst cell": max(cells, key=cells.get),
    }


def seconds(results, name, what):
    """Sum the seconds of ``fit``, or of all answers, over tables."""
    return sum(
        float(np.mean(own["learners"][name][what] or 0))
        for own in results["tables"].values()
        if name in own["learners"]
    )


def summary_table(results, names=None):
    """Return lines of Markdown: what learners come to, the best one first."""
    rows = {name: summarise(cells) for name, cells in ratios(results).items()}
    chosen = [name for name in names or rows if name in rows]
    splits = {
        len(losses)
        for own in results["tables"].values()
        for name in set(chosen) & set(own["learners"])
        for losses in own["learners"][name]["loss"].values()
    }
    lines = [
        f"Splits of each table: {' or '.join(map(str, sorted(splits)))}.",
        "",
        "| learner | cells | mean | within 2 % | > 2 % ahead | worst | fit, s "
        "| answer, s |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name in sorted(chosen, key=lambda name: rows[name]["mean"]):
        row, (table, size) = rows[name], rows[name]["worst cell"]
        fit, answer = (seconds(results, name, what) for what in ("fit", "answer"))
        lines.append(
            f"| {name} | {row['cells']} | {row['mean']:.3f} "
            f"| {100 * row['near']:.0f} % | {100 * row['ahead']:.0f} % | "
            f"{shown(row['worst'])} ({table}, {size}) | {fit:.0f} | {answer:.1f} |"
        )
    return lines


def cells_table(results, names=tuple(MAIN)):
    """Return lines of Markdown: ratios by table and number of known rows."""
    found = ratios(results)
    chosen = [name for name in names if name in found]
    head = ["table, known rows", "tasks learnt from", "best plain way", *chosen]
    lines = [f"| {' | '.join(head)} |", "|" + " --- |" * len(head)]
    for table, own in results["tables"].items():
        for size in own["sizes"]:
            best = best_plain(results, table, str(size))
            if best is not None:
                row = [found[name].get((table, str(size))) for name in chosen]
                row = ["" if ratio is None else shown(ratio) for ratio in row]
                first = [f"{table}, {size}", str(own["tasks"]), best[0]]
                lines.append(f"| {' | '.join(first + row)} |")
    return lines


def against_table(results, name, others):
    """Return lines of Markdown: a learner beside each of others, cell by cell."""
    found, rows = ratios(results), []
    for other in others:
        shared = [cell for cell in found.get(other, {}) if cell in found.get(name, {})]
        if shared:
            mine, theirs = (
                np.minimum([found[own][cell] for cell in shared], CAP)
                for own in (name, other)
            )
            ratio = mine / theirs
            rows.append(
                f"| {other} | {np.exp(np.log(ratio).mean()):.2f} | "
                f"{np.sum(ratio < 1 - NEAR)} of {len(ratio)} | "
                f"{np.sum(ratio > 1 + NEAR)} of {len(ratio)} |"
            )
    head = [
        f"| {name}, beside | its loss over theirs | better by 2 % | worse by 2 % |",
        "| --- | --- | --- | --- |",
    ]
    return head + rows if rows else []


def few_table(results, names):
    """Return lines of Markdown: mean ratios by the number of tasks to learn from."""
    few = results.get("few tasks", {})
    lines = [
        f"| tasks to learn from | {' | '.join(few)} |",
        "|" + " --- |" * (1 + len(few)),
    ]
    for name in names:
        row = [means.get(name) for means in few.values()]
        if any(row):
            cells = ["" if mean is None else shown(mean) for mean in row]
            lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def shown(number):
    if not np.isfinite(number):
        return "raised"
    if number >= 10_000:
        return f"{number:.1e}"
    return f"{number:.0f}" if number >= 10 else f"{number:.2f}"


TABLES = {"summary": summary_table, "cells": cells_table, "few tasks": few_table}


def filled(text, results):
    """Return a page whose blocks hold the figures of ``results``.

    A block begins with ``<!-- grouped: WHAT -->`` and ends with ``<!-- end -->``. WHAT
    is "summary", "cells" or "few tasks", perhaps with ``of`` and names behind, or "NAME
    beside" and names.
    """

    def lines_of(what):
        what, _, rest = what.partition(" of ")
        name, _, others = what.partition(" beside ")
        if others:
            return against_table(results, name, re.split(r",\s+", others))
        names = re.split(r",\s+", rest) if rest else tuple(MAIN)
        return TABLES[what](results, names)

    return fill(text, "grouped", lines_of)


def fill_pages(results):
    """Write the figures where pages show them."""
    rewrite(PAGES, partial(filled, results=results))


def draw(results, path):
    """Draw each table's ratios for the main learners."""
    found = ratios(results)
    chosen = {name: marks for name, marks in MAIN.items() if name in found}
    if not chosen:
        return
    sizes = sorted({size for cells in found.values() for _, size in cells}, key=int)
    tables = list(results["tables"])[::-1]
    figure = Figure(figsize=(11, 0.8 + 0.36 * len(tables)), layout="constrained")
    panels = figure.subplots(1, len(sizes), sharey=True, squeeze=False)[0]
    for axes, size in zip(panels, sizes, strict=True):
        for place, (name, (colour, marker)) in enumerate(reversed(chosen.items())):
            cells = found[name]
            rows = [i for i, table in enumerate(tables) if (table, size) in cells]
            values = np.clip([cells[tables[i], size] for i in rows], *DRAWN)
            heights = np.array(rows) + 0.8 * ((place + 0.5) / len(chosen) - 0.5)
            axes.scatter(
                values, heights, s=30, color=colour, marker=marker, label=name, zorder=3
            )
        for row in range(len(tables)):
            axes.axhspan(
                row - 0.5, row + 0.5, color="0.95" if row % 2 else "1", zorder=0
            )
        axes.axvline(1, color="0.4", lw=1, zorder=1)
        axes.set(xscale="log", xlim=(DRAWN[0] / 1.08, DRAWN[1] * 1.08))
        axes.set_ylim(-0.5, len(tables) - 0.5)
        ticks = {0.3: "≤ 0.3", 4: "≥ 4"}
        axes.set_xticks(
            places := [0.3, 0.5, 0.7, 1, 1.5, 2, 3, 4],
            [ticks.get(each, f"{each:g}") for each in places],
        )
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.minorticks_off()
        axes.set_title(f"{size} rows of a new task are known", loc="left", fontsize=11)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_yticks(range(len(tables)), tables)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        handles[::-1], labels[::-1], loc="outside right center", frameon=False
    )
    figure.supxlabel("loss over that of the best plain way of each table", fontsize=10)
    figure.savefig(path, dpi=150)


def draw_front(results, path):
    """Draw what learners come to: all their ratios, and the mean of each."""
    found = ratios(results)
    means = {name: summarise(found[name])["mean"] for name in FRONT if name in found}
    chosen = sorted(means, key=means.get, reverse=True)
    figure = Figure(figsize=(9, 0.9 + 0.36 * len(chosen)), layout="constrained")
    axes = figure.subplots()
    for row, name in enumerate(chosen):
        values = np.clip(list(found[name].values()), *DRAWN)
        colour = MAIN.get(name, ("0.5",))[0]
        axes.scatter(
            values, [row] * len(values), s=90, marker="|", color=colour, alpha=0.6
        )
        axes.scatter(means[name], row, s=70, color=colour, zorder=3)
        axes.annotate(
            f"{means[name]:.2f}",
            (means[name], row),
            (0, 7),
            textcoords="offset points",
            ha="center",
            fontsize=8,
            color=colour,
        )
    axes.axvline(1, color="0.4", lw=1, zorder=1)
    axes.set(xscale="log", xlim=(0.5, DRAWN[1] * 1.05))
    places = [0.5, 0.7, 1, 1.5, 2, 3, 4]
    axes.set_xticks(places, [f"{each:g}" if each < 4 else "≥ 4" for each in places])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.minorticks_off()
    axes.set_yticks(range(len(chosen)), [FRONT[name] for name in chosen])
    axes.set_ylim(-0.5, len(chosen) - 0.2)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel(
        "loss over that of the best plain way of each table (dots: means; lower is "
        "better)",
        fontsize=9,
    )
    figure.savefig(path, dpi=150)
