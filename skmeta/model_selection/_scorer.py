"""A scorer that runs episodes, for ``scoring=`` of scikit-learn's searches."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils import _safe_indexing
from sklearn.utils.metadata_routing import MetadataRequest

from skmeta.episodes.rounds import Round, draw_classes, draw_rounds
from skmeta.model_selection._inspect import (
    adapts,
    label_space_of,
    rounds_for,
    support_of,
)
from skmeta.model_selection._metrics import Metric
from skmeta.model_selection._per_task import PerTask
from skmeta.model_selection._task_scores import (
    TaskScorer,
    check_options,
    mean_per_task,
    warn_of_undefined,
)
from skmeta.pipelines import last_step
from skmeta.tables.labels import warn_of_unknown
from skmeta.tables.meta_dataset.dataset import unpack
from skmeta.tables.rows import check_in_support
from skmeta.tables.targets import one_or_several
from skmeta.tables.unlabelled import missing_targets
from skmeta.utils.doc_links import DocLinkMixin

__all__ = ["FewShotScorer", "few_shot_scorer"]


def few_shot_scorer(
    metric: str | Callable,
    *,
    n_shot: int | None = 5,
    n_way: int | None = None,
    n_query: int | None = None,
    n_episodes: int | None = None,
    n_repeats: int = 1,
    random_state: int | None = 0,
    support: str | None = None,
) -> "FewShotScorer":
    """Make a scorer that judges by learning new tasks from a few rows.

    Every task of ``groups`` is split in support and query, all are adapted to
    in one call, and each is scored on its query; the score is the mean over tasks. The
    estimator's own current task stays as it is.

    Parameters
    ----------
    metric : str or callable
        Any scikit-learn metric: the name of a scorer ("accuracy", "roc_auc",
        "neg_log_loss", "r2"), a scorer, or a function ``metric(y_true, y_pred)``. A
        function whose name ends in ``_error``, ``_loss`` or ``_deviance`` is negated,
        so that more is always better. Metrics of probabilities get probabilities.
        Or "skill", for values: one minus the squared error of all tasks together over
        that of the means of their supports, shrunken towards the mean of all rows as
        :class:`TaskMean` does it. 1 is right, 0 no better than such a mean. Unlike the
        mean of R2 over tasks, no task with values that hardly vary rules it, and a
        query of one row is enough; a task with large errors counts for much.
    n_shot : int or None, default=5
        Support rows: of each class where labels are only names inside a task, in all
        where a label means the same in every task. A task too small keeps one row (of
        each class) for the query. 0 judges the prior. None takes supports that a
        :class:`skmeta.MetaDataset` or ``in_support`` give as they are.
    n_way : int, default=None
        Classes drawn for an episode, where labels are only names inside a task. None
        takes all of a task; or the estimator's own ``n_way`` where there are no groups.
    n_query : int, default=None
        The most query rows, counted as ``n_shot``. None takes all that are left, or 15
        where episodes are drawn from classes.
    n_episodes : int, default=None
        Tasks to draw, each again only when all have come. None takes every task
        ``n_repeats`` times, or draws 100 where episodes are drawn from classes.
    n_repeats : int, default=1
        Splits of each task, averaged before the mean over tasks.
    random_state : int, default=0
        Draws the splits. With an int every candidate of a search meets the same.
    support : {"random", "first"}, default=None
        Which rows of a task (of each class where labels are only names) are known
        first: any, or those that come first in the table, with what follows for the
        query. None is as the estimator has it, "random" where it is no meta-learner; in
        a search over ``support`` itself say one, or candidates are judged by different
        rows. Supports that are given stay given: ``n_shot`` of these rows are drawn, or
        the first of them, and the query is what was not given.

    Returns
    -------
    scorer : FewShotScorer
        Callable ``(estimator, X, y, groups=None, in_support=None)``, or of a
        :class:`skmeta.MetaDataset` ``(estimator, X)``. It asks for ``groups`` and
        ``in_support`` by metadata routing, so with
        ``sklearn.set_config(enable_metadata_routing=True)`` it is ready for
        ``scoring=``. Its method ``per_task`` gives the score of each task.

    Notes
    -----
    The estimator may be a meta-learner, a Pipeline that ends in one, a fitted search
    over either, one of the strategies of this module, or any other estimator, which is
    cloned and fitted to the support of each task (:class:`PerTask`). Without
    ``groups``, an estimator with ``tasks="classes"`` is judged on episodes of
    classes drawn from the table, which goes with :class:`ClassKFold`, and one with
    ``tasks="table"`` on splits of the table.

    Of several targets every task is scored target by target, and its score is the mean
    over those for which the metric is defined: of labels that a row has or has not,
    "accuracy" is the mean of their accuracies, "roc_auc" the macro average.

    A task where the metric is undefined, such as AUC with one class in the query, is
    left out, with one warning that counts them.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skmeta import MetaClassifier
    >>> from skmeta.model_selection import few_shot_scorer
    >>> X, y = load_digits(return_X_y=True)
    >>> meta = MetaClassifier("protonet", tasks="classes", max_epochs=1, random_state=0)
    >>> meta = meta.fit(X[y < 6], y[y < 6])
    >>> log_loss = few_shot_scorer("neg_log_loss", n_shot=5, n_way=4, n_episodes=20)
    >>> bool(log_loss(meta, X[y >= 6], y[y >= 6]) > -1)
    True
    """
    return FewShotScorer(
        metric,
        n_shot=n_shot,
        n_way=n_way,
        n_query=n_query,
        n_episodes=n_episodes,
        n_repeats=n_repeats,
        random_state=random_state,
        support=support,
    )


class FewShotScorer(DocLinkMixin):
    """What :func:`few_shot_scorer` returns."""

    def __init__(
        self,
        metric,
        *,
        n_shot=5,
        n_way=None,
        n_query=None,
        n_episodes=None,
        n_repeats=1,
        random_state=0,
        support=None,
    ):
        self.metric = metric
        self.n_shot = n_shot
        self.n_way = n_way
        self.n_query = n_query
        self.n_episodes = n_episodes
        self.n_repeats = n_repeats
        self.random_state = random_state
        self.support = support

    def __call__(self, estimator, X, y=None, groups=None, in_support=None) -> float:
        """Score an estimator: the mean over tasks, more is better."""
        _, scores = self._per_task(estimator, X, y, groups, in_support)
        return float(np.nanmean(scores))

    def get_metadata_routing(self) -> MetadataRequest:
        """Ask for ``groups`` wherever a score is computed."""
        request = MetadataRequest(owner=self)
        request.score.add_request(param="groups", alias=True)
        request.score.add_request(param="in_support", alias=True)
        return request

    def per_task(self, estimator, X, y=None, groups=None, in_support=None):
        """Score every task.

        Parameters
        ----------
        estimator : object
            What to judge.
        X, y : array-like, or MetaDataset
            Rows and targets, or the tasks themselves.
        groups : array-like of shape (n_rows,), default=None
            Task of each row.
        in_support : bool array-like of shape (n_rows,), default=None
            The rows that are given as support.

        Returns
        -------
        pandas.Series
            A score of each task by its group, or of each episode by its number where
            there are no groups; NaN where the metric is undefined.
        """
        import pandas as pd

        names, scores = self._per_task(estimator, X, y, groups, in_support)
        return pd.Series(scores, index=pd.Index(names, name="task"), name="score")

    def _per_task(
        self, estimator, X, y, groups, in_support
    ) -> tuple[np.ndarray, np.ndarray]:
        X, y, groups, in_support = unpack(X, y, groups, in_support)
        if y is None:
            raise ValueError("A score compares with the true targets: pass y as well.")
        if in_support is not None:
            in_support = check_in_support(in_support, len(y))
        elif self.n_shot is None:
            raise ValueError(
                "n_shot=None takes supports as they are given: pass a MetaDataset that "
                "has in_support, or say how many rows."
            )
        n_shot = len(y) if self.n_shot is None else self.n_shot
        metric = Metric(self.metric)
        check_options(
            n_shot=n_shot,
            n_way=self.n_way,
            n_query=self.n_query,
            n_episodes=self.n_episodes,
            n_repeats=self.n_repeats,
            random_state=self.random_state,
        )
        y = one_or_several(y)
        of_classes = groups is None and self._draws_classes(estimator)
        if groups is None and not of_classes:
            groups = _only_task(estimator, len(y))
        known, missing = np.arange(len(y)), missing_targets(y)
        if missing is not None:
            known = known[~missing]
        if not adapts(estimator):
            tasks_of = y if of_classes else groups
            estimator = PerTask(estimator).fit(
                _safe_indexing(X, known),
                y[known],
                groups=_safe_indexing(tasks_of, known),
            )
        space = "per_task" if of_classes else label_space_of(estimator, y, groups)
        scorer = TaskScorer(X, y, groups, space)
        if in_support is not None:
            in_support = in_support[known]
        n_query = self.n_query
        if n_query is None and of_classes:
            n_query = 15
        parts, tasks = [], []
        for drawn in self._rounds(estimator, scorer, of_classes, in_support):
            query = drawn.query(n_shot, n_query)
            each = scorer.scores(estimator, metric, drawn, n_shot, query)
            if each is None:
                raise ValueError(
                    f"n_shot=0 asks for a prior, which {last_step(estimator)!r} "
                    "does not have. Set n_shot to 1 or more."
                )
            parts.append(each)
            tasks.append(drawn.task)
        scores, task = np.concatenate(parts), np.concatenate(tasks)
        names = scorer.names
        if of_classes:
            names = np.arange(len(scores))
        drawn_at_all = np.unique(task)  # with few episodes, not every task is
        scores = mean_per_task(scores, task, len(names))[drawn_at_all]
        warn_of_undefined(metric, scores)
        warn_of_unknown(scorer.unknown_labels())
        return names[drawn_at_all], scores

    def _draws_classes(self, estimator) -> bool:
        own = getattr(last_step(estimator), "tasks", None)
        return own == "classes" or (own is None and self.n_way is not None)

    def _rounds(
        self, estimator, scorer: TaskScorer, of_classes: bool, in_support: Any
    ) -> Iterator[Round]:
        support = support_of([estimator], self.support)
        rng = np.random.default_rng(self.random_state)
        if of_classes:
            n_way = self.n_way or getattr(last_step(estimator), "n_way", 5)
            drawn = draw_classes(
                scorer.label,
                n_way=n_way,
                n_episodes=self.n_episodes or 100,
                rng=rng,
                support=support,
            )
            yield from rounds_for(estimator, drawn)
            return
        if self.n_way is not None and scorer.label is None:
            kind = "a regressor" if not is_classifier(estimator) else "shared labels"
            raise ValueError(
                f"n_way draws classes of a task and has no meaning for {kind}. Leave "
                "n_way=None, or fit with label_space='per_task'."
            )
        yield from draw_rounds(
            scorer.task,
            scorer.label,
            n_way=self.n_way,
            n_episodes=self.n_episodes,
            n_repeats=self.n_repeats,
            rng=rng,
            support=support,
            in_support=in_support,
        )


def _only_task(estimator: Any, n_rows: int) -> np.ndarray:
    """Take all rows for one task, where an estimator learns from a table."""
    if getattr(last_step(estimator), "tasks", "groups") != "table":
        raise ValueError(
            "A few-shot score needs to know the task of each row: pass groups=, and "
            "inside a search turn on sklearn.set_config(enable_metadata_routing=True) "
            "so that it arrives. Or pass n_way= to draw episodes from the classes of y."
        )
    return np.zeros(n_rows, dtype=np.intp)
