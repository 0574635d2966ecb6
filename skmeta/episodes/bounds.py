"""Where numbers end that training has seen, and what becomes of those beyond."""

from typing import NamedTuple

import numpy as np

__all__ = ["Bounds"]


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
        outside = self.is_far(values, 0.0)
        if not outside.any():
            return values
        near = values.copy()
        near[outside] = self._nearer(values, outside)
        return near

    def _nearer(self, values: np.ndarray, outside: np.ndarray) -> np.ndarray:
        # Few are outside, and tanh costs as much as all else.
        low, high, room = (np.broadcast_to(e, values.shape)[outside] for e in self)
        chosen = values[outside]
        inside = np.clip(chosen, low, high)
        return inside + room * np.tanh((chosen - inside) / room)

    def limit(self, values: np.ndarray) -> np.ndarray:
        """Cut values off where no number that was drawn nearer can come."""
        return np.clip(values, self.low - self.room, self.high + self.room)

    def is_far(self, values: np.ndarray, distance: np.ndarray | float) -> np.ndarray:
        """Tell which values are further beyond the range than a distance."""
        return np.asarray(
            (values < self.low - distance) | (values > self.high + distance)
        )
