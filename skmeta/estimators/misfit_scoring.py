"""How far off answers are to tasks that play new ones, learnt from a part of them."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing

from skmeta.episodes.rounds import Round, draw_rounds
from skmeta.estimators.calibration import Misfits, TrainingRows
from skmeta.estimators.scoring import FewShotScoring
from skmeta.tables.rows import TaskRows
from skmeta.tables.sample_weights import check_weights
from skmeta.utils.messages import silenced
from skmeta.utils.unique import number

__all__ = ["MisfitScoring"]

# Numbers of support rows that are tried: all up to the first, then further apart.
_ALL_UP_TO = 10
_STEP = 1.25
_MOST_SUPPORT = 100

# Tasks of one size, rows of their supports together, and rows of each that are asked.
_MOST_TASKS = 1000
_MOST_ROWS = 50_000
_MOST_QUERY = 20
# Where there are few tasks, each is split so often that there are about as many.
_EPISODES = 100
_MOST_REPEATS = 10
_ROWS_AT_ONCE = 100_000

# Rows of a task made of a table that are asked.
_TABLE_QUERY = 5


class MisfitScoring(FewShotScoring):
    """A learner of tasks whose answers are held against the truth, row by row.

    Besides what :class:`FewShotScoring` asks for it has ``_misfits(adapted, X, task,
    y)``: how badly the answer to each row fits.
    """

    @property
    def _fitted_tasks(self) -> str:
        """Of what tasks were made in fit; files of before only know the parameter."""
        tasks: str = getattr(self, "tasks_", getattr(self, "tasks", "groups"))
        return tasks

    def _ask(self, rows: TrainingRows, rng: np.random.Generator) -> Misfits:
        """Learn tasks from parts of their rows, and hold answers against the rest."""
        X, y = self._validate_rows(rows.X, rows.y, reset=False)
        table = TaskRows.of(X, y, None)
        if self._fitted_tasks == "groups":
            table = TaskRows.of(X, y, rows.groups, rows.in_support)
        if rows.sample_weight is not None:
            table = table.weighed(check_weights(rows.sample_weight, X))
        tasks = self._as_tasks(table, rng)
        n_repeats = _EPISODES // max(tasks.n_tasks, 1)
        n_repeats = int(np.clip(n_repeats, 1, _MOST_REPEATS))
        at_once = 1  # of tasks that are drawn anew
        if self._fitted_tasks == "groups":
            at_once = int(np.clip(_ROWS_AT_ONCE // max(len(tasks), 1), 1, n_repeats))
        parts: list[Misfits] = []
        for start in range(0, n_repeats, at_once):
            if start:
                tasks = self._as_tasks(table, rng)
            parts += self._ask_rounds(tasks, min(at_once, n_repeats - start), rng)
        return Misfits.joined(parts)

    def _ask_rounds(
        self, rows: TaskRows, n_repeats: int, rng: np.random.Generator
    ) -> Iterator[Misfits]:
        """Split tasks so often, and learn all of one size in one call."""
        if not len(rows):
            return
        label = None
        if getattr(self, "label_space_", None) == "per_task":
            label = number(rows.y)[1]
        rounds = draw_rounds(
            rows.task,
            label,
            n_way=None,
            n_episodes=None,
            n_repeats=n_repeats,
            rng=rng,
            support=self.support,
            in_support=rows.in_support,
        )
        drawn = Round.joined([*rounds])
        most = int(drawn.n_able.max())
        for size in _sizes_up_to(min(most, _MOST_SUPPORT)):
            part = _able(drawn, size, label, rng)
            if part is None:
                return
            if size or self._has_prior():
                yield self._ask_size(rows, part, size, rng)

    def _ask_size(
        self, rows: TaskRows, drawn: Round, size: int, rng: np.random.Generator
    ) -> Misfits:
        """Learn the tasks of a round from so many of their rows each."""
        support = drawn.support(size)
        query = drawn.any_query(size, _MOST_QUERY, rng)
        row, task = drawn.row[query], drawn.episode[query]
        X, y = _safe_indexing(rows.X, row), rows.y[row]
        weight = np.ones(len(row)) if rows.weight is None else rows.weight[row]
        with silenced():  # nobody has asked about these tasks
            if size:
                learnt = _take(rows, drawn, support & self._is_known(rows)[drawn.row])
                able = np.bincount(learnt.task, minlength=len(drawn.task)) > 0
                adapted, asked = self._learn(learnt), able[task]
                score = np.full(len(row), np.inf)
                kept = np.flatnonzero(asked)
                score[kept] = self._misfits(
                    adapted, _safe_indexing(X, kept), task[kept], y[kept]
                )
            else:
                nowhere = np.zeros(len(row), dtype=np.intp)
                score = self._misfits(self._learn_nothing(), X, nowhere, y)
        return Misfits(np.full(len(row), size), score, drawn.task[task], weight)

    def _ask_table(self, rows: TrainingRows, all_rows: TrainingRows) -> Misfits:
        """Let rows that were left out of a table be answered by what is left of it."""
        if self._fitted_tasks != "table":
            return Misfits.joined([])
        X, y = self._validate_rows(rows.X, rows.y, reset=False)
        with silenced():
            score = self._misfits(self.adapted_, X, np.zeros(len(y), dtype=np.intp), y)
        size = np.full(len(y), len(all_rows.y))
        return Misfits(size, score, np.arange(len(y)), np.ones(len(y)))

    def _as_tasks(self, rows: TaskRows, rng: np.random.Generator) -> TaskRows:
        """Make tasks of a pool of classes, or of a table; others are some already."""
        if self._fitted_tasks == "groups":
            return rows
        if self._fitted_tasks == "classes":
            labels, label = number(rows.y)
            known: Any = getattr(self, "n_way_", self.n_way)
            n_way = min(int(known), len(labels))
            n_tasks = len(labels) // n_way
            task = (rng.permutation(len(labels)) // n_way)[label]
        else:
            longest = _ALL_UP_TO + _TABLE_QUERY
            n_tasks = max(1, len(rows) // min(longest, max(2, len(rows) // 20)))
            task = rng.permutation(len(rows)) % n_tasks
        kept = task < n_tasks  # the rest would be a task of fewer classes
        return TaskRows(
            rows.X[kept],
            rows.y[kept],
            task[kept],
            np.arange(n_tasks),
            None if rows.weight is None else rows.weight[kept],
        )


def _sizes_up_to(most: int) -> list[int]:
    """List numbers of support rows, all of the few and fewer of the many."""
    sizes = [*range(min(most, _ALL_UP_TO) + 1)]
    while most > _ALL_UP_TO and sizes[-1] * _STEP <= most:
        sizes.append(int(sizes[-1] * _STEP))
    return sizes


def _able(
    drawn: Round, size: int, label: np.ndarray | None, rng: np.random.Generator
) -> Round | None:
    """Keep the tasks that have rows beyond a support; None if there is none."""
    kept = drawn.n_able >= size
    if label is not None:  # two classes, or there is no question
        cell = drawn.episode * (label.max() + 1) + label[drawn.row]
        cells = np.unique(cell[kept]) // (label.max() + 1)
        kept &= np.bincount(cells, minlength=len(drawn.task))[drawn.episode] > 1
    n_tasks = len(np.unique(drawn.episode[kept]))
    most = min(_MOST_TASKS, max(1, _MOST_ROWS // max(size, 1)))
    if n_tasks > most:
        kept &= (rng.permutation(len(drawn.task)) < most)[drawn.episode]
    return drawn.only(kept) if kept.any() else None


def _take(rows: TaskRows, drawn: Round, which: np.ndarray) -> TaskRows:
    """Take rows of a round into the tasks that its episodes are."""
    row = drawn.row[which]
    return TaskRows(
        _safe_indexing(rows.X, row),
        rows.y[row],
        drawn.episode[which],
        np.arange(len(drawn.task)),
        None if rows.weight is None else rows.weight[row],
    )
