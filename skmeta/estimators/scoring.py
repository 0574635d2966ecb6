"""The few-shot score: how well new tasks are learnt, each from a part of its rows."""

from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, is_classifier
from sklearn.metrics import (
    accuracy_score,
    get_scorer,
    get_scorer_names,
    hamming_loss,
)
from sklearn.utils import _safe_indexing, check_consistent_length
from sklearn.utils.validation import (
    _num_samples,
    check_is_fitted,
)

from skmeta.episodes.sampling import check_support, draw_support, shot_range
from skmeta.exceptions import NotAdaptedError
from skmeta.tables.labels import are_among, encode, warn_of_unknown
from skmeta.tables.meta_dataset.dataset import MetaDataset, unpack
from skmeta.tables.row_order import warn_of_other_order
from skmeta.tables.rows import TaskRows, check_in_support
from skmeta.tables.sample_weights import check_weights
from skmeta.tables.sizes import unit_of
from skmeta.tables.targets import as_columns, target_names_of, without_sparsity
from skmeta.tables.unlabelled import known_targets, missing_targets
from skmeta.utils.messages import asking_scorer, dropped_arguments, show, warn
from skmeta.utils.random import generator

__all__ = [
    "FewShotScoring",
    "accuracy_per_task",
    "class_cells",
    "is_known",
    "mean_accuracy",
    "r2_per_task",
]


class FewShotScoring(BaseEstimator):
    """What can learn tasks and answer them, and so can be scored on new ones.

    Besides ``predict`` it has ``_validate_rows``, ``_has_prior``, ``_learn``,
    ``_learn_nothing`` and ``_answer``, and by its kind of target ``_metric``,
    ``_cells``, ``_strata``, ``_is_known`` and ``_scores_per_task``;
    :class:`skmeta.estimators.targets.Targets` says what these do.
    """

    # Whether ``adapt`` takes rows without targets.
    _takes_unlabelled = True

    # Parameters.
    n_shot: int | tuple[int, int] | Literal["auto"]
    n_shot_: int | tuple[int, int]  # learnt by fit, where n_shot may be "auto"
    support: Literal["random", "first"]
    random_state: Any
    unknown_task: str

    # What fit learns: rows of the largest task, None where tasks are made of a table.
    largest_task_: int | None

    def score(
        self,
        X: ArrayLike | MetaDataset,
        y: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        support: Literal["random", "first"] | None = None,
        in_support: ArrayLike | None = None,
    ) -> float:
        """Score the predictions for the current task, or for new tasks.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or MetaDataset
            Rows. The tasks of a meta-dataset are groups, and those with a fixed
            support and query are split as they say.
        y : array-like of shape (n_rows,) or (n_rows, n_targets)
            True targets. Rows without one are no queries; with groups they are
            unlabelled rows of the support.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the rows, by which answers are judged. Supports are learnt as
            they are.
        groups : array-like of shape (n_rows,), default=None
            With groups, the *few-shot score*: each group is taken for a new task, split
            in ``n_shot`` support rows (of each class in per-task label spaces;
            elsewhere with "auto" at most half of the rows of a usual group) and query
            rows, adapted to and scored on the query. The current task is left as it
            was. A random split depends on ``random_state`` only, with 0 for None.
        support : {"random", "first"}, default=None
            Which rows of a group are the support: any, or those that come first in the
            table (of each class in per-task label spaces), so that the query follows.
            None is as the estimator's ``support`` says.
        in_support : bool array-like of shape (n_rows,), default=None
            With groups, True for the rows that are given as support, False for the
            query, as a meta-dataset may say; nothing is drawn then.

        Returns
        -------
        float
            Accuracy of a classifier, R2 of a regressor; with groups the mean over
            tasks. A task whose targets hardly vary has a very negative R2. Of several
            targets the mean of their R2, or of the accuracies of labels: unlike
            scikit-learn's share of rows with every label right, which says nothing of
            the others.

        Raises
        ------
        ValueError
            If no task has rows for a support and a query, if the targets of every task
            are constant and have no R2, or if no label is known; or if a Pipeline is
            given ``groups`` where metadata routing is off, which it does not hand on.

        Warns
        -----
        UserWarning
            If there are more rows without ``groups`` than any task of the training had.
            If rows have labels that a shared label space does not know: they are left
            out of supports, and answers to them count as wrong.
        """
        check_is_fitted(self)
        support = check_support(self.support if support is None else support)
        X, y, groups, in_support = unpack(X, y, groups, in_support)
        if in_support is not None:
            in_support = check_in_support(in_support, _num_samples(X))
        if y is None:
            raise ValueError("score compares with the true targets: pass y as well.")
        if sample_weight is not None:
            sample_weight = check_weights(sample_weight, X)
        missing = missing_targets(y)
        if missing is not None and missing.all():
            raise ValueError("score compares with true targets: all of y is missing.")
        if groups is None:
            _refuse_dropped_groups()
            if in_support is not None and getattr(self, "tasks", "groups") == "groups":
                raise ValueError("in_support splits groups: pass groups= as well.")
            return self._score_current(X, y, sample_weight)
        rows = self._read_rows(X, y, groups, reset=False)
        labelled = slice(None)
        if rows.unlabelled is not None:
            labelled = ~rows.unlabelled.place
        if in_support is not None:
            in_support = in_support[labelled]
        if sample_weight is not None:
            sample_weight = sample_weight[labelled]
        weight = np.ones(len(rows)) if sample_weight is None else sample_weight
        return self._score_new(replace(rows, weight=weight), in_support, support)

    def _score_current(self, X: Any, y: Any, sample_weight: Any) -> float:
        """Score answers to rows of the current task, those without a target apart."""
        missing = missing_targets(y)
        if missing is not None:
            check_consistent_length(X, missing)
            X, y = _safe_indexing(X, ~missing), known_targets(y, missing)
            if sample_weight is not None:
                sample_weight = sample_weight[~missing]
        answers = self.predict(X)
        self._warn_if_many(len(answers))
        return float(self._metric(y, answers, sample_weight=sample_weight))

    def _score_new(
        self, rows: TaskRows, in_support: np.ndarray | None, support: str
    ) -> float:
        """Learn tasks from a part of their rows, and score the answers to the rest.

        By weight answers are judged; supports are learnt as they are.
        """
        known = self._is_known(rows)
        strange = rows.y[~known]
        strange = strange[strange != getattr(self, "unknown_label_", None)]
        warn_of_unknown(np.unique(strange))
        if in_support is None:
            cells = self._cells(rows)
            in_support = draw_support(
                cells,
                self._shot_to_score(cells),
                generator(self.random_state, default=0),
                stratum=self._strata(rows),
                support=support,
            )
        elif not self._has_prior():
            n_support = np.bincount(rows.task, in_support, minlength=rows.n_tasks)
            if not n_support.all():
                assert rows.names is not None  # of the groups
                raise ValueError(
                    "No support row to learn from in the tasks "
                    f"{show(rows.names[n_support == 0])}, and no prior to answer by."
                )
        learnt = in_support & known
        adapted = self._learn(replace(rows.take(learnt), weight=None))
        query = rows.take(~in_support)
        if not self._has_prior():  # to answer where all of a support is unknown
            supported = np.bincount(rows.task, learnt, minlength=rows.n_tasks) > 0
            query = query.take(supported[query.task])
        if not len(query):
            raise ValueError(_why_no_score(query))
        answers = self._answer(adapted, query.X, query.task)
        scores = self._scores_per_task(query, answers)
        if not len(scores):
            raise ValueError(_why_no_score(query))
        return float(np.mean(scores))

    def _read_rows(
        self, X: Any, y: Any, groups: Any, in_support: Any = None, *, reset: bool
    ) -> TaskRows:
        """Check the rows of a call, and tell those without targets from the others."""
        warn_of_other_order(X, y=y, groups=groups, in_support=in_support)
        missing = missing_targets(y)
        if missing is None:
            X, y = self._validate_rows(X, y, reset=reset)
            return TaskRows.of(X, y, groups, in_support)
        check_consistent_length(X, missing)
        X = self._validate_features(X, reset=reset)
        names, y = target_names_of(y), known_targets(y, missing)
        if len(y):
            y = self._validate_targets(y, names, reset=reset)
        elif not reset:
            y = self._any_target()[:0]
        return TaskRows.of(X, y, groups, in_support, missing)

    def _shot_to_score(self, cells: np.ndarray) -> int:
        """Choose how many rows of each cell are support: as many as were trained for.

        Where an algorithm chose that, no more than half of the rows of a usual task.
        Who sets ``n_shot`` after ``fit`` asks how good answers are of so many.
        """
        label_space = getattr(self, "label_space_", "shared")
        own: Any = self.n_shot
        shot = shot_range(self.n_shot_ if own == "auto" else own, label_space)[1]
        if self.n_shot != "auto" or label_space == "per_task":
            return shot
        return min(shot, max(1, int(np.median(np.bincount(cells))) // 2))

    def _current_or_prior(self, groups: Any, no_prior: str) -> Any:
        """Return what was adapted to, or before that what answers unknown groups.

        Raises
        ------
        NotAdaptedError
            If nothing was adapted to, and it is not the prior that is asked for.
        ValueError
            If ``unknown_task`` is no choice, or if it asks for a prior that there is
            not, as ``no_prior`` then says.
        """
        if self.unknown_task not in ("error", "prior"):
            raise ValueError(
                f"unknown_task must be 'error' or 'prior', not {self.unknown_task!r}."
            )
        has_prior = self._has_prior()
        asks_for_prior = self.unknown_task == "prior" and groups is not None
        adapted = self.adapted_  # which another thread may change
        if adapted is None and not (asks_for_prior and has_prior):
            raise NotAdaptedError(
                f"This {type(self).__name__} has learnt from many tasks but does not "
                "know the current one: call adapt(X, y) with a few labelled rows"
                + (", or adapt() to go by the prior." if has_prior else ".")
                + self._how_to_know_the_training()
                + _how_to_score_searches(self)
            )
        if self.unknown_task == "prior" and not has_prior:
            raise ValueError(no_prior)
        return self._learn_nothing() if adapted is None else adapted

    def _trained_groups(self) -> np.ndarray | None:
        """Return the groups that ``fit`` has learnt from, None if they are not known.

        No file has them: they may be names of people.
        """
        return getattr(self, "_training_groups", None)

    def _how_to_know_the_training(self) -> str:
        if getattr(self, "largest_task_", None) is None:  # tasks are made of a table
            return ""
        return (
            " To answer rows of the groups that fit has learnt from, call "
            "adapt(X, y, groups=groups) with the rows of the training."
        )

    def _warn_if_many(self, n_rows: int) -> None:
        """Warn where rows of many tasks are scored by what is known of a single one."""
        largest = getattr(self, "largest_task_", None)
        if largest is not None and n_rows > largest:
            warn(
                f"score takes all {n_rows:,} rows for rows of the one task that was "
                f"adapted to, and no task of the training had more than {largest:,}. "
                "If they are of several tasks, pass groups= to score each by itself."
            )


def _refuse_dropped_groups() -> None:
    """Refuse to score the current task where a Pipeline was given groups.

    Raises
    ------
    ValueError
        If it was, and has not handed them on.
    """
    if "groups" in dropped_arguments():
        raise ValueError(
            "Pipeline.score hands groups on only where metadata routing is on: call "
            "sklearn.set_config(enable_metadata_routing=True). Without them the rows "
            "would be scored as those of the current task."
        )


def _how_to_score_searches(estimator: BaseEstimator) -> str:
    """Name the scorer that learns tasks, where one of scikit-learn's asks instead."""
    scorer = asking_scorer()
    if scorer is None:
        return ""
    asked = _what_it_asks(scorer)
    names = (
        name for name in get_scorer_names() if _what_it_asks(get_scorer(name)) == asked
    )
    metric = next(names, "accuracy" if is_classifier(estimator) else "r2")
    return (
        " It is a scorer of scikit-learn that asks, which tells no task what it is: "
        f"pass scoring=skmeta.model_selection.few_shot_scorer({metric!r}), which "
        "learns every task of the test rows from some of them, and scores the others."
    )


def _what_it_asks(scorer: Any) -> tuple[Any, ...]:
    return scorer._score_func, scorer._sign, scorer._kwargs, scorer._response_method


def is_known(y: np.ndarray, classes: np.ndarray, label_space: str) -> np.ndarray:
    """Tell which labels a label space has; one of names inside tasks has all.

    Raises
    ------
    ValueError
        If it has none of them.
    """
    if label_space != "shared":
        return np.ones(len(y), dtype=bool)
    known = are_among(y, classes)
    if not known.any():
        encode(y, classes)  # says so
    return known


def class_cells(rows: TaskRows) -> np.ndarray:
    """Number the classes of tasks, where labels mean something inside a task only."""
    _, code = np.unique(rows.y, return_inverse=True)
    return rows.task * (code.max() + 1) + code


def accuracy_per_task(rows: TaskRows, answers: np.ndarray) -> np.ndarray:
    """Tell the share of right answers to every task with rows, by their weights.

    Of several labels each counts as an answer.
    """

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(rows.task, values, minlength=rows.n_tasks)

    assert rows.weight is not None  # score gives every row one
    is_right = as_columns(rows.y == answers).mean(axis=1)
    right, weight = total(rows.weight * is_right), total(rows.weight)
    return right[weight > 0] / weight[weight > 0]


def mean_accuracy(
    y: ArrayLike, answers: ArrayLike, *, sample_weight: ArrayLike | None = None
) -> float:
    """Return the share of right answers, the mean over labels where there are several.

    scikit-learn's accuracy of several labels is the share of rows with all of them
    right.
    """
    if np.ndim(answers) == 1:
        return accuracy_score(y, answers, sample_weight=sample_weight)
    y = without_sparsity(y)
    return 1.0 - hamming_loss(y, answers, sample_weight=sample_weight)


def _why_no_score(query: TaskRows) -> str:
    """Say why no task has a score."""
    if not len(query):
        return "No group has enough rows for a support and a query."
    why = "The targets of every group are constant, and R2 is undefined for them."
    if np.bincount(query.task).max() == 1:
        why = (
            "Every group has a single row beyond its support, and R2 is undefined for "
            "one. Set n_shot lower."
        )
    other = "few_shot_scorer('neg_mean_absolute_error')"
    return f"{why} Score by another metric, such as {other}."


def r2_per_task(rows: TaskRows, answers: np.ndarray) -> np.ndarray:
    """Return R2 of the answers to every task whose values vary, by weights of rows.

    Of several targets the mean over those that vary in the task.
    """
    by_target = np.array(
        [
            _r2_per_task(rows, y, own)
            for y, own in zip(as_columns(rows.y).T, as_columns(answers).T, strict=True)
        ]
    )
    scores = np.ma.masked_where(np.isnan(by_target), by_target).mean(axis=0)
    return scores.compressed()


def _r2_per_task(rows: TaskRows, y: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Return R2 of every task; NaN of those whose values do not vary."""
    unit = unit_of(y)
    y, answers = y / unit, answers / unit
    weight, task = rows.weight, rows.task

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(task, weight * values, minlength=rows.n_tasks)

    n_rows = np.maximum(total(np.ones_like(y)), np.finfo(float).tiny)
    around_mean = total((y - (total(y) / n_rows)[task]) ** 2)
    # R2 has no meaning for a single value, of which rounding leaves a variance.
    rounding = (4 * np.finfo(float).eps * total(y) / n_rows) ** 2 * n_rows
    varies = around_mean > rounding
    scores = np.full(rows.n_tasks, np.nan)
    scores[varies] = 1 - total((y - answers) ** 2)[varies] / around_mean[varies]
    return scores
