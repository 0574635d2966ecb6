"""Random draws from many cells at once, without a Python loop over them."""

from numbers import Integral
from typing import Any

import numpy as np

__all__ = [
    "check_support",
    "draw_places",
    "draw_support",
    "draw_without_replacement",
    "shot_range",
    "shuffled_places",
    "stratified_keys",
]


def draw_without_replacement(
    sizes: np.ndarray, k: int, rng: np.random.Generator
) -> np.ndarray:
    """Draw up to k different numbers below each size, every order equally likely.

    Parameters
    ----------
    sizes : int ndarray of shape (n,)
        How many numbers there are to draw from, for each draw.
    k : int
        Numbers to draw.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    int ndarray of shape (n, k)
        ``min(k, sizes[i])`` different numbers of ``range(sizes[i])`` in row i, then 0.

    Examples
    --------
    >>> import numpy as np
    >>> from skmeta.episodes.sampling import draw_without_replacement
    >>> draws = draw_without_replacement(np.array([4, 2]), 4, np.random.default_rng(0))
    >>> np.sort(draws[0]), np.sort(draws[1, :2]), draws[1, 2:]
    (array([0, 1, 2, 3]), array([0, 1]), array([0, 0]))
    """
    drawn = np.empty((len(sizes), k), dtype=np.int64)
    few = sizes <= 4 * k
    if few.any():
        drawn[few] = _draw_by_sorting(sizes[few], k, rng)
    if not few.all():
        drawn[~few] = _draw_by_redrawing(sizes[~few], k, rng)
    return drawn


def _draw_by_sorting(sizes: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    keys = rng.random((len(sizes), max(sizes.max(), k)))
    keys[np.arange(keys.shape[1]) >= sizes[:, np.newaxis]] = 2.0
    order = np.argsort(keys, axis=1)[:, :k]
    return np.where(np.arange(k) < sizes[:, np.newaxis], order, 0)


def _draw_by_redrawing(
    sizes: np.ndarray, k: int, rng: np.random.Generator
) -> np.ndarray:
    # Numbers that repeat an earlier one are drawn again until none does. No step looks
    # at the values but to compare them, so all orders of k values stay equally likely.
    drawn = rng.integers(0, sizes[:, np.newaxis], size=(len(sizes), k))
    place = np.arange(k)
    pending = np.arange(len(sizes))
    while len(pending):
        marked = np.sort(drawn[pending] * k + place, axis=1)
        repeats, column = np.nonzero(marked[:, 1:] // k == marked[:, :-1] // k)
        again = pending[repeats]
        drawn[again, marked[repeats, column + 1] % k] = rng.integers(0, sizes[again])
        pending = np.unique(again)
    return drawn


def check_support(support: str) -> str:
    """Return which rows of a task are known first, if it is a choice."""
    if support not in ("random", "first"):
        raise ValueError(
            "support must be 'random' or 'first', which rows of a task are known, not "
            f"{support!r}."
        )
    return support


def shot_range(n_shot: Any, label_space: str) -> tuple[int, int]:
    """Return the lowest and the highest number of support rows.

    Parameters
    ----------
    n_shot : int or (int, int)
        As users give it.
    label_space : {"shared", "per_task"}
        Per-task labels need a row of each class.

    Raises
    ------
    ValueError
        If it is neither a whole number nor a range of them.
    """
    is_range = isinstance(n_shot, (tuple, list))
    shots = tuple(n_shot) if is_range else (n_shot,) * 2
    whole = all(isinstance(shot, Integral) for shot in shots)
    if not (len(shots) == 2 and whole and 0 <= shots[0] <= shots[1]):
        raise ValueError(
            f"n_shot must be an int or a range (low, high), not {n_shot!r}."
        )
    low, high = shots
    if label_space == "per_task" and low < 1:
        raise ValueError("n_shot must be at least 1 where labels are per task.")
    return low, high


def draw_support(
    cell: np.ndarray,
    n_shot: int,
    rng: np.random.Generator,
    stratum: np.ndarray | None = None,
    *,
    support: str = "random",
) -> np.ndarray:
    """Draw the support rows of every cell, leaving the others for the query.

    Parameters
    ----------
    cell : int ndarray of shape (n_rows,)
        Cell of each row: its task, or its class of its task.
    n_shot : int
        Support rows of each cell. A smaller cell keeps one row for the query; a cell's
        only row is support. With 0 there is no support.
    rng : numpy.random.Generator
        Source of randomness.
    stratum : int ndarray of shape (n_rows,), default=None
        Class of each row, 0, 1, ..., for a support in which every class of the cell has
        its share, and a row at least if there are enough.
    support : {"random", "first"}, default="random"
        "first" takes the first rows of every cell, whatever their ``stratum``.

    Returns
    -------
    bool ndarray of shape (n_rows,)
        True for support rows.
    """
    _, cell, sizes = np.unique(cell, return_inverse=True, return_counts=True)
    if stratum is None or support == "first":
        place = draw_places(cell, rng, support=support)
    else:
        place = _stratified_places(cell, stratum, rng)
    return place < np.clip(sizes - 1, min(1, n_shot), n_shot)[cell]


def _stratified_places(
    cell: np.ndarray, stratum: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Shuffle cells such that their first rows, however many, keep the proportions."""
    pair = cell * (stratum.max() + 1) + stratum
    pairs, pair, sizes = np.unique(pair, return_inverse=True, return_counts=True)
    place = shuffled_places(pair, rng)
    key = stratified_keys(place, sizes[pair], rng.random(len(pairs))[pair], rng)
    first = np.cumsum(np.bincount(cell)) - np.bincount(cell)
    order = np.lexsort((key, cell))
    places = np.empty(len(cell), dtype=np.intp)
    places[order] = np.arange(len(cell)) - first[cell[order]]
    return places


def stratified_keys(
    place: np.ndarray, size: np.ndarray, start: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return by what to sort rows so that every first part of them is stratified.

    A systematic sample: the rows of a class are spread evenly from 0 to 1, from a
    random start on. But one of each class, in random order, comes before all others.

    Parameters
    ----------
    place : int ndarray
        Place of the row among the shuffled rows of its class.
    size : int ndarray
        Rows of its class.
    start : ndarray
        Random number from 0 to 1 of its class.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    ndarray
        Keys.
    """
    spread = (place + start) / np.maximum(size, 1)
    return np.where(place == 0, rng.random(place.shape) - 1, spread)


def draw_places(
    cell: np.ndarray,
    rng: np.random.Generator,
    *,
    support: str = "random",
    in_support: np.ndarray | None = None,
) -> np.ndarray:
    """Give each row a place in its cell, such that the first ones are its support.

    Parameters
    ----------
    cell : int ndarray of shape (n_rows,)
        Cell of each row, 0 .. n_cells - 1.
    rng : numpy.random.Generator
        Source of randomness.
    support : {"random", "first"}, default="random"
        Shuffle the rows of a cell, or leave them in the order of the table.
    in_support : bool ndarray of shape (n_rows,), default=None
        The rows that are given as support, which come before the others.

    Returns
    -------
    int ndarray of shape (n_rows,)
        0, 1, ... within each cell.
    """
    if support == "random" and in_support is None:
        return shuffled_places(cell, rng)
    order = rng.random(len(cell)) if support == "random" else np.arange(len(cell))
    rest = np.zeros(len(cell), bool) if in_support is None else ~in_support
    return _places(cell, np.lexsort((order, rest, cell)))


def shuffled_places(
    cell: np.ndarray, rng: np.random.Generator | np.random.RandomState
) -> np.ndarray:
    """Shuffle every cell by itself and return the place of each row.

    Parameters
    ----------
    cell : int ndarray of shape (n_rows,)
        Cell of each row, 0 .. n_cells - 1.
    rng : numpy.random.Generator or numpy.random.RandomState
        Source of randomness.

    Returns
    -------
    int ndarray of shape (n_rows,)
        0, 1, ... within each cell.
    """
    return _places(cell, np.lexsort((rng.random(len(cell)), cell)))


def _places(cell: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Number the rows of every cell in an order that keeps cells together."""
    sizes = np.bincount(cell)
    first = np.cumsum(sizes) - sizes
    place = np.empty(len(cell), dtype=np.intp)
    place[order] = np.arange(len(cell)) - first[cell[order]]
    return place
