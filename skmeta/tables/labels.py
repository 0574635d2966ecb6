"""Label spaces: from labels to class codes and back.

In a *shared* label space a label means the same in every task and has one code. In a
*per-task* label space labels are only names inside one task: each task numbers its own
classes from zero.
"""

import numpy as np

from skmeta.utils.messages import show
from skmeta.utils.unique import number

__all__ = ["TaskLabels", "encode", "infer_label_space"]


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
        "shared" if at least half of the labels occur in two tasks or more.
    """
    vocabulary, label = number(y)
    one_task = np.empty(len(vocabulary), dtype=np.intp)
    one_task[label] = task  # some task that the label occurs in
    recurs = np.zeros(len(vocabulary), dtype=bool)
    recurs[label[task != one_task[label]]] = True
    return "shared" if 2 * recurs.sum() >= len(vocabulary) else "per_task"


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
        n_labels = len(vocabulary)
        pairs, pair_of_row = number(task * n_labels + label)
        n_classes = np.bincount(pairs // n_labels, minlength=n_tasks)
        first = np.cumsum(n_classes) - n_classes
        labels = cls(vocabulary, pairs % n_labels, first, n_classes)
        return labels, pair_of_row - first[task]

    def decode(self, codes: np.ndarray, task: np.ndarray) -> np.ndarray:
        """Name the class code of each row, given the row's task."""
        return self.vocabulary[self.members[self.first[task] + codes]]

    def spread(self, probabilities: np.ndarray, task: np.ndarray) -> np.ndarray:
        """Move each row's probabilities to the columns of the vocabulary.

        Parameters
        ----------
        probabilities : ndarray of shape (n_rows, n_codes)
            Column c belongs to class c of the row's own task; columns beyond its
            ``n_classes`` are ignored.
        task : int ndarray of shape (n_rows,)
            Task of each row.

        Returns
        -------
        ndarray of shape (n_rows, n_labels)
            Zero where the row's task does not know the label.
        """
        codes = np.arange(probabilities.shape[1])
        row, code = np.nonzero(codes < self.n_classes[task][:, np.newaxis])
        column = self.members[self.first[task][row] + code]
        spread = np.zeros(
            (len(probabilities), len(self.vocabulary)), probabilities.dtype
        )
        spread[row, column] = probabilities[row, code]
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
    unknown = ~np.isin(seen, vocabulary)
    if unknown.any():
        raise ValueError(
            f"Labels {show(seen[unknown])} are unknown to the shared label space "
            f"{show(vocabulary)} that fit has learnt. If labels are only names inside "
            "one task, fit with label_space='per_task'."
        )
    return np.searchsorted(vocabulary, seen)[label]
