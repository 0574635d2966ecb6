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
        if not ((values < self.low) | (values > self.high)).any():
            return values
        inside = np.clip(values, self.low, self.high)
        return inside + self.room * np.tanh((values - inside) / self.room)

    def limit(self, values: np.ndarray) -> np.ndarray:
        """Cut values off where no number that was drawn nearer can come."""
        return np.clip(values, self.low - self.room, self.high + self.room)

    def is_far(self, values: np.ndarray, distance: np.ndarray | float) -> np.ndarray:
        """Tell which values are further beyond the range than a distance."""
        return np.asarray(
            (values < self.low - distance) | (values > self.high + distance)
        )
