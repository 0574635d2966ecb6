"""Pictures as SVG that stands inside a page and takes on its colours."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from io import StringIO

__all__ = ["to_svg"]

# Drawn in this, a thing gets the colour of the page's text.
_INK = "#010203"

_STYLE = {
    "svg.fonttype": "none",  # text stays text: it can be read aloud and searched
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10.5,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "axes.edgecolor": _INK,
    "axes.facecolor": "none",
    "xtick.color": _INK,
    "ytick.color": _INK,
}


def to_svg(draw: Callable, size: tuple[float, float], name: str) -> str:
    """Draw a picture for a page.

    Parameters
    ----------
    draw : callable
        Called with the axes to draw on.
    size : (float, float)
        Width and height in inches.
    name : str
        What the picture shows, for those who do not see it; different for all pictures
        of a page.

    Returns
    -------
    str
        An ``<svg>`` element without any link or script.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({**_STYLE, "svg.hashsalt": name}):
        figure = Figure(figsize=size, layout="constrained")
        draw(figure.subplots())
        stream = StringIO()
        figure.savefig(
            stream,
            format="svg",
            transparent=True,
            metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
        )
    svg = stream.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = svg.replace(_INK, "currentColor")
    # Size comes from the page; ids of one picture must not meet those of another.
    head, body = svg.split(">", 1)
    head = re.sub(r' (width|height)="[^"]*"', "", head)
    prefix = re.sub(r"\W", "", name)
    body = re.sub(r'(\bid="|url\(#|xlink:href="#)', rf"\1{prefix}-", body)
    return f'{head} role="img" aria-label="{escape(name)}">{body}'
