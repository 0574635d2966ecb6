"""Many tasks with their rows, names and splits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples

from skmeta.tables.groups import encode_groups
from skmeta.tables.meta_dataset import parquet, storage, summary
from skmeta.tables.meta_dataset.sequence import TaskSequence
from skmeta.tables.meta_dataset.task import Task, join
from skmeta.tables.row_order import warn_of_other_order
from skmeta.tables.rows import check_in_support
from skmeta.tables.stored.index import TaskIndex
from skmeta.tables.stored.rows import are_many, is_stored
from skmeta.tables.targets import one_or_several

__all__ = ["MetaDataset", "unpack", "unpack_support", "unpack_to_train"]


class MetaDataset(TaskSequence):
    """A set of tasks: what ``fit(X, y, groups=groups)`` learns from, as one object.

    Estimators and all that judges them take it in place of ``X``, ``y`` and ``groups``.
    Where the split is fixed, ``fit`` draws the supports of its episodes from the rows
    of the support and the queries from the others, ``adapt`` learns every task from its
    support, and ``score`` judges each on its query. Where it is not, ``adapt`` takes
    all rows, and the others split tasks as ``support`` says.

    Parameters
    ----------
    X : array-like or DataFrame of shape (n_rows, n_features)
        Rows of all tasks. An array may be memory-mapped, and stays so.
    y : array-like of shape (n_rows,)
        Targets.
    groups : array-like of shape (n_rows,)
        Name of each row's task.
    in_support : bool array-like of shape (n_rows,), default=None
        True for rows that are always support, False for query. None: not fixed.

    Attributes
    ----------
    names : ndarray of shape (n_tasks,)
        Names of the tasks.
    columns : list of str or None
        Names of the features of a table on disk, by which estimators know them.

    See Also
    --------
    MetaDataset.from_tasks : Of a list of tasks, each with its own rows.
    MetaDataset.from_parquet : Of Parquet files, without loading all of them.

    Examples
    --------
    >>> from skmeta import MetaDataset, MetaRegressor
    >>> from skmeta.datasets import make_sinusoids
    >>> waves = MetaDataset(*make_sinusoids(n_tasks=50, n_rows=20, random_state=0))
    >>> waves
    MetaDataset of 50 tasks
      rows      1,000, 20 per task
      features  1
      targets   numbers from -4.82 to 4.89
    >>> train, test = waves.train_test_split(test_size=10, random_state=0)
    >>> meta = MetaRegressor("cnp", max_epochs=1, random_state=0).fit(train)
    >>> X, y = train[0].support
    >>> meta.adapt(X[:5], y[:5]).predict(X[5:]).shape
    (15,)
    """

    def __init__(self, X: Any, y: Any, groups: Any, *, in_support: Any = None):
        n_rows = _num_samples(X)
        warn_of_other_order(X, y=y, groups=groups, in_support=in_support)
        if not hasattr(X, "shape"):
            X = np.asarray(X)
        y = one_or_several(y)
        if len(y) != n_rows:
            raise ValueError(f"X has {n_rows} rows and y has {len(y)}.")
        self._task: Any  # of each row
        self.names, self._task = encode_groups(groups, np.empty((n_rows, 0)))
        self.X, self.y = X, y
        self.in_support = None
        if in_support is not None:
            self.in_support = check_in_support(in_support, n_rows)

    # Other sources -----------------------------------------------------------------

    @classmethod
    def from_tasks(cls, tasks: Sequence, names: Sequence | None = None) -> MetaDataset:
        """Make a meta-dataset of tasks that each have rows of their own.

        Parameters
        ----------
        tasks : sequence
            Each a ``Task``, a pair ``(X, y)``, or a fixed split
            ``((X_support, y_support), (X_query, y_query))``; all of one sort.
        names : sequence, default=None
            Names of the tasks. None: those that the tasks have, else 0, 1, ...

        Returns
        -------
        MetaDataset
            The tasks sorted by name.

        Raises
        ------
        ValueError
            If there is no task, if columns or lengths differ, if a name comes twice, or
            if only some of the tasks have a fixed split.

        Examples
        --------
        >>> from skmeta import MetaDataset
        >>> few = ([[1.0], [2.0]], [0, 1]), ([[3.0]], [1])
        >>> more = ([[4.0], [6.0], [7.0]], [0, 1, 1]), ([[5.0]], [0])
        >>> MetaDataset.from_tasks([few, more], names=["Oslo", "Lima"])["Oslo"]
        Task('Oslo', 3 rows, 2 of them support)
        """
        X, y, groups, in_support = join(tasks, names)
        return cls(X, y, groups, in_support=in_support)

    @classmethod
    def from_parquet(
        cls,
        path: Any,
        *,
        target: str,
        groups: str,
        columns: Sequence[str] | None = None,
        support: str | None = None,
        preprocessor: Any = None,
        folder: Any = None,
    ) -> MetaDataset:
        """Make a meta-dataset of a Parquet file, or of a folder of them.

        The files are read a batch of rows at a time, and their features go to a
        memory-mapped array on disk: what is in memory does not grow with the number of
        columns. Of more than 262,144 rows targets and supports go there, too; what
        stays in memory is an index of tasks, of some bytes for each where the rows of a
        task stand together, and of eight bytes a row elsewhere. ``fit`` reads the rows
        of its episodes and loads nothing else.

        Parameters
        ----------
        path : str or path
            A file or a folder; names of folders such as ``store=7`` are a column too.
        target, groups : str
            Columns with the target, and with the name of the task.
        columns : sequence of str, default=None
            Columns with the features, all others if None.
        support : str, default=None
            Column that is True for support rows and False for query rows.
        preprocessor : transformer, default=None
            Makes numbers of columns with text or gaps, batch by batch: such as
            :func:`skmeta.make_preprocessor`, fitted.
        folder : str or path, default=None
            Where to keep the array of features, in ``features.npy``, and of many rows
            those of targets and supports, in ``targets.npy`` and ``support.npy``. None
            is a temporary folder, which goes when the meta-dataset goes.

        Returns
        -------
        MetaDataset
            With ``X`` memory-mapped, float32 where that holds all columns exactly and
            float64 elsewhere; ``y`` likewise where rows are many.

        Raises
        ------
        ImportError
            If pyarrow is not installed.
        ValueError
            If a column is not there, or is no number and there is no preprocessor.
        OSError
            If a file goes, or changes, while it is read.
        """
        return cls._of(
            *parquet.read(path, target, groups, columns, support, preprocessor, folder)
        )

    @classmethod
    def from_arrow(
        cls,
        table: Any,
        *,
        target: str,
        groups: str,
        columns: Sequence[str] | None = None,
        support: str | None = None,
        preprocessor: Any = None,
        folder: Any = None,
    ) -> MetaDataset:
        """Make a meta-dataset of an Arrow table that is mapped, or of a dataset.

        As :meth:`from_parquet`, of what Arrow has opened: so of Feather and other
        files, too.

        Parameters
        ----------
        table : pyarrow.Table, RecordBatch or pyarrow.dataset.Dataset
            Read a batch of rows at a time. Frames of pandas and polars, and all that
            gives itself as an Arrow table, are taken as well.
        target, groups, columns, support, preprocessor, folder
            As in :meth:`from_parquet`.

        Returns
        -------
        MetaDataset
            With ``X`` memory-mapped.

        Raises
        ------
        ImportError
            If pyarrow is not installed.
        ValueError
            If a column is not there, or is no number and there is no preprocessor.

        Examples
        --------
        >>> import pyarrow as pa
        >>> from skmeta import MetaDataset
        >>> sales = pa.table(
        ...     {"price": [1.0, 2.0, 4.0], "sold": [9, 7, 2], "store": ["a", "a", "b"]}
        ... )
        >>> MetaDataset.from_arrow(sales, target="sold", groups="store")["b"]
        Task('b', 1 rows)
        """
        return cls._of(
            *parquet.read_arrow(
                table, target, groups, columns, support, preprocessor, folder
            )
        )

    @classmethod
    def _of(
        cls,
        X: Any,
        y: np.ndarray,
        names: np.ndarray,
        task: np.ndarray | TaskIndex,
        in_support: np.ndarray | None,
        keeper: Any,
        columns: list[str] | None = None,
    ) -> MetaDataset:
        """Put checked parts together."""
        made = cls.__new__(cls)
        made.X, made.y, made.names, made._task = X, y, names, task
        made.in_support = in_support
        made.columns = columns
        made._keeper = keeper  # the temporary folder goes with its last user
        return made

    _keeper: Any = None

    # Some of the tasks -------------------------------------------------------------

    def __getitem__(self, key: Any) -> Task | MetaDataset:
        """Pick a task by its name or place, or some of them as a meta-dataset.

        A slice or a mask picks by place, a list by names. An int is a name where tasks
        are called by ints, and else a place.
        """
        if isinstance(key, slice):
            return self._subset(np.arange(len(self))[key])
        if isinstance(key, (list, np.ndarray)):
            chosen = np.asarray(key)
            if chosen.dtype == bool:
                if chosen.shape != (len(self),):
                    raise IndexError(
                        f"A mask of shape {chosen.shape} for {len(self)} tasks."
                    )
                return self._subset(np.flatnonzero(chosen))
            return self._subset(np.array([self._find(each) for each in key], int))
        return self.task(self._find(key))

    def _subset(self, places: np.ndarray) -> MetaDataset:
        places = np.unique(places)
        rows = self._rows(places)
        new_place = np.zeros(len(self), dtype=np.intp)
        new_place[places] = np.arange(len(places))
        X, of_X = storage.take(self.X, rows)
        keeper: Any = of_X or self._keeper
        task: Any = new_place[self._task[rows]]
        stays = isinstance(self._task, TaskIndex) and are_many(len(rows))
        if stays:
            task = TaskIndex.of(task).renamed(self.names[places])

        def pick(column: np.ndarray, name: str) -> np.ndarray:
            nonlocal keeper
            if not stays:
                return np.asarray(column[rows])
            picked, own = storage.take(column, rows, name)
            keeper = (keeper, own or self._keeper)
            return picked

        y, given = pick(self.y, "targets"), self.in_support
        in_support = None if given is None else pick(given, "support")
        names = self.names[places]
        return self._of(X, y, names, task, in_support, keeper, self.columns)

    def train_test_split(
        self,
        test_size: float | int | None = None,
        train_size: float | int | None = None,
        random_state: Any = None,
    ) -> tuple[MetaDataset, MetaDataset]:
        """Split the tasks, never the rows of one, in two meta-datasets.

        Parameters
        ----------
        test_size, train_size, random_state
            As in :func:`sklearn.model_selection.train_test_split`, in tasks.

        Returns
        -------
        train, test : MetaDataset
            Without a task in common.
        """
        train, test = train_test_split(
            np.arange(len(self)),
            test_size=test_size,
            train_size=train_size,
            random_state=random_state,
        )
        return self._subset(train), self._subset(test)

    # Other features ----------------------------------------------------------------

    def transform(self, transformer: Any) -> MetaDataset:
        """Return the same tasks with transformed features.

        Parameters
        ----------
        transformer : transformer
            Fitted, such as :func:`skmeta.make_preprocessor` on the training tasks'
            ``X``.

        Returns
        -------
        MetaDataset
            The same tasks, targets and splits.
        """
        keeper = None
        if isinstance(self._task, TaskIndex):
            X, keeper = storage.transformed(transformer, self.X)
        else:
            X = transformer.transform(self.X)
        keeper = (keeper, self._keeper) if isinstance(self.y, np.memmap) else keeper
        return self._of(X, self.y, self.names, self._task, self.in_support, keeper)

    # To be looked at ---------------------------------------------------------------

    def __repr__(self) -> str:
        return summary.as_text(self)

    def _repr_html_(self) -> str:
        return summary.as_html(self)


def unpack(
    X: Any, y: Any, groups: Any, in_support: Any = None
) -> tuple[Any, Any, Any, Any]:
    """Take a meta-dataset apart where one is given in place of X, y and groups.

    Parameters
    ----------
    X : MetaDataset or array-like
        What a verb of an estimator was called with.
    y, groups, in_support : array-like or None
        Its other arguments.

    Returns
    -------
    X, y, groups, in_support : array-like or None
        What is in the meta-dataset, or what was given. Features on disk come as a frame
        that has their names and is mapped as they are.

    Raises
    ------
    ValueError
        If there are ``y``, ``groups`` or ``in_support`` beside a meta-dataset.
    """
    if not isinstance(X, MetaDataset):
        return X, y, groups, in_support
    _refuse_beside(y, groups, in_support)
    return X.table, X.y, X.groups, X.in_support


def _refuse_beside(*others: Any) -> None:
    """Refuse what a meta-dataset has itself."""
    if any(each is not None for each in others):
        raise ValueError(
            "A MetaDataset holds y and groups, and in_support if there is one: do not "
            "pass them as well."
        )


def unpack_to_train(
    X: Any, y: Any, groups: Any, in_support: Any = None
) -> tuple[Any, Any, Any, Any, list[str] | None]:
    """Take a meta-dataset apart for ``fit``, as :func:`unpack` does.

    The features of many rows on disk stay the file that they are, whose names come last
    then, and their groups an index of tasks.
    """
    is_indexed = isinstance(X, MetaDataset) and isinstance(X._task, TaskIndex)
    if is_indexed and is_stored(X.X):
        _refuse_beside(y, groups, in_support)
        return X.X, X.y, X._task, X.in_support, X.columns
    return *unpack(X, y, groups, in_support), None


def unpack_support(X: Any, y: Any, groups: Any) -> tuple[Any, Any, Any]:
    """Take the rows to learn tasks from: of a meta-dataset, the supports if it has any.

    Parameters
    ----------
    X : MetaDataset or array-like
        What ``adapt`` was called with.
    y, groups : array-like or None
        Its other arguments.

    Returns
    -------
    X, y, groups : array-like or None
        Support rows, or what was given.
    """
    X, y, groups, in_support = unpack(X, y, groups)
    if in_support is None:
        return X, y, groups
    rows = np.flatnonzero(in_support)
    return _safe_indexing(X, rows), y[rows], groups[rows]
