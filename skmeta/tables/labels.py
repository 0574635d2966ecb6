"""Label spaces: from labels to class codes and back.

In a *shared* label space a label means the same in every task and has one code. In a
*per-task* label space labels are only names inside one task: each task numbers its own
classes from zero.
"""

from functools import cached_property

import numpy as np

from skmeta.utils.messages import show, unsorted, warn
from skmeta.utils.unique import number, places_of, unite

__all__ = [
    "TaskLabels",
    "are_among",
    "choose_label_space",
    "encode",
    "infer_label_space",
    "refuse_declared_names",
    "refuse_undeclared",
    "warn_of_unknown",
]


def infer_label_space(y: np.ndarray, task: np.ndarray) -> str:
    """Tell whether labels recur from task to task.

    Parameters
    ----------
    y : ndarray of shape (n_rows,)
        Label of each row.
    task : int ndarray of shape (n_rows,)
        Task of each row, 0 .. n_tasks - 1.

    Returns
    -------
    {"shared", "per_task"}
        "shared" if at least half of the rows have a label that occurs in two tasks or
        more, and where there is one task only. A handful of rare labels decide nothing.
    """
    _, label, recurs = _recurring(y, task)
    return _by_rows(label, recurs, task)


def choose_label_space(y: np.ndarray, task: np.ndarray) -> str:
    """Tell whether labels recur from task to task, and say so where it is not plain.

    Parameters
    ----------
    y : ndarray of shape (n_rows,)
        Label of each row.
    task : int ndarray of shape (n_rows,)
        Task of each row, 0 .. n_tasks - 1.

    Returns
    -------
    {"shared", "per_task"}
        As :func:`infer_label_space` has it.

    Warns
    -----
    UserWarning
        If some labels occur in a single task and others in several, or if there is no
        second task that could tell.
    """
    vocabulary, label, recurs = _recurring(y, task)
    space = _by_rows(label, recurs, task)
    if recurs.all() or not (recurs.any() or space == "shared"):
        return space
    share = recurs[label].mean()
    seen = "there is one task only"
    if recurs.any():
        few = vocabulary[recurs] if space == "per_task" else vocabulary[~recurs]
        seen = f"{share:.1%} of the rows have a label that occurs in several tasks"
        seen += ", " if space == "per_task" else ", but not "
        seen += show(few)
    means = {"shared": "to mean the same in every task", "per_task": "for mere names"}
    warn(
        f"label_space='auto' takes labels {means[space]}: {seen}. Set "
        f"label_space={space!r} if that is right, and the other one if not."
    )
    return space


def _by_rows(label: np.ndarray, recurs: np.ndarray, task: np.ndarray) -> str:
    """Let most rows decide, and one task be for shared labels."""
    is_shared = 2 * recurs[label].sum() >= len(label) or (task == task[0]).all()
    return "shared" if is_shared else "per_task"


def _recurring(
    y: np.ndarray, task: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Number labels, and tell which occur in several tasks."""
    vocabulary, label = number(y)
    one_task = np.empty(len(vocabulary), dtype=np.intp)
    one_task[label] = task  # some task that the label occurs in
    recurs = np.zeros(len(vocabulary), dtype=bool)
    recurs[label[task != one_task[label]]] = True
    return vocabulary, label, recurs


def are_among(labels: np.ndarray, vocabulary: np.ndarray) -> np.ndarray:
    """Tell which labels a vocabulary has; the number 1 is not the word "1".

    Parameters
    ----------
    labels : ndarray of shape (n_rows,)
        Labels.
    vocabulary : ndarray of shape (n_labels,)
        Known labels.

    Returns
    -------
    bool ndarray of shape (n_rows,)
        True for those that are known.
    """
    is_text = [each.dtype.kind in "US" for each in (labels, vocabulary)]
    is_number = [each.dtype.kind in "biufc" for each in (labels, vocabulary)]
    if any(is_text) and any(is_number):  # numpy would write the numbers as words
        return np.zeros(len(labels), dtype=bool)
    return np.isin(labels, vocabulary)


def refuse_declared_names(label_space: str) -> None:
    """Refuse labels declared beforehand where they are names inside a task.

    Raises
    ------
    ValueError
        If the label space is "per_task".
    """
    if label_space == "per_task":
        raise ValueError(
            "classes declares labels that mean the same in every task, and these are "
            "names inside a task. Leave it out, or set label_space='shared'."
        )


def refuse_undeclared(y: np.ndarray, declared: np.ndarray | None) -> None:
    """Hold labels against those that were declared beforehand, if any were.

    Raises
    ------
    ValueError
        If there are others.
    """
    if declared is None:
        return
    seen = np.unique(y)
    others = seen[~are_among(seen, declared)]
    if len(others):
        raise ValueError(
            f"y holds the labels {show(others)}, which are not among the declared "
            f"classes {show(declared)}."
        )


def warn_of_unknown(labels: np.ndarray) -> None:
    """Say once, where tasks are judged, which labels nobody could have learnt.

    Parameters
    ----------
    labels : ndarray of shape (n_labels,)
        Labels of new tasks that a shared label space does not have; may be none.
    """
    if len(labels):
        warn(
            f"Labels {show(labels)} are unknown to the shared label space that fit has "
            "learnt. Their rows are left out of supports, and answers to them count "
            "as wrong. fit(..., classes=) declares labels beforehand."
        )


class TaskLabels:
    """The classes of every task of a set of tasks.

    Task ``t`` has ``n_classes[t]`` classes; its class ``c`` is the label
    ``vocabulary[members[first[t] + c]]``.

    Parameters
    ----------
    vocabulary : ndarray of shape (n_labels,)
        All labels, sorted.
    members : int ndarray
        Indices into the vocabulary, task after task.
    first : int ndarray of shape (n_tasks,)
        Where each task's classes begin in ``members``.
    n_classes : int ndarray of shape (n_tasks,)
        Number of classes of each task.

    Examples
    --------
    >>> import numpy as np
    >>> from skmeta.tables.labels import TaskLabels
    >>> y, task = np.array(["cat", "dog", "cow", "cat"]), np.array([0, 0, 1, 1])
    >>> labels, codes = TaskLabels.per_task(y, task, n_tasks=2)
    >>> codes
    array([0, 1, 1, 0])
    >>> labels.decode(codes, task)
    array(['cat', 'dog', 'cow', 'cat'], dtype='<U3')
    """

    def __init__(
        self,
        vocabulary: np.ndarray,
        members: np.ndarray,
        first: np.ndarray,
        n_classes: np.ndarray,
    ):
        self.vocabulary = vocabulary
        self.members = members
        self.first = first
        self.n_classes = n_classes

    @classmethod
    def shared(cls, vocabulary: np.ndarray, n_tasks: int) -> "TaskLabels":
        """Give every task the whole vocabulary."""
        n_labels = len(vocabulary)
        return cls(
            vocabulary,
            members=np.arange(n_labels),
            first=np.zeros(n_tasks, dtype=np.intp),
            n_classes=np.full(n_tasks, n_labels),
        )

    @classmethod
    def per_task(
        cls, y: np.ndarray, task: np.ndarray, n_tasks: int
    ) -> tuple["TaskLabels", np.ndarray]:
        """Number the classes of each task; return them and the code of each row."""
        vocabulary, label = number(y)
        pairs, pair_of_row = number(task * len(vocabulary) + label)
        labels = cls.of_pairs(vocabulary, pairs, n_tasks)
        return labels, pair_of_row - labels.first[task]

    @classmethod
    def of_pairs(
        cls, vocabulary: np.ndarray, pairs: np.ndarray, n_tasks: int
    ) -> "TaskLabels":
        """Number the classes of tasks by the pairs of task and label that there are.

        Parameters
        ----------
        vocabulary : ndarray of shape (n_labels,)
            All labels, sorted.
        pairs : int ndarray of shape (n_pairs,)
            Numbers ``task * n_labels + label``, sorted.
        n_tasks : int
            Number of tasks.
        """
        task, members = np.divmod(pairs, len(vocabulary))
        n_classes = np.bincount(task, minlength=n_tasks)
        first = np.cumsum(n_classes) - n_classes
        return cls(vocabulary, members, first, n_classes)

    def codes(self, y: np.ndarray, task: np.ndarray) -> np.ndarray:
        """Number labels inside their tasks, which have them.

        Parameters
        ----------
        y : ndarray of shape (n_rows,)
            Labels.
        task : int ndarray of shape (n_rows,)
            Task of each row; what a row of task -1 gets has no meaning.

        Returns
        -------
        int ndarray of shape (n_rows,)
            Class of each row.
        """
        pairs = task * len(self.vocabulary) + encode(y, self.vocabulary)
        place = np.searchsorted(self._pairs, pairs)
        return place - self.first[task]

    @cached_property
    def _pairs(self) -> np.ndarray:
        """Tasks and labels as :meth:`of_pairs` was given them."""
        task = np.repeat(np.arange(len(self.first)), self.n_classes)
        return task * len(self.vocabulary) + self.members

    def decode(self, codes: np.ndarray, task: np.ndarray) -> np.ndarray:
        """Name the class code of each row, given the row's task."""
        if self.are_shared:  # members are all, in their order
            return self.vocabulary[codes]
        return self.vocabulary[self.members[self.first[task] + codes]]

    def pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """List the classes of all tasks, as a label and the number of its task each."""
        members = self.members[places_of(self.first, self.n_classes)]
        task = np.repeat(np.arange(len(self.first)), self.n_classes)
        return self.vocabulary[members], task

    @property
    def are_shared(self) -> bool:
        """Whether every task has the whole vocabulary."""
        n_labels = len(self.vocabulary)
        return (
            len(self.members) == n_labels
            and not self.first.any()
            and bool((self.n_classes == n_labels).all())
        )

    def extended(
        self, place: np.ndarray, others: "TaskLabels", other_place: np.ndarray
    ) -> "TaskLabels":
        """Put tasks among these; where two have one place, the other one has it.

        Parameters
        ----------
        place : int ndarray of shape (n_tasks,)
            New number of each task.
        others : TaskLabels
            The classes of further tasks.
        other_place : int ndarray of shape (n_other_tasks,)
            New number of each of these.

        Returns
        -------
        TaskLabels
            Of all tasks.

        Raises
        ------
        ValueError
            If some labels are words and others numbers.
        """
        n_tasks = 1 + max(place.max(initial=-1), other_place.max(initial=-1))
        if (
            self.are_shared
            and others.are_shared
            and np.array_equal(self.vocabulary, others.vocabulary)
        ):
            return TaskLabels.shared(self.vocabulary, n_tasks)
        try:
            vocabulary, own, other = unite(self.vocabulary, others.vocabulary)
        except TypeError as error:
            raise ValueError(
                f"y holds {unsorted(self.vocabulary, others.vocabulary)}."
            ) from error
        first, n_classes = np.zeros((2, n_tasks), dtype=np.intp)
        first[place], n_classes[place] = self.first, self.n_classes
        first[other_place] = len(self.members) + others.first
        n_classes[other_place] = others.n_classes
        members = np.concatenate([own[self.members], other[others.members]])
        labels = TaskLabels(vocabulary, members, first, n_classes)
        # Lists that tasks had before stay behind, until they are half of all.
        return labels._without_gaps() if len(members) > 2 * n_classes.sum() else labels

    def take(self, tasks: np.ndarray) -> "TaskLabels":
        """Keep some tasks, in the order in which they are named, and their labels.

        Of labels that mean the same in every task all stay.
        """
        if self.are_shared:
            return TaskLabels.shared(self.vocabulary, len(tasks))
        first, n_classes = self.first[tasks], self.n_classes[tasks]
        labels = TaskLabels(self.vocabulary, self.members, first, n_classes)
        labels = labels._without_gaps()
        is_used = np.zeros(len(self.vocabulary), dtype=bool)
        is_used[labels.members] = True
        labels.vocabulary = self.vocabulary[is_used]
        labels.members = (np.cumsum(is_used) - 1)[labels.members]
        return labels

    def _without_gaps(self) -> "TaskLabels":
        members = self.members[places_of(self.first, self.n_classes)]
        first = np.cumsum(self.n_classes) - self.n_classes
        return TaskLabels(self.vocabulary, members, first, self.n_classes)

    def spread(
        self, answers: np.ndarray, task: np.ndarray, without: float = 0.0
    ) -> np.ndarray:
        """Move each row's answers about its classes to the columns of the vocabulary.

        Parameters
        ----------
        answers : ndarray of shape (n_rows, n_codes)
            Column c belongs to class c of the row's own task; columns beyond its
            ``n_classes`` are ignored.
        task : int ndarray of shape (n_rows,)
            Task of each row.
        without : float, default=0.0
            The answer about labels that the row's task does not know, such as the
            probability 0.

        Returns
        -------
        ndarray of shape (n_rows, n_labels)
            Answers about every label.
        """
        codes = np.arange(answers.shape[1])
        row, code = np.nonzero(codes < self.n_classes[task][:, np.newaxis])
        column = self.members[self.first[task][row] + code]
        shape = len(answers), len(self.vocabulary)
        spread = np.full(shape, without, dtype=answers.dtype)
        spread[row, column] = answers[row, code]
        return spread


def encode(y: np.ndarray, vocabulary: np.ndarray) -> np.ndarray:
    """Give each label its code in a shared label space.

    Parameters
    ----------
    y : ndarray of shape (n_rows,)
        Labels.
    vocabulary : ndarray of shape (n_labels,)
        Known labels, sorted.

    Returns
    -------
    int ndarray of shape (n_rows,)
        Positions in the vocabulary.

    Raises
    ------
    ValueError
        If a label is not in the vocabulary; the message names it.
    """
    seen, label = number(y)
    unknown = ~are_among(seen, vocabulary)
    if unknown.any():
        raise ValueError(
            f"Labels {show(seen[unknown])} are unknown to the shared label space "
            f"{show(vocabulary)} that fit has learnt. If labels are only names inside "
            "one task, fit with label_space='per_task'."
        )
    return np.searchsorted(vocabulary, seen)[label]
