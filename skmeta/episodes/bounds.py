"""Where numbers end that training has seen, and what becomes of those beyond."""

from typing import NamedTuple

import numpy as np

__all__ = ["Bounds", "repeated"]

# Rows that are taken as one: NumPy takes its time for every row, however short.
_TAKEN_AS_ONE = 64


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
        outside = self._places_of_far(values, 0.0)
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
        far = np.zeros(values.size, dtype=bool)
        far[self._places_of_far(values, distance)] = True
        return far.reshape(values.shape)

    def are_rows_far(
        self, values: np.ndarray, distance: np.ndarray | float
    ) -> np.ndarray:
        """Tell which rows have such a value: (n_rows, n_columns) to (n_rows,)."""
        far = np.zeros(len(values), dtype=bool)
        far[self._places_of_far(values, distance) // values.shape[1]] = True
        return far

    def _places_of_far(
        self, values: np.ndarray, distance: np.ndarray | float
    ) -> np.ndarray:
        """Find values further beyond the range than a distance, as if they lay flat."""
        width = values.shape[-1]
        if not values.size:
            return np.empty(0, dtype=np.intp)
        low = np.broadcast_to(self.low - distance, width)
        high = np.broadcast_to(self.high + distance, width)
        rows = values.reshape(-1, width)
        whole = len(rows) - len(rows) % _TAKEN_AS_ONE
        found = []
        for start, stop in ((0, whole), (whole, len(rows))):
            if start == stop:
                continue
            at_once = min(_TAKEN_AS_ONE, stop - start)
            given = rows[start:stop].reshape(-1, at_once, width)
            # Few are outside: extremes tell where it is worth to look.
            within = (low <= given.min(axis=0)) & (given.max(axis=0) <= high)
            some = np.flatnonzero(~within)  # or a number is missing there
            column = some % width
            chosen = given.reshape(len(given), -1)[:, some]
            row, which = np.nonzero((chosen < low[column]) | (chosen > high[column]))
            found.append(start * width + row * within.size + some[which])
        return np.concatenate(found)


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
