"""Which estimator wins, on how many tasks, and could it be chance."""

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from skmeta.model_selection._curve import summarise
from skmeta.model_selection._judge import average_repeats, judge, name_all
from skmeta.model_selection._statistics import differences, holm, wilcoxon_p_value

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Comparison", "compare"]


def compare(
    estimators,
    X,
    y=None,
    groups=None,
    *,
    shots=5,
    metric=None,
    n_repeats=3,
    n_query=None,
    test_groups=None,
    cv=None,
    random_state=0,
    support=None,
    verbose=False,
) -> "Comparison":
    """Compare estimators task by task.

    All meet the same supports and queries, so each task is a pair of scores; the test
    is Wilcoxon's signed-rank test over tasks, with Holm's correction for the number
    of pairs.

    Parameters
    ----------
    estimators : dict of str to estimator, or list of estimators
        As in :func:`few_shot_curve`. Plain scikit-learn estimators are fitted per task;
        wrap them in :class:`Pooled` or :class:`PooledWithTaskMean` for the other
        ways.
    X : array-like of shape (n_rows, n_features) or MetaDataset
        Rows, or the tasks themselves.
    y : array-like of shape (n_rows,)
        Targets. Only a :class:`skmeta.MetaDataset` brings its own, and ``groups``.
    groups : array-like of shape (n_rows,)
        Task of each row.
    shots : int, sequence of int or None, default=5
        Support rows; pairs are compared for each number, and Holm's correction
        counts them all. None takes supports that are given as they are.
    metric, n_repeats, n_query, test_groups, cv, random_state, support
        As in :func:`few_shot_curve`.
    verbose
        As in :func:`few_shot_curve`.

    Returns
    -------
    comparison : Comparison
        With the frames ``scores``, ``tests`` and ``per_task``.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from skmeta import MetaRegressor
    >>> from skmeta.datasets import make_sinusoids
    >>> from skmeta.model_selection import Pooled, compare
    >>> X, y, task = make_sinusoids(n_tasks=60, n_rows=30, random_state=0)
    >>> result = compare(
    ...     {
    ...         "r2d2": MetaRegressor("r2d2", max_epochs=10, random_state=0),
    ...         "per task": Ridge(),
    ...         "pooled": Pooled(Ridge()),
    ...     },
    ...     X,
    ...     y,
    ...     task,
    ...     shots=10,
    ...     metric="neg_mean_squared_error",
    ... )
    >>> result.tests[["a", "b", "n_tasks"]]
              a         b  n_tasks
    0      r2d2  per task       18
    1      r2d2    pooled       18
    2  per task    pooled       18
    """
    named = name_all(estimators)
    frame, measured = judge(
        named,
        X,
        y,
        groups,
        shots=shots,
        metric=metric,
        n_repeats=n_repeats,
        n_query=n_query,
        test_groups=test_groups,
        cv=cv,
        random_state=random_state,
        support=support,
        verbose=verbose,
    )
    return Comparison(measured.name, summarise(frame), _test_pairs(frame, named), frame)


@dataclass(frozen=True)
class Comparison:
    """What :func:`compare` found.

    Attributes
    ----------
    metric : str
        Name of the metric; more is better.
    scores : pandas.DataFrame
        As :func:`few_shot_curve` returns it: estimator, shots, score, low, high,
        n_tasks.
    tests : pandas.DataFrame
        A row per pair and number of shots: shots, a, b, n_tasks (scored for both),
        difference (mean score of a minus that of b), won (share of tasks on which a is
        better, a tie counting half), p_value (Wilcoxon signed rank, two-sided), p_holm
        (corrected for all rows).
    per_task : pandas.DataFrame
        Columns estimator, shots, task, repeat, score.
    """

    metric: str
    scores: "DataFrame"
    tests: "DataFrame"
    per_task: "DataFrame"

    def __repr__(self) -> str:
        """Show scores, then the pairs, as aligned text."""
        scores = self.scores.sort_values(
            ["shots", "score"], ascending=[True, False], kind="stable"
        )
        form = "{:.3f}".format
        text = scores.to_string(index=False, float_format=form, justify="right")
        lines = [f"{self.metric} (mean over tasks, 95 % interval by Student's t)", text]
        if len(self.tests):
            lines += ["", "Paired over tasks (Wilcoxon signed rank, Holm)"]
            for row in self.tests.itertuples():
                verdict = "no clear difference"
                if row.p_holm < 0.05:
                    verdict = f"{row.a if row.difference > 0 else row.b} is better"
                lines.append(
                    f"{row.shots} shots: {row.a} - {row.b} = {row.difference:+.3f}, "
                    f"wins {row.won:.0%} of {row.n_tasks} tasks, p = {row.p_holm:.2g}: "
                    f"{verdict}"
                )
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return self.scores.to_html(index=False) + self.tests.to_html(index=False)


def _test_pairs(frame, names) -> "DataFrame":
    import pandas as pd

    rows = []
    mean = average_repeats(frame)
    for shots, own in mean.groupby("shots"):
        table = own.pivot(index="task", columns="estimator", values="score")
        for a, b in combinations([name for name in names if name in table], 2):
            difference = differences(*table[[a, b]].dropna().to_numpy().T)
            won = ((difference > 0) + 0.5 * (difference == 0)).mean()
            p_value = wilcoxon_p_value(difference)
            rows.append((shots, a, b, len(difference), difference.mean(), won, p_value))
    columns = ["shots", "a", "b", "n_tasks", "difference", "won", "p_value"]
    tests = pd.DataFrame(rows, columns=columns)
    return tests.assign(p_holm=holm(tests.p_value.to_numpy()))
