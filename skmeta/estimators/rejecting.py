"""Rows of classes that no task knows: a score, and answers that leave them open."""

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import clone

from skmeta.engine.adapted import AdaptedTasks
from skmeta.engine.hooks import unheard
from skmeta.engine.landmarks import Landmarked, Units
from skmeta.engine.net import EpisodicNet
from skmeta.engine.rejection import Rejection
from skmeta.episodes.bounds import Bounds
from skmeta.episodes.table import Table
from skmeta.estimators.classes import labels_of
from skmeta.estimators.indicators import Indicators
from skmeta.estimators.left_out import LeftOut, leave_out, simulate
from skmeta.estimators.unknown_label import (
    choose_unknown_label,
    refuse_for_indicators,
    refuse_unknown_label,
    share_to_keep,
    with_unknown,
)
from skmeta.tables.rows import TaskRows
from skmeta.utils.messages import silenced
from skmeta.utils.processes import agreed

__all__ = ["Rejecting"]

# Rows that tell how large distances are.
_MOST_ROWS = 4000
# Beyond so many features they are whitened one by one.
_WIDEST = 512
# The covariance inside classes has so much of a multiple of the identity.
_SHRINKAGE = 0.1


class Rejecting(Indicators):
    """Classes, and rows that may be of none of them."""

    reject: bool | float | None
    unknown_label: Any

    # From AdaptingEstimator.
    _current: Any
    _learn_nothing: Any

    net_: EpisodicNet
    unknown_: Rejection | None
    unknown_label_: Any

    def unknown_score(
        self, X: ArrayLike, groups: ArrayLike | None = None
    ) -> np.ndarray:
        """Tell how much each row looks as if it were of no class that its task knows.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Query rows.
        groups : array-like of shape (n_rows,), default=None
            Task of each row, needed where several tasks were adapted to.

        Returns
        -------
        ndarray of shape (n_rows,)
            From 0 to 1: the share of rows of known classes that look less unknown, as
            it was among training classes that were left out, learnt from as many
            support rows. ``predict`` rejects what is above ``reject``.

        Raises
        ------
        NotAdaptedError
            If ``adapt`` has not been called.
        ValueError
            If ``fit`` was not asked for it by ``reject``, or if a group was not adapted
            to and ``unknown_task="error"``.
        """
        adapted, X, task = self._current(X, groups)
        return self._unknown_scores(adapted, X, task)

    # In fit -------------------------------------------------------------------------

    def _check_partial_fit(self) -> None:
        if self._rejects():
            raise ValueError(
                "reject learns from classes that are left out of all rows, and "
                "partial_fit has seen the earlier ones already. Call fit on all tasks, "
                "or set reject=None."
            )

    def _learn_targets(
        self, rows: TaskRows, classes: Any, settled: bool
    ) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
        self.unknown_ = self.unknown_label_ = None  # not those of an earlier fit
        if self._rejects():
            rows.need_all("reject")
            refuse_for_indicators(rows.y)
            if self.tasks == "table":
                raise ValueError(
                    "reject learns what rows of a new class look like from tasks that "
                    "lack a class, and tasks='table' knows one task only. Set "
                    "reject=None, or choose tasks='groups' or tasks='classes'."
                )
            self.unknown_label_ = choose_unknown_label(self.unknown_label, rows.y)
            known = rows.y if classes is None else classes
            refuse_unknown_label(known, self.unknown_label_)
        return super()._learn_targets(rows, classes, settled)

    def _learn_unknown(self, rows: TaskRows, rng: np.random.Generator) -> None:
        if not self._rejects() or self.net_.is_interrupted:
            return
        try:
            self.unknown_ = agreed(self._rejection(rows, rng))
        except KeyboardInterrupt:  # what is trained stays
            self.net_.is_interrupted = True

    def _rejection(self, rows: TaskRows, rng: np.random.Generator) -> Rejection:
        """Learn without some of the classes what rows of unknown ones look like."""
        shared = self.label_space_ == "shared"
        parts = [*leave_out(rows, self.tasks, self.label_space_, rng)]
        told = [
            self._clues_without(rows, part, number, shared, rng)
            for number, part in enumerate(parts)
        ]
        clues, size, number, is_known, beyond = map(
            np.concatenate, zip(*told, strict=True)
        )
        return Rejection.learn(
            _as_arrays(self._units(rows, rows.X)), clues, size, number, is_known, beyond
        )

    def _clues_without(
        self,
        rows: TaskRows,
        part: LeftOut,
        number: int,
        shared: bool,
        rng: np.random.Generator,
    ) -> tuple[np.ndarray, ...]:
        """Learn without some classes, and look at tasks that are made of them."""
        learner = unheard(clone(self)).set_params(
            reject=None,
            warm_start=False,
            checkpoint_dir=None,
            verbose=0,
            random_state=int(rng.integers(np.iinfo(np.int32).max)),
        )
        if self.tasks == "groups":
            learner.set_params(label_space=self.label_space_)
        known = rows.take(part.train)
        with silenced():  # the fit to all of them has said it
            learner.fit(
                known.X,
                known.y,
                groups=known.task if self.tasks == "groups" else None,
                sample_weight=known.weight,
                in_support=known.in_support,
            )
        learner.unknown_ = Rejection(units=_as_arrays(learner._units(known, rows.X)))
        asked = simulate(
            rows,
            part,
            shared,
            learner.n_way,
            learner.n_shot_,
            learner.support == "first",
            rng,
        )
        with silenced():
            adapted = learner._learn(asked.support)
        task = asked.query.task
        clues = adapted.clues(learner._table(asked.query.X), task)
        return (
            clues,
            asked.size[task],
            np.full(len(task), number),
            asked.is_known,
            learner._beyond(asked.query.X),
        )

    def _units(self, rows: TaskRows, everything: np.ndarray) -> Units:
        """Measure rows, so that distances have a unit in every learner.

        Features have the unit that ``everything`` gives them, or each would be larger
        to who has seen fewer classes.
        """
        shared = self.label_space_ == "shared"
        chosen = _some(len(rows))
        label = np.unique(rows.y[chosen], return_inverse=True)[1]
        if not shared:
            label = label + rows.task[chosen] * (label.max() + 1)
            label = np.unique(label, return_inverse=True)[1]
        table = self._table(rows.X[chosen])
        features = _features(table)
        deviation = _features(self._table(everything[_some(len(everything))]))
        deviation = deviation.std(dim=0, correction=0)
        nothing = self._learn_nothing()
        embedded = nothing.embeddings(table, np.zeros(len(chosen), dtype=np.intp))
        embedded = torch.from_numpy(np.asarray(embedded, dtype=np.float32))
        spread = 2 * embedded.var(dim=0, correction=0).sum()
        return Units(
            embedding=float(spread.sqrt().clamp(min=1e-6)),
            features=torch.where(deviation > 1e-6, deviation, 1.0),
            whitening=_whitening(features, label),
            means=_class_means(embedded, label) if shared else None,
            feature_means=_class_means(features, label) if shared else None,
        )

    # In adapt and predict -----------------------------------------------------------

    def _rejects(self) -> bool:
        """Tell whether rows may be rejected; ``reject=False`` is None."""
        return share_to_keep(self.reject) is not None

    def _watched(self, algorithm: Any) -> Any:
        known = getattr(self, "unknown_", None)
        if known is None:
            return algorithm
        units: dict[str, Any] = {
            name: each if np.ndim(each) == 0 else torch.from_numpy(each)
            for name, each in known.units.items()
        }
        return Landmarked(algorithm, Units(**units))

    def _encode(self, rows: TaskRows, n_tasks: int) -> Any:
        if getattr(self, "unknown_", None) is not None:
            refuse_unknown_label(rows.y, self.unknown_label_)
        return super()._encode(rows, n_tasks)

    def _is_known(self, rows: TaskRows) -> np.ndarray:
        if not self._rejects():
            return super()._is_known(rows)
        is_label = rows.y != self.unknown_label_
        return super()._is_known(rows) & is_label

    def _answers_strangers(self) -> bool:
        return share_to_keep(self.reject) is None

    def _answer(
        self, adapted: AdaptedTasks, X: np.ndarray, task: np.ndarray
    ) -> np.ndarray:
        answers = super()._answer(adapted, X, task)
        share = share_to_keep(self.reject)
        if share is None:
            return answers
        is_unknown = self._unknown_scores(adapted, X, task) > share
        return with_unknown(answers, is_unknown, self.unknown_label_)

    def _unknown_scores(
        self, adapted: AdaptedTasks, X: np.ndarray, task: np.ndarray
    ) -> np.ndarray:
        known = getattr(self, "unknown_", None)
        if known is None:
            raise ValueError(
                "What rows of unknown classes look like was not learnt: set "
                "reject=True, or the share of known rows to keep, and call fit."
            )
        assert adapted.n_rows is not None  # what is adapted by what has learnt it
        size = adapted.n_rows[task].astype(float)
        if self.label_space_ == "per_task":
            size /= np.maximum(labels_of(adapted).n_classes[task], 1)
        clues = adapted.clues(self._table(X), task)
        return known.shares(clues, size, self._beyond(X))

    def _beyond(self, X: np.ndarray) -> np.ndarray:
        """Measure how far rows are beyond the range that ``fit`` has seen.

        In units of what is warned of in a support. Where each task has a place of its
        own there is no such range.
        """
        bounds: Bounds | None = self._bounds()
        if bounds is None or self._standardised_by == "task":
            return np.zeros(len(X))
        with np.errstate(over="ignore", invalid="ignore"):
            Z = (X - self.mean_) / self.scale_
            excess = np.abs(Z - np.clip(Z, bounds.low, bounds.high))
            unit = np.maximum(self._far(bounds), np.finfo(float).tiny)
            beyond = np.sqrt(np.square(excess / unit).sum(axis=1))
        return np.nan_to_num(beyond, nan=np.inf, posinf=np.inf)


def _some(n_rows: int) -> np.ndarray:
    """Choose rows that tell enough, from all parts of a table."""
    return np.linspace(0, n_rows - 1, min(n_rows, _MOST_ROWS)).astype(np.intp)


def _features(table: Table) -> torch.Tensor:
    """Return the features of rows as networks see them."""
    rows = np.arange(len(table.X))[np.newaxis]
    return table.features(rows, np.ones_like(rows, dtype=bool))[0]


def _as_arrays(units: Units) -> dict[str, Any]:
    return {
        name: each.numpy() if isinstance(each, torch.Tensor) else each
        for name, each in units._asdict().items()
        if each is not None
    }


def _class_means(rows: torch.Tensor, label: np.ndarray) -> torch.Tensor:
    index = torch.from_numpy(label)
    total = rows.new_zeros(int(label.max()) + 1, rows.shape[1]).index_add(
        0, index, rows
    )
    return total / torch.bincount(index).unsqueeze(-1)


def _whitening(features: torch.Tensor, label: np.ndarray) -> torch.Tensor:
    """Map features to some whose covariance inside classes is one, with caution."""
    inside = features - _class_means(features, label)[torch.from_numpy(label)]
    inside = inside.double()
    n_spare = max(1, len(label) - int(label.max()) - 1)
    variance = inside.square().sum(dim=0) / n_spare
    usual = variance.mean().clamp(min=1e-12)
    if features.shape[1] > _WIDEST:
        shrunk = (1 - _SHRINKAGE) * variance + _SHRINKAGE * usual
        return (1 / shrunk.sqrt()).float()
    covariance = inside.T @ inside / n_spare
    identity = torch.eye(len(covariance), dtype=torch.float64)
    covariance = (1 - _SHRINKAGE) * covariance + _SHRINKAGE * usual * identity
    values, vectors = torch.linalg.eigh(covariance)
    return (vectors / values.clamp(min=1e-12).sqrt()).float().contiguous()
