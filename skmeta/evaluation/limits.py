"""Axes that a learner which diverged cannot ruin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["far_gain", "steady_range"]

# An axis may be so many times as long as what is on it already needs.
_MOST = 6.0


def steady_range(
    curve: DataFrame, anchor: str, floor: float
) -> tuple[float, float, list[str]]:
    """Find the range of scores that a picture should show.

    It begins with a learner that is known to do well, and takes in the others from the
    nearest to the farthest, as long as that does not make the first ones a line.

    Parameters
    ----------
    curve : DataFrame
        Columns "estimator" and "score".
    anchor : str
        The learner that is surely shown.
    floor : float
        A range of scores that always has room.

    Returns
    -------
    low, high : float
        The least and the greatest score shown.
    beyond : list of str
        Learners with scores outside.

    Examples
    --------
    >>> import pandas as pd
    >>> from skmeta.evaluation.limits import steady_range
    >>> curve = pd.DataFrame({"estimator": list("abc"), "score": [1.0, 2.0, 1e9]})
    >>> steady_range(curve, "a", 0.0)
    (1.0, 2.0, ['c'])
    """
    finite = curve[np.isfinite(curve["score"])]
    ends = finite.groupby("estimator")["score"].agg(["min", "max"])
    low, high = (float(end) for end in ends.loc[anchor])
    away = np.maximum(low - ends["min"], ends["max"] - high)
    beyond = []
    for name in away.sort_values(kind="stable").index:
        new_low = min(low, float(ends.loc[name, "min"]))
        new_high = max(high, float(ends.loc[name, "max"]))
        room = max(high - low, max(abs(low), abs(high)) / 2, floor)
        if new_high - new_low > _MOST * room:
            beyond.append(str(name))
        else:
            low, high = new_low, new_high
    return low, high, beyond


def far_gain(gains: np.ndarray) -> float | None:
    """Find where an axis of gains should end, if a few are far out.

    Parameters
    ----------
    gains : float ndarray of shape (n_tasks,)
        What a learner gains on each task.

    Returns
    -------
    float or None
        The greatest size shown; None where all are.
    """
    size = np.abs(gains[np.isfinite(gains)])
    usual = 3 * float(np.quantile(size, 0.9, method="lower")) if len(size) else 0.0
    return usual if 0 < usual < size.max() else None
