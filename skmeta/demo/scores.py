"""The scores of methods on new users: in numbers, as a table, as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn import config_context
from sklearn.isotonic import isotonic_regression
from sklearn.metrics import roc_auc_score
from sklearn.utils import Bunch, check_random_state

from skmeta.episodes.sampling import shuffled_places
from skmeta.model_selection._metrics import Metric
from skmeta.model_selection._statistics import student_half_width
from skmeta.pipelines import adapt, last_step, transform

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["plot_scores", "score_methods", "tabulate_scores"]

SIZES = (0, 1, 2, 5, 10, 20)  # ratings seen of a new user
N_QUERY = 100  # at most, per user


def score_methods(
    methods: Mapping[str, Any],
    data: Bunch,
    *,
    sizes: Sequence[int] = SIZES,
    n_query: int = N_QUERY,
    random_state: int | None = 0,
) -> DataFrame:
    """Fit every method on the training users and score it on the new ones.

    :func:`skmeta.model_selection.few_shot_curve` judges so too, by one metric at a
    time. The demo shows several metrics of the same answers, one of them over all users
    at once, and how long the answers took.

    Each new user's rows are shuffled once. The first k are the support, so that
    supports of growing size are nested; the rows that follow the largest support, up to
    `n_query`, are the query, which is therefore the same for every method and size.

    Parameters
    ----------
    methods : mapping of str to estimator
        Meta-learners, strategies of :mod:`skmeta.model_selection` or Pipelines that end
        in one, by the name they have in the table.
    data : Bunch
        As `skmeta.datasets.load_movielens` returns it. Each new user needs more rows
        than the largest of `sizes`.
    sizes : sequence of int, default=(0, 1, 2, 5, 10, 20)
        Support rows per user.
    n_query : int, default=100
        The most query rows per user.
    random_state : int or None, default=0
        Draws supports and queries.

    Returns
    -------
    scores : DataFrame
        One row per method and size, none for a method without a prior at size 0, with
        columns `method`, `size`; `accuracy`, `auc` (of users with both labels in the
        query) and `log_loss`, each the mean over users, and half the width of their
        95 % confidence intervals over users, `accuracy_ci`, `auc_ci`, `log_loss_ci`;
        `pooled_auc`, over all query rows at once; `fit_seconds`, and `adapt_seconds`
        for adapting to all new users and answering their queries.
    """
    import pandas as pd

    X, y, groups = data.X_test, np.asarray(data.y_test), np.asarray(data.groups_test)
    _, user = np.unique(groups, return_inverse=True)
    place = shuffled_places(user, check_random_state(random_state))
    query = (place >= max(sizes)) & (place < max(sizes) + n_query)
    rows = []
    for name, method in methods.items():
        start = perf_counter()
        with config_context(enable_metadata_routing=True):  # through Pipelines
            method.fit(data.X_train, data.y_train, groups=data.groups_train)
        fit_seconds = perf_counter() - start
        for size in sizes:
            start = perf_counter()
            proba = _adapt_and_answer(method, X, y, groups, place < size, query)
            adapt_seconds = perf_counter() - start
            if proba is None:
                continue
            rows.append(
                {"method": name, "size": size}
                | _scores(y[query], proba, groups[query])
                | {"fit_seconds": fit_seconds, "adapt_seconds": adapt_seconds}
            )
    return pd.DataFrame(rows)


def _adapt_and_answer(method, X, y, groups, support, query) -> np.ndarray | None:
    """Return P(y = 1) per query row; None before the first row without a prior."""
    known = {}
    if support.any():
        adapt(method, X[support], y[support], groups=groups[support])
        known = {"groups": groups[query]}
    else:
        try:
            adapt(method)
        except ValueError:
            return None
    return last_step(method).predict_proba(transform(method, X[query]), **known)[:, 1]


def _scores(y, proba, groups) -> dict[str, float]:
    users, user = np.unique(groups, return_inverse=True)
    both = np.column_stack([1 - proba, proba])
    is_like = (proba > 0.5).astype(y.dtype)

    def per_user(metric: str, answers: np.ndarray) -> np.ndarray:
        own: Any = [answers[user == each] for each in range(len(users))]
        classes = [np.arange(2)] * len(users)
        return Metric(metric).per_task(y, own, user, len(users), classes)

    auc = per_user("roc_auc", both)
    of_users = {
        "accuracy": per_user("accuracy", is_like),
        "auc": auc[~np.isnan(auc)],  # without users who like everything, or nothing
        "log_loss": -per_user("neg_log_loss", both),
    }
    scores = {"pooled_auc": roc_auc_score(y, proba)}
    for name, values in of_users.items():
        scores[name] = np.mean(values)
        scores[f"{name}_ci"] = student_half_width(values)
    return scores


def tabulate_scores(scores: DataFrame, size: int = 10) -> str:
    """Return the scores at one support size as an aligned text table.

    Parameters
    ----------
    scores : DataFrame
        From `score_methods`.
    size : int, default=10
        Support rows per user.

    Returns
    -------
    table : str
        A heading and one line per method.
    """
    scores = scores[scores["size"] == size]
    width = max(map(len, scores.method))
    head = f"{'method':{width}}  {'accuracy':^13}  {'AUC per user':^13}"
    head += "  pooled AUC  log-loss  fit [s]  adapt [s]"
    lines = [head, "-" * len(head)]
    for row in scores.itertuples():
        lines.append(
            f"{row.method:{width}}  {row.accuracy:.3f} ± {row.accuracy_ci:.3f}"
            f"  {row.auc:.3f} ± {row.auc_ci:.3f}  {row.pooled_auc:10.3f}"
            f"  {row.log_loss:8.3f}  {row.fit_seconds:7.1f}  {row.adapt_seconds:9.2f}"
        )
    return "\n".join(lines)


def plot_scores(
    scores: DataFrame, path: str | Path, *, highlight: Sequence[str] = ()
) -> Path:
    """Draw AUC per user against the number of ratings seen, a line per method.

    Needs no display.

    Parameters
    ----------
    scores : DataFrame
        From `score_methods`.
    path : str or Path
        Where the picture goes; the suffix sets the format.
    highlight : sequence of str, default=()
        Methods drawn in strong colours, the others in quiet ones. The best of them has
        its 95 % confidence band drawn; the bands of the others are about as wide.

    Returns
    -------
    path : Path
        The absolute path of the picture.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5.2), layout="constrained")
    axes = figure.subplots()
    sizes = np.unique(scores["size"])
    last = len(sizes) - 1
    curves = {
        name: own.sort_values("size")
        for name, own in scores.groupby("method", sort=False)
    }
    colours = _colours(list(curves), highlight)
    for name, curve in curves.items():
        strong = name in highlight
        style = {"lw": 2.4, "ms": 6, "zorder": 3} if strong else {"lw": 1.4, "ms": 4}
        # Evenly spaced: the first ratings matter most.
        places = np.searchsorted(sizes, curve["size"])
        axes.plot(places, curve.auc, "o-", color=colours[name], **style)
    ends = {name: curve.auc.iloc[-1] for name, curve in curves.items()}
    best = max(highlight or ends, key=ends.__getitem__)
    band = [curves[best].auc + side * curves[best].auc_ci for side in (-1, 1)]
    places = np.searchsorted(sizes, curves[best]["size"])
    axes.fill_between(places, *band, color=colours[best], alpha=0.08, lw=0)

    # Zoom in on where the lines end; a line may come in from below.
    top = max(band[1].max(), scores.auc.max())
    low = min(ends.values()) - 0.25 * (top - min(ends.values()))
    axes.set_ylim(low, top)
    for name, height in _spread(ends, 0.05 * (top - low)).items():
        start = curves[name].auc.iloc[0]
        axes.annotate(
            name if start > low else f"{name} (from {start:.2f})",
            xy=(last, ends[name]),
            xytext=(last + 0.3, height),
            color=colours[name],
            weight="bold" if name in highlight else "normal",
            va="center",
            arrowprops={"arrowstyle": "-", "color": colours[name], "lw": 0.6},
            annotation_clip=False,
        )
    axes.set_xticks(range(len(sizes)), sizes)
    axes.set_xlabel("ratings seen of a new viewer")
    title = f"AUC, mean over new viewers (band: 95 % confidence interval of {best})"
    axes.set_title(title, loc="left", fontsize=11, pad=10)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(length=0)
    axes.grid(axis="y", color="0.92")
    axes.set_axisbelow(True)
    path = Path(path).resolve()
    figure.savefig(path, dpi=150)
    return path


def _colours(names: Sequence[str], highlight: Sequence[str]) -> dict[str, object]:
    from matplotlib import colormaps

    strong = iter(["#c8372d", "#1f6fb4", "#2b8a57", "#8b4fb0", "#c77700"] * len(names))
    quiet = iter(colormaps["bone"](np.linspace(0.25, 0.68, len(names))))
    return {name: next(strong if name in highlight else quiet) for name in names}


def _spread(heights: Mapping[str, float], gap: float) -> dict[str, float]:
    """Move labels by the least squares that put them at least `gap` apart."""
    names = sorted(heights, key=heights.__getitem__)
    steps = gap * np.arange(len(names))
    placed = isotonic_regression([heights[name] for name in names] - steps) + steps
    return dict(zip(names, placed, strict=True))
