"""Score of every task against a baseline."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from sklearn.metrics import accuracy_score
from sklearn.utils import check_consistent_length

from skmeta.display.scoring import score_label, score_tasks
from skmeta.display.style import BAD, GOOD, QUIET, axes_for, literal, shorten, tidy
from skmeta.model_selection import compare
from skmeta.model_selection._statistics import differences

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["TaskScoreDisplay"]

# More names than this cannot be read; the axis counts tasks instead.
_MOST_NAMES = 30


class TaskScoreDisplay:
    """What is gained over a baseline on each task, sorted from loss to gain.

    Make one with :meth:`from_estimator`, with :meth:`from_scores`, or with
    :meth:`from_predictions`.

    Parameters
    ----------
    task : ndarray of shape (n_tasks,)
        Names of the tasks.
    score, baseline_score : float ndarray of shape (n_tasks,)
        Scores, higher being better.
    name, baseline_name : str
        What they are scores of.
    score_name : str, default="score"
        Name of the score.

    Attributes
    ----------
    gain : float ndarray of shape (n_tasks,)
        ``score - baseline_score``; the tasks are sorted by it.
    ax_, figure_ : matplotlib Axes and Figure
        What was drawn on.
    bars_ : matplotlib BarContainer
        One bar per task.

    Examples
    --------
    >>> from skmeta.display import TaskScoreDisplay
    >>> display = TaskScoreDisplay.from_scores(
    ...     ["a", "b", "c"], [0.9, 0.6, 0.8], [0.7, 0.7, 0.8], plot=False
    ... )
    >>> display.task.tolist(), display.gain.round(1).tolist()
    (['b', 'c', 'a'], [-0.1, 0.0, 0.2])
    >>> display.n_won, display.n_lost
    (1, 1)
    """

    def __init__(
        self,
        task,
        score,
        baseline_score,
        *,
        name="estimator",
        baseline_name="baseline",
        score_name="score",
    ):
        self.task = task
        self.score = score
        self.baseline_score = baseline_score
        self.name = name
        self.baseline_name = baseline_name
        self.score_name = score_name

    @property
    def gain(self) -> np.ndarray:
        """Score minus the baseline's, per task; 0 where rounding makes it."""
        return differences(self.score, self.baseline_score)

    @property
    def n_won(self) -> int:
        """Tasks on which the score is higher than the baseline's."""
        return int((self.gain > 0).sum())

    @property
    def n_lost(self) -> int:
        """Tasks on which the score is lower than the baseline's."""
        return int((self.gain < 0).sum())

    @classmethod
    def from_estimator(
        cls,
        estimator,
        baseline,
        X,
        y=None,
        groups=None,
        *,
        shots: int | None = 5,
        metric=None,
        name: str = "estimator",
        baseline_name: str = "baseline",
        ax: Axes | None = None,
        plot: bool = True,
        **options,
    ) -> TaskScoreDisplay:
        """Let two learners meet the same supports and queries, and draw.

        Parameters
        ----------
        estimator, baseline : estimator
            As in :func:`skmeta.model_selection.compare`: fitted ones are judged as they
            are, others are fitted on a part of the tasks; plain scikit-learn
            estimators are fitted per task.
        X, y, groups : array-like, or MetaDataset
            Rows, their targets and the task of each, or the tasks themselves.
        shots : int or None, default=5
            Support rows; None takes supports that are given as they are.
        metric : str or callable, default=None
            None is accuracy, or R2.
        name, baseline_name, ax, plot
            As in :meth:`from_scores`.
        **options
            Others of :func:`skmeta.model_selection.compare`.

        Returns
        -------
        TaskScoreDisplay
            What was drawn.
        """
        if name == baseline_name:
            raise ValueError(
                f"The estimator and the baseline are both called {name!r}."
            )
        found = compare(
            {name: estimator, baseline_name: baseline},
            X,
            y,
            groups,
            shots=shots,
            metric=metric,
            **options,
        )
        scores = found.per_task.pivot_table(
            index="task", columns="estimator", values="score", dropna=False
        )
        return cls.from_scores(
            scores.index.to_numpy(),
            scores[name],
            scores[baseline_name],
            name=name,
            baseline_name=baseline_name,
            score_name=found.metric.replace("_", " "),
            ax=ax,
            plot=plot,
        )

    @classmethod
    def from_scores(
        cls,
        task,
        score,
        baseline_score,
        *,
        name: str = "estimator",
        baseline_name: str = "baseline",
        score_name: str = "score",
        ax: Axes | None = None,
        plot: bool = True,
    ) -> TaskScoreDisplay:
        """Draw two scores per task.

        Parameters
        ----------
        task : array-like of shape (n_tasks,)
            Names of the tasks.
        score, baseline_score : array-like of shape (n_tasks,)
            Scores, higher being better. Tasks without one of them (NaN) are left out.
        name, baseline_name, score_name : str
            What they are called in the picture.
        ax : matplotlib Axes, default=None
            Where to draw; new axes if None.
        plot : bool, default=True
            Draw at once.

        Returns
        -------
        TaskScoreDisplay
            What was drawn.
        """
        check_consistent_length(task, score, baseline_score)
        task = np.asarray(task)
        score = np.asarray(score, float)
        baseline_score = np.asarray(baseline_score, float)
        gain = differences(score, baseline_score)
        known = ~np.isnan(gain)
        if not known.any():
            raise ValueError("No task has both a score and a baseline's score.")
        order = np.flatnonzero(known)
        order = order[np.argsort(gain[order], kind="stable")]
        display = cls(
            task[order],
            score[order],
            baseline_score[order],
            name=name,
            baseline_name=baseline_name,
            score_name=score_name,
        )
        return display.plot(ax=ax) if plot else display

    @classmethod
    def from_predictions(
        cls,
        y_true,
        y_pred,
        baseline_pred,
        groups,
        *,
        score: Callable = accuracy_score,
        ax: Axes | None = None,
        **names,
    ) -> TaskScoreDisplay:
        """Score two sets of predictions per task, and draw.

        Parameters
        ----------
        y_true, y_pred, baseline_pred : array-like of shape (n_rows,)
            Targets, and what two learners predict.
        groups : array-like of shape (n_rows,)
            Task of each row.
        score : callable, default=sklearn.metrics.accuracy_score
            ``score(y_true, y_pred)``, higher being better.
        ax, **names
            ``ax``, ``name``, ``baseline_name`` and ``score_name``, as in
            :meth:`from_scores`.

        Returns
        -------
        TaskScoreDisplay
            What was drawn.
        """
        tasks, scores = score_tasks(score, y_true, [y_pred, baseline_pred], groups)
        names.setdefault("score_name", score_label(score))
        return cls.from_scores(tasks, *scores, ax=ax, **names)

    def plot(self, ax: Axes | None = None) -> TaskScoreDisplay:
        """Draw a bar per task, to the right where the baseline is beaten.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; new axes if None.

        Returns
        -------
        TaskScoreDisplay
            Itself.
        """
        ax = axes_for(self, ax)
        colours = np.where(self.gain > 0, GOOD, BAD)
        place = np.arange(len(self.gain))
        many = len(place) > _MOST_NAMES
        self.bars_ = ax.barh(
            place, self.gain, color=colours, height=1.0 if many else 0.72
        )
        ax.axvline(0, color=QUIET, linewidth=1)
        if many:
            ax.set_yticks([])
            ax.set_ylabel(f"{len(place)} tasks, sorted")
        else:
            ax.set_yticks(place, [shorten(task) for task in self.task])
            literal(ax.get_yticklabels())
        ax.set_ylim(-0.6, len(place) - 0.4)
        literal(ax.set_xlabel(f"{self.score_name}: {self.name} − {self.baseline_name}"))
        literal(
            ax.set_title(
                f"{self.name} is ahead on {self.n_won} of {len(place)} tasks, "
                f"behind on {self.n_lost}",
                loc="left",
                fontsize=10,
            )
        )
        self.ax_, self.figure_ = tidy(ax, "x"), ax.figure
        return self
