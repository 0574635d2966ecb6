"""Score against the number of shots."""

import numpy as np

from skmeta.model_selection._judge import average_repeats, judge, name_all
from skmeta.model_selection._statistics import student_half_width

__all__ = ["few_shot_curve", "summarise"]


def few_shot_curve(
    estimators,
    X,
    y=None,
    groups=None,
    *,
    shots=(0, 1, 2, 5, 10, 20),
    metric=None,
    n_repeats=3,
    n_query=None,
    test_groups=None,
    cv=None,
    random_state=0,
    support=None,
    per_task=False,
    per_target=False,
    verbose=False,
):
    """Score estimators on new tasks, against the rows they learn them from.

    Each task's rows are shuffled once per repeat, or stay in their order with
    ``support="first"``. The first k are the support, so that
    supports of growing size are nested; the rows after the largest support are
    the query, which is the same for every estimator and every k.

    Parameters
    ----------
    estimators : dict of str to estimator, list of estimators, or estimator
        Meta-learners, Pipelines that end in one, searches over them, strategies such as
        :class:`Pooled`; any other estimator is fitted per task (:class:`PerTask`).
        Fitted ones are judged as they are: they must not have seen the tasks they are
        judged on. Others are cloned and fitted on the training tasks.
    X : array-like of shape (n_rows, n_features) or MetaDataset
        Rows, or the tasks themselves.
    y : array-like of shape (n_rows,)
        Targets. Only a :class:`skmeta.MetaDataset` brings its own, and ``groups``.
    groups : array-like of shape (n_rows,)
        Task of each row.
    shots : sequence of int or None, default=(0, 1, 2, 5, 10, 20)
        Support rows: of each class where labels are only names inside a task, in all
        where they mean the same everywhere. At 0, estimators without a prior are left
        out: they have no row in the answer. None takes supports that are given as they
        are, and says the rows of the largest.
    metric : str or callable, default=None
        As in :func:`few_shot_scorer`; None is accuracy, or R2.
    n_repeats : int, default=3
        Splits of each task, averaged before anything else.
    n_query : int, default=None
        The most query rows, counted as ``shots``; None takes all.
    test_groups : array-like, default=None
        The tasks to judge on. Training takes the others.
    cv : int or splitter of whole tasks, default=None
        Splits over tasks; an int is that many folds (``GroupKFold``). None holds out 30
        % of the tasks (:class:`TaskSplit`), or judges on all tasks if nothing is left
        to be fitted on training tasks.
    random_state : int, default=0
        Draws splits, supports and queries.
    support : {"random", "first"}, default=None
        Which rows of a task are known first: any, or those that come first in the table
        (of each class where labels are only names inside a task), with what follows for
        the query and a single split of each task. None is as the meta-learners that are
        judged have it, "random" where there is none. Supports that a
        :class:`skmeta.MetaDataset` gives stay given: k shots are k of these rows, drawn
        or the first of them, and the query is what was not given.
    per_task : bool, default=False
        Return the scores of every task and repeat in place of their mean.
    per_target : bool, default=False
        Of every task and repeat, return the scores of every target, too, in place of
        their mean.
    verbose : bool, default=False
        Show a bar with the time left.

    Returns
    -------
    curve : pandas.DataFrame
        Columns estimator, shots, score (the mean over tasks), low and high (its 95 %
        confidence interval over tasks, by Student's t; NaN for a single task), n_tasks.
        With ``per_task=True`` columns estimator, shots, task, repeat, score. With
        ``per_target=True`` the same and, before the score, the number of the target.

    Notes
    -----
    Tasks (or classes of them) with too few rows for the largest support and a query
    are left out for all shots, with a warning, so that one curve is about one set of
    tasks. With ``random_state`` as an int, two calls agree.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from skmeta import MetaRegressor
    >>> from skmeta.datasets import make_sinusoids
    >>> from skmeta.model_selection import few_shot_curve
    >>> X, y, task = make_sinusoids(n_tasks=40, n_rows=30, random_state=0)
    >>> curve = few_shot_curve(
    ...     {
    ...         "maml": MetaRegressor("maml", max_epochs=2, random_state=0),
    ...         "ridge": Ridge(),
    ...     },
    ...     X,
    ...     y,
    ...     task,
    ...     shots=(0, 5),
    ...     metric="neg_mean_squared_error",
    ... )
    >>> curve[["estimator", "shots", "n_tasks"]]
      estimator  shots  n_tasks
    0      maml      0       12
    1      maml      5       12
    2     ridge      5       12
    """
    frame, _ = judge(
        name_all(estimators),
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
        per_target=per_target,
        verbose=verbose,
    )
    return frame if per_task or per_target else summarise(frame)


def summarise(per_task):
    """Average over tasks, with 95 % confidence intervals by Student's t.

    Parameters
    ----------
    per_task : pandas.DataFrame
        What ``few_shot_curve(..., per_task=True)`` returns.

    Returns
    -------
    pandas.DataFrame
        What ``few_shot_curve`` returns.
    """
    import pandas as pd

    rows = []
    by = average_repeats(per_task).groupby(["estimator", "shots"], sort=False)
    for (name, shots), own in by:
        scores = own.score.dropna().to_numpy()
        mean = scores.mean() if len(scores) else np.nan
        half = student_half_width(scores)
        rows.append((name, shots, mean, mean - half, mean + half, len(scores)))
    columns = ["estimator", "shots", "score", "low", "high", "n_tasks"]
    return pd.DataFrame(rows, columns=columns)
