"""Coverage found against coverage asked."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import binom
from sklearn.base import is_classifier
from sklearn.utils import _safe_indexing, check_consistent_length
from sklearn.utils.validation import check_is_fitted

from skmeta.display.style import COLOURS, QUIET, axes_for, tidy
from skmeta.episodes.rounds import draw_rounds
from skmeta.model_selection._inspect import label_space_of, support_of
from skmeta.pipelines import (
    adapt,
    last_step,
    predict_interval,
    predict_set,
    with_last_step,
)
from skmeta.tables.groups import encode_groups
from skmeta.tables.meta_dataset.dataset import unpack
from skmeta.tables.targets import as_columns, one_or_several
from skmeta.tables.unlabelled import known_targets, missing_targets
from skmeta.utils.unique import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["CoverageDisplay"]

_COVERAGES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


class CoverageDisplay:
    """Which share of rows of new tasks is covered, against the share that was asked.

    Make one with :meth:`from_estimator`, or with :meth:`from_predictions` from
    intervals, or sets, that are known already.

    Parameters
    ----------
    asked : float ndarray of shape (n_coverages,)
        Coverages asked.
    found : float ndarray of shape (n_coverages, n_tasks)
        Share of the rows of each task that are covered.

    Attributes
    ----------
    coverage : float ndarray of shape (n_coverages,)
        Mean of ``found`` over tasks: the probability that a row drawn from a task drawn
        is covered.
    low, high : float ndarray of shape (n_coverages,)
        Between these 95 % of the shares are that as many rows, one of each task, would
        show if each was covered as asked.
    ax_, figure_ : matplotlib Axes and Figure
        What was drawn on.
    line_, band_ : matplotlib Line2D and FillBetweenPolyCollection
        The coverage found and the band.

    Examples
    --------
    >>> from skmeta import MetaRegressor
    >>> from skmeta.datasets import make_sinusoids
    >>> from skmeta.display import CoverageDisplay
    >>> X, y, task = make_sinusoids(n_tasks=80, n_rows=15, random_state=0)
    >>> old, other, new = task < 30, (task >= 30) & (task < 55), task >= 55
    >>> meta = MetaRegressor("r2d2", max_epochs=2, random_state=0)
    >>> meta = meta.fit(X[old], y[old], groups=task[old])
    >>> meta = meta.calibrate(X[other], y[other], groups=task[other])
    >>> display = CoverageDisplay.from_estimator(
    ...     meta, X[new], y[new], task[new], coverages=[0.5, 0.8], plot=False
    ... )
    >>> display.found.shape
    (2, 25)
    """

    def __init__(self, asked, found):
        self.asked = asked
        self.found = found

    @property
    def coverage(self) -> np.ndarray:
        """Coverage found."""
        return self.found.mean(axis=1)

    @property
    def low(self) -> np.ndarray:
        """Lower end of the band."""
        n_tasks = self.found.shape[1]
        return binom.ppf(0.025, n_tasks, self.asked) / n_tasks

    @property
    def high(self) -> np.ndarray:
        """Upper end of the band."""
        n_tasks = self.found.shape[1]
        return binom.ppf(0.975, n_tasks, self.asked) / n_tasks

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y=None,
        groups=None,
        *,
        n_shot: int = 5,
        coverages: Sequence[float] = _COVERAGES,
        random_state: int | None = 0,
        support: str | None = None,
        ax: Axes | None = None,
        plot: bool = True,
    ) -> CoverageDisplay:
        """Adapt to new tasks and see which of their other rows are covered.

        Parameters
        ----------
        estimator : meta-learner, ensemble or a Pipeline that ends in one
            Fitted, and calibrated by now or by its first interval. Its current task
            stays as it is.
        X : array-like of shape (n_rows, n_features) or MetaDataset
            Rows of tasks that neither ``fit`` nor ``calibrate`` has seen, or the tasks
            themselves.
        y : array-like of shape (n_rows,) or (n_rows, n_targets)
            Targets. Only a :class:`skmeta.MetaDataset` brings its own, and ``groups``.
            Rows without one are left out.
        groups : array-like of shape (n_rows,)
            Task of each row.
        n_shot : int, default=5
            Support rows of each task, of each class where labels are names inside a
            task. Tasks that have no others are left out.
        coverages : sequence of float, default=(0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
            Coverages to ask for.
        random_state : int, default=0
            Draws the supports.
        support : {"random", "first"}, default=None
            Which rows of a task are known first, as in
            :func:`skmeta.model_selection.few_shot_scorer`.
        ax : matplotlib Axes, default=None
            Where to draw; new axes if None.
        plot : bool, default=True
            Draw at once.

        Returns
        -------
        CoverageDisplay
            What was drawn.

        Raises
        ------
        ValueError
            If no task has more than ``n_shot`` rows.
        """
        check_is_fitted(estimator)
        X, y, groups, in_support = unpack(X, y, groups)
        y = one_or_several(y)
        check_consistent_length(X, y)
        missing = missing_targets(y)
        if missing is not None:  # nobody knows whether these are covered
            X, groups = (_safe_indexing(each, ~missing) for each in (X, groups))
            y = known_targets(y, missing)
            in_support = None if in_support is None else in_support[~missing]
        task = encode_groups(groups, y)[1]
        of_task = label_space_of(estimator, y, groups) == "per_task"
        label = number(y)[1] if of_task else None
        [drawn] = draw_rounds(
            task,
            label,
            n_way=None,
            n_episodes=None,
            n_repeats=1,
            rng=np.random.default_rng(random_state),
            support=support_of([estimator], support),
            in_support=in_support,
        )
        kept = drawn.n_able >= n_shot
        if not kept.any():
            raise ValueError(f"No task has more than n_shot={n_shot} rows: lower it.")
        drawn = drawn.only(kept)
        # A copy that shares what has been learnt and calibrated.
        learner = with_last_step(estimator, copy.copy(last_step(estimator)))
        support, query = drawn.row[drawn.support(n_shot)], drawn.query(n_shot)
        how: dict[str, Any] = {}
        if n_shot:
            adapt(learner, _safe_indexing(X, support), y[support], groups=task[support])
            how["groups"] = task[drawn.row[query]]
        else:
            adapt(learner)
        asked = drawn.row[query]
        answer = predict_set if is_classifier(estimator) else predict_interval
        answers = [
            answer(learner, _safe_indexing(X, asked), coverage=each, **how)
            for each in coverages
        ]
        return cls.from_predictions(
            y[asked],
            answers,
            task[asked],
            coverages=coverages,
            classes=getattr(last_step(learner), "classes_", None),
            ax=ax,
            plot=plot,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true,
        answers,
        groups,
        *,
        coverages: Sequence[float],
        classes=None,
        ax: Axes | None = None,
        plot: bool = True,
    ) -> CoverageDisplay:
        """Count which rows are covered, and draw.

        Parameters
        ----------
        y_true : array-like of shape (n_rows,) or (n_rows, n_targets)
            Targets; of several, a row is covered where all of them are.
        answers : list of (low, high) or of bool array-like of shape \
                (n_rows, n_classes)
            For each coverage the ends of the intervals, or the sets.
        groups : array-like of shape (n_rows,)
            Task of each row.
        coverages : sequence of float
            What was asked.
        classes : array-like of shape (n_classes,), default=None
            Labels of the columns of sets, sorted.
        ax : matplotlib Axes, default=None
            Where to draw; new axes if None.
        plot : bool, default=True
            Draw at once.

        Returns
        -------
        CoverageDisplay
            What was drawn.

        Examples
        --------
        >>> from skmeta.display import CoverageDisplay
        >>> display = CoverageDisplay.from_predictions(
        ...     y_true=[1.0, 2.0, 3.0],
        ...     answers=[([0.0, 0.0, 0.0], [1.5, 1.5, 3.5])],
        ...     groups=["a", "a", "b"],
        ...     coverages=[0.5],
        ...     plot=False,
        ... )
        >>> display.found
        array([[0.5, 1. ]])
        """
        y_true = one_or_several(y_true)
        if len(answers) != len(coverages):
            raise ValueError(
                f"There are answers to {len(answers)} coverages, and {len(coverages)} "
                "coverages."
            )
        _, task = encode_groups(groups, y_true)
        n_rows = np.bincount(task)
        found = [
            np.bincount(task, _is_covered(y_true, each, classes)) / n_rows
            for each in answers
        ]
        display = cls(np.asarray(coverages, dtype=float), np.array(found))
        return display.plot(ax=ax) if plot else display

    def plot(self, ax: Axes | None = None) -> CoverageDisplay:
        """Draw coverage found against coverage asked, with the band of chance.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; new axes if None.

        Returns
        -------
        CoverageDisplay
            Itself.
        """
        ax = axes_for(self, ax)
        order = np.argsort(self.asked)
        asked = self.asked[order]
        ends = [min(asked[0], self.coverage.min()), 1.0]
        ax.plot(ends, ends, ":", color=QUIET, label="as asked")
        n_tasks = self.found.shape[1]
        self.band_ = ax.fill_between(
            asked,
            self.low[order],
            self.high[order],
            color=QUIET,
            alpha=0.2,
            lw=0,
            label=f"95 % of draws of {n_tasks:,} tasks",
        )
        (self.line_,) = ax.plot(
            asked, self.coverage[order], "o-", color=COLOURS[0], label="found"
        )
        ax.set_xlabel("coverage asked")
        ax.set_ylabel("rows of new tasks that are covered")
        ax.legend(frameon=False, loc="lower right")
        self.ax_, self.figure_ = tidy(ax), ax.figure
        return self


def _is_covered(y: np.ndarray, answers: Any, classes: Any) -> np.ndarray:
    """Tell of which rows the targets are in their intervals, or their set."""
    if classes is None:
        low, high = map(np.asarray, answers)
        is_inside = as_columns((low <= y) & (y <= high))
        return np.asarray(is_inside.all(axis=1))
    sets, labels = np.asarray(answers), np.asarray(classes)
    place = np.searchsorted(labels, y).clip(max=len(labels) - 1)
    return sets[np.arange(len(y)), place] & (labels[place] == y)
