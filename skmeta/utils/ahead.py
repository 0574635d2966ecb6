"""The next item is made while the present one is used."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from skmeta.utils.threads import keep_to_one_thread

__all__ = ["one_ahead"]

_Item = TypeVar("_Item")

_END: Any = object()


def one_ahead(items: Iterable[_Item]) -> Iterator[_Item]:
    """Make each item in another thread while the one before it is used.

    That thread starts no others: it is the other one.

    Parameters
    ----------
    items : iterable
        What is made, one after the other; an error of it comes when it is the turn of
        the item that failed.

    Yields
    ------
    object
        The same items, in their order.

    Examples
    --------
    >>> from skmeta.utils.ahead import one_ahead
    >>> [*one_ahead(n**2 for n in range(4))]
    [0, 1, 4, 9]
    """
    iterator = iter(items)
    with ThreadPoolExecutor(1, initializer=keep_to_one_thread) as pool:
        coming = pool.submit(next, iterator, _END)
        while (item := coming.result()) is not _END:
            coming = pool.submit(next, iterator, _END)
            yield item
