"""Every algorithm beside plain baselines, on sinusoids, Omniglot and MovieLens.

    python benchmarks/algorithms.py                       # all, an hour or two
    python benchmarks/algorithms.py --on sinusoids        # one of the three
    python benchmarks/algorithms.py --only maml protonet  # some rows, others as before

Minutes are of processor time, which other work on the machine does not lengthen. Rows
are kept in ``results/algorithms.json``, put in a table in ``results/algorithms.md`` and
drawn in ``results/algorithms.png``;
baselines stand in parentheses. ``--only`` takes the name of any installed plugin.
"""

import argparse
import importlib
import json
import traceback
from datetime import date

from _results import FOLDER, save
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from skmeta import plugins

PROBLEMS = ("sinusoids", "omniglot", "movielens")

_HEAD = """\
# Algorithms side by side

Written by `benchmarks/algorithms.py`: means, with half of their 95 % intervals over new
tasks. Baselines stand in parentheses. Minutes are of processor time, for training and
test, on a shared machine.
"""


def main():
    """Measure what was asked for, add it to what is known, print and draw all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--on", nargs="+", choices=PROBLEMS, default=PROBLEMS)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="rows to measure")
    options = parser.parse_args()
    names = plugins.names("algorithm")
    for problem in options.on:
        module = importlib.import_module(f"_{problem}")
        contestants = module.contestants(names)
        chosen = options.only or contestants
        if unknown := set(chosen) - set(contestants):
            parser.error(f"{problem} has no row {unknown}, only {[*contestants]}")
        for name in chosen:
            row = measure(contestants[name])
            if row is not None:
                print(f"{problem}: {describe(name, row)}", flush=True)
                known = read()  # again: another process may have added a row
                own = known.setdefault(problem, {})
                own[name] = row | {"date": str(date.today())}
                save("algorithms", known)
    known = read()
    tables = {problem: table(problem, rows) for problem, rows in known.items()}
    for problem in options.on:
        print("\n" + tables[problem])
    draw(known, save("algorithms", known))
    page = "\n\n".join(tables[problem] for problem in PROBLEMS if problem in tables)
    (FOLDER / "algorithms.md").write_text(f"{_HEAD}\n{page}\n")


def read():
    """Return the rows that were measured before."""
    path = FOLDER / "algorithms.json"
    return json.loads(path.read_text())["results"] if path.exists() else {}


def measure(contestant):
    """Run one; what it cannot learn is said and left out, as are its failures."""
    try:
        return contestant()
    except ValueError as error:
        if "does not learn" in str(error):
            return None
        traceback.print_exc()
    except Exception:
        traceback.print_exc()
    return None


def describe(name, row):
    """Return one line about a row."""
    scores = "; ".join(f"{key} {cell(value)}" for key, value in row["scores"].items())
    return f"{name}: {scores} ({row['minutes']:.1f} CPU min)"


def cell(score):
    """Format a mean with half its interval."""
    if score is None:
        return "diverges"
    mean, half = score
    return f"{mean:.3f} ± {half:.3f}"


def table(problem, rows):
    """Return all rows of a problem as a Markdown table, the best first."""
    module = importlib.import_module(f"_{problem}")
    columns = list(dict.fromkeys(key for row in rows.values() for key in row["scores"]))
    notes = any("how" in row for row in rows.values())
    head = ["", *columns, "CPU min", *["how"] * notes]
    lines = [
        f"## {module.TITLE}",
        "",
        "| " + " | ".join(head) + " |",
        "|---" * len(head) + "|",
    ]
    for name, row in ranked(module, rows):
        cells = [
            cell(row["scores"][key]) if key in row["scores"] else "" for key in columns
        ]
        cells += [f"{row['minutes']:.1f}", *[row.get("how", "")] * notes]
        lines.append("| " + " | ".join([name, *cells]) + " |")
    return "\n".join(lines)


def ranked(module, rows):
    """Sort rows by their best score, the best first."""

    def best(item):
        means = [score[0] for score in item[1]["scores"].values() if score]
        if module.LOWER_IS_BETTER:
            return min(means, default=float("inf"))
        return -max(means, default=float("-inf"))

    return sorted(rows.items(), key=best)


def draw(known, path):
    """Draw a panel per problem: a line per row, a dot with interval per column."""
    problems = [problem for problem in PROBLEMS if known.get(problem)]
    n_rows = max(len(known[problem]) for problem in problems)
    figure = Figure(
        figsize=(5.5 * len(problems), 1.5 + 0.3 * n_rows), layout="constrained"
    )
    panels = figure.subplots(1, len(problems), squeeze=False)[0]
    for axes, problem in zip(panels, problems, strict=True):
        module = importlib.import_module(f"_{problem}")
        rows = ranked(module, known[problem])[::-1]
        columns = dict.fromkeys(key for _, row in rows for key in row["scores"])
        for i, key in enumerate(columns):
            places, means, halves = [], [], []
            for place, (_, row) in enumerate(rows):
                score = row["scores"].get(key)
                if score:
                    places.append(place)
                    means.append(score[0])
                    halves.append(score[1])
            colour = f"C{i}"
            axes.errorbar(
                means, places, xerr=halves, fmt="o", ms=4, lw=1, color=colour, label=key
            )
        axes.set_yticks(range(len(rows)), [name for name, _ in rows])
        axes.set_title(module.TITLE, loc="left", fontsize=10)
        if module.LOG_SCALE:
            axes.set_xscale("log")
            axes.xaxis.set_minor_formatter(NullFormatter())
        axes.grid(axis="both", color="0.92")
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(fontsize=7, frameon=False, loc="best")
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
