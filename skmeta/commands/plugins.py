"""``python -m skmeta plugins``: what is registered, and whether it keeps the laws."""

import argparse
import contextlib
import json
import sys
import warnings
from dataclasses import asdict
from typing import Any

from skmeta import plugins
from skmeta.commands import _check

__all__ = ["add_parser"]


def add_parser(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    listing = commands.add_parser(
        "plugins",
        help="list all registered names, or check one",
        description="List every registered name and every plugin that is left out. "
        f"The environment variable {plugins.VARIABLE}=off, or a list of "
        "distributions with commas between them, says whose code may run.",
    )
    listing.add_argument(
        "--check",
        metavar="NAME",
        help="try every law on what has this name, or on all of a distribution; the "
        "exit code is 1 if one is broken",
    )
    listing.add_argument("--json", action="store_true", help="print JSON")
    listing.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
        # The listing says what failed, and what a plugin prints is not part of it.
        warnings.simplefilter("ignore", plugins.PluginWarning)
        rows = plugins.rows()
    if options.check is not None:
        return _check.run(options.check, rows, as_json=options.json)
    if options.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
    else:
        print(plugins.table(rows))
    return 0
