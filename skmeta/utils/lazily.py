"""Rooms whose names are imported when somebody asks for them."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

__all__ = ["offers"]


def offers(
    room: str, homes: Mapping[str, Sequence[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make the ``__getattr__`` and ``__dir__`` of a room.

    What a room offers is listed a second time under ``TYPE_CHECKING``, for those who
    read without running.

    Parameters
    ----------
    room : str
        Name of the package.
    homes : mapping of str to sequence of str
        The names that each of its modules has.

    Returns
    -------
    __getattr__, __dir__ : callable
        For the ``__init__`` of the package.

    Examples
    --------
    >>> from skmeta.utils.lazily import offers
    >>> ask, _ = offers("skmeta.nn", {"rows": ["Linear"]})
    >>> ask("Linear").__module__
    'skmeta.nn.rows'
    """
    home_of = {name: home for home, names in homes.items() for name in names}

    def ask(name: str) -> Any:
        package = importlib.import_module(room)
        if name not in home_of:
            # Python guesses what was meant by `obj`.
            words = f"module {room!r} has no attribute {name!r}"
            raise AttributeError(words, name=name, obj=package)
        home = importlib.import_module(f"{room}.{home_of[name]}")
        value = vars(package)[name] = getattr(home, name)  # asked once
        return value

    def listed() -> list[str]:
        return sorted({*vars(importlib.import_module(room)), *home_of})

    return ask, listed
