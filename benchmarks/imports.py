"""How long do imports take, beside those of scikit-learn and skorch?

Each in a process of its own, in turns, with compiled files at hand as an installation
has them; what counts is the processor's time, less that of a process which imports
nothing.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from functools import partial

from _measure import medians
from _results import save

CODES = {
    "nothing": "pass",
    "sklearn": "import sklearn",
    "skmeta": "import skmeta",
    "skorch": "import skorch",
    "MetaClassifier": "from skmeta import MetaClassifier",
}
# What is imported, beside what, and how many times as long it may take.
ALLOWED = (("skmeta", "sklearn", 1.3), ("MetaClassifier", "skorch", 1.05))


def import_apart(code, folder):
    env = {**os.environ, "PYTHONPYCACHEPREFIX": folder}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    before = os.times()
    subprocess.run([sys.executable, "-c", code], check=True, env=env)
    after = os.times()
    own = after.children_user - before.children_user
    return own + after.children_system - before.children_system


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        calls = {
            name: partial(import_apart, code, folder) for name, code in CODES.items()
        }
        times = medians(calls, rounds)  # the first of each, which compiles, is left out
    least = times.pop("nothing")
    times = {name: max(took - least, 0.0) for name, took in times.items()}
    for name, took in times.items():
        print(f"{CODES[name]:34} {1e3 * took:8.0f} ms")
    ratios = {name: times[name] / times[beside] for name, beside, _ in ALLOWED}
    for name, beside, most in ALLOWED:
        print(f"{name}: {ratios[name]:.2f} of {beside}, at most {most} allowed")
    allowed = {name: most for name, _, most in ALLOWED}
    save("imports", {"seconds": times, "ratios": ratios, "allowed": allowed})


if __name__ == "__main__":
    main()
