"""What a kind of target must say: every hook of the two estimators, on one page.

:class:`skmeta.estimators.classes.Classes` answers for classes,
:class:`skmeta.estimators.values.Values` for values. A hook with a body here is the
general answer, which they narrow.
"""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import torch

from skmeta.engine.adapted import AdaptedTasks
from skmeta.episodes.bounds import Bounds
from skmeta.episodes.scaling import (
    TaskScaling,
    robust_scale,
    usual_scale,
    within_variance,
)
from skmeta.episodes.spec import Spec
from skmeta.episodes.table import Table
from skmeta.tables.apart import warn_of_values_apart
from skmeta.tables.labels import TaskLabels
from skmeta.tables.rows import TaskRows
from skmeta.tables.sizes import refuse_extreme_columns

__all__ = ["FAR", "OWN_FAR", "SQUASH", "Targets"]

# How far beyond the range of training a feature may come, in standard deviations.
_ROOM = 3.0
# Rows that are so far beyond are warned of.
FAR = 3.0
# The same where tasks are standardised by themselves, and may have a place and a unit
# of their own, as far as squares are numbers of single precision.
_OWN_ROOM, OWN_FAR = 1e12, 1e3
# Features from which on single precision leaves no digit of a usual difference, and
# targets from which on none of a loss.
_BEYOND = {"features": 1e7, "targets": 1e12}
# The size below which RealMLP keeps features.
SQUASH = 3.0


class Targets(metaclass=ABCMeta):
    """Targets of one kind: what they mean, how they become numbers and back.

    Attributes
    ----------
    _kind : {"classifier", "regressor"}
        Kind of target.
    _metric : callable
        Score of answers to one task, ``metric(y, answers, sample_weight=)``.
    _other_tasks : str
        The values of ``tasks`` that make tasks out of one table, for messages.
    """

    _kind: ClassVar[str]
    _metric: ClassVar[Callable[..., float]]
    _other_tasks: ClassVar[str]

    # Parameters that the hooks read. Those of a classifier alone are in ``Classes``.
    tasks: str
    normalize: str | None

    # What fit learns; ``_learn_scale`` the first three.
    mean_: np.ndarray | float
    scale_: np.ndarray | float
    normalize_: str | None  # files of before have none
    low_: np.ndarray | None  # by ``_learn_range``
    high_: np.ndarray | None
    within_: np.ndarray | None
    spec_: Spec  # by ``_learn_targets``
    adapted_: AdaptedTasks | None  # None before any adaptation
    n_features_in_: int  # by scikit-learn's validate_data

    # In fit: what the table means ---------------------------------------------------

    def _learn_scale(self, rows: TaskRows) -> None:
        """Learn what to standardise columns by, over all tasks."""
        names = getattr(self, "feature_names_in_", None)
        refuse_extreme_columns(*rows.feature_range, names)
        self.mean_, self.scale_, self.normalize_ = 0.0, 1.0, self.normalize
        if self.normalize == "robust":
            self.mean_, self.scale_ = robust_scale(rows.sample()[0].X)
        elif self.normalize is not None:
            self.mean_, self.scale_ = usual_scale(
                (each.X, each.weight) for each in rows.blocks()
            )
            warn_of_values_apart(rows.sample()[0].X, *rows.feature_range, names)

    @property
    def _standardised_by(self) -> str | None:
        """How ``fit`` has standardised, whatever ``normalize`` has become since."""
        return getattr(self, "normalize_", self.normalize)

    def _learn_range(self, rows: TaskRows, *, widen: bool) -> None:
        """Learn where columns end; the rows of a later fit ``widen`` the range."""
        self._set_range("", rows.feature_range, widen)
        self._refuse_beyond_single(self._bounds(), "features", widen)

    def _refuse_beyond_single(
        self, bounds: Bounds | None, what: str, widen: bool
    ) -> None:
        """Refuse to train on numbers that networks cannot hold."""
        assert bounds is not None  # the range is known by now
        if self._standardised_by == "robust" and what == "features":
            return  # which are squashed
        ends = np.abs([np.min(bounds.low), np.max(bounds.high)])
        if (ends <= _BEYOND[what]).all():
            return
        unit = "" if self._standardised_by is None else " standard deviations"
        raise ValueError(
            f"The {what} reach {ends.max():.0e}{unit}, and networks compute in single "
            "precision. "
            + (
                "Give them in the units of the first fit, or call fit anew."
                if widen
                else "Standardise them, or set normalize='global'."
            )
        )

    def _set_range(
        self, of: str, ends: tuple[np.ndarray, np.ndarray], widen: bool
    ) -> None:
        low, high = ends
        before = getattr(self, f"{of}low_", None)
        if widen and before is not None:
            low = np.minimum(low, before)
            high = np.maximum(high, getattr(self, f"{of}high_"))
        setattr(self, f"{of}low_", low)
        setattr(self, f"{of}high_", high)

    def _bounds(self) -> Bounds | None:
        """Return the range of standardised features; None where fit has kept none."""
        low = getattr(self, "low_", None)  # the first files of format 1 have none
        if low is None:
            return None
        assert self.high_ is not None  # both or none
        low, high = ((end - self.mean_) / self.scale_ for end in (low, self.high_))
        return Bounds(low, high, self._room(low, high, _ROOM))

    def _room(self, low: Any, high: Any, usual: float) -> np.ndarray | float:
        """Say how far beyond the range of standardised numbers others may come."""
        if self._standardised_by == "task":
            return _OWN_ROOM
        if self._standardised_by is not None:
            return usual
        # There is no other unit than the range itself.
        width = high - low
        return np.where(width > 0, width, np.maximum(1.0, np.abs(high)))

    def _far(self, bounds: Bounds) -> np.ndarray | float:
        """Say from what distance beyond the range on rows are warned of."""
        if self._standardised_by == "task":
            return OWN_FAR
        return bounds.room if self._standardised_by is None else FAR

    def _is_far(self, rows: TaskRows) -> np.ndarray:
        """Tell which rows are far outside the range of those that ``fit`` has seen."""
        far = np.zeros(len(rows), dtype=bool)
        far[self._places_far(rows.X) // rows.X.shape[1]] = True
        return far

    def _places_far(self, X: np.ndarray) -> np.ndarray:
        """Find features far outside of that range, as if they lay flat."""
        bounds = self._bounds()
        if bounds is None:
            return np.empty(0, dtype=np.intp)
        distance = self._far(bounds)
        with np.errstate(over="ignore"):  # what nothing can be beyond
            ends = bounds.low - distance, bounds.high + distance
            low, high = (end * self.scale_ + self.mean_ for end in ends)
        return Bounds(low, high, 0.0).places_beyond(X)

    def _answers_strangers(self) -> bool:
        """Tell whether rows unlike all others are answered like them, not rejected."""
        return True

    def _warn_of_units(  # noqa: B027  # of values alone
        self, rows: TaskRows, told: np.ndarray
    ) -> None:
        """Warn of targets in another unit, but for tasks that are told of already."""

    def _nearer(self, X: np.ndarray) -> np.ndarray:
        """Draw features nearer that are beyond the range, in their own units."""
        bounds = self._bounds()
        if bounds is None:
            return X
        if self._standardised_by == "task":  # who asks does not know where tasks lie
            bounds = bounds._replace(room=_ROOM)
        assert self.low_ is not None  # as there are bounds
        assert self.high_ is not None
        beyond = Bounds(self.low_, self.high_, 0.0).places_beyond(X)
        if not len(beyond):
            return X
        near = np.array(X, dtype=np.result_type(X, np.float32), order="C")
        flat, column = near.reshape(-1), beyond % X.shape[1]
        mean, scale = (
            np.broadcast_to(each, X.shape[1])[column]
            for each in (self.mean_, self.scale_)
        )
        with np.errstate(over="ignore"):
            Z = (flat[beyond] - mean) / scale
        flat[beyond] = bounds.nearer(Z, column) * scale + mean
        return near

    def _learn_task_scale(self, rows: TaskRows) -> None:
        """Learn how much rows of one task vary, to standardise tasks by."""
        self.within_ = None
        if self._standardised_by == "task":
            self.within_ = self._within(rows)

    def _within(self, rows: TaskRows) -> np.ndarray:
        """Measure the share of the features' variance that is inside tasks."""
        blocks = ((each.X, each.task) for each in rows.blocks())
        return within_variance(blocks, rows.n_tasks, self.mean_, self.scale_)

    @abstractmethod
    def _learn_targets(
        self, rows: TaskRows, classes: Any, settled: bool
    ) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
        """Learn what the targets mean, and set ``spec_``.

        ``classes`` are all labels, if they were declared; where the label space is
        ``settled``, it is known already. Returns the targets for the engine; where
        labels mean something inside a task only, the class of each row inside its task;
        and, in classification, which of all training classes each row is of.
        """

    def _meaning(self) -> object:
        """Return what columns and outputs stand for, to compare two fits by."""
        return self.spec_

    def _learn_unknown(  # noqa: B027  # nothing, where it is not asked for
        self, rows: TaskRows, rng: np.random.Generator
    ) -> None:
        """Learn what rows of unknown classes look like, where this is asked for."""

    def _check_partial_fit(self) -> None:  # noqa: B027  # as a rule there is nothing
        """Refuse ``partial_fit`` where all rows have to be there at once."""

    @abstractmethod
    def _prior_units(self) -> list[dict[str, Any]]:
        """Return in what unit a prior answers each target: keywords of a ``Prior``."""

    # In fit, adapt and score: targets to numbers ------------------------------------

    @abstractmethod
    def _encode(
        self, rows: TaskRows, n_tasks: int
    ) -> tuple[np.ndarray, np.ndarray, TaskLabels | None]:
        """Encode targets: for the engine, classes of ``n_tasks`` tasks, their labels.

        There may be more tasks than the rows have: the prior has none.
        """

    @abstractmethod
    def _any_target(self) -> np.ndarray:
        """Return one target that is known, for a task without rows."""

    def _row_weights(self, rows: TaskRows) -> np.ndarray | None:
        """Return how much rows count: their weights, times those of their classes."""
        return rows.weight

    def _support_weights(self, rows: TaskRows) -> np.ndarray | None:
        """Return how much the rows of supports count, which are learnt from."""
        return self._row_weights(rows)

    def _task_scaling(self) -> TaskScaling | None:
        """Return how tasks are standardised, if they are."""
        within = getattr(self, "within_", None)  # the first files of format 1 have none
        return None if within is None else TaskScaling(torch.from_numpy(within))

    def _watched(self, algorithm: Any) -> Any:
        """Return an algorithm that notes what ``_answer`` needs besides outputs."""
        return algorithm

    # For the hooks, from AdaptingEstimator ------------------------------------------

    @abstractmethod
    def _table(self, X: np.ndarray) -> Table:
        """Make rows ready for the engine, with the scale and the prior of ``fit``."""

    @abstractmethod
    def _check_uses_weights(self, name: str, algorithm: Any = None) -> None:
        """Refuse a parameter that weighs rows if the algorithm takes no weights."""

    # In draws of rows ---------------------------------------------------------------

    @abstractmethod
    def _cells(self, rows: TaskRows) -> np.ndarray:
        """Number what the few-shot score draws ``n_shot`` support rows of.

        Tasks, or classes of tasks where labels mean something inside a task only.
        """

    def _strata(self, rows: TaskRows) -> np.ndarray | None:
        """Return what a draw of rows from a task is to keep the proportions of."""
        return None

    def _is_known(self, rows: TaskRows) -> np.ndarray:
        """Tell which targets can be learnt; not those of labels never heard of."""
        return np.ones(len(rows), dtype=bool)

    # In predict and score: numbers to answers ---------------------------------------

    def _set_adapted(self, adapted: AdaptedTasks | None) -> None:
        """Make these the current tasks, or have none."""
        self.adapted_ = adapted

    @abstractmethod
    def _answer(
        self, adapted: AdaptedTasks, X: np.ndarray, task: np.ndarray
    ) -> np.ndarray:
        """Predict the target of each row."""

    @abstractmethod
    def _scores_per_task(self, rows: TaskRows, answers: np.ndarray) -> np.ndarray:
        """Score the answers to every task that can be scored, by weights of rows."""
