"""Learn and answer tasks batch by batch, of rows that come from anywhere."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

import numpy as np
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import check_consistent_length

from skmeta.bulk.buckets import hashes
from skmeta.bulk.folder import Shards, TaskFolder
from skmeta.bulk.model import BulkModel
from skmeta.bulk.source import group_kind, names_of
from skmeta.model_selection._rows import stack_rows
from skmeta.pipelines import with_last_step
from skmeta.tables.arrow import arrow
from skmeta.tables.groups import encode_groups
from skmeta.tables.rows import join_targets
from skmeta.utils.messages import show
from skmeta.utils.unique import as_listed

__all__ = ["adapt_batches", "predict_batches"]


def adapt_batches(
    model: Any,
    batches: Iterable[tuple[Any, Any, Any]],
    *,
    rows_at_once: int = 2**17,
) -> Iterator[Any]:
    """Adapt to tasks whose rows come in batches, those of a task together.

    Parameters
    ----------
    model : str, path-like or estimator
        As :func:`adapt_parquet` takes it.
    batches : iterable of (X, y, groups)
        Rows, targets and groups, as ``adapt`` takes them. The rows of a task follow
        each other; a task may end in a later batch than it begins.
    rows_at_once : int, default=131072
        Rows after which the tasks that are whole are learnt.

    Yields
    ------
    MetaClassifier, MetaRegressor, ensemble or Pipeline
        Shallow copies of the model, each of which knows the tasks of about
        ``rows_at_once`` rows and no others.

    Raises
    ------
    ValueError
        If a task comes again after others: what was learnt of it was learnt without
        these rows. Eight bytes of each task are remembered to see it.

    Examples
    --------
    >>> import skmeta
    >>> from skmeta.bulk import adapt_batches
    >>> from skmeta.datasets import make_sinusoids
    >>> X, y, wave = make_sinusoids(n_tasks=20, n_rows=20, random_state=0)
    >>> meta = skmeta.MetaRegressor("r2d2", max_epochs=1, random_state=0)
    >>> meta = meta.fit(X, y, groups=wave)
    >>> batches = (
    ...     (X[i : i + 90], y[i : i + 90], wave[i : i + 90]) for i in range(0, 400, 90)
    ... )
    >>> [
    ...     len(each.adapted_.names)
    ...     for each in adapt_batches(meta, batches, rows_at_once=200)
    ... ]
    [13, 7]
    """
    learner = BulkModel(model)
    waiting: list[tuple[Any, Any, np.ndarray]] = []
    n_waiting, n_whole = 0, 0  # rows, and those of tasks that have ended
    seen = _Seen()
    for X, y, groups in batches:
        check_consistent_length(X, y, groups)
        own = _as_array(groups)
        if not len(own):
            continue
        others_before = bool(waiting) and bool(waiting[-1][2][-1] != own[0])
        begins = np.flatnonzero(np.append(others_before, own[1:] != own[:-1]))
        if len(begins):
            n_whole = n_waiting + int(begins[-1])
        waiting.append((X, y, own))
        n_waiting += len(own)
        if n_waiting < rows_at_once or not n_whole:
            continue
        joined = _joined(waiting)
        yield _learnt(learner, *_rows_of(joined, 0, n_whole), seen)
        waiting = [_rows_of(joined, n_whole, n_waiting)]
        n_waiting, n_whole = n_waiting - n_whole, 0
    if n_waiting:
        yield _learnt(learner, *_joined(waiting), seen)


def predict_batches(
    model: Any,
    tasks: str | os.PathLike | TaskFolder,
    batches: Iterable[tuple[Any, Any]],
    *,
    method: Literal["predict", "predict_proba"] = "predict",
    unknown_task: Literal["error", "prior"] | None = None,
    shards_at_once: int = 4,
) -> Iterator[np.ndarray]:
    """Answer batches of rows by the tasks of a folder, each as it comes.

    Parameters
    ----------
    model : str, path-like or estimator
        The model that the tasks were learnt by.
    tasks : str, path-like or TaskFolder
        As :func:`adapt_parquet` left it.
    batches : iterable of (X, groups)
        Rows and their groups, as ``predict`` takes them.
    method : {"predict", "predict_proba"}, default="predict"
        What is asked. Probabilities need labels that mean the same in every task.
    unknown_task : {"error", "prior"}, default=None
        What becomes of rows whose task is not in the folder. None is as the model
        says.
    shards_at_once : int, default=4
        Shards that are kept in memory, those that were asked last. A batch whose tasks
        are in more of them reads these from disk: :func:`predict_parquet` sorts rows
        first.

    Yields
    ------
    ndarray of shape (n_rows,) or (n_rows, n_columns)
        Answers to a batch, in the order of its rows.

    Raises
    ------
    ValueError
        If the tasks are of another model, or if a row's task is unknown and
        ``unknown_task="error"``.
    """
    learner = BulkModel(model, unknown_task)
    known = tasks if isinstance(tasks, TaskFolder) else TaskFolder(tasks)
    known.check(learner)
    if (
        method == "predict_proba"
        and getattr(learner.learner, "label_space_", "") == "per_task"
    ):
        raise ValueError(
            "Each task has labels of its own: there are no common columns. Ask "
            "method='predict'."
        )
    shards = Shards(known, learner, shards_at_once)
    policy = learner.learner.unknown_task
    for X, groups in batches:
        check_consistent_length(X, groups)
        given = _as_array(groups)
        encode_groups(given, given)  # refuses what are no names
        names = _arrow_names(given, known.columns.kind)
        if names is None and policy == "error":
            _refuse(given)
        at = np.zeros(len(given), np.intp) if names is None else known.shards_of(names)
        parts, places = [], []
        for number in np.unique(at):
            own = np.flatnonzero(at == number)
            adapted = shards[int(number)]
            if adapted is learner.learner and policy == "error":
                _refuse(given[own])
            rows = _safe_indexing(X, own)
            parts.append(learner.answers(adapted, rows, given[own], method))
            places.append(own)
        if parts:
            order = np.argsort(np.concatenate(places))
            yield np.concatenate(parts)[order]
        else:
            yield np.empty(0)


def _refuse(groups: np.ndarray) -> None:
    raise ValueError(
        f"No task was adapted for the groups {show(np.unique(groups))}. Adapt to them "
        "as well, or set unknown_task='prior'."
    )


def _arrow_names(groups: np.ndarray, kind: str) -> Any:
    """Return groups as those of a folder are; None if they are of another kind."""
    column, own = _column_of(groups)
    if own != kind and "text" in (own, kind):
        return None
    return names_of(column, kind, "groups")


def _column_of(groups: np.ndarray) -> tuple[Any, str]:
    """Return groups as Arrow has them, and of what kind they are.

    Raises
    ------
    ValueError
        If they are of no kind that a folder of tasks knows, or of several.
    """
    pa = arrow()
    try:
        column = pa.array(groups.tolist() if groups.dtype.kind == "O" else groups)
    except (pa.ArrowException, OverflowError) as error:
        raise ValueError(
            "Names of tasks are all integers of up to 64 bits, all text or all floats "
            f"here, and groups holds others, such as {show(groups, 3)}: {error}."
        ) from error
    return column, group_kind(pa.schema([("groups", column.type)]), "groups")


def _as_array(groups: Any) -> np.ndarray:
    given = np.asarray(groups if hasattr(groups, "dtype") else as_listed(groups))
    if given.ndim != 1:
        raise ValueError(
            f"groups must have one value per row, not the shape {given.shape}. Join "
            "several columns into one first."
        )
    return given


def _joined(parts: list[tuple[Any, Any, np.ndarray]]) -> tuple[Any, Any, np.ndarray]:
    if len(parts) == 1:
        return parts[0]
    rows, targets, groups = zip(*parts, strict=True)
    X = stack_rows(_with_all_categories(rows), *rows[1:])
    y = join_targets([np.asarray(each) for each in targets])
    return X, y, join_targets(list(groups))


def _with_all_categories(rows: Sequence[Any]) -> Any:
    """Return the first rows, whose categories are those of all that follow as well."""
    first = rows[0]
    if not hasattr(first, "iloc"):
        return first
    from pandas import CategoricalDtype
    from pandas.api.types import union_categoricals

    wider = {}
    for name, kind in first.dtypes.items():
        if isinstance(kind, CategoricalDtype):
            each = [own[name].astype("category") for own in rows]
            if any(own.dtype != kind for own in each):
                whole = union_categoricals(each, ignore_order=True)
                wider[name] = CategoricalDtype(whole.categories)
    return first.astype(wider)


def _rows_of(
    joined: tuple[Any, Any, np.ndarray], start: int, stop: int
) -> tuple[Any, Any, np.ndarray]:
    rows = np.arange(start, stop)
    X, y, groups = (_safe_indexing(each, rows) for each in joined)
    return X, y, groups


def _learnt(model: BulkModel, X: Any, y: Any, groups: np.ndarray, seen: _Seen) -> Any:
    """Return the model with what it learns of some rows."""
    seen.add(groups[np.append(True, groups[1:] != groups[:-1])])
    return with_last_step(model.estimator, model.adapted(X, y, groups))


class _Seen:
    """Hashes of the tasks that have come.

    They are in sorted runs, each longer than all after it, so that a hash is sorted in
    anew as often as the number of tasks doubles, not with every batch.
    """

    def __init__(self) -> None:
        self._runs: list[np.ndarray] = []

    def add(self, names: np.ndarray) -> None:
        """Remember runs of tasks.

        Raises
        ------
        ValueError
            If one has come before.
        """
        column, kind = _column_of(names)
        own = hashes(names_of(column, kind, "groups"))
        fresh, first = np.unique(own, return_index=True)
        again = np.zeros(len(fresh), dtype=bool)
        for run in self._runs:
            place = np.searchsorted(run, fresh).clip(max=len(run) - 1)
            again |= run[place] == fresh
        is_again = np.zeros(len(names), dtype=bool)
        is_again[first[again]] = True
        is_again[np.setdiff1d(np.arange(len(names)), first)] = True
        if is_again.any():
            raise ValueError(
                f"The tasks {show(names[is_again])} come again after others: the rows "
                "of a task must follow each other, or it would be learnt twice, each "
                "time from a part. Sort them, or write them to Parquet for "
                "adapt_parquet, which does."
            )
        while self._runs and len(self._runs[-1]) <= len(fresh):
            fresh = np.union1d(self._runs.pop(), fresh)
        self._runs.append(fresh)
