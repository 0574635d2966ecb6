"""The same small job in other libraries and in skmeta: the code of docs/coming_from.md.

Each block of that page is run as it stands, in one thread of a process of its own, so
that each pays for its imports, and what it answers is judged; libraries that are not
installed keep their earlier figures, as do jobs that are not named. Five minutes; the
drawings are downloaded.

    python benchmarks/coming_from.py               # all
    python benchmarks/coming_from.py pigs waves    # some jobs
"""

import json
import re
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib.metadata import version
from multiprocessing import get_context

from _pages import ROOT, fill, rewrite
from _results import FOLDER, save

PAGE = "docs/coming_from.md"
PACKAGES = {"LightGBM": "lightgbm", "GPBoost": "gpboost"}
_BLOCK = re.compile(r"<!-- (job|ours|theirs): (\w+) -->\n```python\n(.*?)```", re.S)


def error_by_pig(job):
    """Return the mean absolute error, of each pig first."""
    rows = job["asked"]
    errors = (job["answers"] - rows["Weight"]).abs()
    return float(errors.groupby(rows["Pig"]).mean().mean())


def errors_in_names(job):
    """Return the share of drawings, in %, that are called another character."""
    return 100 * float((job["answers"] != job["runs"].y_query).mean())


def squared_error(job):
    """Return the mean squared error of the points that are not known."""
    return float(((job["answers"] - job["y_new"][~job["few"]]) ** 2).mean())


METRICS = {
    "pigs": ("mean absolute error, kg", "{:.2f}", error_by_pig),
    "drawings": ("errors, %", "{:.0f}", errors_in_names),
    "waves": ("mean squared error", "{:.2f}", squared_error),
}


def jobs(text):
    """Return the code of the page: {job: (preparation, {library: code})}."""
    found = {}
    for what, name, code in _BLOCK.findall(text):
        if what == "job":
            ways = {}
            found[name] = (code, ways)
        else:
            ways[name] = code
    return found


def measure(name, preparation, code):
    """Run one way of a job; return its score and the seconds of processor time."""
    job = {}
    exec(compile(preparation, f"{name}, job", "exec"), job)
    start = time.process_time()
    exec(compile(code, name, "exec"), job)
    seconds = time.process_time() - start
    return {"score": METRICS[name][2](job), "seconds": seconds}


def measure_alone(*words):
    """Return what ``measure`` does in a new process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measure, *words).result()


def table(results, name):
    """Return lines of Markdown: what each library comes to."""
    metric, form, _ = METRICS[name]
    lines = [f"| | {metric} | imports and all, s |", "| --- | --- | --- |"]
    for library, row in results[name].items():
        shown = library if row["version"] is None else f"{library} {row['version']}"
        score = form.format(row["score"])
        lines.append(f"| {shown} | {score} | {row['seconds']:.1f} |")
    return lines


def filled(text, results):
    """Return the page with the figures of ``results``."""
    return fill(text, "coming from", partial(table, results))


def main(chosen):
    path = FOLDER / "coming_from.json"
    known = json.loads(path.read_text())["results"] if path.exists() else {}
    for name, (preparation, ways) in jobs((ROOT / PAGE).read_text()).items():
        if chosen and name not in chosen:
            continue
        rows = known.setdefault(name, {})
        for library, code in ways.items():
            try:
                row = measure_alone(name, preparation, code)
            except ModuleNotFoundError as missing:
                print(f"{library}: no module {missing.name}")
                continue
            package = PACKAGES.get(library, library)
            row["version"] = None if package == "skmeta" else version(package)
            rows[library] = row
            print(name, library, row)
    save("coming_from", known)
    rewrite([PAGE], partial(filled, results=known))


if __name__ == "__main__":
    main(sys.argv[1:])
