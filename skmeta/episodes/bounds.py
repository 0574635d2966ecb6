"""Where numbers end that training has seen, and what becomes of those beyond."""

from typing import NamedTuple

import numpy as np

__all__ = ["Bounds", "repeated"]

# Rows that are taken as one: NumPy takes its time for every row, however short. Where
# the rows of each task stand side by side, and are about as many, those of a task are.
_TAKEN_AS_ONE = 64
_ABOUT_AS_MANY = range(16, 257)


class Bounds(NamedTuple):
    r"""The range of standardised numbers in training, which others may leave a little.

    A number x within the range stays as it is. Beyond its end e it becomes

    .. math:: e + r \tanh\left(\frac{x - e}{r}\right),

    with the room r: at first hardly another number, since the slope begins with 1, but
    never further out than the room allows.

    Parameters
    ----------
    low, high : float64 ndarray of shape (n_columns,) or float
        The ends of the range.
    room : float64 ndarray of shape (n_columns,) or float
        How far beyond them numbers may come.
    """

    low: np.ndarray | float
    high: np.ndarray | float
    room: np.ndarray | float

    def clip(self, values: np.ndarray) -> np.ndarray:
        """Draw values nearer that are beyond the range: (..., n_columns)."""
        outside = self.places_beyond(values)
        if not len(outside):
            return values
        near = np.array(values, order="C")
        flat = near.reshape(-1)
        flat[outside] = self.nearer(flat[outside], outside % values.shape[-1])
        return near

    def nearer(self, chosen: np.ndarray, column: np.ndarray) -> np.ndarray:
        """Draw some values nearer, each of a column: (n_values,) of both."""
        low, high, room = (
            end[column] if np.ndim(end) else end for end in map(np.asarray, self)
        )
        inside = np.clip(chosen, low, high)
        return inside + room * np.tanh((chosen - inside) / room)

    def limit(self, values: np.ndarray) -> np.ndarray:
        """Cut values off where no number that was drawn nearer can come."""
        return np.clip(values, self.low - self.room, self.high + self.room)

    def is_far(self, values: np.ndarray, distance: np.ndarray | float) -> np.ndarray:
        """Tell which values are further beyond the range than a distance."""
        far = np.zeros(values.size, dtype=bool)
        far[self.places_beyond(values, distance)] = True
        return far.reshape(values.shape)

    def are_rows_far(
        self, values: np.ndarray, distance: np.ndarray | float
    ) -> np.ndarray:
        """Tell which rows have such a value: (n_rows, n_columns) to (n_rows,)."""
        far = np.zeros(len(values), dtype=bool)
        far[self.places_beyond(values, distance) // values.shape[1]] = True
        return far

    def places_beyond(
        self, values: np.ndarray, distance: np.ndarray | float = 0.0
    ) -> np.ndarray:
        """Find values further beyond the range than a distance, as if they lay flat.

        Parameters
        ----------
        values : ndarray of shape (..., n_columns)
            Numbers; what is missing is nowhere beyond.
        distance : ndarray of shape (n_columns,) or float, default=0.0
            From which on.

        Returns
        -------
        int ndarray of shape (n_values,)
            Their places in ``values.ravel()``, in no order.
        """
        width = values.shape[-1]
        if not values.size:
            return np.empty(0, dtype=np.intp)
        low, high = self.low - distance, self.high + distance
        at_once = values.shape[-2] if values.ndim > 2 else 0
        if at_once not in _ABOUT_AS_MANY:
            at_once = _TAKEN_AS_ONE
        flat = values.reshape(-1)
        whole = flat.size - flat.size % (at_once * width)
        found = [_beyond(flat[:whole].reshape(-1, at_once, width), low, high)]
        if whole < flat.size:
            rest = _beyond(flat[whole:].reshape(1, -1, width), low, high)
            found.append(whole + rest)
        return found[0] if len(found) == 1 else np.concatenate(found)


def _beyond(
    given: np.ndarray, low: np.ndarray | float, high: np.ndarray | float
) -> np.ndarray:
    """Find values that are outside two ends, (..., rows, n_columns)."""
    if not given.size:
        return np.empty(0, dtype=np.intp)
    # Few are outside: extremes tell where it is worth to look.
    within = (low <= given.min(axis=0)) & (given.max(axis=0) <= high)
    if within.all():
        return np.empty(0, dtype=np.intp)
    some = np.flatnonzero(~within)  # or a number is missing there
    low, high = (
        np.asarray(end)[some % given.shape[-1]] if np.ndim(end) else end
        for end in (low, high)
    )
    chosen = given.reshape(len(given), -1)[:, some]
    row, which = np.nonzero((chosen < low) | (chosen > high))
    return np.asarray(row * within.size + some[which])


def repeated(values: np.ndarray | float, width: int, times: int) -> np.ndarray:
    """Repeat what stands for each of some columns, for rows that are taken as one.

    Parameters
    ----------
    values : ndarray of shape (width,) or float
        One for each column, or the same for all.
    width : int
        Columns.
    times : int
        Rows that are taken as one.

    Returns
    -------
    ndarray of shape (times * width,)
        The values of every column, row by row.
    """
    return np.tile(np.broadcast_to(values, width), times)
