"""How sure: intervals and sets of classes that cover, calibrated by other tasks."""

import threading
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.exceptions import NotFittedError
from sklearn.utils import _safe_indexing, check_scalar
from sklearn.utils.validation import check_is_fitted

from skmeta.estimators.calibration import (
    Calibration,
    Misfits,
    TrainingRows,
    check_coverage,
    least_tasks,
)
from skmeta.estimators.cross_fitting import cross_fit, units_of
from skmeta.estimators.misfit_scoring import MisfitScoring
from skmeta.tables.groups import GROUPS_NEEDED, encode_groups
from skmeta.tables.labels import TaskLabels, are_among
from skmeta.tables.meta_dataset.dataset import MetaDataset, unpack
from skmeta.utils.messages import count, show, warn
from skmeta.utils.random import generator
from skmeta.utils.unique import find

__all__ = ["Conformal", "Intervals", "Sets"]

# The calibration of a learner is shared by its copies, in all threads.
_CALIBRATING = threading.RLock()


class Conformal(MisfitScoring):
    """A learner of tasks that says how sure it is, calibrated by tasks it has not seen.

    Besides what :class:`MisfitScoring` asks for it has ``_current`` and ``_sizes``.
    """

    calibration_: Calibration

    def calibrate(
        self,
        X: ArrayLike | MetaDataset | None = None,
        y: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        *,
        cv: int = 5,
    ) -> Self:
        r"""Learn how far answers to new tasks are off, for intervals and sets.

        Every task that the learner has not seen plays a new one: it is learnt from
        0, 1, 2, ... of its rows, drawn at random, and answers to the others are held
        against the truth. A new task with as many rows can be expected to be answered
        as well (Fisch et al. 2021), for tasks, unlike the rows of one, are
        exchangeable.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or MetaDataset, default=None
            Rows of tasks that ``fit`` has not seen, for which coverage is guaranteed.
            None: those of ``fit``. Clones are fitted to a part of its tasks each and
            asked about the others, which takes ``cv`` times as long as ``fit``; it is
            what the first call of ``predict_interval`` or ``predict_set`` does by
            itself.
        y : array-like of shape (n_rows,)
            Their targets.
        groups : array-like of shape (n_rows,)
            Task of each row; without meaning for ``tasks="classes"``, where the rows
            are of other classes, and ``tasks="table"``.
        sample_weight : array-like of shape (n_rows,), default=None
            How likely a row is drawn from its task.
        cv : int, default=5
            Parts that the tasks of ``fit`` are divided in.

        Returns
        -------
        self : object
            The estimator; what it has learnt of tasks stays as it is. ``save`` keeps
            the calibration.

        Raises
        ------
        NotFittedError
            If there are no rows and those of ``fit`` are unknown: a file or a pickle
            does not bring them, what ``partial_fit`` or ``warm_start`` has learnt
            cannot be learnt again without a part, and more than four million numbers
            are not copied, and may have changed since.
        ValueError
            If ``y`` or ``groups`` are missing, or if no task has rows for a query.

        Warns
        -----
        UserWarning
            If groups have names of those that ``fit`` has learnt from.

        Notes
        -----
        Scores and bounds are those of
        :class:`skmeta.estimators.calibration.Calibration`. With tasks of its own the
        probability to cover is guaranteed. Clones know fewer tasks than the learner
        itself, and cover a little more as a rule. With ``tasks="classes"`` tasks are
        disjoint sets of ``n_way`` classes, and with ``tasks="table"`` parts of it.
        """
        check_is_fitted(self)
        self._check_covers()
        check_scalar(cv, "cv", int, min_val=2)
        X, y, groups, given = unpack(X, y, groups)
        with _CALIBRATING:
            if X is None:
                self._calibrate_by_training(cv)
                return self
            if y is None:
                raise ValueError("calibrate compares with the truth: pass y as well.")
            if groups is None and self._fitted_tasks == "groups":
                raise ValueError(GROUPS_NEEDED.replace("fit needs", "calibrate needs"))
            self._warn_if_seen(groups, X)
            rng = generator(self.random_state, default=0)
            rows = TrainingRows(X, y, groups, sample_weight, given).labelled()
            found = self._ask(rows, rng)
            if not len(found.size):
                raise ValueError("No task has rows for a support and a query.")
            self.calibration_ = Calibration().learn(found)
        return self

    def _warn_if_seen(self, groups: Any, X: Any) -> None:
        """Warn of groups that ``fit`` has learnt from, as far as they are known."""
        trained = self._trained_groups()
        if groups is None or trained is None:
            return
        names, _ = encode_groups(groups, X)
        _, is_known = find(names, trained)
        if is_known.any():
            warn(
                f"The groups {show(names[is_known])} have names of groups that fit has "
                "learnt from. If they are the same tasks, answers to them are better "
                "than those to new tasks will be, and cover too little: calibrate by "
                "others, or call calibrate() without rows."
            )

    def _check_covers(self) -> None:
        """Raise a ValueError if answers are of a kind that has no sets."""

    def _calibrate_by_training(self, n_folds: int) -> None:
        rows = self._calibration().training
        if rows is None:
            raise NotFittedError(
                f"This {type(self).__name__} does not know how sure it is, nor the "
                "rows that it was fitted to: they are not kept in files and pickles, "
                "and partial_fit and warm_start cannot learn without a part of them "
                "again. Call calibrate(X, y, groups=) with tasks that it has not seen; "
                "or call calibrate() after fit and before save, which keeps it."
            )
        if rows.have_changed:
            raise NotFittedError(
                f"This {type(self).__name__} learns how sure it is from parts of the "
                "rows that it was fitted to, and these have changed since: there are "
                "too many to copy. Call calibrate() after fit, before they change, or "
                "calibrate(X, y, groups=) with tasks that it has not seen."
            )
        rng = generator(self.random_state, default=0)
        seed = int(rng.integers(2**31))
        parts = []
        for place, (learner, left_out) in enumerate(
            cross_fit(self, rows, n_folds, seed)
        ):
            part = TrainingRows(
                *(
                    None if each is None else _safe_indexing(_indexable(each), left_out)
                    for each in rows.given()
                )
            )
            for found in (learner._ask(part, rng), learner._ask_table(part, rows)):
                parts.append(found._replace(task=found.task + place * len(rows.y)))
        self.calibration_.learn(Misfits.joined(parts))

    def _calibration(self) -> Calibration:
        """Return what is known of misfits; pickles of early versions know nothing."""
        if not hasattr(self, "calibration_"):
            self.calibration_ = Calibration()
        return self.calibration_

    def _take_calibration(self, parts: Mapping[str, Any]) -> None:
        """Take over the parts of a calibration, from a file."""
        self.calibration_ = Calibration.of_parts(parts)

    def _misfit_bounds(
        self, adapted: Any, task: np.ndarray, coverage: float, answers: str
    ) -> np.ndarray:
        """Bound the misfit of each row by the support size of its task.

        Warns
        -----
        UserWarning
            If too few tasks tell, or if tasks have more rows than enough of them have.
        """
        calibration = self._calibration()
        if not calibration.is_ready:
            self._calibrate_if_enough(coverage)
            calibration = self.calibration_
        known, place = np.unique(self._sizes(adapted)[task], return_inverse=True)
        bounds, is_promised = calibration.bounds(known, coverage)
        for asked in (known[known == 0], known[known > 0]):
            if not len(asked):
                continue
            n_tell, most = self._n_telling(asked, coverage)
            needed = least_tasks(coverage)
            if n_tell < needed:
                warn(
                    f"coverage={coverage:g} takes {count(needed, 'task')} that were "
                    f"not learnt from, and there are {n_tell}: {answers}. Give more "
                    "tasks to fit, or others to calibrate(X, y, groups=); or ask for "
                    "less."
                )
            elif not is_promised[np.isin(known, asked)].all():
                warn(
                    f"Tasks have up to {known.max():g} support rows, and too few of "
                    f"those that were left out have more than {most}: answers are "
                    f"taken to be as far off as after {most} rows, and "
                    f"coverage={coverage:g} is not promised."
                )
        return bounds[place]

    def _n_telling(self, sizes: np.ndarray, coverage: float) -> tuple[int, int]:
        """Count the tasks that tell of sizes, and the most rows that enough tell of."""
        calibration = self.calibration_
        if calibration.sizes is None:  # there are so few that none was left out
            assert calibration.training is not None
            return int(units_of(self, calibration.training).max()) + 1, 0
        alike = (calibration.sizes > 0) == (sizes.max() > 0)
        n_tell = int(calibration.n_tasks[alike].max(initial=0))
        return n_tell, calibration.largest(coverage)

    def _calibrate_if_enough(self, coverage: float) -> None:
        """Calibrate by the tasks of the training, unless they could tell nothing."""
        with _CALIBRATING:
            calibration = self._calibration()
            if calibration.is_ready:  # by another thread
                return
            rows = calibration.training
            if rows is None or units_of(self, rows).max() + 1 >= least_tasks(coverage):
                self.calibrate()


class Intervals(Conformal):
    """Values, each with the interval that the target is in.

    It asks for ``_values_and_spreads(adapted, X, task)``: values and what their misfits
    are measured by.
    """

    def predict_interval(
        self,
        X: ArrayLike,
        *,
        groups: ArrayLike | None = None,
        coverage: float = 0.9,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Predict an interval for the target of each row.

        The first call after ``fit`` calibrates by its tasks, as :meth:`calibrate` does,
        which takes some times as long as ``fit``.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Query rows.
        groups : array-like of shape (n_rows,), default=None
            Task of each row, needed where several tasks were adapted to.
        coverage : float, default=0.9
            Of rows drawn from new tasks, one from each, at least this share is in its
            interval; of several targets, all of them in theirs. Rows of one task share
            its fate: a task that is unlike the others may be covered far less often.

        Returns
        -------
        low, high : ndarray of shape (n_rows,) or (n_rows, n_targets)
            Ends of the intervals, in the unit of the targets. The value that
            ``predict`` gives is in the middle; where the algorithm knows standard
            deviations, such as "gp", the width follows them.

        Raises
        ------
        NotAdaptedError
            If ``adapt`` has not been called.
        NotFittedError
            If it was loaded or pickled without a calibration, or if the rows of ``fit``
            were too many to copy and have changed since.
        ValueError
            If ``coverage`` is none, or a group was not adapted to.

        Warns
        -----
        UserWarning
            If too few tasks were left out for the coverage: nine for 0.9. Intervals are
            infinite then. If a task has more support rows than enough of those have,
            for which nothing is promised.
        """
        coverage = check_coverage(coverage)
        adapted, X, task = self._current(X, groups)
        values, spreads = self._values_and_spreads(adapted, X, task)
        bounds = self._misfit_bounds(adapted, task, coverage, "intervals are infinite")
        if values.ndim == 2:
            bounds = bounds[:, np.newaxis]
        reach = np.where(np.isfinite(values), bounds, np.inf) * spreads
        middle = np.where(np.isfinite(values), values, 0.0)
        return middle - reach, middle + reach

    def _misfits(
        self, adapted: Any, X: Any, task: np.ndarray, y: np.ndarray
    ) -> np.ndarray:
        values, spreads = self._values_and_spreads(adapted, X, task)
        with np.errstate(over="ignore", invalid="ignore"):
            score = np.abs(y - values) / spreads
        score = np.where(np.isnan(score), np.inf, score)
        return score if score.ndim == 1 else score.max(axis=1)


class Sets(Conformal):
    """Classes, each row with the set of those that its own may be.

    It asks for ``_probabilities(adapted, X, task)``, with a column for each label of
    the tasks' vocabulary, and for ``_has_several``, as :class:`Decisions` does.
    """

    def predict_set(
        self,
        X: ArrayLike,
        *,
        groups: ArrayLike | None = None,
        coverage: float = 0.9,
    ) -> np.ndarray:
        """Predict the set of classes that each row may be of.

        A set holds the classes whose probability is at least as high as that of the
        true class usually is (Sadinle, Lei, Wasserman 2019: no other sets of that
        coverage are smaller in the mean, if probabilities are right). The first call
        after ``fit`` calibrates by its tasks, as :meth:`calibrate` does, which takes
        some times as long as ``fit``.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Query rows.
        groups : array-like of shape (n_rows,), default=None
            Task of each row, needed where several tasks were adapted to.
        coverage : float, default=0.9
            Of rows drawn from new tasks, one from each, at least this share has its
            class in its set.

        Returns
        -------
        bool ndarray of shape (n_rows, n_classes)
            A column for every label in ``classes_``, True for those in the set. A set
            may be empty: where answers are right more often than the coverage asks for,
            the rows are that no class is likely enough for.

        Raises
        ------
        NotAdaptedError
            If ``adapt`` has not been called.
        NotFittedError
            If it was loaded or pickled without a calibration, or if the rows of ``fit``
            were too many to copy and have changed since.
        ValueError
            If ``coverage`` is none, a group was not adapted to, or ``fit`` had several
            columns of labels.

        Warns
        -----
        UserWarning
            If too few tasks were left out for the coverage: nine for 0.9. Sets hold all
            classes of the row's task then. If a task has more support rows than enough
            of those have, for which nothing is promised.
        """
        coverage = check_coverage(coverage)
        self._check_covers()
        adapted, X, task = self._current(X, groups)
        probabilities = self._probabilities(adapted, X, task)
        bounds = self._misfit_bounds(adapted, task, coverage, "sets hold all classes")
        labels: TaskLabels = adapted.labels
        n_classes = int(labels.n_classes.max())
        has = labels.spread(np.ones((len(task), n_classes)), task) > 0
        is_likely = 1 - probabilities <= bounds[:, np.newaxis]
        return has & (is_likely | ~np.isfinite(probabilities))

    def _check_covers(self) -> None:
        if getattr(self, "_has_several", False):
            raise ValueError(
                "Sets are of the classes of one column, and fit had several. Fit a "
                "meta-learner to each of them; predict_proba says how likely each is."
            )

    def _misfits(
        self, adapted: Any, X: Any, task: np.ndarray, y: np.ndarray
    ) -> np.ndarray:
        labels: TaskLabels = adapted.labels
        known = are_among(y, labels.vocabulary)
        column = np.searchsorted(labels.vocabulary, y[known])
        score = np.full(len(y), np.inf)
        found = self._probabilities(adapted, X, task)[known]
        score[known] = 1 - found[np.arange(len(column)), column]
        return np.where(np.isnan(score), np.inf, score)


def _indexable(each: Any) -> Any:
    return each if hasattr(each, "iloc") or hasattr(each, "shape") else np.asarray(each)
