"""What several calls have in common is computed once, where somebody says so."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar

__all__ = ["once", "reusing"]

P = ParamSpec("P")
R = TypeVar("R")

# Results with their arguments, whose identities stay theirs so; None elsewhere.
_KEPT: ContextVar[dict[tuple, tuple] | None] = ContextVar("_KEPT", default=None)


@contextmanager
def reusing() -> Iterator[None]:
    """Let :func:`once` keep its results, until the end of the block.

    Meanwhile nobody may change what it is called with.
    """
    token = _KEPT.set({})
    try:
        yield
    finally:
        _KEPT.reset(token)


def once(function: Callable[P, R], *arguments: P.args, **options: P.kwargs) -> R:
    """Call a function; inside :func:`reusing`, not again with the same arguments.

    Parameters
    ----------
    function : callable
        Without side effects.
    *arguments : object
        Numbers are the same if they are equal, anything else if it is one object.
    **options : object
        The same.

    Returns
    -------
    object
        What the function returns, or has returned.

    Examples
    --------
    >>> from skmeta.algorithms.shared.reuse import once, reusing
    >>> def announce(n):
    ...     print("computed")
    ...     return n
    >>> with reusing():
    ...     once(announce, 1), once(announce, 1)
    computed
    (1, 1)
    """
    kept = _KEPT.get()
    if kept is None:
        return function(*arguments, **options)
    given = (*arguments, *options.values())
    key = function, *options, *map(_identity, given)
    if key not in kept:
        kept[key] = function(*arguments, **options), given
    return kept[key][0]


def _identity(value: Any) -> tuple:
    if isinstance(value, (int, float)):
        return type(value), value
    return object, id(value)
