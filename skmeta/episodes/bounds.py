"""Where numbers end that training has seen, and what becomes of those beyond."""

from typing import NamedTuple

import numpy as np

__all__ = ["Bounds", "repeated"]

# Rows that are compared as one: NumPy takes its time for every row, however short.
_TAKEN_AS_ONE = 32


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
        # Few are outside, and tanh costs as much as all else.
        outside = np.flatnonzero(self.is_far(values, 0.0))
        if not len(outside):
            return values
        near = np.array(values, order="C")
        flat, width = near.reshape(-1), values.shape[-1]
        place = outside % width
        low, high, room = (e[place] if np.ndim(e) else e for e in map(np.asarray, self))
        chosen = flat[outside]
        inside = np.clip(chosen, low, high)
        flat[outside] = inside + room * np.tanh((chosen - inside) / room)
        return near

    def limit(self, values: np.ndarray) -> np.ndarray:
        """Cut values off where no number that was drawn nearer can come."""
        return np.clip(values, self.low - self.room, self.high + self.room)

    def is_far(self, values: np.ndarray, distance: np.ndarray | float) -> np.ndarray:
        """Tell which values are further beyond the range than a distance."""
        low, high = self.low - distance, self.high + distance
        if values.dtype == np.float32:
            # Numbers of two types are compared in a copy of one of them.
            low, high = -_not_above(-low), _not_above(high)
        far = np.empty(values.shape, dtype=bool)
        if not far.size:
            return far
        width = values.shape[-1]
        rows, found = values.reshape(-1, width), far.reshape(-1, width)
        whole = len(rows) - len(rows) % _TAKEN_AS_ONE
        for part, times in ((slice(whole), _TAKEN_AS_ONE), (slice(whole, None), 1)):
            given = rows[part].reshape(-1, times * width)
            out = found[part].reshape(-1, times * width)
            np.less(given, repeated(low, width, times), out=out)
            out |= given > repeated(high, width, times)
        return far

    def are_rows_far(
        self, values: np.ndarray, distance: np.ndarray | float
    ) -> np.ndarray:
        """Tell which rows have such a value: (n_rows, n_columns) to (n_rows,)."""
        far = np.zeros(len(values), dtype=bool)
        # Not any(axis=1), which takes longer than all else where columns are few.
        far[np.flatnonzero(self.is_far(values, distance)) // values.shape[1]] = True
        return far


def _not_above(ends: np.ndarray | float) -> np.ndarray:
    """Return the largest numbers of single precision that are not above others."""
    with np.errstate(over="ignore"):
        near = np.float32(ends)
    return np.where(near <= ends, near, np.nextafter(near, np.float32(-np.inf)))


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
