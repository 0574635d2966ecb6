"""Score against the number of inner steps."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Sequence
from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skmeta.display.scoring import score_label, score_tasks
from skmeta.display.style import COLOURS, QUIET, axes_for, literal, tidy
from skmeta.episodes.sampling import shot_range
from skmeta.model_selection import few_shot_scorer
from skmeta.model_selection._statistics import student_half_width
from skmeta.tables.meta_dataset.dataset import unpack
from skmeta.utils.random import generator

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["AdaptationDisplay"]


class AdaptationDisplay:
    """How a gradient-based learner gets better at new tasks with every inner step.

    Make one with :meth:`from_estimator`, or with :meth:`from_predictions` from answers
    that were given after each number of steps.

    Parameters
    ----------
    steps : int ndarray of shape (n_steps,)
        Numbers of inner steps.
    scores : float ndarray of shape (n_steps, n_tasks)
        Score of every task after so many steps.
    trained_steps : int, default=None
        Steps that meta-training took; marked in the picture.
    score_name : str, default="score"
        Label of the score's axis.

    Attributes
    ----------
    mean, half_width : float ndarray of shape (n_steps,)
        Mean over tasks, and half its 95 % confidence interval.
    ax_, figure_ : matplotlib Axes and Figure
        What was drawn on.
    line_, band_ : matplotlib Line2D and FillBetweenPolyCollection
        The mean and its confidence band.

    Examples
    --------
    >>> from skmeta import MetaRegressor
    >>> from skmeta.datasets import make_sinusoids
    >>> from skmeta.display import AdaptationDisplay
    >>> X, y, task = make_sinusoids(n_tasks=40, n_rows=20, random_state=0)
    >>> meta = MetaRegressor("maml", max_epochs=1, random_state=0)
    >>> meta = meta.fit(X, y, groups=task)
    >>> display = AdaptationDisplay.from_estimator(
    ...     meta, X, y, task, steps=[0, 1, 5], plot=False
    ... )
    >>> display.scores.shape
    (3, 40)
    """

    def __init__(self, steps, scores, *, trained_steps=None, score_name="score"):
        self.steps = steps
        self.scores = scores
        self.trained_steps = trained_steps
        self.score_name = score_name

    @property
    def mean(self) -> np.ndarray:
        """Mean score over tasks after each number of steps."""
        return self.scores.mean(axis=1)

    @property
    def half_width(self) -> np.ndarray:
        """Half the width of the 95 % confidence interval of the mean."""
        return student_half_width(self.scores)

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y=None,
        groups=None,
        *,
        steps: Sequence[int] | None = None,
        n_shot: int | None = None,
        score: Callable | None = None,
        random_state: int | None = 0,
        support: str | None = None,
        ax: Axes | None = None,
        plot: bool = True,
    ) -> AdaptationDisplay:
        """Adapt to new tasks with 0, 1, 2, ... steps, and score.

        Parameters
        ----------
        estimator : MetaClassifier, MetaRegressor or a Pipeline that ends with one
            Meta-trained by an algorithm that takes inner steps. Left as it is.
        X : array-like of shape (n_rows, n_features) or MetaDataset
            Rows of new tasks, or the tasks themselves.
        y : array-like of shape (n_rows,)
            Targets. Only a :class:`skmeta.MetaDataset` brings its own, and ``groups``.
        groups : array-like of shape (n_rows,)
            Task of each row. Each is split in support and query.
        steps : sequence of int, default=None
            Numbers of inner steps; None goes from 0 to twice those of meta-training.
        n_shot : int, default=None
            Support rows, counted as the estimator's ``n_shot`` is; None is that.
        score : callable, default=None
            ``score(y_true, y_pred)`` of one task; accuracy or R2 if None. Tasks where
            it is undefined are left out.
        random_state : int, RandomState, Generator or None, default=0
            Draws the supports, the same for all numbers of steps.
        support : {"random", "first"}, default=None
            Which rows of a task are known first, as in
            :func:`skmeta.model_selection.few_shot_scorer`.
        ax : matplotlib Axes, default=None
            Where to draw; new axes if None.
        plot : bool, default=True
            Draw at once.

        Returns
        -------
        AdaptationDisplay
            What was drawn.

        Raises
        ------
        ValueError
            If the algorithm takes no inner steps, or no task can be scored.
        """
        check_is_fitted(estimator)
        X, y, groups, in_support = unpack(X, y, groups)
        if isinstance(estimator, Pipeline):
            X, estimator = estimator[:-1].transform(X), estimator[-1]
        parameter, trained = _steps_of(estimator.algorithm_)
        if steps is None:
            steps = range(2 * trained + 1)
        if n_shot is None:
            n_shot = shot_range(estimator.n_shot_, "shared")[1]
        metric, name = ("accuracy",) * 2 if is_classifier(estimator) else ("r2", "R²")
        if score is not None:  # as a scorer: a function named as a loss is negated
            metric, name = make_scorer(score), score_label(score)
        if not isinstance(random_state, Integral):
            # One seed, or every number of steps would have supports of its own.
            random_state = int(generator(random_state).integers(2**31))
        scorer = few_shot_scorer(
            metric, n_shot=n_shot, random_state=random_state, support=support
        )
        scores: list[np.ndarray] = []
        for n_steps in steps:
            own = copy.copy(estimator)
            own.algorithm_ = clone(estimator.algorithm_)
            own.algorithm_.set_params(**{parameter: n_steps})
            with warnings.catch_warnings():
                if scores:  # of tasks without a score the first steps have told
                    warnings.simplefilter("ignore", UserWarning)
                scores.append(scorer.per_task(own, X, y, groups, in_support).to_numpy())
        display = cls(
            np.asarray(list(steps)),
            _of_scored_tasks(np.asarray(scores)),
            trained_steps=trained,
            score_name=name,
        )
        return display.plot(ax=ax) if plot else display

    @classmethod
    def from_predictions(
        cls,
        y_true,
        y_pred,
        groups,
        steps: Sequence[int],
        *,
        score: Callable = accuracy_score,
        trained_steps: int | None = None,
        ax: Axes | None = None,
        plot: bool = True,
    ) -> AdaptationDisplay:
        """Score what was predicted after each number of steps, and draw.

        Parameters
        ----------
        y_true : array-like of shape (n_rows,)
            Targets.
        y_pred : array-like of shape (n_steps, n_rows)
            Predictions of the same rows after each number of steps.
        groups : array-like of shape (n_rows,)
            Task of each row.
        steps : sequence of int, of length n_steps
            Numbers of inner steps.
        score : callable, default=sklearn.metrics.accuracy_score
            ``score(y_true, y_pred)`` of one task. Tasks where it is NaN are left out.
        trained_steps : int, default=None
            Steps that meta-training took; marked in the picture.
        ax : matplotlib Axes, default=None
            Where to draw; new axes if None.
        plot : bool, default=True
            Draw at once.

        Returns
        -------
        AdaptationDisplay
            What was drawn.

        Raises
        ------
        ValueError
            If there are not as many predictions as numbers of steps, or lengths differ.

        Examples
        --------
        >>> from skmeta.display import AdaptationDisplay
        >>> display = AdaptationDisplay.from_predictions(
        ...     y_true=[0, 1, 0, 1],
        ...     y_pred=[[0, 0, 0, 0], [0, 1, 0, 0]],
        ...     groups=["a", "a", "b", "b"],
        ...     steps=[0, 5],
        ...     plot=False,
        ... )
        >>> display.scores
        array([[0.5, 0.5],
               [1. , 0.5]])
        """
        y_pred = np.asarray(y_pred)
        if len(y_pred) != len(steps) or not len(steps):
            raise ValueError(
                f"y_pred has predictions after {len(y_pred)} numbers of steps, but "
                f"steps names {len(steps)}. Pass one row of predictions for each."
            )
        _, scores = score_tasks(score, y_true, list(y_pred), groups)
        display = cls(
            np.asarray(list(steps)),
            _of_scored_tasks(scores),
            trained_steps=trained_steps,
            score_name=score_label(score),
        )
        return display.plot(ax=ax) if plot else display

    def plot(self, ax: Axes | None = None) -> AdaptationDisplay:
        """Draw the mean score over tasks against the steps.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; new axes if None.

        Returns
        -------
        AdaptationDisplay
            Itself.
        """
        ax = axes_for(self, ax)
        order = np.argsort(self.steps)
        steps, mean, half = (v[order] for v in (self.steps, self.mean, self.half_width))
        (self.line_,) = ax.plot(steps, mean, "o-", color=COLOURS[0], markersize=5)
        self.band_ = ax.fill_between(
            steps, mean - half, mean + half, color=COLOURS[0], alpha=0.15, lw=0
        )
        if self.trained_steps is not None:
            ax.axvline(
                self.trained_steps,
                color=QUIET,
                linestyle="--",
                linewidth=1,
                label="steps of meta-training",
            )
            ax.legend(frameon=False)
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.set_xlabel("inner steps")
        literal(
            ax.set_ylabel(f"{self.score_name}\nmean of {self.scores.shape[1]} tasks")
        )
        self.ax_, self.figure_ = tidy(ax), ax.figure
        return self


def _of_scored_tasks(scores: np.ndarray) -> np.ndarray:
    """Leave out tasks without a score after any of the numbers of steps."""
    scored = ~np.isnan(scores).any(axis=0)
    if not scored.any():
        raise ValueError("No task has a score after every number of steps.")
    return scores[:, scored]


def _steps_of(algorithm) -> tuple[str, int]:
    """Return the parameter for the steps of adaptation, and those of meta-training."""
    parameters = algorithm.get_params(deep=False)
    if "inner_steps" not in parameters:
        raise ValueError(
            f"{algorithm} takes no inner steps: there is nothing to show. Gradient-"
            "based algorithms such as 'maml', 'anil' and 'reptile' take some."
        )
    name = "adapt_steps" if "adapt_steps" in parameters else "inner_steps"
    return name, parameters["inner_steps"]
