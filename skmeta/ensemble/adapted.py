"""The current tasks of an ensemble, as each of its members has learnt them."""

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, Self

import numpy as np
from sklearn.utils import _safe_indexing

from skmeta.ensemble.members import LearntTasks
from skmeta.exceptions import LoadError, SaveError
from skmeta.model_selection._rows import stack_rows
from skmeta.pipelines import to_send
from skmeta.tables.labels import TaskLabels
from skmeta.tables.rows import TaskRows, join_targets
from skmeta.tables.unlabelled import UnlabelledRows
from skmeta.utils.messages import (
    Said,
    collected,
    listed,
    of_tasks,
    say_once,
    tasks_called,
    unsorted,
    warn,
)
from skmeta.utils.unique import United, unite

__all__ = ["AdaptedMembers", "prior_of"]

_LABELS = ("vocabulary", "members", "first", "n_classes")
_ROWS = ("X", "y", "task", "weight")


class AdaptedMembers:
    """Fitted members, adapted to the same tasks.

    It never changes, so that shallow copies of an ensemble may share it.

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
    keep : bool, default=False
        Keep a copy of the supports, if members cannot take rows one by one and must be
        given all of them anew.

    Attributes
    ----------
    ids : int ndarray of shape (n_tasks,)
        What members call each task; a task keeps it when others come or go.
    waiting : UnlabelledRows or None
        Rows without a target where no row has any yet, of tasks by their ids.
    lost : int ndarray or None
        The tasks, by their ids, whose waiting rows a file has left out.
    rows : TaskRows or None
        The supports that are kept, of tasks by their ids.
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
        keep: bool = False,
    ):
        self.members = dict(members)
        self.names = rows.names
        self.ids = np.arange(rows.n_tasks)
        self.labels = labels
        self.label_space = label_space
        self._set_support(np.bincount(rows.task, minlength=rows.n_tasks))
        self.learnt: dict[str, LearntTasks] = {}
        self.rows: TaskRows | None = None
        if not len(rows):
            others = rows.unlabelled
            if keep and others is not None and len(others.task):
                self.waiting = others
            return
        self._let_learn(rows, lambda name: LearntTasks(self.members[name], rows))
        if keep and self._needs_all_rows:
            self.rows = _copied(rows)

    def _set_support(self, n_support: np.ndarray) -> None:
        self.n_support = n_support
        self.size = n_support.astype(float)
        if self.label_space == "per_task" and self.labels is not None:
            self.size /= np.maximum(self.labels.n_classes, 1)

    def _by_names(self) -> AbstractContextManager[None]:
        """Let members call tasks, which are numbers to them, by their names."""
        return tasks_called(self.ids, self.names)

    def _let_learn(
        self, rows: TaskRows, learn: Callable[[str], LearntTasks], names: Any = None
    ) -> None:
        """Set what members learn; those that take no weights are left out."""
        self.learnt, left_out, said = {}, {}, {}
        for name in self.members if names is None else names:
            try:
                with self._by_names(), collected() as said[name]:
                    self.learnt[name] = learn(name)
            except ValueError as error:
                if rows.weight is None or "weight" not in str(error):
                    raise
                left_out[name] = error
        say_once(said)
        if not self.learnt:
            raise ValueError(f"No member takes weights of rows: {left_out}.")
        if left_out:
            warn(
                f"The members {listed([*left_out])} take no weights of rows and are "
                "left out of the answers to these tasks."
            )

    waiting: UnlabelledRows | None = None
    lost: np.ndarray | None = None

    # Tasks that come and go ---------------------------------------------------------

    @property
    def has_no_row(self) -> bool:
        """Whether all tasks are known without any row, with or without a target."""
        nothing_waits = self.waiting is None and self.lost is None
        return nothing_waits and not self.n_support.any()

    def _of_lost(self) -> str:
        if self.names is None or self.lost is None:
            return ""
        return of_tasks(self.names[np.isin(self.ids, self.lost)])

    @property
    def _needs_all_rows(self) -> bool:
        return not all(each.takes_more for each in self.learnt.values())

    def _all_rows(self) -> TaskRows:
        """Return the supports that members are given anew."""
        if self.rows is None:
            names = [name for name, each in self.learnt.items() if not each.takes_more]
            raise ValueError(
                f"The members {listed(names)} learn anew from all rows when some come "
                "or go, and the earlier rows are not here: a file has them only if it "
                "was written by save(path, supports=True). Load such a file, or call "
                "adapt with all rows."
            )
        return self.rows

    def with_first(self, rows: TaskRows) -> TaskRows:
        """Put rows of tasks beside those that no member has learnt anything of yet."""
        names, known, place = self.names, *np.zeros((2, 1), dtype=np.intp)
        if names is not None and rows.names is not None:
            names, known, place = _united(names, rows.names)
        others, waiting = rows.unlabelled, self.waiting
        if self.lost is not None:
            raise ValueError(
                "Members learn rows without targets beside the first that have one, "
                f"and the earlier ones{self._of_lost()} are not here: a file has them "
                "only if it was written by save(path, supports=True). Load such a "
                "file, or call adapt with all rows."
            )
        if others is not None:
            others = others._replace(task=place[others.task])
        if waiting is not None:
            task = known[np.searchsorted(self.ids, waiting.task)]
            X = waiting.X
            if others is not None:
                X = stack_rows(X, others.X)
                task = np.concatenate([task, others.task])
            others = UnlabelledRows(X, task, np.ones(len(task), dtype=bool))
        return replace(rows, task=place[rows.task], names=names, unlabelled=others)

    def extended(self, rows: TaskRows, labels: TaskLabels | None) -> Self:
        """Return what members know when rows have come as well.

        Members without ``partial_adapt`` adapt to all rows anew.

        Parameters
        ----------
        rows : TaskRows
            Rows of tasks that are known, or of new ones.
        labels : TaskLabels or None
            The classes of their tasks, those of earlier rows among them.
        """
        known = place = np.zeros(1, dtype=np.intp)
        names = None
        if rows.names is not None:
            assert self.names is not None  # or the rows had none
            names, known, place = _united(self.names, rows.names)
        more = copy.copy(self)
        more.names = names
        n_tasks = 1 if names is None else len(names)
        more.ids = np.full(n_tasks, -1)
        more.ids[known] = self.ids
        is_new = more.ids < 0
        more.ids[is_new] = 1 + self.ids.max() + np.arange(np.count_nonzero(is_new))
        if labels is not None:
            assert self.labels is not None  # of the same kind of target
            more.labels = self.labels.extended(known, labels, place)
        n_support = np.bincount(place[rows.task], minlength=n_tasks)
        n_support[known] += self.n_support
        more._set_support(n_support)
        own = replace(rows, task=more.ids[place[rows.task]], names=None)
        if (others := rows.unlabelled) is not None:
            others = others._replace(task=more.ids[place[others.task]])
            own = replace(own, unlabelled=others)
        if self._needs_all_rows:
            more.rows = _stacked(self._all_rows(), own)

        def learn(name: str) -> LearntTasks:
            if self.learnt[name].takes_more:
                return self.learnt[name].with_more(own)
            return more._learnt_anew(name)

        more._let_learn(rows, learn, self.learnt)
        return more

    def without(self, tasks: np.ndarray) -> Self | None:
        """Return what members know without some of the tasks; None if none is left."""
        if not len(tasks):
            return self
        stays = np.ones(len(self.ids), dtype=bool)
        stays[tasks] = False
        if not stays.any():
            return None
        assert self.names is not None  # several tasks have names
        fewer = copy.copy(self)
        kept = np.flatnonzero(stays)
        fewer.names, fewer.ids = self.names[kept], self.ids[kept]
        if self.labels is not None:
            fewer.labels = self.labels.take(kept)
        fewer._set_support(self.n_support[kept])
        gone = self.ids[~stays]
        if self.waiting is not None:
            others = self.waiting.take(np.isin(self.waiting.task, fewer.ids))
            fewer.waiting = others if len(others.task) else None
        if self.lost is not None:
            lost = np.intersect1d(self.lost, fewer.ids)
            fewer.lost = lost if len(lost) else None
        if self._needs_all_rows:
            rows = self._all_rows()
            fewer.rows = rows.take(np.isin(rows.task, fewer.ids))

        def learn(name: str) -> LearntTasks:
            if self.learnt[name].takes_more:
                return self.learnt[name].without(gone)
            return fewer._learnt_anew(name)

        fewer.learnt = {name: learn(name) for name in self.learnt}
        return fewer

    def _learnt_anew(self, name: str) -> LearntTasks:
        """Let a member learn all rows that are kept, of which none may be left."""
        assert self.rows is not None  # a member needs it
        member = self.members[name]
        return (
            LearntTasks(member, self.rows)
            if len(self.rows)
            else LearntTasks.of_none(member)
        )

    # In files -----------------------------------------------------------------------

    def parts(self, supports: bool = False) -> dict[str, Any]:
        """Return what :meth:`of_parts` makes the same of, members apart.

        Raises
        ------
        SaveError
            If ``supports`` are to be among it that are not there.
        """
        labels = self.labels
        parts = {
            "names": self.names,
            "ids": self.ids,
            "n_support": self.n_support,
            "size": self.size,
            "learnt": list(self.learnt),
            "labels": labels and {name: getattr(labels, name) for name in _LABELS},
        }
        needs_rows = supports and self._needs_all_rows
        if (needs_rows and self.rows is None) or (supports and self.lost is not None):
            raise SaveError(
                "The rows that the current tasks were learnt from are not here to "
                "be saved: the ensemble comes from a file without them. Call adapt "
                "with these rows, or leave supports=True out."
            )
        if needs_rows:
            parts["rows"] = {name: getattr(self.rows, name) for name in _ROWS}
        waiting, lost = self.waiting, self.lost
        if waiting is not None and supports:
            parts["waiting"] = {"X": waiting.X, "task": waiting.task}
        elif waiting is not None:
            lost = np.unique(waiting.task)
        if lost is not None:
            parts["lost"] = lost
        return parts

    @classmethod
    def of_parts(
        cls,
        members: Mapping[str, Any],
        parts: Mapping[str, Any],
        label_space: str | None = None,
    ) -> "AdaptedMembers":
        """Make what :meth:`parts` returned, of members that still know the tasks.

        Raises
        ------
        LoadError
            If there are other tasks than ids or rows of them.
        """
        adapted = cls.__new__(cls)
        # Who forgets tasks is to know nothing of them.
        adapted.members = {name: to_send(member) for name, member in members.items()}
        adapted.label_space = label_space
        for name in ("names", "n_support", "size"):
            setattr(adapted, name, parts[name])
        labels = parts["labels"]
        adapted.labels = None if labels is None else TaskLabels(**labels)
        adapted.learnt = {
            name: LearntTasks.of(members[name]) for name in parts["learnt"]
        }
        adapted.ids = np.asarray(parts.get("ids", np.arange(len(adapted.n_support))))
        adapted.rows = adapted.waiting = None
        if "rows" in parts:
            adapted.rows = TaskRows(**parts["rows"])
        if "waiting" in parts:
            X, task = parts["waiting"]["X"], parts["waiting"]["task"]
            adapted.waiting = UnlabelledRows(X, task, np.ones(len(task), dtype=bool))
        adapted.lost = parts.get("lost")
        adapted._check()
        return adapted

    def _check(self) -> None:
        """Refuse ids and rows of a file that are of other tasks."""
        ids, rows, waiting, lost = self.ids, self.rows, self.waiting, self.lost
        is_right = ids.shape == self.n_support.shape and ids.dtype.kind == "i"
        if is_right and rows is not None:
            n_rows = np.shape(rows.X)[0]
            is_right = (
                n_rows == len(rows.y) == len(rows.task) == self.n_support.sum()
                and (rows.weight is None or len(rows.weight) == n_rows)
                and bool(np.isin(rows.task, ids).all())
            )
        if is_right and waiting is not None:
            is_right = np.shape(waiting.X)[0] == len(waiting.task) and bool(
                np.isin(waiting.task, ids).all()
            )
        if is_right and lost is not None:
            is_right = len(lost) > 0 and bool(np.isin(lost, ids).all())
        if not is_right:
            raise LoadError("Its rows are not those of its tasks.")

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
        said: dict[str, Said] = {}
        for name, member in self.members.items():
            said[name] = []
            answers = np.full(len(task), np.nan)
            for rows, by_prior in ((supported, False), (~supported, True)):
                if not rows.any():
                    continue
                known = prior_of(member) if by_prior else self.learnt.get(name)
                if known is None:
                    continue
                asked = _safe_indexing(X, np.flatnonzero(rows))
                with self._by_names(), collected() as told:
                    own = ask(known, asked, self.ids[task[rows]])
                said[name] += told
                if own is None:
                    continue
                if answers.ndim < own.ndim:
                    answers = np.full((len(task), *own.shape[1:]), np.nan)
                answers[rows] = own
            yield answers
        say_once(said)

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
        weights : ndarray of shape (n_rows, n_members) or (n_rows, n_members, n_targets)
            Weights of the members for each row, and for each of several targets.

        Returns
        -------
        ndarray of shape (n_rows, ...)
            NaN where no member has an answer.
        """
        # Where all who answer have weight 0, they have the same say.
        of_members = np.moveaxis(weights, 1, 0)
        mean, alike = _Mean(of_members.shape[1:]), _Mean(of_members.shape[1:])
        for weight, own in zip(of_members, self.answers(X, task, ask), strict=True):
            answered = np.isfinite(own.reshape(len(task), -1)).all(axis=1)
            mean.add(own, np.where(_beside(answered, weight), weight, 0.0))
            alike.add(own, _beside(answered, weight) * np.ones_like(weight))
        none = mean.weight == 0
        return np.where(_beside(none, mean.total), alike.value(), mean.value())


def _united(names: np.ndarray, others: np.ndarray) -> United:
    try:
        return unite(names, others)
    except TypeError as error:
        raise ValueError(f"groups holds {unsorted(names, others)}.") from error


def _copied(rows: TaskRows) -> TaskRows:
    """Copy rows, which may be in the hands of the user."""
    X = rows.X.copy()
    return TaskRows(X, rows.y.copy(), rows.task, weight=rows.weight)


def _stacked(above: TaskRows, below: TaskRows) -> TaskRows:
    """Put rows under others; those without a weight count 1."""
    weight = None
    if above.weight is not None or below.weight is not None:
        weight = np.concatenate(
            [
                np.ones(len(each)) if each.weight is None else each.weight
                for each in (above, below)
            ]
        )
    return TaskRows(
        stack_rows(above.X, below.X),
        join_targets([above.y, below.y]),
        np.concatenate([above.task, below.task]),
        weight=weight,
    )


class _Mean:
    """A weighted mean of each row's answers, as they come."""

    def __init__(self, shape: tuple[int, ...]):
        self.total: np.ndarray = np.zeros(shape)
        self.weight = np.zeros(shape)

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
    """Give what is known of rows, or of their targets, the axes of answers besides."""
    return of_row.reshape(*of_row.shape, *(1,) * (answers.ndim - of_row.ndim))


def prior_of(member: Any) -> LearntTasks | None:
    """Return a member that knows of no task but answers, None if it cannot."""
    try:
        return LearntTasks(member, None)
    except ValueError:
        return None
