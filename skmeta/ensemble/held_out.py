"""Members judged on tasks that were left out, for several numbers of support rows."""

import copy
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import _safe_indexing

from skmeta.ensemble.adapted import AdaptedMembers
from skmeta.ensemble.members import LearntTasks, learns_of_other_tasks
from skmeta.episodes.rounds import Round, draw_rounds
from skmeta.pipelines import last_step, with_last_step
from skmeta.tables.labels import TaskLabels, encode
from skmeta.tables.rows import TaskRows
from skmeta.utils.messages import silenced
from skmeta.utils.unique import number

__all__ = ["Questions", "ask", "ask_unknown", "simulate", "support_sizes"]

_N_SIZES = 5
_MOST_TASKS = 500  # to judge on: they say enough
_MOST_QUERY = 15  # rows of a task
_MOST_CLASS_QUERY = 5  # of each class of a task, where labels are its own

# An error, in standard deviations, that counts as without end.
_MOST = 1e4


def support_sizes(low: int, high: int) -> np.ndarray:
    """Choose numbers of support rows from a range, closer together where they are few.

    What is answered without any row is another question, and asked too.

    Parameters
    ----------
    low, high : int
        The range of ``n_shot``.

    Returns
    -------
    int ndarray
        Sorted; the first is 0.

    Examples
    --------
    >>> from skmeta.ensemble.held_out import support_sizes
    >>> support_sizes(1, 10)
    array([ 0,  1,  2,  3,  6, 10])
    """
    spread = np.geomspace(max(low, 1), max(high, 1), _N_SIZES)
    return np.unique([0, *spread.round().astype(int)])


class Questions(NamedTuple):
    """Simulated tasks of several sizes: supports to learn and queries to answer."""

    support: TaskRows
    query: TaskRows
    size: np.ndarray  # (n_tasks,): the number of support rows that a task stands for
    classes: np.ndarray | None  # all labels; None in regression

    @property
    def original(self) -> np.ndarray:
        """Return which task each row of the query is of, before there were sizes."""
        n_tasks = len(self.size) // len(np.unique(self.size))
        return self.query.task % n_tasks


def simulate(
    rows: TaskRows,
    sizes: np.ndarray,
    classes: np.ndarray | None,
    label_space: str | None,
    rng: np.random.Generator,
    *,
    support: str = "random",
) -> Questions:
    """Make a new task of every task for every size, each with a support of its own.

    Parameters
    ----------
    rows : TaskRows
        Rows of tasks that were left out.
    sizes : int ndarray of shape (n_sizes,)
        Numbers of support rows: of each class where labels are a task's own.
    classes : ndarray of shape (n_classes,) or None
        All labels; None in regression.
    label_space : {"shared", "per_task"} or None
        None in regression. Labels of one task only are replaced by codes.
    rng : numpy.random.Generator
        Draws supports, and tasks if there are too many.
    support : {"random", "first"}, default="random"
        Which rows of a task are known first. Supports that rows are given as such are
        drawn from these.

    Returns
    -------
    Questions
        Without tasks that are too small for a size, and without sizes that hardly any
        task is large enough for.

    Raises
    ------
    ValueError
        If no task has rows for a support and a query.
    """
    if rows.n_tasks > _MOST_TASKS:
        some = np.isin(rows.task, rng.permutation(rows.n_tasks)[:_MOST_TASKS])
        task = number(rows.task[some])[1]
        rows = _take(rows, np.flatnonzero(some), task, _MOST_TASKS)
    own_labels = label_space == "per_task"
    label = None
    if own_labels:  # their names mean nothing, and so few do for all tasks
        labels, label = TaskLabels.per_task(rows.y, rows.task, rows.n_tasks)
        rows = replace(rows, y=label)
        classes = np.arange(labels.n_classes.max())
    n_query = _MOST_CLASS_QUERY if own_labels else _MOST_QUERY
    rounds = draw_rounds(
        rows.task,
        label,
        n_way=None,
        n_episodes=None,
        n_repeats=len(sizes),
        rng=rng,
        support=support,
        in_support=rows.in_support,
    )
    supports: list[tuple[np.ndarray, np.ndarray]] = []
    queries: list[tuple[np.ndarray, np.ndarray]] = []
    kept_sizes: list[int] = []
    for size, drawn in zip(sizes.tolist(), rounds, strict=True):
        known, query = drawn.support(size), drawn.any_query(size, n_query, rng)
        able = _can_show(drawn, size, own_labels, known, query)
        if able.sum() < max(1, 0.2 * len(able)):
            continue
        first = len(kept_sizes) * len(able)
        for which, all_sizes in ((known, supports), (query, queries)):
            kept = which & able[drawn.episode]
            all_sizes.append((drawn.row[kept], first + drawn.episode[kept]))
        kept_sizes.append(size)
    if not kept_sizes:
        raise ValueError("No task has rows for a support and a query.")
    n_tasks = len(kept_sizes) * rows.n_tasks
    return Questions(
        _take(rows, *_joined(supports), n_tasks),
        _take(rows, *_joined(queries), n_tasks),
        np.repeat(kept_sizes, rows.n_tasks),
        classes,
    )


def _joined(
    parts: list[tuple[np.ndarray, np.ndarray]],
) -> tuple[np.ndarray, np.ndarray]:
    rows, task = zip(*parts, strict=True)
    return np.concatenate(rows), np.concatenate(task)


def _can_show(
    drawn: Round, size: int, own_labels: bool, support: np.ndarray, query: np.ndarray
) -> np.ndarray:
    """Tell which tasks have a query and about as many support rows, (n_tasks,)."""
    n_tasks = len(drawn.task)
    # A task is one cell, or one for each of its classes, with a row of place 0.
    n_cells = np.bincount(drawn.episode[drawn.place == 0], minlength=n_tasks)
    shown = np.bincount(drawn.episode[support], minlength=n_tasks)
    able = shown >= 0.8 * size * n_cells
    able &= np.bincount(drawn.episode[query], minlength=n_tasks) > 0
    return able & (n_cells > 1) if own_labels else able


def _take(
    rows: TaskRows, which: np.ndarray, task: np.ndarray, n_tasks: int
) -> TaskRows:
    """Take rows by their numbers, into other tasks."""
    return TaskRows(
        _safe_indexing(rows.X, which),
        rows.y[which],
        task,
        np.arange(n_tasks),
        None if rows.weight is None else rows.weight[which],
        None if rows.in_support is None else rows.in_support[which],
    )


def _taking_all_labels(member: Any) -> Any:
    """Let a copy take the label of unknown classes for any other, as codes may be."""
    last = copy.copy(last_step(member))
    if getattr(last, "unknown_label_", None) is None:
        return member
    last.unknown_label_ = None
    return with_last_step(member, last)


def ask_unknown(name: str, member: Any, questions: Questions) -> np.ndarray | None:
    """Let a member say how unknown the rows of simulated tasks look, all being known.

    Parameters
    ----------
    name, member, questions
        As :func:`ask` takes them.

    Returns
    -------
    ndarray of shape (n_rows,) or None
        NaN where it has no answer. None if it does not reject rows.
    """
    if getattr(last_step(member), "unknown_", None) is None:
        return None
    member, query = _taking_all_labels(member), questions.query
    with silenced():
        adapted = AdaptedMembers({name: member}, questions.support)
        [shares] = adapted.answers(query.X, query.task, LearntTasks.unknown_shares)
    return shares


def ask(name: str, member: Any, questions: Questions) -> np.ndarray:
    """Let a member learn and answer simulated tasks, all in one call.

    Parameters
    ----------
    name : str
        Name of the member.
    member : estimator
        Fitted on other tasks.
    questions : Questions
        Simulated tasks.

    Returns
    -------
    ndarray of shape (n_rows,) or (n_rows, n_classes)
        For each row of the query the error of its value in units of the targets'
        standard deviation, or the logarithm of each class's probability over that of
        its true class. NaN where it has no answer. Of several targets (n_rows,
        n_targets), or (n_rows, n_labels, 2), whose classes are to lack and to have a
        label.
    """
    member = _taking_all_labels(member)
    query, classes = questions.query, questions.classes
    shape = query.y.shape
    if classes is not None:
        shape += (2 if query.y.ndim == 2 else len(classes),)
    answers = np.full(shape, np.nan)
    # Who learns of the supports of all tasks must not see one task in two sizes.
    parts = [np.ones(len(questions.size), dtype=bool)]
    if learns_of_other_tasks(member):
        parts = [questions.size == size for size in np.unique(questions.size)]
    for part in parts:
        asked = part[query.task]
        support = questions.support.take(part[questions.support.task])
        with silenced():  # nobody has asked about these tasks
            adapted = AdaptedMembers({name: member}, support)
            own = query.take(asked)
            if classes is None:
                [values] = adapted.answers(own.X, own.task, LearntTasks.values)
                if values.ndim == own.y.ndim:  # else it has no answer at all
                    spread = np.std(query.y, axis=0)
                    answers[asked] = (values - own.y) / np.where(spread, spread, 1.0)
                continue
            code, logs_of = own.y, LearntTasks.label_log_probabilities
            if own.y.ndim == 1:
                code = encode(own.y, classes)
                logs_of = partial(LearntTasks.log_probabilities, classes=classes)
            [logs] = adapted.answers(own.X, own.task, logs_of)
            if logs.ndim == answers.ndim:
                true = np.take_along_axis(logs, code[..., np.newaxis], axis=-1)
                answers[asked] = logs - true
    return np.clip(answers, -_MOST, _MOST)  # NaN stays
