"""``python -m skmeta plugins``: what is registered."""

import argparse

from skmeta import plugins

__all__ = ["add_parser"]


def add_parser(commands) -> None:
    """Add the command to the subparsers of the command line."""
    listing = commands.add_parser("plugins", help="list all registered names")
    listing.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    print(plugins.listing())
    return 0
