"""Which rows are of no known class, by what share of known rows looks less so."""

from typing import Any, Self

import numpy as np
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from skmeta.engine.landmarks import CLUES

__all__ = ["SHARES", "Rejection", "between_sizes", "share_below", "worth"]

# Shares of known rows of which the score is kept; beyond them it goes on smoothly.
SHARES = np.linspace(0.005, 0.995, 199)
# No area under a ROC curve counts as more.
_SUREST = 0.999
# What tells so much less than the best clue, in normal deviations, is left out.
_ENOUGH = 0.6
# Clues end so many quartile distances from the usual ones.
_MOST = 30.0
# A row is far outside if it is beyond the range of the training, or from its nearest
# class, by so much more than known rows of classes that were left out.
_BEYOND, _FARTHER = 2.0, np.log(3.0)
_FEATURES = CLUES.index("class by features")


class Rejection:
    r"""What is learnt of rows of unknown classes from classes that were left out.

    Clues :math:`z_j` (:class:`skmeta.engine.landmarks.Landmarked`), less the median and
    over the distance of the quartiles of known rows for the same number of support
    rows, count by how well each tells rows of unknown classes: with
    :math:`A_j` the area under its ROC curve on classes that were left out,

    .. math:: s(x) = \sum_j w_j z_j(x), \qquad w_j = \max(\Phi^{-1}(A_j), 0)^3,

    or 0 where it tells less than 0.6 of what the best does,

    and what is told of a row is the share of known rows of these classes, with as many
    support rows, whose s is lower. Between numbers of support rows all is interpolated.

    Attributes
    ----------
    units : dict of str to ndarray
        What distances are measured in: ``skmeta.engine.landmarks.Units``.
    sizes : int ndarray of shape (n_sizes,)
        Numbers of support rows: of each class where labels are a task's own.
    center, spread : ndarray of shape (n_sizes, n_clues)
        Median and distance of the quartiles of the clues of known rows.
    aurocs, weights : ndarray of shape (n_clues,)
        How well each clue tells unknown rows, and how much it counts.
    levels : ndarray of shape (n_sizes, n_shares)
        Quantiles of the score of known rows.
    farthest : ndarray of shape (n_sizes,)
        Largest distance of a known row from its nearest class, by its logarithm.
    beyond : float
        How far known rows are beyond the range of the training, hardly any farther.
    """

    def __init__(self, **parts: Any):
        vars(self).update(parts)

    units: dict[str, Any]
    sizes: np.ndarray
    center: np.ndarray
    spread: np.ndarray
    aurocs: np.ndarray
    weights: np.ndarray
    levels: np.ndarray
    farthest: np.ndarray
    beyond: float

    @classmethod
    def learn(
        cls,
        units: dict[str, Any],
        clues: np.ndarray,
        size: np.ndarray,
        part: np.ndarray,
        is_known: np.ndarray,
        beyond: np.ndarray,
    ) -> Self:
        """Learn from rows of classes that were left out.

        Parameters
        ----------
        units : dict of str to ndarray
            Of the learner that all rows have taught.
        clues : ndarray of shape (n_rows, n_clues)
            Clues of rows, known and unknown.
        size : int ndarray of shape (n_rows,)
            Support rows that their task was learnt from.
        part : int ndarray of shape (n_rows,)
            By which of the learners that lack classes.
        is_known : bool ndarray of shape (n_rows,)
            Whether the task has the row's class.
        beyond : ndarray of shape (n_rows,)
            How far each row is beyond the range of the training.
        """
        clues = clues.astype(float)
        sizes = np.unique(size)
        center = np.empty((len(sizes), clues.shape[1]))
        spread, far = np.empty_like(center), np.empty(len(sizes))
        for place, each in enumerate(sizes):
            known = clues[(size == each) & is_known]
            known = np.where(np.isfinite(known), known, 0.0)
            low, center[place], high = np.quantile(known, [0.25, 0.5, 0.75], axis=0)
            spread[place] = np.where(high - low > 1e-6, high - low, 1.0)
            far[place] = known[:, _FEATURES].max()
        made = cls(
            units=units,
            sizes=sizes,
            center=center,
            spread=spread,
            farthest=far,
            beyond=float(np.quantile(beyond[is_known], SHARES[-1])),
        )
        place = np.searchsorted(sizes, size)
        Z = made._standardised(clues, center[place], spread[place])
        made.aurocs = _aurocs(Z, size * (part.max() + 1) + part, ~is_known)
        made.weights = worth(made.aurocs)
        if not made.weights.any():  # nothing tells: nearness is a guess
            made.weights = np.array([float(name != "odds") for name in CLUES])
        made.weights /= made.weights.sum()
        score = Z @ made.weights
        made.levels = np.stack(
            [np.quantile(score[(size == each) & is_known], SHARES) for each in sizes]
        )
        return made

    @property
    def best_auroc(self) -> float:
        """How well the best clue tells unknown rows."""
        return float(np.max(self.aurocs))

    def fits(self, n_features: int, n_outputs: int) -> bool:
        """Tell whether all numbers are there, as many as there must be, and finite.

        Parameters
        ----------
        n_features : int
            Features of a row.
        n_outputs : int
            Labels of a shared label space, else 0.
        """
        n_sizes, n_clues = len(np.atleast_1d(self.sizes)), len(CLUES)
        units: dict[str, Any] = dict(self.units)
        named: dict[str, list[tuple[int, ...]]] = {
            "sizes": [(n_sizes,)],
            "center": [(n_sizes, n_clues)],
            "spread": [(n_sizes, n_clues)],
            "aurocs": [(n_clues,)],
            "weights": [(n_clues,)],
            "levels": [(n_sizes, len(SHARES))],
            "farthest": [(n_sizes,)],
            "beyond": [()],
        }
        of_units: dict[str, list[tuple[int, ...]]] = {
            "embedding": [()],
            "features": [(n_features,)],
            "whitening": [(n_features, n_features), (n_features,)],
        }
        if n_outputs:
            width = np.asarray(units.get("means")).shape[-1:]
            of_units["means"] = [(n_outputs, *width)]
            of_units["feature_means"] = [(n_outputs, n_features)]
        return (
            n_sizes > 0
            and units.keys() == of_units.keys()
            and vars(self).keys() == {"units", *named}
            and all(_are(getattr(self, key), shapes) for key, shapes in named.items())
            and all(_are(units[key], shapes) for key, shapes in of_units.items())
            and bool((np.asarray(self.spread) > 0).all() and units["embedding"] > 0)
            and bool((np.diff(self.sizes) > 0).all())
        )

    def shares(
        self, clues: np.ndarray, size: np.ndarray, beyond: np.ndarray
    ) -> np.ndarray:
        """Tell what share of known rows looks less unknown than each row.

        Parameters
        ----------
        clues : ndarray of shape (n_rows, n_clues)
            Clues of the rows.
        size : ndarray of shape (n_rows,)
            Support rows that their task was learnt from.
        beyond : ndarray of shape (n_rows,)
            How far each row is beyond the range of the training.

        Returns
        -------
        float64 ndarray of shape (n_rows,)
            From 0 to 1; 1 for rows far outside of all that is known.
        """
        share = np.empty(len(clues))
        clues = clues.astype(float)
        is_far = beyond > 1 + _BEYOND * self.beyond
        for each in np.unique(size):
            own = size == each
            center, spread, levels, far = (
                self._at(each, table)
                for table in (self.center, self.spread, self.levels, self.farthest)
            )
            score = self._standardised(clues[own], center, spread) @ self.weights
            share[own] = share_below(score, levels)
            is_far[own] |= clues[own, _FEATURES] > far + _FARTHER
        return np.where(is_far, 1.0, share)

    def _at(self, size: float, table: np.ndarray) -> np.ndarray:
        """Interpolate between numbers of support rows, by their logarithms."""
        return between_sizes(size, self.sizes, table)

    @staticmethod
    def _standardised(
        clues: np.ndarray, center: np.ndarray, spread: np.ndarray
    ) -> np.ndarray:
        # A task of one class has no odds, and these say nothing then.
        Z = np.where(np.isfinite(clues), (clues - center) / spread, 0.0)
        return np.clip(Z, -_MOST, _MOST)


def _are(value: Any, shapes: list[tuple[int, ...]]) -> bool:
    """Tell whether a value is finite numbers of one of some shapes."""
    numbers = np.asarray(value)
    return (
        numbers.shape in shapes
        and numbers.dtype.kind in "iuf"
        and bool(np.isfinite(numbers).all())
    )


def _aurocs(Z: np.ndarray, cell: np.ndarray, is_unknown: np.ndarray) -> np.ndarray:
    """Tell how well each clue tells unknown rows, over learners and numbers of rows."""
    found = [
        [roc_auc_score(is_unknown[own], column) for column in Z[own].T]
        for own in (cell == each for each in np.unique(cell))
        if 0 < is_unknown[own].sum() < own.sum()
    ]
    return np.mean(found, axis=0) if found else np.full(Z.shape[1], 0.5)


def worth(aurocs: np.ndarray) -> np.ndarray:
    """Weigh what tells unknown rows by how well it does, (n_clues,).

    What tells far less than the best is left out, and all if nothing tells.
    """
    tells = np.maximum(norm.ppf(np.clip(aurocs, 0, _SUREST)), 0)
    return np.where(tells >= _ENOUGH * tells.max(), tells, 0) ** 3


def between_sizes(size: float, sizes: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Interpolate between numbers of support rows, by their logarithms.

    Parameters
    ----------
    size : float
        Number of support rows that is asked for.
    sizes : int ndarray of shape (n_sizes,)
        Those that are known.
    table : ndarray of shape (n_sizes, ...)
        What is known of each.
    """
    place = np.interp(np.log1p(size), np.log1p(sizes), np.arange(len(sizes)))
    low = int(place)
    high = min(low + 1, len(sizes) - 1)
    return np.asarray(table[low] + (place - low) * (table[high] - table[low]))


def share_below(score: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Interpolate the share of known rows below scores; beyond the ends it decays."""
    levels = np.maximum.accumulate(levels)
    share = np.interp(score, levels, SHARES)
    # As an exponential distribution goes on, of the slope of the last tenth.
    for sign, end, inner, least in (
        (1, levels[-1], np.interp(0.9, SHARES, levels), 1 - SHARES[-1]),
        (-1, levels[0], np.interp(0.1, SHARES, levels), SHARES[0]),
    ):
        outside = sign * (score - end)
        slope = max(sign * (end - inner) / np.log(0.1 / least), 1e-9)
        rest = least * np.exp(-np.maximum(outside, 0) / slope)
        share = np.where(outside > 0, 1 - rest if sign > 0 else rest, share)
    return share
