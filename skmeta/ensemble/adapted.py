"""The current tasks of an ensemble, as each of its members has learnt them."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing

from skmeta.ensemble.members import LearntTasks
from skmeta.tables.labels import TaskLabels
from skmeta.tables.rows import TaskRows
from skmeta.utils.messages import listed, warn

__all__ = ["AdaptedMembers", "prior_of"]

_LABELS = ("vocabulary", "members", "first", "n_classes")


class AdaptedMembers:
    """Fitted members, adapted to the same tasks.

    Parameters
    ----------
    members : dict of str to estimator
        Fitted; they stay as they are.
    rows : TaskRows
        Supports. There may be tasks without rows, and they are answered by the priors
        of the members that have one.
    labels : TaskLabels, default=None
        The classes of the tasks, in classification.
    label_space : {"shared", "per_task"}, default=None
        None in regression.

    Attributes
    ----------
    learnt : dict of str to LearntTasks
        What the members know; a member that takes no weights is not there if the rows
        have any, and none is if there are no rows.
    n_support : int ndarray of shape (n_tasks,)
        Support rows of each task.
    size : ndarray of shape (n_tasks,)
        The same, of each class where labels are a task's own.
    names : ndarray of shape (n_tasks,) or None
        The tasks' groups, sorted; None for a single task without a name.
    """

    def __init__(
        self,
        members: Mapping[str, Any],
        rows: TaskRows,
        labels: TaskLabels | None = None,
        label_space: str | None = None,
    ):
        self.members = dict(members)
        self.names = rows.names
        self.labels = labels
        self.n_support = np.bincount(rows.task, minlength=rows.n_tasks)
        self.size = self.n_support.astype(float)
        if label_space == "per_task" and labels is not None:
            self.size /= np.maximum(labels.n_classes, 1)
        self.learnt: dict[str, LearntTasks] = {}
        if not len(rows):
            return
        left_out = {}
        for name, member in members.items():
            try:
                self.learnt[name] = LearntTasks(member, rows)
            except ValueError as error:
                if rows.weight is None or "weight" not in str(error):
                    raise
                left_out[name] = error
        if not self.learnt:
            raise ValueError(f"No member takes weights of rows: {left_out}.")
        if left_out:
            warn(
                f"The members {listed([*left_out])} take no weights of rows and are "
                "left out of the answers to these tasks."
            )

    def parts(self) -> dict[str, Any]:
        """Return what :meth:`of_parts` makes the same of, members apart."""
        labels = self.labels
        return {
            "names": self.names,
            "n_support": self.n_support,
            "size": self.size,
            "learnt": list(self.learnt),
            "labels": labels and {name: getattr(labels, name) for name in _LABELS},
        }

    @classmethod
    def of_parts(
        cls, members: Mapping[str, Any], parts: Mapping[str, Any]
    ) -> "AdaptedMembers":
        """Make what :meth:`parts` returned, of members that still know the tasks."""
        adapted = cls.__new__(cls)
        adapted.members = dict(members)
        for name in ("names", "n_support", "size"):
            setattr(adapted, name, parts[name])
        labels = parts["labels"]
        adapted.labels = None if labels is None else TaskLabels(**labels)
        adapted.learnt = {
            name: LearntTasks.of(members[name]) for name in parts["learnt"]
        }
        return adapted

    def learners(self) -> dict[str, Any]:
        """Return the members as they know the tasks, those left out as they are."""
        return {
            name: self.learnt[name].adapted_member() if name in self.learnt else member
            for name, member in self.members.items()
        }

    def answers(
        self,
        X: Any,
        task: np.ndarray,
        ask: Callable[[LearntTasks, Any, np.ndarray], np.ndarray | None],
    ) -> Iterator[np.ndarray]:
        """Ask one member after the other about rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Rows.
        task : int ndarray of shape (n_rows,)
            Task of each row, -1 for one that is not known.
        ask : callable
            From what a member has learnt, rows and their tasks to answers, None if
            it has none of this sort.

        Yields
        ------
        ndarray of shape (n_rows, ...)
            NaN where the member has no answer, such as one without a prior to a task
            without a support row; of shape (n_rows,) if it has none at all.
        """
        supported = (self.n_support[task] > 0) & (task >= 0)
        for name, member in self.members.items():
            answers = np.full(len(task), np.nan)
            for rows, by_prior in ((supported, False), (~supported, True)):
                if not rows.any():
                    continue
                known = prior_of(member) if by_prior else self.learnt.get(name)
                if known is None:
                    continue
                own = ask(known, _safe_indexing(X, np.flatnonzero(rows)), task[rows])
                if own is None:
                    continue
                if answers.ndim < own.ndim:
                    answers = np.full((len(task), *own.shape[1:]), np.nan)
                answers[rows] = own
            yield answers

    def mean(
        self,
        X: Any,
        task: np.ndarray,
        ask: Callable[[LearntTasks, Any, np.ndarray], np.ndarray | None],
        weights: np.ndarray,
    ) -> np.ndarray:
        """Mix the answers to each row, of those members that have one.

        Parameters
        ----------
        X, task, ask
            As :meth:`answers` takes them.
        weights : ndarray of shape (n_rows, n_members)
            Weights of the members for each row.

        Returns
        -------
        ndarray of shape (n_rows, ...)
            NaN where no member has an answer.
        """
        # Where all who answer have weight 0, they have the same say.
        mean, alike = _Mean(len(task)), _Mean(len(task))
        for weight, own in zip(weights.T, self.answers(X, task, ask), strict=True):
            answered = np.isfinite(own.reshape(len(task), -1)).all(axis=1)
            mean.add(own, np.where(answered, weight, 0.0))
            alike.add(own, answered.astype(float))
        none = mean.weight == 0
        return np.where(_beside(none, mean.total), alike.value(), mean.value())


class _Mean:
    """A weighted mean of each row's answers, as they come."""

    def __init__(self, n_rows: int):
        self.total: np.ndarray = np.zeros(n_rows)
        self.weight = np.zeros(n_rows)

    def add(self, answers: np.ndarray, weight: np.ndarray) -> None:
        if self.total.ndim < answers.ndim:
            self.total = np.zeros(answers.shape)
        if answers.ndim < self.total.ndim:  # it has no answer at all
            return
        weighed = _beside(weight, answers) * answers
        self.total += np.where(_beside(weight > 0, answers), weighed, 0.0)
        self.weight += weight

    def value(self) -> np.ndarray:
        with np.errstate(invalid="ignore"):  # NaN for a row without an answer
            return self.total / _beside(self.weight, self.total)


def _beside(of_row: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Give what is known of rows the axes that answers have besides."""
    return of_row.reshape(-1, *(1,) * (answers.ndim - 1))


def prior_of(member: Any) -> LearntTasks | None:
    """Return a member that knows of no task but answers, None if it cannot."""
    try:
        return LearntTasks(member, None)
    except ValueError:
        return None
