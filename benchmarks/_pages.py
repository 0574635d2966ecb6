"""Pages whose blocks hold figures of a benchmark."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def fill(text, mark, lines_of):
    """Return a page with its blocks filled anew.

    A block begins with ``<!-- MARK: WHAT -->`` and ends with ``<!-- end -->``;
    ``lines_of`` returns the lines between for WHAT, which may be broken in lines.
    """

    def block(match):
        return "\n".join([match["start"], *lines_of(match["what"]), match["end"]])

    start, end = f"<!-- {re.escape(mark)}: (?P<what>.+?) -->", "<!-- end -->"
    return re.sub(
        rf"(?P<start>{start})\n.*?(?P<end>{end})", block, text, flags=re.DOTALL
    )


def rewrite(names, filled):
    """Write pages anew, as ``filled`` returns them."""
    for name in names:
        path = ROOT / name
        path.write_text(filled(path.read_text()))
