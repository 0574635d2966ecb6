"""Does a learner help on a stranger's table? Sixteen real ones with groups.

    python benchmarks/grouped.py                               # all, for hours
    python benchmarks/grouped.py --tables dietox --learners default "mixed linear"
    python benchmarks/grouped.py --learners gp --inner         # to choose settings by
    python benchmarks/grouped.py --summary                     # what is known
    python benchmarks/grouped.py --large regressor                # seconds, 10^6 rows

40 % of a table's tasks are new. Of each, 3 or 8 rows are known (3 alone where tasks are
small), and the rows beyond the eighth are asked. A loss is the log-loss, probabilities
clipped at 1e-4, or the squared error over the variance of the targets to learn from; it
is averaged over tasks, then over seeds, each with a split of its own. Its ratio to the
loss of the best plain way, picked for each table and number of known rows after the
fact, is what learners are compared by. A ratio above ten counts as ten in the geometric
mean; who raises, or answers with what is no number, has lost.

"default" is ``MetaClassifier()`` or ``MetaRegressor()`` with supports of 1 to 10 rows,
"stack" the default of ``skmeta.ensemble``, and the name of any installed algorithm is a
learner, too. Everything runs in one thread. What is measured is kept in a file of its
own, so that a run that was stopped goes on; ``--again`` measures anew.
"""

import argparse
import json
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before anything starts threads

from _grouped import TABLES, load, split
from _grouped_large import measure_large, report_large
from _grouped_learners import learner_names, measure, plain_names
from _grouped_report import cells_table, draw, fill_pages, summary_table
from _results import FOLDER, save
from joblib import Parallel, delayed

KEPT = FOLDER / ".grouped"
LEVELS = 5  # of the results that have lines of their own: a learner has one


def main():
    """Measure what was asked for, add it to what is known, print, save and draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tables", nargs="+", choices=list(TABLES), default=[*TABLES])
    parser.add_argument("--learners", nargs="+", metavar="NAME", help="default: all")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--again", action="store_true", help="measure what is known")
    parser.add_argument("--jobs", type=int, default=1, help="processes of one thread")
    parser.add_argument(
        "--inner", action="store_true", help="judge on some of the tasks to learn from"
    )
    parser.add_argument("--summary", action="store_true", help="measure nothing")
    parser.add_argument(
        "--large",
        choices=["regressor", "classifier"],
        help="time 10^6 rows of 10^4 tasks",
    )
    options = parser.parse_args()
    if unknown := set(options.learners or ()) - known_names():
        parser.error(f"no learner is called {sorted(unknown)}")
    if options.large:
        time_large(options.large, options.learners)
        return
    if not options.summary:
        measure_all(options)
    results = gather({} if options.inner else read(), options.inner)
    print("\n".join(summary_table(results, options.learners)))
    if options.learners:
        print("\n" + "\n".join(cells_table(results, options.learners)))
    if not options.inner:
        if results != read():
            save("grouped", results, levels=LEVELS)
        draw(results, FOLDER / "grouped.png")
        fill_pages(results)


def time_large(kind, names):
    """Add seconds on a million rows to what is known."""
    measured = measure_large(kind, names)
    results = read()  # now, for it has taken minutes
    large = results.setdefault("large", {})
    large[kind] = large.get(kind, {}) | measured
    report_large(large[kind])
    save("grouped", results, levels=LEVELS)


def known_names():
    return {
        name for kind in ("classifier", "regressor") for name in learner_names(kind)
    }


def measure_all(options):
    """Measure what is not known yet, a table and a seed after another."""
    todo = [
        (name, table, seed)
        for seed in range(options.seeds)
        for table in options.tables
        for name in options.learners or learner_names(TABLES[table][0])
        if options.again or not place(name, table, seed, options.inner).exists()
    ]
    Parallel(options.jobs)(delayed(keep)(*each, options.inner) for each in todo)


def place(name, table, seed, inner):
    folder = KEPT / "inner" if inner else KEPT
    return folder / f"{table}, {seed}, {name}.json"


def keep(name, table, seed, inner):
    """Measure one learner on one table, and write it down."""
    record = measure(name, table, seed, inner)
    path = place(name, table, seed, inner)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record))
    if record is not None:
        losses = record.get("error") or ", ".join(
            f"{loss:.4f} after {size} rows" for size, loss in record["loss"].items()
        )
        print(f"{table}, {seed}, {name}: {losses}", flush=True)


def read():
    """Return what was saved before."""
    path = FOLDER / "grouped.json"
    return json.loads(path.read_text())["results"] if path.exists() else {}


def gather(results, inner=False):
    """Return the results with all that is kept in files; seeds stand in their order."""
    before, tables = results.get("tables", {}), {}
    for table, (kind, _) in TABLES.items():
        learners = dict(before.get(table, {}).get("learners", {}))
        for name in learner_names(kind):
            seeds = read_seeds(name, table, inner)
            if seeds:
                learners[name] = by_seed(seeds)
        if learners:
            tables[table] = describe(table, inner) | {"learners": learners}
    return results | {"plain ways": plain_names("regressor"), "tables": tables}


def read_seeds(name, table, inner):
    """Return the records of the first seeds, as far as there are some."""
    records = []
    while (path := place(name, table, len(records), inner)).exists():
        record = json.loads(path.read_text())
        if record is None:
            break
        records.append(record)
    return records


def by_seed(records):
    """Return lists over seeds; a loss of null is of a learner that raised."""

    def short(numbers):
        return [None if each is None else float(f"{each:.5g}") for each in numbers]

    loss = {
        size: short([record["loss"][size] for record in records])
        for size in records[0]["loss"]
    }
    times = {
        "fit": short([record["fit"] for record in records if record["fit"]]),
        "answer": short([sum(record["answer"].values()) for record in records]),
    }
    errors = [record["error"] for record in records if "error" in record]
    return {"loss": loss} | times | ({"error": errors[0]} if errors else {})


def describe(name, inner):
    """Return what there is to know of a table."""
    table = load(name)
    if inner:
        table = table.take(split(table.groups)[0])
    old, new = split(table.groups)
    return {
        "kind": table.kind,
        "rows": len(table.y),
        "features": table.X.shape[1],
        "tasks": len(set(table.groups[old])),
        "new tasks": len(set(table.groups)) - len(set(table.groups[old])),
        "sizes": list(new),
    }


if __name__ == "__main__":
    main()
