"""The current tasks: adapt to them in chunks, and send rows to their task."""

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.linalg import LinAlgError  # type: ignore[attr-defined]

from skmeta.algorithms.base import Algorithm
from skmeta.engine import chunks
from skmeta.engine.chunks import Learnt, map_leaves
from skmeta.engine.landmarks import Landmarked
from skmeta.engine.supports import Supports
from skmeta.episodes.episode import Batch
from skmeta.episodes.scaling import TaskScaled
from skmeta.episodes.table import Table
from skmeta.episodes.unlabelled import Unlabelled
from skmeta.tables.groups import Spans, locate
from skmeta.tables.labels import TaskLabels
from skmeta.tables.rows import TaskRows
from skmeta.utils.messages import count, of_tasks, warn
from skmeta.utils.threads import side_by_side

__all__ = ["AdaptedTasks", "Learner"]


@dataclass(frozen=True)
class Learner:
    """A meta-trained module with the algorithm that knows how to use it."""

    algorithm: Algorithm | TaskScaled | Landmarked
    module: nn.Module
    device: str | torch.device

    @cached_property
    def weights(self) -> list[Tensor]:
        """All parameters of the module."""
        return list(self.module.parameters())

    def chunks(self, sizes: np.ndarray) -> Iterator[np.ndarray]:
        """Cut tasks of so many rows into chunks that go through the module at once."""
        alone = self.algorithm.adapts_weights
        return chunks.of_similar_size(sizes, self.weights, with_weights=alone)


class AdaptedTasks:
    """What a learner has learnt of a set of tasks.

    It never changes, so that shallow copies of an estimator may share it: what adds
    tasks or drops them (:mod:`skmeta.engine.changes`) makes another, in which what was
    learnt of the others is the same tensors.

    Parameters
    ----------
    learner : Learner
        Used and left as it is.
    table : Table
        Support rows of all tasks.
    task : int ndarray of shape (n_rows,)
        Task of each row.
    n_classes : int ndarray of shape (n_tasks,) or (n_tasks + 1,)
        Classes of each task, 0 in regression. One more than there are tasks adds a task
        without rows, the prior, which answers for tasks that are not known.
    names : ndarray of shape (n_tasks,), default=None
        The tasks' groups, sorted; None for a single task without a name.
    labels : TaskLabels, default=None
        The classes behind the class codes, in classification.
    unlabelled : (Table, int ndarray), default=None
        Rows without targets and the task of each; None where there are none.
    rows : TaskRows, default=None
        The rows as the user gave them, where supports are to be kept.

    Attributes
    ----------
    n_tasks : int
        Tasks, the prior included.
    n_rows : int ndarray of shape (n_tasks,) or None
        Support rows of each task; None in what files of early versions hold.
    n_unlabelled : int ndarray of shape (n_tasks,) or None
        Rows without a target of each task; None where there are none.
    order : int ndarray of shape (n_places,)
        The tasks in the order in which ``states`` have them; -1 where a state still
        has what was learnt of a task before more rows of it came.
    states : sequence of pytree of Tensor
        What was learnt of the tasks, several at a time, with the task axis first.
    supports : sequence of Supports or None
        What each state was learnt from; None where that is not kept.
    bounds : int ndarray of shape (n_states + 1,)
        Where each state begins and ends in ``order``.
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
        unlabelled: tuple[Table, np.ndarray] | None = None,
        rows: TaskRows | None = None,
    ):
        self.learner = learner
        self.names = names
        self.labels = labels
        self.n_tasks = len(n_classes)
        spans = Spans(task, self.n_tasks)
        self.n_rows: np.ndarray | None = spans.sizes
        others = None
        if unlabelled is not None:
            others = Unlabelled(*unlabelled, self.n_tasks)
            self.n_unlabelled = others.sizes
        parts = _chunks(spans, others, learner)
        self.order = np.concatenate(parts)

        def adapt(tasks: np.ndarray) -> Learnt:
            place, mask = spans.pad(tasks)
            support = table.take(place, mask, n_classes[tasks])
            kept = None
            if rows is not None:
                X = support.X.numpy()[mask]  # a copy
                kept = _kept(rows, table, place[mask], X, spans.sizes[tasks])
            if others is not None:
                support = others.beside(support, tasks)
                if kept is not None:
                    kept = replace(kept, unlabelled=_kept_unlabelled(support))
            try:
                with torch.no_grad():
                    state = learner.algorithm.adapt(
                        learner.module, support.to(learner.device)
                    )
            except LinAlgError as error:
                raise ValueError(
                    f"{learner.algorithm} cannot solve what the support"
                    f"{self._named(tasks)} asks for: features or targets may be on "
                    "another scale than those that fit saw, too far off for the "
                    f"precision of numbers ({error})."
                ) from error
            return Learnt(len(tasks), map_leaves(_in_rows, state), kept)

        n_rows = min(len(task), chunks.rows_at_once(learner.weights))
        with side_by_side(
            learner.weights, n_rows, table.X.shape[1], len(parts)
        ) as each:
            self._set_learnt(list(chunks.join(each(adapt, parts))))

    n_unlabelled: np.ndarray | None = None

    def _set_learnt(self, learnt: Sequence[Learnt]) -> None:
        sizes, self.states, self.supports = zip(*learnt, strict=True)
        self.bounds = np.cumsum([0, *sizes])

    def learnt(self) -> list[tuple[np.ndarray, Learnt]]:
        """List what was learnt, several tasks at a time, and the tasks of each part."""
        return [
            (self.order[first:stop], Learnt(int(stop - first), state, supports))
            for first, stop, state, supports in zip(
                self.bounds[:-1],
                self.bounds[1:],
                self.states,
                self.supports,
                strict=True,
            )
        ]

    def with_learnt(
        self, parts: Sequence[tuple[np.ndarray, Learnt]], **changes: Any
    ) -> Self:
        """Return another, made of such parts and of further changes."""
        other = copy.copy(self)
        vars(other).update(changes)
        other.order = np.concatenate([order for order, _ in parts])
        other._set_learnt([each for _, each in parts])
        return other

    @property
    def has_prior(self) -> bool:
        """Whether the last task is none: the prior, of no row, beside named tasks."""
        return self.n_tasks > (1 if self.names is None else len(self.names))

    @property
    def has_no_row(self) -> bool:
        """Whether all tasks are known to have been learnt without any row."""
        return not self.have_rows(np.arange(self.n_tasks))

    def have_rows(self, tasks: np.ndarray) -> bool:
        """Tell whether any of the tasks may have been learnt from rows."""
        if self.n_rows is None or self.n_rows[tasks].any():
            return True
        return self.n_unlabelled is not None and bool(self.n_unlabelled[tasks].any())

    def supports_of(self, tasks: np.ndarray) -> tuple[Supports, np.ndarray]:
        """Return the rows that tasks were learnt from.

        Parameters
        ----------
        tasks : int ndarray of shape (n_asked,)
            Numbers of different tasks.

        Returns
        -------
        supports : Supports
            Of the tasks, in an order of its own.
        which : int ndarray of shape (n_asked,)
            Place in ``tasks`` of each of its tasks.

        Raises
        ------
        ValueError
            If rows of some of the tasks were not kept.
        """
        place = np.empty(self.n_tasks, dtype=np.intp)
        present = np.flatnonzero(self.order >= 0)
        place[self.order[present]] = present
        place = place[tasks]
        index_of = np.searchsorted(self.bounds, place, side="right") - 1
        by_state = np.argsort(index_of, kind="stable")
        starts = np.flatnonzero(np.diff(index_of[by_state], prepend=-1))
        found, lost = [], []
        for own in np.split(by_state, starts[1:]):
            index = index_of[own[0]]
            supports = self.supports[index]
            if supports is None:
                if self.have_rows(tasks[own]):
                    lost.append(tasks[own])
                found.append(Supports.of_no_row(len(own)))
            else:
                found.append(supports.take(place[own] - self.bounds[index]))
        if lost:
            raise ValueError(
                "partial_adapt learns a task anew from its earlier rows and those that "
                f"have come, and the earlier rows{self._named(np.concatenate(lost))} "
                "are not here: a file has them only if it was written by save(path, "
                "supports=True). Load such a file, or call adapt with all rows."
            )
        return Supports.join(found), by_state

    def locate(
        self,
        groups: Any,
        X: np.ndarray,
        unknown_task: str,
        trained: np.ndarray | None = None,
    ) -> np.ndarray:
        """Find the task of each row.

        Parameters
        ----------
        groups : array-like of shape (n_rows,) or None
            Names of the tasks; None where there is one task.
        X : ndarray of shape (n_rows, n_features)
            The rows, for their number.
        unknown_task : {"error", "prior"}
            What becomes of a row whose group was not adapted to.
        trained : ndarray of shape (n_trained,), default=None
            Groups that ``fit`` has learnt from, sorted, for the message.

        Returns
        -------
        int ndarray of shape (n_rows,)
            Numbers of tasks.

        Raises
        ------
        ValueError
            If groups are needed, not expected or unknown.
        """
        place = locate(self.names, groups, X, unknown_task, trained)
        return np.where(place < 0, self.n_tasks - 1, place)  # the prior stands last

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
        return self._by_blocks(self.learner.algorithm.predict, table, task)

    def embeddings(self, table: Table, task: np.ndarray) -> np.ndarray:
        """Embed each row with its own task's learner, into (n_rows, out_features)."""
        return self._by_blocks(self.learner.algorithm.embed, table, task)

    def deviations(self, table: Table, task: np.ndarray) -> np.ndarray:
        """Give the standard deviation of each row's answer, (n_rows, n_outputs)."""
        return self._by_blocks(self.learner.algorithm.predict_std, table, task)

    def distances(self, table: Table, task: np.ndarray) -> np.ndarray:
        """Measure how far each row is from its task's prototypes, (n_rows, n_classes).

        Infinite for classes that the row's task does not have.
        """
        algorithm = self.learner.algorithm

        def nearness(module: nn.Module, state: Any, *rows: Tensor) -> Tensor:
            return -algorithm.distances(module, state, *rows)

        return -self._by_blocks(nearness, table, task)

    def clues(self, table: Table, task: np.ndarray) -> np.ndarray:
        """Tell what speaks for each row being of no known class, (n_rows, n_clues)."""
        algorithm = self.learner.algorithm
        assert isinstance(algorithm, Landmarked)  # or there is nothing to tell it by
        return self._by_blocks(algorithm.clues, table, task)

    def _by_blocks(
        self,
        method: Callable[..., Tensor],
        table: Table,
        task: np.ndarray,
    ) -> np.ndarray:
        spans = Spans(task, self.n_tasks)
        blocks = list(self._blocks(spans))

        def answer(block: _Block) -> tuple[np.ndarray | slice, np.ndarray]:
            rows, mask = block.pad(spans)
            device = self.learner.device
            given = [table.features(rows, mask), table.offsets(rows, mask)]
            given = [each.to(device) for each in given if each is not None]
            with torch.no_grad():
                state = self._state(block)
                answers = method(self.learner.module, state, *given).cpu().numpy()
            if not mask.all():
                return rows[mask], answers[mask]
            return _as_slice(rows.ravel()), answers.reshape(mask.size, -1)

        whole = np.full((len(task), 1), -np.inf, dtype=np.float32)
        n_rows = min(len(task), chunks.rows_at_once(self.learner.weights))
        with side_by_side(
            self.learner.weights, n_rows, table.X.shape[1], len(blocks)
        ) as each:
            for rows, answers in each(answer, blocks):
                width = answers.shape[1]
                if width > whole.shape[1]:  # these tasks have more classes
                    whole = _widen(whole, width)
                whole[rows, :width] = answers
        # -inf marks a class that the task does not have; all else is a number.
        if not (whole < np.inf).all():
            lost = np.unique(task[~(whole < np.inf).all(axis=1)])
            which = f"{count(len(lost), 'task')}{self._named(lost)}"
            warn(
                f"Adaptation to {which} diverged: answers are not finite. "
                "Are rows and targets on the scale of those that fit saw? Else lower "
                "the algorithm's inner_lr or its steps.",
                RuntimeWarning,
            )
        return whole

    def _named(self, tasks: np.ndarray) -> str:
        """Name tasks in a message, if they have names."""
        if self.names is None:
            return ""
        known = np.sort(tasks[tasks < len(self.names)])  # the prior has none
        return of_tasks(self.names[known]) if len(known) else ""

    def _blocks(self, spans: Spans) -> Iterator["_Block"]:
        """Cut the tasks that have rows into blocks, none across two states."""
        asked = (spans.sizes > 0)[self.order] & (self.order >= 0)
        position = np.flatnonzero(asked)
        index_of = np.searchsorted(self.bounds, position, side="right") - 1
        at_once = chunks.rows_at_once(self.learner.weights)
        for index in np.unique(index_of):
            members = position[slice(*np.searchsorted(index_of, [index, index + 1]))]
            tasks = self.order[members]
            sizes = spans.sizes[tasks]
            for part in self.learner.chunks(sizes):
                place = members[part] - self.bounds[index]
                for start in range(0, sizes[part].max(), at_once):
                    yield _Block(index, place, tasks[part], start, at_once)

    def state_of(self, task: int) -> Any:
        """Return what was learnt of a task alone, a pytree of tensors (1, ...)."""
        place = int(np.flatnonzero(self.order == task)[-1])
        index = int(np.searchsorted(self.bounds, place, side="right")) - 1
        own = slice(place - self.bounds[index], place - self.bounds[index] + 1)
        return map_leaves(lambda leaf: leaf[own], self.states[index])

    def _state(self, block: "_Block") -> Any:
        """Pick what was learnt of the tasks of a block."""
        state, place = self.states[block.state], block.place
        first, stop = place[0], place[0] + len(place)
        if np.array_equal(place, np.arange(first, stop)):  # no need to copy
            if len(place) == self.bounds[block.state + 1] - self.bounds[block.state]:
                return state
            return map_leaves(lambda leaf: leaf[first:stop], state)
        index = torch.from_numpy(place)
        return map_leaves(lambda leaf: leaf[index.to(leaf.device)], state)


def _chunks(
    spans: Spans, unlabelled: Unlabelled | None, learner: Learner
) -> list[np.ndarray]:
    """Cut tasks into chunks: those with rows without targets apart from the others."""
    if unlabelled is None:
        return list(learner.chunks(spans.sizes))
    has_more = unlabelled.sizes > 0
    parts = []
    for own in (np.flatnonzero(~has_more), np.flatnonzero(has_more)):
        if len(own):
            sizes = spans.sizes[own] + unlabelled.sizes[own]
            parts += [own[part] for part in learner.chunks(sizes)]
    return parts


class _Block(NamedTuple):
    """Query rows of some tasks that go through the network at once."""

    state: int
    place: np.ndarray  # (tasks,), inside the state
    tasks: np.ndarray  # (tasks,); only one, if it has more rows than go at once
    start: int  # among its rows
    at_once: int  # of its rows

    def pad(self, spans: Spans) -> tuple[np.ndarray, np.ndarray]:
        """List the rows of the tasks side by side, and what is no padding."""
        if len(self.tasks) > 1:
            return spans.pad(self.tasks)
        first, size = spans.first[self.tasks[0]], spans.sizes[self.tasks[0]]
        stop = min(self.start + self.at_once, size)
        rows = spans.rows[first + self.start : first + stop][np.newaxis]
        return rows, np.ones(rows.shape, dtype=bool)


def _kept(
    rows: TaskRows, table: Table, place: np.ndarray, X: np.ndarray, sizes: np.ndarray
) -> Supports:
    """Keep support rows, those in the given places, of tasks of the given sizes."""
    return Supports(
        X,
        rows.y[place],
        sizes,
        None if rows.weight is None else rows.weight[place],
        None if table.offset is None else table.offset[place],
    )


def _kept_unlabelled(support: Batch) -> Supports | None:
    """Keep the rows without targets beside a support."""
    others = support.unlabelled
    if others is None:
        return None
    mask = others.mask.numpy()
    offset = None if others.offset is None else others.offset.numpy()[mask]
    X, y = others.X.numpy()[mask], others.y.numpy()[mask]
    return Supports(X, y, mask.sum(axis=1), offset=offset)


def _as_slice(rows: np.ndarray) -> np.ndarray | slice:
    """Make a slice of rows that follow one another, which is sooner filled."""
    first, stop = int(rows[0]), int(rows[0]) + len(rows)
    if rows[-1] == stop - 1 and np.array_equal(rows, np.arange(first, stop)):
        return slice(first, stop)
    return rows


def _in_rows(leaf: Tensor) -> Tensor:
    """Lay a tensor out row by row, as slices, pickles and files of it are.

    Kernels choose their order of addition by the strides, those of axes of length 1
    included, which ``contiguous`` leaves as they are.
    """
    if not isinstance(leaf, Tensor) or not leaf.ndim:
        raise TypeError(
            "What adapt returns must be made of tensors whose first axis is the task, "
            f"and holds {leaf!r}. skmeta.testing.check_algorithm tries it."
        )
    leaf = leaf.contiguous()
    strides = np.cumprod([1, *[max(1, size) for size in leaf.shape[:0:-1]]])[::-1]
    return leaf.as_strided(leaf.shape, strides.tolist())


def _widen(whole: np.ndarray, width: int) -> np.ndarray:
    """Add columns of ``-inf``."""
    wider = np.full((len(whole), width), -np.inf, dtype=whole.dtype)
    wider[:, : whole.shape[1]] = whole
    return wider
