"""What is said to people: values, counts and lists in words, and warnings."""

import contextlib
import contextvars
import re
import sys
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from types import FrameType
from typing import Any

import numpy as np

from skmeta.utils.unique import as_objects

__all__ = [
    "Said",
    "asking_scorer",
    "callers",
    "collected",
    "count",
    "dropped_arguments",
    "listed",
    "of_tasks",
    "say_once",
    "show",
    "silenced",
    "tasks_called",
    "unsorted",
    "warn",
]

# Between a user's call and a warning stand these, in whatever depth.
_BETWEEN = ("skmeta", "sklearn", "skorch", "joblib", "torch")

# The filters are the process's. Who changes them for a moment waits for others.
_FILTERS = threading.Lock()

# What is said in a block, each with its kind.
Said = list[tuple[str, type[Warning]]]

# Numbers that stand by themselves, and not in the name of an algorithm.
_NUMBER = re.compile(r"(?<![\w.])-?\d[\d,]*(\.\d+)?(e[+-]?\d+)?(?!\w)")

# Where a block keeps what is said in it, of this thread.
_COLLECTING: contextvars.ContextVar[Said | None] = contextvars.ContextVar(
    "skmeta_collecting", default=None
)


# What tasks are called by who asks, where they are numbers to who answers.
_CALLED: contextvars.ContextVar[tuple[np.ndarray, np.ndarray | None] | None] = (
    contextvars.ContextVar("skmeta_called", default=None)
)


@contextlib.contextmanager
def tasks_called(numbers: np.ndarray, names: np.ndarray | None) -> Iterator[None]:
    """Say names in place of the numbers of tasks, inside the block and in this thread.

    Parameters
    ----------
    numbers : int ndarray of shape (n_tasks,)
        What tasks are called inside the block.
    names : ndarray of shape (n_tasks,) or None
        What they are called by who hears of it; None if they have no names there.
    """
    before = _CALLED.set((numbers, _called(names)))
    try:
        yield
    finally:
        _CALLED.reset(before)


def of_tasks(names: np.ndarray | None) -> str:
    """Say which tasks something is of, nothing where they have no names.

    Examples
    --------
    >>> import numpy as np
    >>> from skmeta.utils.messages import of_tasks, tasks_called
    >>> with tasks_called(np.arange(3), np.array(["Lima", "Oslo", "Rome"])):
    ...     print(f"The support{of_tasks(np.array([1]))} is far off.")
    The support of ['Oslo'] is far off.
    """
    names = _called(names)
    return "" if names is None else f" of {show(names)}"


def _called(names: np.ndarray | None) -> np.ndarray | None:
    called = _CALLED.get()
    if called is None or names is None:
        return names
    numbers, own = called
    order = np.argsort(numbers)
    place = np.searchsorted(numbers, names, sorter=order)
    return None if own is None else own[order[place]]


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
    collecting = _COLLECTING.get()
    if collecting is not None:
        collecting.append((message, category))
        return
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and _is_between(frame.f_globals):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


@contextlib.contextmanager
def collected() -> Iterator[Said]:
    """Keep what :func:`warn` says inside the block, in this thread, to be said later.

    It is said at once if the block ends in an error, Ctrl-C for example.

    Yields
    ------
    list of (message, category)
        What was said.
    """
    said: Said = []
    before = _COLLECTING.set(said)
    try:
        yield said
    except BaseException:
        _COLLECTING.reset(before)
        for message, category in said:
            warn(message, category)
        said.clear()
        raise
    _COLLECTING.reset(before)


def say_once(said: Mapping[str, Said]) -> None:
    """Warn once of what several members of an ensemble say, and name these.

    What differs in numbers alone is one warning, in the words of the first.

    Parameters
    ----------
    said : dict of str to list
        What each has said, as :func:`collected` gave it, by name. Fits of one member
        to several folds are called "name/0", "name/1", ...
    """
    first: dict[tuple[str, type[Warning]], str] = {}
    members: dict[tuple[str, type[Warning]], dict[str, None]] = {}
    for name, own in said.items():
        member, _, fold = name.rpartition("/")
        called = member if fold.isdecimal() and f"{member}/0" in said else name
        for message, category in own:
            kind = _NUMBER.sub("0", message), category
            first.setdefault(kind, message)
            members.setdefault(kind, {})[repr(called)] = None
    for kind, message in first.items():
        noun = "member" if len(members[kind]) == 1 else "members"
        warn(f"{message} (Of the {noun} {listed([*members[kind]])}.)", kind[1])


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
    before = _COLLECTING.set(None)  # nor is it said later
    try:
        with _ignored(category, message):
            yield
    finally:
        _COLLECTING.reset(before)


@contextlib.contextmanager
def _ignored(category: type[Warning], message: str) -> Iterator[None]:
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
    for frame in callers():
        asks = frame.f_locals.get("self")
        if hasattr(asks, "_score_func") and hasattr(asks, "_sign"):
            return asks
    return None


def dropped_arguments() -> set[str]:
    """Name what a user has given to ``score`` of a Pipeline that does not hand it on.

    Where metadata routing is off, it takes all arguments and leaves out most of them.
    """
    for frame in callers():
        known = frame.f_locals
        if frame.f_code.co_name == "score" and hasattr(known.get("self"), "steps"):
            given = known.get("params") or {}
            return {name for name, value in given.items() if value is not None}
    return set()


def callers() -> Iterator[FrameType]:
    """Go through what stands between who asks and the user's own code, outwards."""
    frame = sys._getframe(1).f_back
    while frame is not None and _is_between(frame.f_globals):
        yield frame
        frame = frame.f_back


def _is_between(names: dict) -> bool:
    """Tell by a frame's globals whether it may stand between a user's call and us."""
    module = str(names.get("__name__"))
    # contextlib and others of the standard library stand between two of ours.
    package = module.partition(".")[0]
    return package in _BETWEEN or package in sys.stdlib_module_names
