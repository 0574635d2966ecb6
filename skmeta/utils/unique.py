"""The different values of arrays: numbered, found, and those of two together."""

import contextlib
from datetime import date
from typing import Any, NamedTuple

import numpy as np

__all__ = ["United", "as_objects", "find", "number", "places_of", "runs_of", "unite"]


def number(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number the different values of an array in their order.

    The same as ``numpy.unique(values, return_inverse=True)``, without sorting where the
    values are integers of a range no wider than they are many, as class codes and
    numbered tasks are: several times sooner, and with less memory.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Numbers, strings or anything that can be sorted.

    Returns
    -------
    names : ndarray of shape (n_names,)
        The different values, sorted.
    code : int ndarray of shape (n,)
        Position of each value in ``names``.

    Examples
    --------
    >>> import numpy as np
    >>> from skmeta.utils.unique import number
    >>> number(np.array([7, 5, 8, 5]))
    (array([5, 7, 8]), array([1, 0, 2, 0]))
    """
    if values.dtype.kind not in "iu" or not len(values):
        return np.unique(values, return_inverse=True)
    low, high = values.min(), values.max()
    width = int(high) - int(low) + 1
    if width > len(values):
        return np.unique(values, return_inverse=True)
    # A short signed integer may not hold the difference of two.
    wide = values.astype(np.int64) if values.dtype.kind == "i" else values
    offset = (wide - low).astype(np.intp, copy=False)
    is_there = np.zeros(width, dtype=bool)
    is_there[offset] = True
    code = (np.cumsum(is_there) - 1)[offset]
    names = np.empty(np.count_nonzero(is_there), dtype=values.dtype)
    names[code] = values
    return names, code


def find(asked: np.ndarray, names: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find values among sorted ones, and tell which are there.

    Parameters
    ----------
    asked : ndarray of shape (n,)
        What is looked for.
    names : ndarray of shape (n_names,)
        Different values, sorted.

    Returns
    -------
    place : int ndarray of shape (n,)
        Position of each value in ``names``; any valid one for a value that is not.
    known : bool ndarray of shape (n,)
        Which values are there. The number 1 is not the word "1".
    """
    # Not numpy.isin, which compares all pairs of strings that come as objects.
    asked = _of_kind(asked, names.dtype.kind)
    place = np.zeros(len(asked), dtype=np.intp)
    known = np.zeros(len(asked), dtype=bool)
    if len(names):
        with contextlib.suppress(TypeError):  # what cannot be compared is not there
            if names.dtype.kind != asked.dtype.kind:
                # Else numpy compares large integers as floats, and takes two for one.
                names, asked = as_objects(names), as_objects(asked)
            place = np.searchsorted(names, asked).clip(max=len(names) - 1)
            known = np.asarray(names[place] == asked, dtype=bool)
    return place, known


def _of_kind(values: np.ndarray, kind: str) -> np.ndarray:
    """Give objects the kind of others where they are of it; pandas brings words so.

    To make objects of the others, which may be many, would take longer.
    """
    of = {"U": str, "i": int}.get(kind)
    if (of is None and kind != "M") or values.dtype.kind != "O":
        return values
    items = values.tolist()
    if kind == "M":
        return np.array(items, "M8[us]") if all(map(_is_naive, items)) else values
    if not all(type(item) is of for item in items):
        return values
    plain = np.array(items)
    return plain if plain.dtype.kind == kind and plain.tolist() == items else values


def _is_naive(item: Any) -> bool:
    """Tell whether it is a date, of microseconds at the finest and of no zone."""
    if isinstance(item, np.datetime64):
        return bool(item == item.astype("M8[us]"))
    is_date = isinstance(item, date) and getattr(item, "tzinfo", None) is None
    return is_date and not getattr(item, "nanosecond", False)


def as_objects(values: np.ndarray) -> np.ndarray:
    """Return an array of objects of Python; of dates, numpy may make numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from skmeta.utils.unique import as_objects
    >>> as_objects(np.array(["2024-02-03"], dtype="M8[ns]")).tolist()
    [datetime.datetime(2024, 2, 3, 0, 0)]
    """
    kind = values.dtype.kind
    if kind in "mM" and np.datetime_data(values.dtype)[0] in ("ns", "ps", "fs", "as"):
        short = values.astype(f"{kind}8[us]")
        if not (short == values).all():  # Python has nothing that holds them
            objects = np.empty(values.size, dtype=object)
            objects[:] = list(values.ravel())
            return objects.reshape(values.shape)
        values = short
    return values.astype(object, copy=False)


class United(NamedTuple):
    """The values of two arrays together."""

    names: np.ndarray  # (n_names,), sorted
    first: np.ndarray  # where each value of the first array stands among them
    second: np.ndarray  # and each of the second


def unite(first: np.ndarray, second: np.ndarray) -> United:
    """Put different values among others, in the time of the few that are new.

    Parameters
    ----------
    first, second : ndarray of shape (n_first,) and (n_second,)
        Different values, sorted each.

    Returns
    -------
    United
        All of them, sorted, and where they have gone.

    Raises
    ------
    TypeError
        If values of the two cannot be sorted together.

    Examples
    --------
    >>> import numpy as np
    >>> from skmeta.utils.unique import unite
    >>> names, first, second = unite(np.array([2, 5, 8]), np.array([5, 6]))
    >>> names, first, second
    (array([2, 5, 6, 8]), array([0, 1, 3]), array([1, 2]))
    """
    place, known = find(second, first)
    if known.all():
        return United(first, np.arange(len(first)), place)
    new = second[~known]
    dtype = _common_dtype(first, new)
    if dtype.kind == "O":
        first, new = as_objects(first), as_objects(new)
    else:
        first, new = first.astype(dtype, copy=False), new.astype(dtype, copy=False)
    at = np.searchsorted(first, new)
    moved = np.arange(len(first))
    moved += np.cumsum(np.bincount(at, minlength=len(first) + 1))[: len(first)]
    names = np.empty(len(first) + len(new), dtype)
    names[moved] = first
    entered = at + np.arange(len(new))
    names[entered] = new
    if len(first):
        place = moved[place]
    place[~known] = entered
    return United(names, moved, place)


def _common_dtype(first: np.ndarray, second: np.ndarray) -> np.dtype:
    """Choose a type that holds the values of two arrays as they are."""
    if not len(second) or not len(first):
        return first.dtype if len(first) else second.dtype
    numbers = all(each.dtype.kind in "biuf" for each in (first, second))
    if first.dtype.kind != second.dtype.kind and not numbers:
        return np.dtype(object)
    common = np.result_type(first, second)
    if first.dtype.kind == second.dtype.kind:
        return common
    is_exact = all(
        each.astype(common).tolist() == each.tolist() for each in (first, second)
    )
    return common if is_exact else np.dtype(object)


def places_of(first: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """List the places of several runs, one run after another.

    Parameters
    ----------
    first, sizes : int ndarray of shape (n_runs,)
        Where each run begins, and how long it is.

    Returns
    -------
    int ndarray of shape (sum of sizes,)
        Places.

    Examples
    --------
    >>> import numpy as np
    >>> from skmeta.utils.unique import places_of
    >>> places_of(np.array([7, 2]), np.array([2, 3]))
    array([7, 8, 2, 3, 4])
    """
    before = np.cumsum(sizes) - sizes
    return np.repeat(first - before, sizes) + np.arange(sizes.sum())


def runs_of(places: np.ndarray) -> list[slice] | None:
    """Cut places into the runs that they are made of, if these are long.

    What is copied run by run takes a fraction of the time of what is gathered place by
    place.

    Parameters
    ----------
    places : int ndarray of shape (n,)
        Places, none of them negative.

    Returns
    -------
    list of slice or None
        The runs, in their order; None if they are shorter than eight places on average.

    Examples
    --------
    >>> import numpy as np
    >>> from skmeta.utils.unique import runs_of
    >>> runs_of(np.r_[0:10, 12:30])
    [slice(0, 10, None), slice(12, 30, None)]
    """
    ends = np.flatnonzero(np.diff(places) != 1) + 1
    if 8 * (len(ends) + 1) > len(places):
        return None
    starts, stops = places[np.append(0, ends)], places[np.append(ends, 0) - 1] + 1
    return [slice(*run) for run in zip(starts.tolist(), stops.tolist(), strict=True)]
