"""The values of a regressor: their scale, and how answers to tasks are scored."""

from typing import Any

import numpy as np
import torch
from sklearn.metrics import r2_score

from skmeta.algorithms.base import Algorithm
from skmeta.engine.adapted import AdaptedTasks
from skmeta.episodes.bounds import Bounds
from skmeta.episodes.scaling import TaskScaling, usual_scale, within_variance
from skmeta.episodes.spec import Spec
from skmeta.estimators.scoring import r2_per_task
from skmeta.estimators.targets import Targets
from skmeta.estimators.units import in_another_unit, spreads_of
from skmeta.tables.labels import TaskLabels
from skmeta.tables.rows import TaskRows
from skmeta.tables.sizes import refuse_extreme_targets
from skmeta.tables.stored.sources import by_rows
from skmeta.tables.targets import as_columns, n_targets_of
from skmeta.utils.messages import of_tasks, warn

__all__ = ["Values"]

# How far beyond the range of training a support's target may come, in standard
# deviations: more than a feature, for a task may be at a level of its own.
_ROOM = 10.0

# Deviations of targets whose values float32 holds, however far out an answer may be.
_SMALL, _LARGE = 1e-25, 1e25

# Standard deviations, of targets whose own is one, below which is but rounding.
_LEAST_SPREAD = 1e-6

# Share of the variance of which a single value leaves nothing to learn, and how many
# values there must be to say so.
_NEARLY_ALL, _FEWEST_TO_STAND_OUT = 0.99, 20

# Skewness beyond which targets have a long tail.
_LONG = 2.0


class Values(Targets):
    """What an estimator asks of its targets, answered for values."""

    _kind = "regressor"
    _metric = staticmethod(r2_score)
    _other_tasks = "tasks='table'"

    algorithm_: Algorithm

    # What fit learns besides.
    target_mean_: float | np.ndarray  # (targets,) where there are several
    target_scale_: float | np.ndarray
    target_low_: np.ndarray | None
    target_high_: np.ndarray | None
    target_within_: np.ndarray | None
    target_spread_: np.ndarray | None  # files of before have none
    target_widest_: np.ndarray | None

    # In fit: what is usual ----------------------------------------------------------

    def _learn_scale(self, rows: TaskRows) -> None:
        super()._learn_scale(rows)
        refuse_extreme_targets(*rows.target_range, in_single=self.normalize is None)
        self.target_mean_, self.target_scale_ = 0.0, 1.0
        if self.normalize is not None:
            mean, scale = usual_scale(
                (as_columns(each.y), each.weight)
                for each in rows.blocks(features=False)
            )
            self.target_mean_, self.target_scale_ = map(_one_or_all, (mean, scale))

    def _learn_range(self, rows: TaskRows, *, widen: bool) -> None:
        super()._learn_range(rows, widen=widen)
        self._set_range("target_", rows.target_range, widen)
        self._refuse_beyond_single(self._target_bounds(), "targets", widen)
        self._learn_spreads(rows, widen=widen)
        if not widen:
            self._warn_of_one_value(len(rows))

    def _learn_spreads(self, rows: TaskRows, *, widen: bool) -> None:
        """Keep how narrow and how wide targets of a task are."""
        least = getattr(self, "target_spread_", None) if widen else None
        most = getattr(self, "target_widest_", None) if widen else None
        is_first = not widen or least is None
        rows, _ = rows.sample()  # of a table on disk
        if (found := spreads_of(rows)) is not None:
            own_least, own_most = found
            least = own_least if least is None else np.minimum(own_least, least)
            if is_first:
                most = own_most
            elif most is not None and own_most is not None:
                most = np.maximum(own_most, most)
        self.target_spread_, self.target_widest_ = least, most

    def _warn_of_units(self, rows: TaskRows, told: np.ndarray) -> None:
        least, ends = getattr(self, "target_spread_", None), None
        if least is None:
            return
        low = getattr(self, "target_low_", None)  # nor have some of before these
        if low is not None:
            assert self.target_high_ is not None  # both or none
            ends = low, self.target_high_
        most = getattr(self, "target_widest_", None)  # files of before have none
        lost = in_another_unit(rows, least, most, ends, self.spec_.long_tails)
        lost[told] = False
        if lost.any():
            which = of_tasks(None if rows.names is None else rows.names[lost])
            warn(
                f"The targets of the support{which} differ far less, or far more, than "
                "those of any training task. Are they in the unit of the training? "
                "TransformedTargetRegressor, with another transformer than that of "
                "the training, changes it, too."
            )

    def _warn_of_one_value(self, n_rows: int) -> None:
        """Warn if a single value is nearly all of the variance of a target.

        One of n values is at most the square root of n - 1 deviations from their mean.
        """
        bounds = self._target_bounds()
        if bounds is None or n_rows < _FEWEST_TO_STAND_OUT:
            return
        ends = np.stack([np.atleast_1d(bounds.low), np.atleast_1d(bounds.high)])
        share = ends**2 / (n_rows - 1)
        end, target = np.unravel_index(share.argmax(), share.shape)
        if share[end, target] > _NEARLY_ALL:
            known: Any = (self.target_low_, self.target_high_)[end]
            warn(
                f"A single value, {np.ravel(known)[target]:g}, is nearly all of the "
                "variance of y: beside it the others are alike, and what tells them "
                "apart is not learnt. Does it stand for a gap? Then leave it out, or "
                "make it NaN; else take a logarithm of y, or clip it."
            )

    def _target_bounds(self) -> Bounds | None:
        """Return the range of standardised targets; None where fit has kept none."""
        low = getattr(self, "target_low_", None)
        if low is None:
            return None
        assert self.target_high_ is not None  # both or none
        low, high = (
            _one_or_all(np.atleast_1d((end - self.target_mean_) / self.target_scale_))
            for end in (low, self.target_high_)
        )
        return Bounds(low, high, self._room(low, high, _ROOM))

    def _is_far(self, rows: TaskRows) -> np.ndarray:
        bounds, is_far = self._target_bounds(), super()._is_far(rows)
        if bounds is None:
            return is_far
        far = bounds.is_far(self._standardised(rows.y), self._far(bounds))
        return is_far | as_columns(far).any(axis=1)

    def _standardised(self, y: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore"):  # infinity is far, too
            return np.asarray((y - self.target_mean_) / self.target_scale_)

    def _learn_task_scale(self, rows: TaskRows) -> None:
        super()._learn_task_scale(rows)
        self.target_within_ = None
        if self.within_ is not None:
            parts = rows.blocks(features=False)
            blocks = ((as_columns(each.y), each.task) for each in parts)
            self.target_within_ = within_variance(
                blocks, rows.n_tasks, self.target_mean_, self.target_scale_
            )

    def _learn_targets(
        self, rows: TaskRows, classes: Any, settled: bool
    ) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
        self.spec_ = Spec(
            self.n_features_in_,
            n_outputs=1,
            kind="regressor",
            n_targets=n_targets_of(rows.y),
            long_tails=self._long_tails(rows),
        )
        values, _, _ = self._encode(rows, rows.n_tasks)
        return values, None, None

    def _long_tails(self, rows: TaskRows) -> tuple[int, ...]:
        """Find the targets that are more skewed than an exponential distribution."""
        if self.normalize is None or self.within_ is not None:  # in no unit of all
            return ()
        total, cubes = 0.0, np.zeros(1)
        for each in rows.blocks(features=False):
            count = np.ones(len(each.y)) if each.weight is None else each.weight
            total = total + count.sum()
            cubes = cubes + count @ as_columns(self._standardised(each.y)) ** 3
        tails = np.abs(cubes) > _LONG * total
        return tuple(np.flatnonzero(tails).tolist())

    def _prior_units(self) -> list[dict[str, Any]]:
        means, scales = (
            np.broadcast_to(of_targets, self.spec_.n_targets).tolist()
            for of_targets in (self.target_mean_, self.target_scale_)
        )
        return [
            {"mean": mean, "scale": scale}
            for mean, scale in zip(means, scales, strict=True)
        ]

    # In fit, adapt and score: standardised values -----------------------------------

    def _encode(
        self, rows: TaskRows, n_tasks: int
    ) -> tuple[np.ndarray, np.ndarray, TaskLabels | None]:
        values = by_rows(self._as_trained_on, rows.y)
        return values, np.zeros(n_tasks, dtype=np.intp), None

    def _as_trained_on(self, y: np.ndarray) -> np.ndarray:
        values, bounds = self._standardised(y), self._target_bounds()
        if bounds is not None:
            values = bounds.clip(values)
        return values.astype(np.float32)

    def _any_target(self) -> np.ndarray:
        return np.asarray([self.target_mean_])

    def _task_scaling(self) -> TaskScaling | None:
        scaling = super()._task_scaling()
        if scaling is None:
            return None
        return scaling._replace(target_within=torch.from_numpy(self.target_within_))

    # In draws of rows ---------------------------------------------------------------

    def _cells(self, rows: TaskRows) -> np.ndarray:
        return rows.task

    # In predict and score: values in the unit of the targets ------------------------

    def _answer(
        self, adapted: AdaptedTasks, X: np.ndarray, task: np.ndarray
    ) -> np.ndarray:
        values = self._by_target(adapted.outputs(self._table(X), task))
        bounds = self._target_bounds()
        if bounds is not None:  # a slope of three rows may lead anywhere
            values = bounds.limit(values)
        return self._as_given(values * self.target_scale_ + self.target_mean_)

    def _by_target(self, outputs: np.ndarray) -> np.ndarray:
        """Return outputs (rows, targets), as (rows,) of a single target."""
        values = outputs.astype(np.float64)
        return values if self.spec_.n_targets > 1 else values[:, 0]

    def _values_and_spreads(
        self, adapted: AdaptedTasks, X: np.ndarray, task: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Answer rows, and say in what unit errors of each are measured."""
        values = self._answer(adapted, X, task).astype(np.float64)
        if not hasattr(self.algorithm_, "predict_std"):
            return values, np.full(values.shape, self.target_scale_)
        deviations = self._by_target(adapted.deviations(self._table(X), task))
        return values, np.maximum(deviations, _LEAST_SPREAD) * self.target_scale_

    def _as_given(self, values: np.ndarray) -> np.ndarray:
        """Return values in single precision, as networks compute, where it holds them.

        Targets far from zero need more digits, very large and small ones more range;
        several share an array, as scikit-learn has it in double precision.
        """
        if values.ndim == 2:
            return values
        mean, scale = float(self.target_mean_), float(self.target_scale_)
        is_far = abs(mean) > 1e3 * scale
        is_usual = _SMALL < scale < _LARGE
        return values.astype(np.float32) if is_usual and not is_far else values

    def _scores_per_task(self, rows: TaskRows, answers: np.ndarray) -> np.ndarray:
        return r2_per_task(rows, answers)


def _one_or_all(of_targets: np.ndarray) -> float | np.ndarray:
    """Return the number of a single target as such."""
    return of_targets if len(of_targets) > 1 else float(of_targets[0])
