"""The next item is made while the present one is used."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import sklearn

from skmeta.utils.threads import keep_to_one_thread

__all__ = ["one_ahead"]

_Item = TypeVar("_Item")

_END: Any = object()


def one_ahead(items: Iterable[_Item]) -> Iterator[_Item]:
    """Make each item in another thread while the one before it is used.

    That thread starts no others: it is the other one. scikit-learn is configured in it
    as where it was started.

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
    iterator, config = iter(items), sklearn.get_config()

    def begin() -> None:
        keep_to_one_thread()
        sklearn.set_config(**config)  # of this thread alone

    with ThreadPoolExecutor(1, initializer=begin) as pool:
        coming = pool.submit(next, iterator, _END)
        while (item := coming.result()) is not _END:
            coming = pool.submit(next, iterator, _END)
            yield item
