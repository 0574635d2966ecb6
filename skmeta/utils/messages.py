"""What is said to people: values, counts and lists in words, and warnings."""

import contextlib
import re
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from skmeta.utils.unique import as_objects

__all__ = [
    "asking_scorer",
    "count",
    "is_between",
    "listed",
    "show",
    "silenced",
    "unsorted",
    "warn",
]

# Between a user's call and a warning stand these, in whatever depth.
_BETWEEN = ("skmeta", "sklearn", "skorch", "joblib", "torch")

# The filters are the process's. Who changes them for a moment waits for others.
_FILTERS = threading.Lock()


def show(values: np.ndarray, most: int = 10) -> str:
    """List values for a message, the first few of many."""
    shown = ", ".join(repr(value) for value in as_objects(values[:most]).tolist())
    return f"[{shown}, ...]" if len(values) > most else f"[{shown}]"


def unsorted(*parts: np.ndarray) -> str:
    """Say that values have no order among them, with one of each type.

    Examples
    --------
    >>> import numpy as np
    >>> from skmeta.utils.messages import unsorted
    >>> unsorted(np.array([1, 2]), np.array(["1"]))
    "values that cannot be sorted together, such as 1 (int) and '1' (str)"
    """
    values = (value for part in parts for value in as_objects(part).tolist())
    of_type: dict[str, Any] = {}
    for value in values:
        of_type.setdefault(type(value).__name__, value)
    shown = listed([f"{value!r} ({name})" for name, value in of_type.items()][:4])
    return f"values that cannot be sorted together, such as {shown}"


def count(n: int, one: str, many: str | None = None) -> str:
    """Write a number of things, "1 task" or "3 tasks"."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def listed(words: Sequence[str]) -> str:
    """Join words, "a, b and c"."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn, and name the line of the user's own code that led here.

    Parameters
    ----------
    message : str
        What is the matter.
    category : type, default=UserWarning
        Kind of warning.
    """
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and is_between(frame.f_globals):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


@contextlib.contextmanager
def silenced(category: type[Warning] = Warning, message: str = "") -> Iterator[None]:
    """Ignore warnings inside the block, in all threads.

    ``warnings.catch_warnings`` gives back the filters that it found. Where blocks of
    several threads overlap, these may be another block's, and stay.

    Parameters
    ----------
    category : type, default=Warning
        Kind of the warnings.
    message : str, default=""
        Regular expression that the start of their text matches.
    """
    if getattr(sys.flags, "context_aware_warnings", False):  # each thread has its own
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message, category)
            yield
        return
    pattern = re.compile(message, re.IGNORECASE) if message else None
    own = ("ignore", pattern, category, None, 0)
    filters: list[Any] = warnings.filters  # type: ignore[assignment]
    with _FILTERS:
        filters.insert(0, own)
    try:
        yield
    finally:
        with _FILTERS, contextlib.suppress(ValueError):
            filters.remove(own)


def asking_scorer() -> Any:
    """Return the scorer of scikit-learn that stands between a user's call and us.

    None if there is none. Nobody else tells who asks.
    """
    frame = sys._getframe(1)
    while frame is not None and is_between(frame.f_globals):
        asks = frame.f_locals.get("self")
        if hasattr(asks, "_score_func") and hasattr(asks, "_sign"):
            return asks
        frame = frame.f_back
    return None


def is_between(names: dict) -> bool:
    """Tell by a frame's globals whether it may stand between a user's call and us."""
    module = str(names.get("__name__"))
    # contextlib and others of the standard library stand between two of ours.
    package = module.partition(".")[0]
    return package in _BETWEEN or package in sys.stdlib_module_names
