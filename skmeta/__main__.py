"""The command line: ``python -m skmeta``, or ``skmeta`` where it is installed."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from skmeta import __version__
from skmeta.commands import COMMANDS

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
        Exit code: 0, 1 if something is missing, 130 after Ctrl-C; wrong usage exits
        with 2.
    """
    parser = argparse.ArgumentParser(
        prog=_called(), description="Meta-learning for scikit-learn."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    for command in COMMANDS:
        command.add_parser(commands)
    options = parser.parse_args(arguments)
    try:
        return options.run(options)
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130


def _called() -> str:
    """Return how the user has called it, for what help and errors say."""
    name = Path(sys.argv[0]).stem
    return "skmeta" if name == "skmeta" else "python -m skmeta"


if __name__ == "__main__":
    sys.exit(main())
