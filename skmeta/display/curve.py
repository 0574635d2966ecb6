"""Score against the number of shots."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from sklearn.metrics import accuracy_score
from sklearn.utils import check_consistent_length

from skmeta.display.scoring import score_label, score_tasks
from skmeta.display.style import COLOURS, axes_for, literal, tidy
from skmeta.model_selection import few_shot_curve
from skmeta.model_selection._curve import summarise

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame

__all__ = ["FewShotCurveDisplay"]

_COLUMNS = ("estimator", "shots", "score", "low", "high")


class FewShotCurveDisplay:
    """Score against the number of support rows, a line with a band per estimator.

    Make one with :meth:`from_estimator`, with :meth:`from_predictions`, or with
    :meth:`from_frame` from what :func:`skmeta.model_selection.few_shot_curve` returned.

    Parameters
    ----------
    curve : DataFrame
        Columns "estimator", "shots", "score" and the band's "low" and "high".
    score_name : str, default="score"
        Label of the score's axis.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        What was drawn on.
    lines_, bands_ : dict
        Line and band of each estimator, by its name.

    Examples
    --------
    >>> import pandas as pd
    >>> from skmeta.display import FewShotCurveDisplay
    >>> curve = pd.DataFrame(
    ...     [("maml", 1, 0.6, 0.5, 0.7), ("maml", 5, 0.8, 0.75, 0.85)],
    ...     columns=["estimator", "shots", "score", "low", "high"],
    ... )
    >>> FewShotCurveDisplay.from_frame(curve, plot=False).names
    ['maml']
    """

    def __init__(self, curve, *, score_name="score"):
        self.curve = curve
        self.score_name = score_name

    @property
    def names(self) -> list[str]:
        """Names of the estimators, in the order of the frame."""
        return list(dict.fromkeys(self.curve["estimator"]))

    @classmethod
    def from_estimator(
        cls,
        estimators,
        X,
        y=None,
        groups=None,
        *,
        shots=(1, 2, 5, 10),
        metric=None,
        ax: Axes | None = None,
        plot: bool = True,
        **options,
    ) -> FewShotCurveDisplay:
        """Score estimators on new tasks, and draw.

        Parameters
        ----------
        estimators : estimator, list of estimators or dict of str to estimator
            As in :func:`skmeta.model_selection.few_shot_curve`: fitted ones are judged
            as they are, others are fitted on a part of the tasks.
        X : array-like of shape (n_rows, n_features) or MetaDataset
            Rows, or the tasks themselves.
        y : array-like of shape (n_rows,)
            Targets. Only a :class:`skmeta.MetaDataset` brings its own, and ``groups``.
        groups : array-like of shape (n_rows,)
            Task of each row.
        shots : sequence of int, default=(1, 2, 5, 10)
            Support rows.
        metric : str or callable, default=None
            None is accuracy, or R2.
        ax : matplotlib Axes, default=None
            Where to draw; new axes if None.
        plot : bool, default=True
            Draw at once.
        **options
            Others of :func:`skmeta.model_selection.few_shot_curve`.

        Returns
        -------
        FewShotCurveDisplay
            What was drawn.
        """
        curve = few_shot_curve(
            estimators, X, y, groups, shots=shots, metric=metric, **options
        )
        name = metric if isinstance(metric, str) else getattr(metric, "__name__", None)
        return cls.from_frame(
            curve, score_name=(name or "score").replace("_", " "), ax=ax, plot=plot
        )

    @classmethod
    def from_predictions(
        cls,
        y_true,
        y_pred,
        groups,
        shots,
        *,
        name="estimator",
        score: Callable = accuracy_score,
        ax: Axes | None = None,
        plot: bool = True,
    ) -> FewShotCurveDisplay:
        """Score predictions that were made after so many shots, and draw.

        Parameters
        ----------
        y_true, y_pred : array-like of shape (n_rows,)
            Targets, and what was predicted. A row that was predicted after several
            numbers of shots, or by several estimators, stands here once for each.
        groups : array-like of shape (n_rows,)
            Task of each row.
        shots : array-like of shape (n_rows,)
            Support rows that its task was adapted to before the row was predicted.
        name : str or array-like of shape (n_rows,), default="estimator"
            Name of what predicted, one for all rows or one for each.
        score : callable, default=sklearn.metrics.accuracy_score
            ``score(y_true, y_pred)`` of one task.
        ax : matplotlib Axes, default=None
            Where to draw; new axes if None.
        plot : bool, default=True
            Draw at once.

        Returns
        -------
        FewShotCurveDisplay
            What was drawn.

        Examples
        --------
        >>> from skmeta.display import FewShotCurveDisplay
        >>> display = FewShotCurveDisplay.from_predictions(
        ...     y_true=[0, 1, 0, 1],
        ...     y_pred=[0, 0, 0, 1],
        ...     groups=["a", "a", "a", "a"],
        ...     shots=[1, 1, 5, 5],
        ...     plot=False,
        ... )
        >>> display.curve[["shots", "score"]].to_numpy()
        array([[1. , 0.5],
               [5. , 1. ]])
        """
        import pandas as pd

        names = [name] * len(shots) if isinstance(name, str) else name
        check_consistent_length(y_true, y_pred, groups, shots, names)
        y_true, y_pred, groups, shots, names = map(
            np.asarray, (y_true, y_pred, groups, shots, names)
        )
        if pd.isna(shots).any() or pd.isna(names).any():
            raise ValueError("shots and name must not be missing for any row.")
        rows_of = pd.DataFrame({"estimator": names, "shots": shots}).groupby(
            ["estimator", "shots"], sort=False
        )
        scored = []
        for (own, shot), rows in rows_of.indices.items():
            tasks, (scores,) = score_tasks(
                score, y_true[rows], [y_pred[rows]], groups[rows]
            )
            scored += [
                (own, shot, task, 0, value)
                for task, value in zip(tasks, scores, strict=True)
            ]
        columns = ["estimator", "shots", "task", "repeat", "score"]
        curve = summarise(pd.DataFrame(scored, columns=columns))
        return cls.from_frame(curve, score_name=score_label(score), ax=ax, plot=plot)

    @classmethod
    def from_frame(
        cls,
        curve: DataFrame,
        *,
        score_name: str = "score",
        ax: Axes | None = None,
        plot: bool = True,
    ) -> FewShotCurveDisplay:
        """Draw a tidy frame.

        Parameters
        ----------
        curve : DataFrame
            Columns "estimator", "shots", "score", "low", "high"; others are ignored.
        score_name : str, default="score"
            Label of the score's axis.
        ax : matplotlib Axes, default=None
            Where to draw; new axes if None.
        plot : bool, default=True
            Draw at once.

        Returns
        -------
        FewShotCurveDisplay
            What was drawn.

        Raises
        ------
        ValueError
            If a column is missing.
        """
        missing = [name for name in _COLUMNS if name not in curve]
        if missing:
            raise ValueError(
                f"The frame has no column {', '.join(map(repr, missing))}; it needs "
                f"{', '.join(map(repr, _COLUMNS))}, as few_shot_curve returns them."
            )
        display = cls(curve, score_name=score_name)
        return display.plot(ax=ax) if plot else display

    def plot(
        self, ax: Axes | None = None, *, highlight: str | None = None
    ) -> FewShotCurveDisplay:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; new axes if None.
        highlight : str, default=None
            Estimator with a bolder line; only its band is drawn.

        Returns
        -------
        FewShotCurveDisplay
            Itself.
        """
        ax = axes_for(self, ax)
        shots = np.unique(self.curve["shots"])
        self.lines_, self.bands_ = {}, {}
        for code, name in enumerate(self.names):
            own = self.curve[self.curve["estimator"] == name].sort_values("shots")
            # Evenly spaced: from one row to two is as much as from ten to twenty.
            place = np.searchsorted(shots, own["shots"])
            colour = COLOURS[code % len(COLOURS)]
            style = ("-", "--", ":")[code // len(COLOURS) % 3]
            bold = highlight is None or name == highlight
            (self.lines_[name],) = ax.plot(
                place,
                own["score"],
                style,
                marker="o",
                markersize=5,
                color=colour,
                linewidth=2.4 if bold else 1.5,
                alpha=1.0 if bold else 0.85,
                label=name,
                zorder=3 if bold else 2,
            )
            if bold:
                self.bands_[name] = ax.fill_between(
                    place, own["low"], own["high"], color=colour, alpha=0.13, lw=0
                )
        ax.set_xticks(range(len(shots)), [f"{shot:g}" for shot in shots])
        ax.set_xlabel("labelled rows seen of a new task (shots)")
        literal(ax.set_ylabel(self.score_name))
        legend = ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
        literal(legend.get_texts())
        self.ax_, self.figure_ = tidy(ax), ax.figure
        return self
