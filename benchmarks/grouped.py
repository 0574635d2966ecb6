"""Does a learner help on a stranger's table? Sixteen real ones with groups.

    python benchmarks/grouped.py                               # all, for hours
    python benchmarks/grouped.py --tables dietox --learners default "mixed linear"
    python benchmarks/grouped.py --learners gp --inner         # to choose settings by
    python benchmarks/grouped.py --summary                     # what is known
    python benchmarks/grouped.py --old-tasks 20                # where groups are few
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
from typing import NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before anything starts threads

from _grouped import TABLES, load, split
from _grouped_large import measure_large, report_large
from _grouped_learners import learner_names, measure, plain_names
from _grouped_report import (
    cells_table,
    draw,
    draw_front,
    fill_pages,
    ratios,
    summarise,
    summary_table,
)
from _results import FOLDER, save
from joblib import Parallel, delayed

KEPT = FOLDER / ".grouped"
MANY = 160  # tasks to learn from that a large table has
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
    parser.add_argument(
        "--old-tasks", type=int, metavar="N", help="learn from N tasks of large tables"
    )
    options = parser.parse_args()
    if unknown := set(options.learners or ()) - known_names():
        parser.error(f"no learner is called {sorted(unknown)}")
    if options.large:
        time_large(options.large, options.learners)
        return
    rules = Rules(options.inner, options.old_tasks)
    if options.old_tasks:
        options.tables = [name for name in options.tables if is_large(name)]
    if not options.summary:
        measure_all(options, rules)
    results = gather(read() if rules == REPORTED else {}, rules)
    print("\n".join(summary_table(results, options.learners)))
    if options.learners:
        print("\n" + "\n".join(cells_table(results, options.learners)))
    if options.inner:
        return
    if options.old_tasks:
        results = add_few(read(), results, options.old_tasks)
    if results != read():
        save("grouped", results, levels=LEVELS)
    draw(results, FOLDER / "grouped.png")
    draw_front(results, FOLDER / "grouped_front.png")
    fill_pages(results)


class Rules(NamedTuple):
    """What differs from the comparison that is reported."""

    inner: bool = False  # new tasks are some of those to learn from
    n_old: int | None = None  # tasks to learn from

    @property
    def folder(self):
        few = f"{self.n_old} old tasks" if self.n_old else ""
        return KEPT / ("inner" if self.inner else "") / few


REPORTED = Rules()


def is_large(name):
    return describe(name)["tasks"] >= MANY


def add_few(results, found, n_old):
    """Add the mean ratios of learners that had few tasks to learn from."""
    means = {
        name: float(f"{summarise(cells)['mean']:.4g}")
        for name, cells in ratios(found).items()
    }
    few = results.get("few tasks", {}) | {str(n_old): means}
    return results | {"few tasks": dict(sorted(few.items(), key=lambda t: int(t[0])))}


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


def measure_all(options, rules):
    """Measure what is not known yet, a table and a seed after another."""
    todo = [
        (name, table, seed)
        for seed in range(options.seeds)
        for table in options.tables
        for name in options.learners or learner_names(TABLES[table][0])
        if options.again or not place(name, table, seed, rules).exists()
    ]
    Parallel(options.jobs)(delayed(keep)(*each, rules) for each in todo)


def place(name, table, seed, rules):
    return rules.folder / f"{table}, {seed}, {name}.json"


def keep(name, table, seed, rules):
    """Measure one learner on one table, and write it down."""
    record = measure(name, table, seed, **rules._asdict())
    path = place(name, table, seed, rules)
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


def gather(results, rules=REPORTED):
    """Return the results with all that is kept in files; seeds stand in their order."""
    before, tables = results.get("tables", {}), {}
    for table, (kind, _) in TABLES.items():
        learners = dict(before.get(table, {}).get("learners", {}))
        for name in learner_names(kind):
            seeds = read_seeds(name, table, rules)
            if seeds:
                learners[name] = by_seed(seeds)
        if learners:
            tables[table] = describe(table, rules.inner) | {"learners": learners}
    return results | {"plain ways": plain_names("regressor"), "tables": tables}


def read_seeds(name, table, rules):
    """Return the records of the first seeds, as far as there are some."""
    records = []
    while (path := place(name, table, len(records), rules)).exists():
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


def describe(name, inner=False):
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
