"""Rows of unknown classes, by what those members say of them that reject rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from scipy.stats import norm

from skmeta.engine.rejection import SHARES, between_sizes, share_below, worth
from skmeta.ensemble.adapted import AdaptedMembers
from skmeta.ensemble.members import LearntTasks
from skmeta.exceptions import LoadError
from skmeta.pipelines import last_step

__all__ = ["JointRejection", "auroc_of"]

# A share that is 0 or 1 but for rounding counts as this near to it.
_NEAR = 1e-6


def auroc_of(member: Any) -> float | None:
    """Tell how well a fitted member tells rows of unknown classes, None if it does not.

    Parameters
    ----------
    member : estimator
        Fitted.

    Returns
    -------
    float or None
        Of its best clue, on classes that it has left out.
    """
    known = getattr(last_step(member), "unknown_", None)
    return None if known is None else float(known.best_auroc)


class JointRejection:
    r"""What members say together of rows that may be of no known class.

    Each member that was fitted with ``reject`` answers a row by the share :math:`u_m`
    of known rows that look less unknown. With areas :math:`A_m` under the ROC curve, on
    classes that the member itself has left out,

    .. math:: s(x) = \frac{\sum_m w_m \Phi^{-1}(u_m(x))}{\sum_m w_m}, \qquad
        w_m = \max(\Phi^{-1}(A_m), 0)^3,

    as clues are put together inside a member, and what is told of a row is the share of
    rows with a lower s in the tasks that were left out to weigh the members, learnt
    from as many support rows. (Members agree in part, so that the mean of shares is no
    share.)

    Parameters
    ----------
    aurocs : dict of str to float
        Of the members that reject rows.
    sizes : int ndarray of shape (n_sizes,)
        Numbers of support rows: of each class where labels are a task's own.
    levels : ndarray of shape (n_sizes, n_shares)
        Quantiles of s on known rows.
    """

    def __init__(
        self, aurocs: Mapping[str, float], sizes: np.ndarray, levels: np.ndarray
    ):
        self.aurocs = dict(aurocs)
        self.sizes = sizes
        self.levels = levels

    @property
    def best_auroc(self) -> float:
        """How well the best of the members tells rows of unknown classes."""
        return max(self.aurocs.values())

    @property
    def weights(self) -> dict[str, float]:
        """How much each member counts."""
        weights = worth(np.array([*self.aurocs.values()]))
        if not weights.any():  # nothing tells
            weights = np.ones(len(weights))
        return dict(zip(self.aurocs, (weights / weights.sum()).tolist(), strict=True))

    @classmethod
    def learn(
        cls,
        aurocs: Mapping[str, float],
        told: Mapping[int, Mapping[str, np.ndarray]],
    ) -> Self | None:
        """Learn from what members have said of known rows of tasks they have not seen.

        Parameters
        ----------
        aurocs : dict of str to float
            Of the members that reject rows.
        told : dict of int to dict of str to ndarray of shape (n_rows,)
            Their shares, for each number of support rows; none of who has no answer.

        Returns
        -------
        JointRejection or None
            None if no number of support rows has an answer of all.
        """
        made = cls(aurocs, np.empty(0, dtype=np.intp), np.empty((0, len(SHARES))))
        sizes = [size for size in sorted(told) if aurocs.keys() <= told[size].keys()]
        if not sizes:
            return None
        made.sizes = np.array(sizes)
        scores = [made._scores(told[size])[0] for size in sizes]
        made.levels = np.stack([np.quantile(own, SHARES) for own in scores])
        return made

    def _scores(
        self, shares: Mapping[str, np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Put shares together; also tell which rows are far outside to a half."""
        total: Any = 0.0
        weight: Any = 0.0
        far: Any = 0.0
        for name, own in self.weights.items():
            share = shares[name]
            answered = np.isfinite(share)
            deviate = norm.ppf(np.clip(share, _NEAR, 1 - _NEAR))
            total = total + np.where(answered, own * deviate, 0.0)
            weight = weight + own * answered
            far = far + own * (share >= 1)
        with np.errstate(invalid="ignore"):  # NaN where nobody answers
            return total / weight, far >= weight / 2

    def shares(
        self,
        adapted: AdaptedMembers,
        X: Any,
        task: np.ndarray,
        member_of: Mapping[str, str],
    ) -> np.ndarray:
        """Tell what share of known rows looks less unknown than each row.

        Parameters
        ----------
        adapted : AdaptedMembers
            The tasks.
        X : array-like of shape (n_rows, n_features)
            Rows.
        task : int ndarray of shape (n_rows,)
            Task of each row.
        member_of : dict of str to str
            The member that each fit is of.

        Returns
        -------
        float64 ndarray of shape (n_rows,)
            From 0 to 1; 1 for rows far outside of all that is known.

        Raises
        ------
        ValueError
            If none of the members that reject rows knows a task.
        """
        asked = adapted.answers(X, task, LearntTasks.unknown_shares)
        by_member: dict[str, list[np.ndarray]] = {name: [] for name in self.aurocs}
        for name, own in zip(adapted.members, asked, strict=True):
            if member_of[name] in by_member:
                by_member[member_of[name]].append(own)
        score, is_far = self._scores(
            {name: np.mean(parts, axis=0) for name, parts in by_member.items()}
        )
        if np.isnan(score).any():
            raise ValueError(
                f"None of the members that reject rows, {', '.join(self.aurocs)}, has "
                "learnt these tasks: it takes support rows, without weights where they "
                "take none."
            )
        size = np.append(adapted.size, 0.0)[task]
        share = np.empty(len(score))
        for each in np.unique(size):
            own = size == each
            levels = between_sizes(each, self.sizes, self.levels)
            share[own] = share_below(score[own], levels)
        return np.where(is_far, 1.0, share)

    # In files -----------------------------------------------------------------------

    def parts(self) -> dict[str, Any]:
        """Return what :meth:`of_parts` makes the same of."""
        return {
            "members": [*self.aurocs],
            "aurocs": np.array([*self.aurocs.values()]),
            "sizes": self.sizes,
            "levels": self.levels,
        }

    @classmethod
    def of_parts(cls, parts: Mapping[str, Any], members: Mapping[str, Any]) -> Self:
        """Make what :meth:`parts` returned.

        Raises
        ------
        LoadError
            If the parts are not of these members, or do not fit together.
        """
        names, aurocs = parts["members"], np.asarray(parts["aurocs"])
        sizes, levels = np.asarray(parts["sizes"]), np.asarray(parts["levels"])
        numbers = (aurocs, sizes, levels)
        if (
            not names
            or not {*names} <= members.keys()
            or aurocs.shape != (len(names),)
            or sizes.ndim != 1
            or not len(sizes)
            or levels.shape != (len(sizes), len(SHARES))
            or not all(own.dtype.kind in "iuf" for own in numbers)
            or not all(np.isfinite(own).all() for own in numbers)
            or (np.diff(sizes) <= 0).any()
        ):
            raise LoadError("What it has learnt of unknown classes is out of range.")
        return cls(dict(zip(names, aurocs.tolist(), strict=True)), sizes, levels)
