"""Answer rows of tasks by the million: from Parquet to Parquet, in their order."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import joblib
import numpy as np

from skmeta.bulk.buckets import Buckets, read_bucket
from skmeta.bulk.folder import TaskFolder
from skmeta.bulk.model import BulkModel
from skmeta.bulk.progress import Stages, first_of_a_kind
from skmeta.bulk.source import Rest, Source, group_kind, names_of, rechunked
from skmeta.bulk.work import Work, digest
from skmeta.estimators.calibration import check_coverage
from skmeta.tables.arrow import arrow
from skmeta.utils.messages import show

__all__ = ["predict_parquet"]

# Rows that are answered at once, and rows of a row group of the answers.
_AT_ONCE = 2**16
_ROW_GROUP = 2**18

_ROW = "\0row"  # number of a row in the file
_DIGEST = b"skmeta.answers"  # key in the metadata of the answers


def predict_parquet(
    model: Any,
    tasks: str | os.PathLike | TaskFolder,
    source: str | os.PathLike | Sequence[str | os.PathLike],
    out: str | os.PathLike,
    *,
    groups: str | None = None,
    proba: bool = False,
    interval: float | None = None,
    keep: Sequence[str] = (),
    unknown_task: Literal["error", "prior"] | None = None,
    restart: bool = False,
    verbose: bool = False,
) -> Path:
    """Answer the rows of Parquet files by the tasks of a folder.

    The answers are in the order of the rows, so that the two files can be put side by
    side. Killed at any moment and called again, it goes on with the first shard that
    is not answered. Rows whose tasks come in the order of the shards, such as rows
    that are sorted by task as the supports were, are answered as they are read; others
    are put in buckets on disk first.

    Parameters
    ----------
    model : str, path-like or estimator
        The model that the tasks were learnt by.
    tasks : str, path-like or TaskFolder
        As :func:`adapt_parquet` left it.
    source : str, path-like or list of them
        Parquet files or a folder of them: rows with the columns that the tasks were
        learnt from, by their names, and their groups.
    out : str or path-like
        One Parquet file. Until it is whole, what is done is in a folder beside it,
        with ``.unfinished`` behind its name.
    groups : str, default=None
        Column that says which task a row is of. None: the one of the supports.
    proba : bool, default=False
        Add a column ``proba_<label>`` for each label; of several targets
        ``proba_<target>``.
    interval : float, default=None
        Add columns ``<target>_low`` and ``<target>_high`` of intervals with this
        coverage, by ``predict_interval``. The model has to be calibrated.
    keep : sequence of str, default=()
        Further columns of the rows that stand beside the answers.
    unknown_task : {"error", "prior"}, default=None
        What becomes of rows whose task is not in the folder. None is as the model
        says.
    restart : bool, default=False
        Begin anew, whatever is there.
    verbose : bool, default=False
        Say on standard error how far it has got.

    Returns
    -------
    Path
        The file: the groups, ``keep``, and a column of answers for each target, called
        as the target was.

    Raises
    ------
    ValueError
        If columns are missing, if the tasks are of another model or not complete, if
        a row's task is unknown and ``unknown_task="error"``, or if ``out`` holds
        something else or is among the rows. After an unknown task the same call with
        ``unknown_task="prior"`` goes on with what is done.
    TypeError
        If the model is no meta-learner.
    LoadError
        If a file of the model or of the tasks is damaged.

    Examples
    --------
    See :func:`adapt_parquet`.
    """
    learner = BulkModel(model, unknown_task)
    known = tasks if isinstance(tasks, TaskFolder) else TaskFolder(tasks)
    known.check(learner)
    rows, path = Source(source), Path(out)
    name = known.groups if groups is None else groups
    keep = [keep] if isinstance(keep, str) else keep
    rows.check_apart(path)
    rows.check([*known.features, name, *keep])
    own, kind = group_kind(rows.schema, name), known.columns.kind
    if own != kind and "text" in (own, kind):
        raise ValueError(
            f"Column {name!r} holds {own}, and tasks are called by {kind}: no row "
            "would find its task."
        )
    answers = Answers(learner, known, proba, interval)
    answers.check_beside([*dict.fromkeys([name, *keep])])
    policy = learner.learner.unknown_task
    asked = {
        "tasks": known.id,
        "rows": rows.fingerprint(),
        "groups": name,
        "keep": [*keep],
        "proba": proba,
        "interval": interval,
        "calibration": answers.calibration,
        "unknown_task": policy,
    }
    stages = Stages(verbose)
    if path.is_dir():
        raise ValueError(f"{str(path)!r} is a folder; answers are one file.")
    done = False
    if path.exists() and not restart:
        if _digest_of(path) != digest(asked).encode():
            raise ValueError(
                f"{str(path)!r} is there, and holds something else. Name another file, "
                "or replace it with restart=True, on the command line --restart."
            )
        stages.say(f"{path} is complete already")
        done = True
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = path.with_name(f"{path.name}.unfinished")
    if done and not folder.exists():
        return path
    weaker = {"unknown_task": "error"}  # what is done holds no unknown task
    with Work(folder, asked, restart, "answers", weaker) as work:
        if not done:
            _Predicting(work, rows, known, answers, [name, *keep], stages).run(path)
        work.clear()
        folder.rmdir()
    return path


class Answers:
    """Columns of answers to rows.

    Parameters
    ----------
    model : BulkModel
        Answers by what it is given of tasks.
    tasks : TaskFolder
        Whose targets the answers are called by.
    proba : bool
        Whether probabilities are asked for.
    interval : float or None
        Coverage of intervals that are asked for.

    Attributes
    ----------
    calibration : str or None
        Checksum of what intervals follow from beside the tasks; None if none are asked
        for.

    Raises
    ------
    ValueError
        If the model has no answers of this sort.
    """

    def __init__(
        self, model: BulkModel, tasks: TaskFolder, proba: bool, interval: float | None
    ):
        self.model, self.target = model, tasks.target
        self.interval = interval
        self.calibration: str | None = None
        self.labels: list[Any] | None = None
        learner = model.learner
        if proba:
            if not model.is_classifier:
                raise ValueError("Probabilities are of labels; the model has values.")
            self.labels = self.target
            if len(self.target) == 1:
                if learner.label_space_ == "per_task":
                    raise ValueError(
                        "Each task has labels of its own, for which there are no "
                        "columns of probabilities that all rows share: leave proba "
                        "out, for labels alone."
                    )
                self.labels = learner.classes_.tolist()
        if interval is not None:
            check_coverage(interval)
            if model.is_classifier or len(self.target) > 1:
                raise ValueError(
                    "Intervals are of one value; the model has labels, or several "
                    "targets."
                )
            if not learner._calibration().is_ready:
                learner.calibrate()  # of a file it says what is missing
            self.calibration = joblib.hash(learner._calibration().parts())

    @property
    def names(self) -> list[str]:
        """Names of the columns."""
        names = [*self.target]
        if self.labels is not None:
            names += [f"proba_{label}" for label in self.labels]
        if self.interval is not None:
            names += [f"{self.target[0]}_low", f"{self.target[0]}_high"]
        return names

    def check_beside(self, others: Sequence[str]) -> None:
        """Refuse columns beside the answers that are called like them.

        Raises
        ------
        ValueError
            If there are some.
        """
        names = [*others, *self.names]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(
                f"Answers come in columns called {self.names}, and {twice} would be "
                "there twice. Rename a column, or leave it out of keep."
            )

    def of(self, learner: Any, X: Any, groups: np.ndarray) -> list[np.ndarray]:
        """Answer rows, column by column."""
        model = self.model
        answers = model.answers(learner, X, groups)
        columns = [*answers.T] if answers.ndim == 2 else [answers]
        if self.labels is not None:
            shares = model.answers(learner, X, groups, "predict_proba")
            columns += [*shares.T]
        if self.interval is not None:
            columns += model.intervals(learner, X, groups, self.interval)
        return columns


class _Predicting:
    """Rows that are answered shard by shard, and put back in their order."""

    def __init__(
        self,
        work: Work,
        rows: Source,
        tasks: TaskFolder,
        answers: Answers,
        beside: Sequence[str],
        stages: Stages,
    ):
        self.work, self.rows, self.tasks = work, rows, tasks
        self.answers, self.stages = answers, stages
        self.groups, self.beside = beside[0], [*dict.fromkeys(beside)]
        self.columns = [*dict.fromkeys([*tasks.features, *self.beside])]
        self.spill, self.order = work.folder / "rows", work.folder / "order"
        self.told: set[str] = set()

    def run(self, path: Path) -> None:
        work = self.work
        if "by" not in work.plan:
            work.note(**self._plan())
        if work.plan["by"] == "hash" and "n_rows" not in work.plan:
            work.note(n_rows=self._partition())
        sizes = work.plan["n_rows"]
        parts = [self._part(number) for number in range(len(sizes))]
        there = [part.exists() for part in parts]
        done = sum(size for size, has in zip(sizes, there, strict=True) if has)
        with self.stages.stage("predict", sum(sizes), done) as bar:
            for number, batches in self._asked(sizes, there):
                learner = self.tasks.load(number, self.answers.model)
                with work.writing(parts[number]) as temporary:
                    for n_rows in self._answer(temporary, learner, batches):
                        bar.update(n_rows)
        self._put_together(
            [part for part, size in zip(parts, sizes, strict=True) if size], path
        )

    def _part(self, number: int) -> Path:
        return self.work.folder / f"part-{number:06d}.arrows"

    def _shards_of(self, batch: Any) -> np.ndarray:
        column = batch.column(batch.schema.get_field_index(self.groups))
        names = names_of(column, self.tasks.columns.kind, self.groups)
        return self.tasks.shards_of(names)

    def _plan(self) -> dict[str, Any]:
        """Look whether the rows come in the order of the shards."""
        n_rows = np.zeros(self.tasks.n_shards, dtype=np.int64)
        last = 0
        with self.stages.stage("look at the groups", self.rows.n_rows) as bar:
            for batch in self.rows.batches([self.groups]):
                shard = self._shards_of(batch)
                if shard[0] < last or (np.diff(shard) < 0).any():
                    return {"by": "hash"}
                last = shard[-1]
                n_rows += np.bincount(shard, minlength=len(n_rows))
                bar.update(len(batch))
        return {"by": "runs", "n_rows": n_rows.tolist()}

    def _partition(self) -> list[int]:
        """Put rows in a bucket for each shard, with their numbers."""
        pa, buckets, first = arrow(), Buckets(self.spill), 0
        with self.stages.stage("put rows in buckets", self.rows.n_rows) as bar:
            for batch in self.rows.batches(self.columns):
                number = pa.array(np.arange(first, first + len(batch)))
                named = pa.RecordBatch.from_arrays(
                    [*batch.columns, number],
                    schema=batch.schema.append(pa.field(_ROW, pa.int64())),
                )
                buckets.add(named, self._shards_of(batch))
                first += len(batch)
                bar.update(len(batch))
        sizes = buckets.close()
        return sizes + [0] * (self.tasks.n_shards - len(sizes))

    def _asked(
        self, sizes: Sequence[int], there: Sequence[bool]
    ) -> Iterator[tuple[int, Iterator[Any]]]:
        """Yield the rows of each shard that is not answered yet."""
        missing = [n for n, size in enumerate(sizes) if size and not there[n]]
        if not missing:
            return
        if self.work.plan["by"] == "hash":
            for number in missing:
                rest = Rest(read_bucket(self.spill, number))
                yield number, rest.take(sizes[number])
            return
        first = np.cumsum([0, *sizes])
        rest = Rest(self.rows.batches(self.columns, start=int(first[missing[0]])))
        for number in range(missing[0], len(sizes)):
            batches = rest.take(sizes[number])
            if not there[number] and sizes[number]:
                yield number, batches
            for _ in batches:  # what is there already
                pass

    def _answer(
        self, path: Path, learner: Any, batches: Iterator[Any]
    ) -> Iterator[int]:
        """Write the answers to rows of a shard; yield their numbers as they come."""
        pa, columns = arrow(), self.tasks.columns
        kept = [*self.beside, *([_ROW] if self.work.plan["by"] == "hash" else [])]
        named = [*kept, *self.answers.names]
        writer = None
        with pa.OSFile(str(path), "wb") as file:
            for batch in rechunked(batches, _AT_ONCE):
                names = columns.group_names(batch, self.groups)
                if learner is self.answers.model.learner:  # it knows no task
                    self._refuse_unknown(names)
                with first_of_a_kind(self.told):
                    found = self.answers.of(learner, columns.features_of(batch), names)
                beside = [batch.column(name) for name in kept]
                table = pa.table([*beside, *map(pa.array, found)], names=named)
                writer = writer or pa.ipc.new_stream(file, table.schema)
                writer.write_table(table)
                yield len(batch)
            assert writer is not None  # a shard that is asked has rows
            writer.close()

    def _refuse_unknown(self, names: np.ndarray) -> None:
        """Refuse rows of a shard that no task has fallen to."""
        if self.answers.model.learner.unknown_task == "error":
            raise ValueError(
                f"No task was adapted for the groups {show(np.unique(names))}. Adapt "
                "to them as well, or set unknown_task='prior' to answer them by what "
                "is common to all tasks."
            )

    def _put_together(self, parts: Sequence[Path], path: Path) -> None:
        """Write the answers of all parts to one file, in the order of the rows."""
        pa, n_rows = arrow(), self.rows.n_rows
        tables = _read(parts)
        with self.stages.stage("put answers in order", n_rows) as bar:
            if self.work.plan["by"] == "hash":
                tables = self._in_order(tables)
            first = next(tables)
            about = {_DIGEST: digest(self.work.plan["asked"]).encode()}
            schema = first.schema.with_metadata(about)
            with (
                self.work.writing(path) as temporary,
                pa.parquet.ParquetWriter(temporary, schema) as writer,
            ):
                for table in rechunked(chain([first], tables), _ROW_GROUP):
                    writer.write_table(table.cast(schema))
                    bar.update(len(table))

    def _in_order(self, batches: Iterator[Any]) -> Iterator[Any]:
        """Yield answers in the order of the rows, a range of them at a time."""
        pa, buckets = arrow(), Buckets(self.order)
        for batch in batches:
            row = batch.column(batch.schema.get_field_index(_ROW))
            buckets.add(batch, row.to_numpy() // _ROW_GROUP)
        for number in range(len(buckets.close())):
            table = pa.Table.from_batches(read_bucket(self.order, number))
            yield from table.sort_by(_ROW).drop_columns([_ROW]).to_batches()


def _read(parts: Sequence[Path]) -> Iterator[Any]:
    """Yield the record batches of parts, one after another."""
    pa = arrow()
    for part in parts:
        with pa.OSFile(str(part), "rb") as file:
            yield from pa.ipc.open_stream(file)


def _digest_of(path: Path) -> bytes | None:
    """Return what a file of answers was made of, None if it says nothing."""
    pa = arrow()
    try:
        about = pa.parquet.read_schema(path).metadata
    except (pa.ArrowException, OSError):
        return None
    return (about or {}).get(_DIGEST)
