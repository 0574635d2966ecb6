"""The score of every task: adapt to a round of episodes, compare the answers."""

import copy
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing, check_scalar
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_y

from skmeta.episodes.rounds import Round
from skmeta.model_selection._metrics import Metric
from skmeta.model_selection._rows import n_rows, stack_rows
from skmeta.model_selection._skill import error_of_means, skill
from skmeta.pipelines import (
    last_step,
    restore_targets,
    transform,
    transform_targets,
)
from skmeta.tables.groups import encode_groups
from skmeta.tables.labels import are_among
from skmeta.tables.targets import (
    as_indicators,
    as_they_are,
    has_columns,
    n_targets_of,
)
from skmeta.tables.unlabelled import known_targets, missing_targets, with_missing
from skmeta.utils.messages import show, silenced, warn
from skmeta.utils.unique import number

__all__ = ["TaskScorer", "check_options", "mean_per_task", "warn_of_undefined"]


class TaskScorer:
    """Score what adapts, task by task, on rows of tasks to judge on.

    Parameters
    ----------
    X, y : array-like
        Rows and targets. Rows without a target are never asked about; they go beside
        the supports of their tasks to what takes them.
    groups : array-like of shape (n_rows,) or None
        Task of each row; None for one task.
    label_space : {"shared", "per_task"} or None
        None in regression.
    by_target : bool, default=False
        Score every target by itself, in place of their mean.
    """

    _more: np.ndarray | None = None  # tasks of rows without targets

    def __init__(
        self,
        X: Any,
        y: Any,
        groups: Any,
        label_space: str | None,
        *,
        by_target: bool = False,
    ):
        self.by_target = by_target
        missing = missing_targets(y)
        if missing is not None:
            self.unlabelled = _safe_indexing(X, np.flatnonzero(missing))
            X = _safe_indexing(X, np.flatnonzero(~missing))
            y = known_targets(y, missing)
        self.X, y = X, as_they_are(y)
        several = has_columns(y)
        self.y = _check_y(y, multi_output=several, y_numeric=label_space is None)
        if label_space is not None and several:
            self.y = as_indicators(self.y)
        elif label_space is not None:
            check_classification_targets(self.y)
        if len(self.y) != n_rows(X):
            raise ValueError(f"X has {n_rows(X)} rows, y has {len(self.y)}.")
        self.label_space = label_space
        self.names: Any = None
        if groups is None:
            self.task = np.zeros(len(self.y), dtype=np.intp)
        elif missing is None:
            self.names, self.task = encode_groups(groups, self.y)
        else:
            self.names, task = encode_groups(groups, missing)
            self.task, self._more = task[~missing], task[missing]
            lost = np.setdiff1d(np.arange(len(self.names)), self.task)
            if len(lost):
                raise ValueError(
                    f"No row of {show(self.names[lost])} has a target to judge by."
                )
        self.label: Any = number(self.y)[1] if label_space == "per_task" else None
        self._unknown: Any = np.empty(0, dtype=self.y.dtype)

    def scores(
        self,
        estimator: Any,
        metric: Metric,
        drawn: Round,
        n_shot: int,
        query: np.ndarray,
    ) -> np.ndarray | None:
        """Score every episode of a round, NaN where the metric is undefined.

        Of shape (n_episodes,), or (n_episodes, n_targets) if ``by_target``.
        None if there is no row to learn from and the estimator has no prior. Rows of
        labels that it does not know are left out of supports, and are wrong as queries;
        an episode that is left without a support, or was given none, is judged by the
        prior, or not at all.
        """
        support = drawn.support(n_shot)
        if not query.any():
            raise ValueError("No group has enough rows for a support and a query.")
        unit = None
        if metric.is_skill:
            self._refuse_classes()
            unit = error_of_means(self.y, self.task, drawn, support, query)
        rejected = self._rejected_label(estimator)
        if rejected is not None:
            support &= (self.y != rejected)[drawn.row]
        if self.label_space == "shared":
            support &= self._known_to(estimator)[drawn.row]
        left = np.zeros(len(drawn.task), dtype=bool)
        left[drawn.episode[support]] = True
        if n_shot and not left.all():
            return self._scores_apart(
                estimator, metric, unit, drawn, left, support, query
            )
        return self._scores(estimator, metric, unit, drawn, support, query)

    def _known_to(self, estimator: Any) -> np.ndarray:
        """Tell of each row whether an estimator knows the label."""
        classes = getattr(last_step(estimator), "classes_", None)
        if classes is None or self.y.ndim == 2:
            return np.ones(len(self.y), dtype=bool)
        known = are_among(self.y, classes)
        strange = self.y[~known]
        strange = strange[strange != self._rejected_label(estimator)]
        self._unknown = np.union1d(self._unknown, strange)
        return known

    @staticmethod
    def _rejected_label(estimator: Any) -> Any:
        """Return what an estimator calls rows of unknown classes, or None.

        Who judges by rows of that label asks whether they are rejected.
        """
        return getattr(last_step(estimator), "unknown_label_", None)

    def unknown_labels(self) -> np.ndarray:
        """Return the labels that were unknown to what was judged."""
        return self._unknown

    def _refuse_classes(self) -> None:
        if self.label_space is not None:
            raise ValueError(
                "'skill' compares squared errors of values, and these are classes. "
                "Choose another metric, such as 'neg_log_loss' or 'roc_auc'."
            )

    def _scores_apart(self, estimator, metric, unit, drawn, left, support, query):
        """Score the episodes that have a support left, and then those that have not."""
        shape: tuple[int, ...] = (len(drawn.task),)
        if self.by_target:
            shape += (n_targets_of(self.y),)
        scores = np.full(shape, np.nan)
        for own in (left, ~left):
            rows = own[drawn.episode]
            if not (rows & query).any():
                continue
            part = drawn.only(rows)
            found = self._scores(
                estimator, metric, unit, part, support[rows], query[rows]
            )
            if found is not None:
                scores[own] = found
        return scores

    def _scores(self, estimator, metric, unit, drawn, support, query) -> Any:
        """Score episodes; ``unit`` is that of skill, for each target."""
        learnt_of, asked = drawn.row[support], drawn.row[query]
        episode = drawn.episode[query]
        learner = copy.copy(last_step(estimator))  # its current task stays as it is
        groups = {"groups": episode}
        if len(learnt_of):
            rows, y, task = self._support(learner, drawn, support)
            Z = transform(estimator, rows, renamed=True)
            # Of judging, which meets every task several times, scores tell enough.
            with silenced(message=".*far outside of what fit has seen"):
                targets = transform_targets(estimator, y)
                learner.adapt(Z, targets, groups=task)
        else:
            try:
                learner.adapt()
            except ValueError:
                return None
            groups = {}
        Z = transform(estimator, _safe_indexing(self.X, asked), renamed=True)
        with_probabilities = not metric.takes_labels and hasattr(
            learner, "predict_proba"
        )
        if self.label_space is not None and with_probabilities:
            answers = learner.predict_proba(Z, **groups)
        else:
            answers = restore_targets(estimator, learner.predict(Z, **groups))
        if self.y.ndim == 2:
            return self._scores_by_target(metric, unit, drawn, asked, episode, answers)
        answers, classes = self._by_episode(
            answers, episode, drawn, support, getattr(learner, "classes_", None)
        )
        scores = metric.per_task(
            self.y[asked], answers, episode, len(drawn.task), classes
        )
        if metric.is_skill:
            scores = skill(scores, episode, unit[0])
        if self.label_space == "per_task":
            scores[[len(known) < 2 for known in classes]] = np.nan
        return scores[:, np.newaxis] if self.by_target else scores

    def _support(self, learner, drawn, support) -> tuple[Any, np.ndarray, np.ndarray]:
        """Return the rows to learn from, their targets, missing ones too, and tasks."""
        rows = _safe_indexing(self.X, drawn.row[support])
        y, episode = self.y[drawn.row[support]], drawn.episode[support]
        if self._more is None or not getattr(learner, "_takes_unlabelled", False):
            return rows, y, episode
        # Every episode gets those of its task.
        own, which = np.nonzero(drawn.task[:, np.newaxis] == self._more)
        kept = np.isin(own, episode)
        if not kept.any():
            return rows, y, episode
        more = _safe_indexing(self.unlabelled, which[kept])
        task = np.concatenate([episode, own[kept]])
        missing = np.arange(len(task)) >= len(y)
        return stack_rows(rows, more), with_missing(y, missing), task

    def _scores_by_target(self, metric, unit, drawn, asked, episode, answers):
        """Score several targets one by one, or by the mean over those defined."""
        n_episodes = len(drawn.task)
        classes = None if self.label_space is None else [np.arange(2)] * n_episodes
        scores: list[np.ndarray] = []
        for y, column in zip(self.y[asked].T, answers.T, strict=True):
            said = column
            if classes is not None and not metric.takes_labels:
                said = np.column_stack([1 - column, column])
            parts, _ = self._by_episode(said, episode, drawn, None, np.arange(2))
            own = metric.per_task(y, parts, episode, n_episodes, classes)
            if metric.is_skill:
                own = skill(own, episode, unit[len(scores)])
            scores.append(own)
        if self.by_target:
            return np.stack(scores, axis=1)
        defined = np.ma.masked_where(np.isnan(scores), scores)
        return defined.mean(axis=0).filled(np.nan)

    def _by_episode(self, answers, episode, drawn, support, vocabulary):
        """Cut the answers by episode, to the classes that the episode has."""
        n_episodes = len(drawn.task)
        order = np.argsort(episode, kind="stable")
        parts = np.split(
            answers[order],
            np.searchsorted(episode[order], np.arange(1, n_episodes)),
        )
        if self.label_space is None:
            return parts, None
        if self.label_space == "shared":
            return parts, [vocabulary] * n_episodes
        order = np.argsort(drawn.episode[support], kind="stable")
        bounds = np.searchsorted(
            drawn.episode[support][order], np.arange(1, n_episodes)
        )
        labels = np.split(self.y[drawn.row[support]][order], bounds)
        classes = [np.unique(own) for own in labels]
        if answers.ndim == 2:
            columns = [np.searchsorted(vocabulary, own) for own in classes]
            parts = [part[:, own] for part, own in zip(parts, columns, strict=True)]
        return parts, classes


def mean_per_task(scores: np.ndarray, task: np.ndarray, n_tasks: int) -> np.ndarray:
    """Average the episodes of each task, without those that are undefined."""
    defined = ~np.isnan(scores)
    count = np.bincount(task[defined], minlength=n_tasks)
    total = np.bincount(task[defined], scores[defined], minlength=n_tasks)
    return np.divide(total, count, out=np.full(n_tasks, np.nan), where=count > 0)


def check_options(
    *,
    n_repeats: int,
    n_query: int | None,
    random_state: int | None,
    n_shot: int = 0,
    n_way: int | None = None,
    n_episodes: int | None = None,
) -> None:
    """Refuse numbers of what is drawn that are none."""
    check_scalar(n_repeats, "n_repeats", Integral, min_val=1)
    check_scalar(n_shot, "n_shot", Integral, min_val=0)
    for name, given, least in (
        ("n_query", n_query, 1),
        ("n_way", n_way, 2),
        ("n_episodes", n_episodes, 1),
        ("random_state", random_state, 0),
    ):
        if given is not None:
            check_scalar(given, name, Integral, min_val=least)


def warn_of_undefined(metric: Metric, scores: np.ndarray) -> None:
    """Say once how many tasks a metric is undefined for."""
    n_undefined = int(np.isnan(scores).sum())
    if n_undefined == len(scores):
        raise ValueError(
            f"{metric.name} is undefined for every task: the query of each is one row, "
            "has one value, or lacks classes that the metric needs. Take fewer shots, "
            "more rows per task or another metric."
        )
    if n_undefined:
        warn(
            f"{metric.name} is undefined for {n_undefined} of {len(scores)} tasks, "
            "which are left out: they have one row or one value only, or lack classes "
            "that the metric needs.",
        )
