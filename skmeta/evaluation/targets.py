"""Several targets of one table: their names, and one score of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["IN_UNITS", "mean_over_targets", "names_of", "power_of_unit"]

# Metrics in the unit of the target, and in its square.
IN_UNITS = (
    "neg_mean_absolute_error",
    "neg_root_mean_squared_error",
    "neg_median_absolute_error",
    "neg_max_error",
)
_IN_SQUARES = ("neg_mean_squared_error",)


def names_of(target: str | Sequence[str]) -> list[str]:
    """List the names of one target or of several.

    Examples
    --------
    >>> from skmeta.evaluation.targets import names_of
    >>> names_of("sold"), names_of(["sold", "returned"])
    (['sold'], ['sold', 'returned'])
    """
    return [target] if isinstance(target, str) else [*target]


def power_of_unit(metric: str) -> int:
    """Tell how the unit of a target is in a metric: 1, 2 for its square, 0 if not."""
    return 1 if metric in IN_UNITS else 2 * (metric in _IN_SQUARES)


def mean_over_targets(scores: DataFrame, metric: str, units: np.ndarray) -> DataFrame:
    """Average the scores of targets, errors in units of each.

    Parameters
    ----------
    scores : DataFrame
        Columns "target", the number of each, "score" and others.
    metric : str
        Name of a scikit-learn scorer.
    units : float ndarray of shape (n_targets,)
        Standard deviation of each target.

    Returns
    -------
    DataFrame
        Without "target": a row for each row of the other columns, with the mean of the
        scores that are defined.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skmeta.evaluation.targets import mean_over_targets
    >>> scores = pd.DataFrame(
    ...     {"task": [7, 7], "target": [0, 1], "score": [-1.0, -20.0]}
    ... )
    >>> metric, units = "neg_mean_absolute_error", np.array([2.0, 10.0])
    >>> mean_over_targets(scores, metric, units)
       task  score
    0     7  -1.25
    """
    unit = units[scores["target"].to_numpy()] ** power_of_unit(metric)
    scaled = scores.assign(score=scores["score"] / unit)
    others = [name for name in scores.columns if name not in ("target", "score")]
    return scaled.groupby(others, sort=False)["score"].mean().reset_index()
