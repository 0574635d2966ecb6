"""Does meta-learning help, says ``evaluate`` of sixteen real tables and MovieLens?

    python benchmarks/verdicts.py                     # all, for half an hour
    python benchmarks/verdicts.py --tables dietox     # one
    python benchmarks/verdicts.py --summary           # what is known

It runs what ``python -m skmeta evaluate`` runs: one meta-learner and one plain way are
chosen on a part of the tasks to learn from, and meet once on the new tasks, in a paired
test. All others are set against the chosen plain way with Holm's correction, and make
no verdict. The meta-learners are those that ``evaluate`` takes where none is named, and
so are the metric (accuracy, or the mean absolute error) and the known rows: 1, 5 and
10, or 1, 3 and 5 where tasks are small; the verdict is about the middle number. Plain
ways of other packages (LightGBM, CatBoost, GPBoost) compete with ``--rivals``.

Everything runs in one thread. A table's verdict is kept in a file of its own, so that a
run that was stopped goes on; ``--again`` measures anew.
"""

import argparse
import json
import os
import sys
from functools import partial

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before anything starts threads

from _results import FOLDER, save
from _verdicts import NAMES, measure
from _verdicts_report import BLOCKS, fill_pages

KEPT = FOLDER / ".verdicts"
SECTIONS = {False: "tables", True: "with rivals"}  # of the results
LEVELS = 4  # of the results that have lines of their own: what is known of a table has


def main():
    """Measure what was asked for, add it to what is known, print, save and fill in."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tables", nargs="+", choices=NAMES, default=[*NAMES])
    parser.add_argument("--again", action="store_true", help="measure what is known")
    parser.add_argument(
        "--rivals", action="store_true", help="plain ways of other packages, too"
    )
    parser.add_argument(
        "--without", nargs="+", default=[], metavar="NAME", help="plain ways to leave"
    )
    parser.add_argument("--summary", action="store_true", help="measure nothing")
    options = parser.parse_args()
    if not options.summary:
        for name in options.tables:
            if options.again or not place(name, options.rivals).exists():
                keep(name, options.rivals, options.without)
    results = gather(read())
    told = results[SECTIONS[options.rivals]]
    print("\n".join(line for lines_of in BLOCKS.values() for line in lines_of(told)))
    if results != read():
        save("verdicts", results, levels=LEVELS)
    fill_pages(results)


def place(name, rivals):
    return KEPT / ("rivals" if rivals else "") / f"{name}.json"


def keep(name, rivals=False, without=()):
    """Measure a table, and write it down."""
    tell = partial(print, f"{name}:", file=sys.stderr, flush=True)
    record = measure(name, rivals=rivals, without=without)
    path = place(name, rivals)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record))
    tell(f"{record['outcome']}, after {record['minutes']:.1f} minutes")


def read():
    """Return what was saved before."""
    path = FOLDER / "verdicts.json"
    return json.loads(path.read_text())["results"] if path.exists() else {}


def gather(results):
    """Return the results with all that is kept in files, in the tables' order."""
    found = {}
    for rivals, section in SECTIONS.items():
        tables = results.get(section, {}) | {
            name: json.loads(path.read_text())
            for name in NAMES
            if (path := place(name, rivals)).exists()
        }
        found[section] = {name: tables[name] for name in NAMES if name in tables}
    return found


if __name__ == "__main__":
    main()
