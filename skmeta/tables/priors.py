"""A prior of each of several targets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skmeta.tables.prior import Prior, cross_fit
from skmeta.tables.rows import TaskRows
from skmeta.tables.stored.sources import by_rows

__all__ = ["Priors", "cross_fit_targets"]


@dataclass(frozen=True)
class Priors:
    """Priors of several targets, each with the same parts.

    Parameters
    ----------
    targets : list of Prior
        One for each target.
    """

    targets: list[Prior]

    @property
    def n_outputs(self) -> int:
        """Outputs of every part, of one target."""
        return self.targets[0].n_outputs

    def offsets(
        self, X: np.ndarray, changed: Callable[[np.ndarray], np.ndarray] | None = None
    ) -> np.ndarray:
        """Answer rows, (n_rows, parts, outputs, targets), as :meth:`Prior.offsets`."""
        answers = [prior.offsets(X, changed) for prior in self.targets]
        return np.stack(answers, axis=-1)


def cross_fit_targets(
    parts: Sequence[Any],
    rows: TaskRows,
    units: Sequence[dict[str, Any]],
    *,
    weight: np.ndarray | None = None,
    columns: np.ndarray | None = None,
    check_trust: Sequence[bool] = (),
) -> tuple[Prior | Priors, Any]:
    """Fit a prior to each target, and answer every row by what has not seen its task.

    Parameters
    ----------
    parts : sequence of estimators
        Not fitted; cloned.
    rows : TaskRows
        Rows of all tasks.
    units : sequence of dict
        For each target the ``classes``, or ``mean`` and ``scale``, of its prior.
    weight, columns, check_trust
        As in :func:`skmeta.tables.prior.cross_fit`.

    Returns
    -------
    prior : Prior or Priors
        Fitted to all rows, or to a sample of many on disk; a :class:`Prior` of a single
        target.
    offsets : float32 ndarray or RowSource, (n_rows, parts, outputs[, targets])
        As :meth:`Prior.offsets`, and with several targets as :meth:`Priors.offsets`.
    """
    how: dict[str, Any] = {"weight": weight, "columns": columns}
    how["check_trust"] = check_trust
    if rows.y.ndim == 1:
        [unit] = units
        return cross_fit(parts, rows, **how, **unit)
    fitted = [
        cross_fit(parts, rows.of_target(number), **how, **unit)
        for number, unit in enumerate(units)
    ]
    priors, offsets = zip(*fitted, strict=True)
    together = by_rows(lambda *each: np.stack(each, axis=-1), *offsets)
    return Priors(list(priors)), together
