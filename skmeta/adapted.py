"""The current tasks: adapt to them in chunks, and send rows to their task."""

import contextlib
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map  # torch has no public pytree before 2.8

from skmeta.algorithms.base import Algorithm
from skmeta.labels import TaskLabels, show
from skmeta.tables import Spans, Table, encode_groups

__all__ = ["AdaptedTasks", "Learner"]

# Rows that go through the network at once, and weights of all their tasks. They bound
# the memory of a call however many tasks or rows it has; beyond, nothing is faster.
_ROWS_AT_ONCE = 16_384
_WEIGHTS_AT_ONCE = 4_194_304


@dataclass(frozen=True)
class Learner:
    """A meta-trained module with the algorithm that knows how to use it."""

    algorithm: Algorithm
    module: nn.Module
    device: str


class AdaptedTasks:
    """What a learner has learnt of a set of tasks.

    Parameters
    ----------
    learner : Learner
        Used and left as it is.
    table : Table
        Support rows of all tasks; not kept.
    task : int ndarray of shape (n_rows,)
        Task of each row.
    n_classes : int ndarray of shape (n_tasks,) or (n_tasks + 1,)
        Classes of each task, 0 in regression. One more than there are tasks adds a task
        without rows, the prior, which answers for tasks that are not known.
    names : ndarray of shape (n_tasks,), default=None
        The tasks' groups, sorted; None for a single task without a name.
    labels : TaskLabels, default=None
        The classes behind the class codes, in classification.
    """

    def __init__(
        self,
        learner: Learner,
        table: Table,
        task: np.ndarray,
        n_classes: np.ndarray,
        *,
        names: np.ndarray | None = None,
        labels: TaskLabels | None = None,
    ):
        self.learner = learner
        self.names = names
        self.labels = labels
        self.n_tasks = len(n_classes)
        self._states = []  # one per chunk of tasks
        self._chunk = np.empty(self.n_tasks, dtype=np.intp)
        self._place = np.empty(self.n_tasks, dtype=np.intp)  # inside its chunk
        spans = Spans(task, self.n_tasks)
        n_weights = sum(weight.numel() for weight in learner.module.parameters())
        at_once = max(1, _WEIGHTS_AT_ONCE // max(1, n_weights))
        for tasks in _chunks_of_similar_size(spans.sizes, at_once):
            support = table.take(*spans.pad(tasks), n_classes[tasks])
            self._chunk[tasks] = len(self._states)
            self._place[tasks] = np.arange(len(tasks))
            with torch.no_grad():
                self._states.append(
                    learner.algorithm.adapt(learner.module, support.to(learner.device))
                )

    def locate(self, groups: Any, X: np.ndarray, unknown_task: str) -> np.ndarray:
        """Find the task of each row.

        Parameters
        ----------
        groups : array-like of shape (n_rows,) or None
            Names of the tasks; None where there is one task.
        X : ndarray of shape (n_rows, n_features)
            The rows, for their number.
        unknown_task : {"error", "prior"}
            What becomes of a row whose group was not adapted to.

        Returns
        -------
        int ndarray of shape (n_rows,)
            Numbers of tasks.

        Raises
        ------
        ValueError
            If groups are needed, not expected or unknown.
        """
        if groups is None:
            if self.names is not None and len(self.names) > 1:
                raise ValueError(
                    f"The estimator is adapted to {len(self.names)} tasks: pass "
                    "groups= to say which task each row belongs to."
                )
            return np.zeros(len(X), dtype=np.intp)
        asked, row = encode_groups(groups, X)
        names = np.empty(0, asked.dtype) if self.names is None else self.names
        place, known = _find(asked, names)
        if not known.all() and unknown_task != "prior":
            raise ValueError(
                f"No task was adapted for the groups {show(asked[~known])}. Call adapt "
                "with some labelled rows of them first, or set unknown_task='prior' to "
                "answer them by what is common to all tasks."
            )
        return np.where(known, place, self.n_tasks - 1)[row]  # the prior stands last

    def outputs(self, table: Table, task: np.ndarray) -> np.ndarray:
        """Answer each row with its own task's learner.

        Parameters
        ----------
        table : Table
            Query rows; targets are ignored.
        task : int ndarray of shape (n_rows,)
            Task of each row.

        Returns
        -------
        float ndarray of shape (n_rows, n_outputs)
            Logits, ``-inf`` for classes that the row's task does not have, or values.
        """
        return self._answer(self.learner.algorithm.predict, table, task)

    def embeddings(self, table: Table, task: np.ndarray) -> np.ndarray:
        """Embed each row with its own task's learner, into (n_rows, out_features)."""
        return self._answer(self.learner.algorithm.embed, table, task)

    def _answer(
        self,
        method: Callable[[nn.Module, Any, Tensor], Tensor],
        table: Table,
        task: np.ndarray,
    ) -> np.ndarray:
        blocks = []
        with torch.no_grad():
            for rows, mask, state in self._blocks(task):
                X = table.features(rows, mask).to(self.learner.device)
                answers = method(self.learner.module, state, X).cpu().numpy()
                blocks.append((rows[mask], answers[mask]))
        width = max((answers.shape[1] for _, answers in blocks), default=1)
        whole = np.full((len(task), width), -np.inf, dtype=np.float32)
        for rows, answers in blocks:
            whole[rows, : answers.shape[1]] = answers
        # -inf marks a class that the task does not have; all else is a number.
        lost = np.unique(task[(np.isnan(whole) | (whole == np.inf)).any(axis=1)])
        if len(lost):
            named = self.names is not None and lost[-1] < len(self.names)
            which = f" {show(self.names[lost])}" if named else ""
            warnings.warn(
                f"Adaptation to {len(lost)} tasks{which} diverged: "
                "answers are not finite. Are rows and targets on the scale of those "
                "that fit saw? Else lower the algorithm's inner_lr or its steps.",
                RuntimeWarning,
                stacklevel=4,
            )
        return whole

    def _blocks(self, task: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, Any]]:
        """Cut rows into padded blocks of tasks, each with the state of its tasks."""
        spans = Spans(task, self.n_tasks)
        for index, state in enumerate(self._states):
            members = np.flatnonzero((self._chunk == index) & (spans.sizes > 0))
            for part in _chunks_of_similar_size(spans.sizes[members]):
                tasks = members[part]
                place = torch.from_numpy(self._place[tasks])
                own = tree_map(lambda leaf, at=place: leaf[at.to(leaf.device)], state)
                rows, mask = spans.pad(tasks)
                for start in range(0, rows.shape[1], _ROWS_AT_ONCE):
                    window = slice(start, start + _ROWS_AT_ONCE)
                    yield rows[:, window], mask[:, window], own


def _find(asked: np.ndarray, names: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find values among sorted ones, and tell which are there."""
    # Not numpy.isin, which compares all pairs of strings that come as objects.
    place = np.zeros(len(asked), dtype=np.intp)
    known = np.zeros(len(asked), dtype=bool)
    if len(names):
        with contextlib.suppress(TypeError):  # what cannot be compared is not there
            place = np.searchsorted(names, asked).clip(max=len(names) - 1)
            known = np.asarray(names[place] == asked, dtype=bool)
    return place, known


def _chunks_of_similar_size(
    sizes: np.ndarray, at_once: int | None = None
) -> Iterator[np.ndarray]:
    """Cut tasks into chunks that, padded, have few rows and little padding."""
    by_size = np.argsort(sizes, kind="stable")
    widths = np.maximum(sizes[by_size], 1)
    start = 0
    while start < len(sizes):
        # Rows of the chunk if it ended here: its count times its widest task.
        padded = np.arange(1, len(sizes) - start + 1) * widths[start:]
        fit = max(1, int(np.searchsorted(padded, _ROWS_AT_ONCE, side="right")))
        end = start + min(fit, at_once or fit)
        yield by_size[start:end]
        start = end
