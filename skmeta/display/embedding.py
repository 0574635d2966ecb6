"""What a learner sees: support, query and prototypes in the plane."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import is_classifier
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline
from sklearn.utils import column_or_1d

from skmeta.display.style import COLOURS, axes_for, literal, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["EmbeddingDisplay"]


class EmbeddingDisplay:
    """Embedded rows of one task: its support, its query and its prototypes.

    Make one with :meth:`from_estimator`, or with :meth:`from_predictions` from an
    embedding that was computed elsewhere.

    Parameters
    ----------
    support, query : ndarray of shape (n_rows, 2)
        Rows in the plane.
    y_support, y_query : ndarray of shape (n_rows,)
        Their targets; ``y_query`` may be None.
    prototypes : ndarray of shape (n_classes, 2), default=None
        Points that stand for the classes, in the order of ``classes``.
    wrong : bool ndarray of shape (n_query_rows,), default=None
        Query rows that are ringed as answered wrongly.
    classes : ndarray of shape (n_classes,), default=None
        Labels; None colours the rows by value, as in regression.
    explained : float ndarray of shape (2,), default=None
        Share of the variance that each axis shows, where PCA projected.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        What was drawn on.

    Examples
    --------
    >>> import numpy as np
    >>> from skmeta.display import EmbeddingDisplay
    >>> rng = np.random.default_rng(0)
    >>> support, query = rng.normal(size=(6, 5)), rng.normal(size=(9, 5))
    >>> display = EmbeddingDisplay.from_predictions(
    ...     support, list("aabbcc"), query, plot=False
    ... )
    >>> display.support.shape, display.query.shape, display.prototypes.shape
    ((6, 2), (9, 2), (3, 2))
    """

    def __init__(
        self,
        support,
        y_support,
        query,
        y_query=None,
        *,
        prototypes=None,
        wrong=None,
        classes=None,
        explained=None,
    ):
        self.support = support
        self.y_support = y_support
        self.query = query
        self.y_query = y_query
        self.prototypes = prototypes
        self.wrong = wrong
        self.classes = classes
        self.explained = explained

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X_support,
        y_support,
        X_query,
        y_query=None,
        *,
        ax: Axes | None = None,
    ) -> EmbeddingDisplay:
        """Adapt to the support of one task and draw what it is embedded as.

        Parameters
        ----------
        estimator : MetaClassifier, MetaRegressor or a Pipeline that ends with one
            Meta-trained. Its current task is left as it is.
        X_support, y_support : array-like of shape (n_rows, n_features), (n_rows,)
            Labelled rows of the task.
        X_query : array-like of shape (n_rows, n_features)
            Other rows of it.
        y_query : array-like of shape (n_rows,), default=None
            Their targets, if they are known. Classes that are answered wrongly are
            then ringed; without, rows have the colour of the answer.
        ax : matplotlib Axes, default=None
            Where to draw; new axes if None.

        Returns
        -------
        EmbeddingDisplay
            What was drawn.
        """
        if isinstance(estimator, Pipeline):
            before = estimator[:-1]
            X_support, X_query = before.transform(X_support), before.transform(X_query)
            estimator = estimator[-1]
        own = copy.copy(estimator).adapt(X_support, y_support)
        answers, wrong = own.predict(X_query), None
        if y_query is None:
            y_query = answers
        elif is_classifier(own):
            wrong = np.asarray(y_query) != answers
        return cls.from_predictions(
            own.transform(X_support),
            y_support,
            own.transform(X_query),
            y_query,
            wrong=wrong,
            discrete=is_classifier(own),
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls,
        support,
        y_support,
        query,
        y_query=None,
        *,
        prototypes=None,
        wrong=None,
        discrete: bool = True,
        ax: Axes | None = None,
        plot: bool = True,
    ) -> EmbeddingDisplay:
        """Draw rows that are embedded already.

        Parameters
        ----------
        support, query : array-like of shape (n_rows, out_features)
            Embedded rows. Of more than two features, the first two principal
            components of all rows together are drawn.
        y_support, y_query : array-like of shape (n_rows,)
            Targets; ``y_query`` may be None.
        prototypes : array-like of shape (n_classes, out_features), default=None
            Points of the sorted classes of ``y_support``; their means if None.
        wrong : array-like of bool of shape (n_query_rows,), default=None
            Query rows to ring.
        discrete : bool, default=True
            Targets are classes; False colours by value and draws no prototypes.
        ax : matplotlib Axes, default=None
            Where to draw; new axes if None.
        plot : bool, default=True
            Draw at once.

        Returns
        -------
        EmbeddingDisplay
            What was drawn.
        """
        support, query = np.asarray(support, float), np.asarray(query, float)
        y_support = column_or_1d(y_support)
        y_query = None if y_query is None else column_or_1d(y_query)
        classes = None
        if discrete:
            classes = np.unique(y_support)
            if prototypes is None:
                prototypes = [support[y_support == each].mean(0) for each in classes]
        else:
            prototypes = None
        parts, explained = [support, query], None
        if prototypes is not None:
            parts.append(np.asarray(prototypes, float))
        width = support.shape[1]
        if width > 2:
            pca = PCA(2, svd_solver="full").fit(np.concatenate([support, query]))
            parts = [pca.transform(part) for part in parts]
            explained = pca.explained_variance_ratio_
        elif width == 1:
            parts = [np.column_stack([part, np.zeros(len(part))]) for part in parts]
        display = cls(
            parts[0],
            y_support,
            parts[1],
            y_query,
            prototypes=parts[2] if len(parts) > 2 else None,
            wrong=None if wrong is None else np.asarray(wrong, bool),
            classes=classes,
            explained=explained,
        )
        return display.plot(ax=ax) if plot else display

    def plot(self, ax: Axes | None = None) -> EmbeddingDisplay:
        """Draw the rows: support large, query small, prototypes as stars.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; new axes if None.

        Returns
        -------
        EmbeddingDisplay
            Itself.
        """
        ax = axes_for(self, ax)
        if self.classes is None:
            self._plot_values(ax)
        else:
            self._plot_classes(ax)
        for axis, place in ((ax.set_xlabel, 0), (ax.set_ylabel, 1)):
            name = f"embedding {place + 1}"
            if self.explained is not None:
                share = self.explained[place]
                name = f"principal component {place + 1} ({share:.0%} of variance)"
            axis(name)
        literal(
            ax.legend(
                frameon=False, loc="upper left", bbox_to_anchor=(1, 1)
            ).get_texts()
        )
        self.ax_, self.figure_ = tidy(ax, "both"), ax.figure
        return self

    def _plot_classes(self, ax: Axes) -> None:
        known = np.zeros(len(self.query), bool)
        for code, label in enumerate(self.classes):
            colour = COLOURS[code % len(COLOURS)]
            own = self.support[self.y_support == label]
            ax.scatter(
                *own.T, s=70, color=colour, edgecolor="white", label=label, zorder=3
            )
            if self.y_query is not None:
                of_class = self.y_query == label
                known |= of_class
                ax.scatter(*self.query[of_class].T, s=14, color=colour, alpha=0.55)
        if not known.all():
            ax.scatter(*self.query[~known].T, s=14, color="0.55", alpha=0.55)
        if self.prototypes is not None:
            colours = [COLOURS[i % len(COLOURS)] for i in range(len(self.classes))]
            style = {"s": 240, "marker": "*", "edgecolor": "black", "zorder": 4}
            ax.scatter(*self.prototypes.T, color=colours, **style)
        key = {"color": "0.5", "linestyle": "none", "marker": "o"}
        ax.plot([], [], markersize=8, label="support", **key)
        ax.plot([], [], markersize=4, label="query", **key)
        if self.prototypes is not None:
            ax.plot([], [], **key | {"marker": "*"}, markersize=11, label="prototype")
        if self.wrong is not None and self.wrong.any():
            ax.scatter(
                *self.query[self.wrong].T,
                s=55,
                facecolor="none",
                edgecolor="black",
                linewidth=0.9,
                label="wrong",
            )

    def _plot_values(self, ax: Axes) -> None:
        values = [self.y_support] + ([] if self.y_query is None else [self.y_query])
        low, high = np.min(np.concatenate(values)), np.max(np.concatenate(values))
        scale = {"vmin": low, "vmax": high, "cmap": "viridis"}
        colour = "0.55" if self.y_query is None else self.y_query
        query_scale = {} if self.y_query is None else scale
        ax.scatter(*self.query.T, s=14, c=colour, label="query", **query_scale)
        points = ax.scatter(
            *self.support.T,
            s=70,
            c=self.y_support,
            edgecolor="black",
            label="support",
            **scale,
        )
        ax.figure.colorbar(points, ax=ax, label="target")
