"""What all displays share: axes to draw on, colours, text that is taken literally."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text

__all__ = ["BAD", "COLOURS", "GOOD", "QUIET", "axes_for", "literal", "shorten", "tidy"]

# Told apart by people who see few colours, and on a white and a black page alike.
COLOURS = (
    "#2f7fc1",
    "#d1603d",
    "#2a9d72",
    "#a45cc9",
    "#b8860b",
    "#c2487f",
    "#4f8f9f",
    "#7c7c2b",
)
GOOD, BAD, QUIET = COLOURS[0], COLOURS[1], "#8a8f98"


def axes_for(display: Any, ax: Axes | None) -> Axes:
    """Return the axes to draw a display on, new ones if there are none.

    Raises
    ------
    ImportError
        If matplotlib is missing; the message says how to install it.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            f"{type(display).__name__}.plot draws with matplotlib, which is not "
            'installed: pip install "skmeta[plot]"'
        ) from error
    if ax is None:
        _, ax = plt.subplots(layout="constrained")
    return ax


def tidy(ax: Axes, grid: str = "y") -> Axes:
    """Leave away the ink that says nothing."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis=grid, color=QUIET, alpha=0.25, linewidth=0.8)
    ax.set_axisbelow(True)
    ax.tick_params(length=0)
    return ax


def literal(texts: Text | Iterable[Text]) -> None:
    """Show names as they are: a dollar sign in one does not begin a formula."""
    for text in [texts] if hasattr(texts, "set_parse_math") else texts:
        text.set_parse_math(False)


def shorten(name: object, most: int = 24) -> str:
    """Shorten a name that would leave no room for the picture.

    Examples
    --------
    >>> from skmeta.display.style import shorten
    >>> shorten("a store with a very long name 17")
    'a store with a … name 17'
    """
    text = str(name)
    if len(text) <= most:
        return text
    end = most // 3  # long names often differ at their end
    return f"{text[: most - 1 - end]}…{text[-end:]}"
