"""The rows of a ``fit`` that stay on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from sklearn.utils.validation import check_array

from skmeta.tables.labels import TaskLabels, encode
from skmeta.tables.rows import TaskRows, check_in_support
from skmeta.tables.sizes import range_of
from skmeta.tables.stored.index import TaskIndex
from skmeta.tables.stored.sources import (
    ArrayRows,
    FileRows,
    RowNumbers,
    RowSource,
    by_rows,
    read_in_blocks,
)
from skmeta.tables.targets import one_or_several
from skmeta.tables.unlabelled import missing_targets
from skmeta.utils.unique import unite

__all__ = ["StoredRows", "are_many", "is_stored"]

# Rows up to which a memory-mapped table is used as if it were in memory.
_FEW = 2**18

# Rows that stand for all where all have to be seen at once.
_SAMPLE = 200_000

# How the folders begin in which joblib maps arguments for its workers.
_OF_JOBLIB = "joblib_memmapping_folder_"


def are_many(n_rows: int) -> bool:
    """Tell whether so many rows of a table on disk stay there when they are learnt."""
    return n_rows > _FEW


def is_stored(X: Any) -> bool:
    """Tell whether features are a mapped file of more rows than go into memory.

    Those that joblib has mapped for a worker are in the memory of who calls it, and
    teach the same here as there.
    """
    return (
        FileRows.can_read(X)
        and X.ndim == 2
        and are_many(len(X))
        and not Path(X.filename).parent.name.startswith(_OF_JOBLIB)
    )


@dataclass(frozen=True)
class StoredRows(TaskRows):
    """Rows of tasks that are read when they are needed.

    ``X``, ``y``, ``weight`` and ``in_support`` are sources of rows, and ``task`` is
    their :class:`~skmeta.tables.stored.index.TaskIndex`. Row numbers are those of the
    table; rows of weight 0 are in no task of the index.
    """

    X: Any
    y: Any
    task: Any
    weight: Any = None
    in_support: Any = None
    unlabelled: None = field(default=None, init=False)

    @classmethod
    def read(
        cls,
        X: np.memmap,
        y: Any,
        groups: Any,
        check: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]],
        in_support: Any = None,
    ) -> StoredRows:
        """Look at all rows once, and number their tasks.

        Parameters
        ----------
        X : memmap of shape (n_rows, n_features)
            Features.
        y : array-like of shape (n_rows,) or (n_rows, n_targets)
            Targets; memory-mapped, or in memory.
        groups : TaskIndex, array-like of shape (n_rows,) or None
            Task of each row; None for a single task without a name.
        check : callable
            Validates the features and targets of a block, and returns them.
        in_support : bool array-like of shape (n_rows,), default=None
            The rows that are given as support; memory-mapped, or in memory.

        Raises
        ------
        ValueError
            If lengths differ, if a target is missing, if ``in_support`` does not say
            True or False of each row, or as ``check`` does.
        """
        features = FileRows(X)
        targets: RowSource
        if FileRows.can_read(y) and y.ndim == 1:
            targets = FileRows(y)
        else:
            targets = ArrayRows(one_or_several(y))
        index = groups
        if groups is None:
            index = TaskIndex.of_one_task(len(X))
        elif not isinstance(groups, TaskIndex):
            index = TaskIndex.of(groups)
        given = None
        if in_support is not None:
            check_in_support(in_support, len(X))
            is_file = FileRows.can_read(in_support)
            given = FileRows(in_support) if is_file else ArrayRows(in_support)
        for name, each in (("y", targets), ("groups", index)):
            if len(each) != len(X):
                raise ValueError(f"X has {len(X)} rows and {name} has {len(each)}.")
        for _, (some, own) in read_in_blocks(
            len(X), features, targets, n_columns=X.shape[1]
        ):
            if missing_targets(own) is not None:
                raise ValueError(
                    "Some rows have no target, and rows without targets are not read "
                    "from disk: leave them out of the table."
                )
            _, checked = check(some, own)
        becomes_floats = checked.dtype.kind == "f" and checked.dtype != targets.dtype
        if targets.dtype.hasobject or becomes_floats:  # numbers among them are numbers
            targets = targets.astype(checked.dtype)
        names = None if groups is None else index.names
        return cls(features, targets, index, names, in_support=given)

    def __len__(self) -> int:
        return len(self.task)

    @property
    def task_sizes(self) -> np.ndarray:
        """Number of rows of each task, (n_tasks,)."""
        return self.task.sizes

    @cached_property
    def _ranges(self) -> tuple[Any, Any]:
        features, targets = _Range(), _Range()
        for block in self.blocks():
            features.widen(block.X)
            if block.y.dtype.kind in "biuf":
                targets.widen(block.y)
        return features.ends, targets.ends

    @property
    def feature_range(self) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest value of each column of the features."""
        return self._ranges[0]

    @property
    def target_range(self) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest value of each target."""
        return self._ranges[1]

    @cached_property
    def _labels(self) -> np.ndarray:
        found = [np.unique(block.y) for block in self.blocks(features=False)]
        return np.unique(np.concatenate(found))

    def labels(self) -> np.ndarray:
        """Return the different targets, sorted."""
        return self._labels

    def labels_in_tasks(self, n_tasks: int) -> tuple[TaskLabels, Any]:
        """Number the classes of each task; return them and the code of each row.

        A few numbers for each class of each task are in memory.
        """
        labels, pairs = self.labels(), np.empty(0, dtype=np.int64)
        for block in self.blocks(features=False):
            own = block.task * len(labels) + encode(block.y, labels)
            pairs = unite(pairs, np.unique(own)).names
        classes = TaskLabels.of_pairs(labels, pairs, n_tasks)
        return classes, self.with_task(classes.codes, self.y)

    def with_task(self, function: Callable[..., np.ndarray], *arrays: Any) -> Any:
        """Compute something of rows and their tasks when they are read."""

        def compute(*read: np.ndarray) -> np.ndarray:
            *rows, number = read
            return function(*rows, self.task[number])

        return by_rows(compute, *arrays, RowNumbers(len(self.y)))

    def blocks(self, *, features: bool = True) -> Iterator[TaskRows]:
        """Yield all rows, those of a block at a time."""
        sources = [self.y] if self.weight is None else [self.y, self.weight]
        n_columns = 2
        if features:
            sources.append(self.X)
            n_columns = self.X.shape[1]
        for part, read in read_in_blocks(len(self.y), *sources, n_columns=n_columns):
            block = list(read) if len(sources) > 1 else [read]
            y, n_rows = block[0], part.stop - part.start
            yield _kept(
                TaskRows(
                    block[-1] if features else np.empty((n_rows, 0)),
                    y,
                    self.task[part],
                    self.names,
                    None if self.weight is None else block[1],
                )
            )

    @cached_property
    def _sample(self) -> tuple[TaskRows, np.ndarray]:
        n_rows = len(self.y)
        row = np.arange(min(n_rows, _SAMPLE))
        if n_rows > _SAMPLE:  # one of each stretch
            start = row + np.random.default_rng(0).random(_SAMPLE)
            row = (start * (n_rows / _SAMPLE)).astype(np.int64).clip(max=n_rows - 1)
        weight = None if self.weight is None else self.weight[row]
        rows = TaskRows(self.X[row], self.y[row], self.task[row], self.names, weight)
        return _kept(rows), row if weight is None else row[weight > 0]

    def sample(self) -> tuple[TaskRows, np.ndarray]:
        """Return some 200,000 rows from all parts of the table, and their numbers.

        All rows, where there are no more.
        """
        return self._sample

    def as_in_table(self, values: np.ndarray) -> np.ndarray:
        """Give what was made of the sample, of all rows, the table's numbers."""
        _, row = self._sample
        if len(row) == len(self.y):
            return values
        of_all = np.zeros((len(self.y), *values.shape[1:]), values.dtype)
        of_all[row] = values
        return of_all

    def of_target(self, number: int) -> StoredRows:
        """Return the same rows with one of several targets."""
        return replace(self, y=by_rows(lambda y: y[:, number], self.y))

    def weighed(self, sample_weight: Any) -> StoredRows:
        """Give the rows weights; those of weight 0 go, and tasks without another row.

        Raises
        ------
        ValueError
            If there is not one finite, non-negative weight per row, or if all are zero.
        """
        given: Any = sample_weight
        if not hasattr(given, "__array__"):
            given = np.array(given)
        n_rows = len(self.y)
        if np.shape(given) != (n_rows,):
            raise ValueError(
                f"sample_weight has the shape {np.shape(given)}, and X has {n_rows} "
                "rows."
            )
        weight = (
            FileRows(given)
            if FileRows.can_read(given)
            else ArrayRows(np.asarray(given))
        )
        left_out = []
        for part, read in read_in_blocks(n_rows, weight):
            own = check_array(
                read,
                dtype=np.float64,
                ensure_2d=False,
                ensure_non_negative=True,
                input_name="sample_weight",
            )
            left_out.append(part.start + np.flatnonzero(own == 0))
        n_left_out = sum(map(len, left_out))
        if n_left_out == n_rows:
            raise ValueError("All weights are zero: sample_weight leaves no row.")
        rows = replace(self, weight=weight.astype(np.float64))
        if not n_left_out:
            return rows
        index = self.task.without(left_out, n_rows)
        names = None if self.names is None else index.names
        return replace(rows, task=index, names=names)

    def need_all(self, what: str) -> NoReturn:
        """Refuse what needs all rows in memory.

        Raises
        ------
        ValueError
            Always.
        """
        raise ValueError(
            f"{what} needs all rows in memory, and X is a file of {len(self.y):,} rows "
            "that are read when they are drawn. Leave it out; or load the table, by "
            "np.array(X), if it fits into memory; or fit to a part of the tasks."
        )

    def take(self, chosen: np.ndarray) -> NoReturn:
        """Refuse to pick rows; as :meth:`need_all`."""
        self.need_all("To pick rows")


class _Range:
    """The ends of columns that come in blocks."""

    ends: Any = None

    def widen(self, values: np.ndarray) -> None:
        if not len(values):
            return
        low, high = range_of(values)
        if self.ends is not None:
            low, high = np.minimum(low, self.ends[0]), np.maximum(high, self.ends[1])
        self.ends = low, high


def _kept(rows: TaskRows) -> TaskRows:
    """Leave out rows of weight 0."""
    if rows.weight is None or (rows.weight > 0).all():
        return rows
    return rows.take(rows.weight > 0)
