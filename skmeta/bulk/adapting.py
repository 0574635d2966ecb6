"""Learn tasks by the million: from Parquet to a folder of shards, or batch by batch."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from skmeta.bulk.buckets import Buckets, hashes, read_bucket
from skmeta.bulk.columns import Columns
from skmeta.bulk.folder import TaskFolder, count_tasks, shard_path
from skmeta.bulk.model import BulkModel
from skmeta.bulk.progress import Stages, first_of_a_kind
from skmeta.bulk.source import Rest, Source, names_of, targets_of
from skmeta.bulk.states import pack_tasks
from skmeta.bulk.work import Work, digest
from skmeta.tables.arrow import arrow
from skmeta.utils.counts import is_count
from skmeta.utils.files import replace_file

__all__ = ["adapt_parquet"]

# Numbers in the features of a shard, and its rows at most.
_NUMBERS = 2**22
_MOST_ROWS = 2**17


def adapt_parquet(
    model: Any,
    source: str | os.PathLike | Sequence[str | os.PathLike],
    out: str | os.PathLike,
    *,
    groups: str,
    target: str | Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    rows_per_shard: int | None = None,
    restart: bool = False,
    verbose: bool = False,
) -> TaskFolder:
    """Adapt to all tasks of Parquet files, in memory that does not grow with them.

    The tasks go to a folder, in shards of whole tasks. Killed at any moment and called
    again, it goes on with the first shard that is not there, and ends with the same
    folder, byte for byte. Of rows that are sorted by task, shards are runs of the
    file; whether they are is found out by a look at the column of groups. Of others
    the rows are put in buckets on disk first, which takes about the room of the file.

    Parameters
    ----------
    model : str, path-like or estimator
        A fitted MetaClassifier, MetaRegressor, ensemble of :mod:`skmeta.ensemble`, or
        a Pipeline that ends in one; or the file of one, by :func:`skmeta.save`, by
        ``skops.io.dump`` (``.skops``) or by joblib (``.joblib``, ``.pkl``: reading it
        runs code). It stays as it is.
    source : str, path-like or list of them
        Parquet files or a folder of them: rows with their targets and groups.
    out : str or path-like
        Folder of the tasks; made if it is not there.
    groups : str
        Column that says which task a row is of: integers, text or floats.
    target : str or list of str, default=None
        Column to learn. None: the one that is neither ``groups`` nor one of
        ``columns``. Rows whose target is missing are rows without a label.
    columns : sequence of str, default=None
        Columns to learn from. None: those that the model was fitted to, by their
        names; of a model that knows no names, all others in the order of the file.
    rows_per_shard : int, default=None
        Rows after which a shard ends with its last task. None: so many that there are
        four million numbers in the features, 131,072 at most.
    restart : bool, default=False
        Drop what is in the folder of other work.
    verbose : bool, default=False
        Say on standard error how far it has got: a bar in a terminal, else lines.

    Returns
    -------
    TaskFolder
        For :func:`predict_parquet` and :func:`predict_batches`.

    Raises
    ------
    ValueError
        If columns are missing, if the folder holds other work (another model, other
        rows, other columns) or lies in that of the rows, or if the rows are none that
        the model can learn; what is raised names the shard's rows.
    TypeError
        If the model is no meta-learner.
    LoadError, SaveError
        If the model's file cannot be read, or its tasks not be written.

    Warns
    -----
    UserWarning
        As ``adapt`` does, once for all shards.

    Notes
    -----
    A task that has more rows than a shard is learnt as a whole, in the memory that
    takes. Supports are not kept: ``partial_adapt`` needs them and cannot go on from a
    folder.

    Examples
    --------
    >>> import tempfile
    >>> import pandas as pd
    >>> import skmeta
    >>> from skmeta.bulk import adapt_parquet, predict_parquet
    >>> from skmeta.datasets import make_sinusoids
    >>> X, y, wave = make_sinusoids(n_tasks=20, n_rows=20, random_state=0)
    >>> table = pd.DataFrame({"x": X[:, 0], "y": y, "wave": wave})
    >>> meta = skmeta.MetaRegressor("r2d2", max_epochs=1, random_state=0)
    >>> meta = meta.fit(table[["x"]], table["y"], groups=table["wave"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     rows, tasks = f"{folder}/waves.parquet", f"{folder}/tasks"
    ...     table.to_parquet(rows)
    ...     learnt = adapt_parquet(meta, rows, tasks, groups="wave")
    ...     out = predict_parquet(meta, tasks, rows, f"{folder}/answers.parquet")
    ...     answers = pd.read_parquet(out)
    >>> learnt.n_tasks, [*answers], len(answers)
    (20, ['wave', 'y'], 400)
    """
    learner, rows = BulkModel(model), Source(source)
    rows.check_apart(Path(out))
    chosen = Columns.choose(learner, rows, groups, target, columns)
    limit = rows_per_shard
    if limit is None:
        limit = int(np.clip(_NUMBERS // max(1, len(chosen.features)), 1, _MOST_ROWS))
    if not is_count(limit, 1):
        raise ValueError(
            f"rows_per_shard must be a whole number, 1 or more, not {limit}."
        )
    limit = int(limit)
    asked = {
        "model": learner.digests,
        "rows": rows.fingerprint(),
        **chosen.as_json(),
        "rows_per_shard": limit,
    }
    stages = Stages(verbose)
    with Work(Path(out), asked, restart, "tasks") as work:
        if work.plan.get("complete") and not _lost(work):
            stages.say(f"{os.fspath(out)} is complete already")
        else:
            _Adapting(work, learner, rows, chosen, stages).run(limit)
        return TaskFolder(out)


def _in_json(name: Any) -> Any:
    """Return a name of a task as JSON has it, which knows no infinity."""
    return str(name) if name in (float("inf"), float("-inf")) else name


def _lost(work: Work) -> list[int]:
    """List the shards that the plan asks for and that are not there."""
    return [
        number
        for number, size in enumerate(work.plan["n_rows"])
        if size and not shard_path(work.folder, number).exists()
    ]


class _Adapting:
    """Shards that are planned, and learnt one after another."""

    def __init__(
        self,
        work: Work,
        model: BulkModel,
        rows: Source,
        columns: Columns,
        stages: Stages,
    ):
        self.work, self.model, self.rows = work, model, rows
        self.columns, self.stages = columns, stages
        self.spill = work.folder / "rows"
        self.told: set[str] = set()

    def run(self, limit: int) -> None:
        work = self.work
        if "by" not in work.plan:
            work.note(**self._plan(limit))
        is_partitioned = "n_rows" in work.plan and not work.plan.get("complete")
        if work.plan["by"] == "hash" and not is_partitioned:
            work.note(n_rows=self._partition(work.plan["n_shards"]))
        sizes, lost = work.plan["n_rows"], {*_lost(work)}
        there = [number not in lost for number in range(len(sizes))]
        done = sum(size for size, has in zip(sizes, there, strict=True) if has)
        with self.stages.stage("adapt", sum(sizes), done) as bar:
            for number, table in self._shards(sizes, there):
                self._learn(number, table)
                bar.update(len(table))
        n_tasks = [
            count_tasks(work.folder, n) if size else 0 for n, size in enumerate(sizes)
        ]
        work.note(n_tasks=n_tasks, complete=True)
        if self.spill.exists():
            Buckets.remove(self.spill)

    def _plan(self, limit: int) -> dict[str, Any]:
        """Look at the groups: cut rows that are sorted by them, else say how many."""
        name, kind = self.columns.groups, self.columns.kind
        pc = arrow().compute
        cuts, firsts = [0], []
        last = None
        start, seen = 0, 0  # of the shard, of the batch
        with self.stages.stage("look at the groups", self.rows.n_rows) as bar:
            for batch in self.rows.batches([name]):
                names = names_of(batch.column(0), kind, name)
                if last is None:
                    firsts.append(_in_json(names[0].as_py()))
                    begins = np.zeros(1, dtype=bool)
                else:
                    begins = np.array([names[0].as_py() != last])
                    if names[0].as_py() < last:
                        return self._plan_buckets(limit)
                before, after = names.slice(0, len(names) - 1), names.slice(1)
                if pc.any(pc.less(after, before)).as_py():
                    return self._plan_buckets(limit)
                changes = pc.not_equal(after, before).to_numpy(zero_copy_only=False)
                place = np.flatnonzero(np.concatenate([begins, changes]))
                while True:
                    at = np.searchsorted(place, start + limit - seen)
                    if at == len(place):
                        break
                    start = seen + int(place[at])
                    cuts.append(start)
                    firsts.append(_in_json(names[int(place[at])].as_py()))
                last = names[-1].as_py()
                seen += len(names)
                bar.update(len(names))
        sizes = np.diff([*cuts, seen]).tolist()
        return {"by": "runs", "first": firsts, "n_rows": sizes}

    def _plan_buckets(self, limit: int) -> dict[str, Any]:
        return {"by": "hash", "n_shards": -(-self.rows.n_rows // limit)}

    def _partition(self, n_shards: int) -> list[int]:
        """Put rows in buckets by the hash of their group, and count them."""
        buckets = Buckets(self.spill)
        with self.stages.stage("put rows in buckets", self.rows.n_rows) as bar:
            for batch in self.rows.batches(self.columns.all):
                names = batch.column(batch.schema.get_field_index(self.columns.groups))
                names = names_of(names, self.columns.kind, self.columns.groups)
                number = (hashes(names) % np.uint64(n_shards)).astype(np.intp)
                buckets.add(batch, number)
                bar.update(len(batch))
        sizes = buckets.close()
        return sizes + [0] * (n_shards - len(sizes))

    def _shards(
        self, sizes: Sequence[int], there: Sequence[bool]
    ) -> Iterator[tuple[int, Any]]:
        """Yield the rows of each shard that is not there yet."""
        pa = arrow()
        missing = [n for n, size in enumerate(sizes) if size and not there[n]]
        if not missing:
            return
        if self.work.plan["by"] == "hash":
            for number in missing:
                batches = Rest(read_bucket(self.spill, number)).take(sizes[number])
                yield number, pa.Table.from_batches(batches)
            return
        first = np.cumsum([0, *sizes])
        rest = Rest(self.rows.batches(self.columns.all, start=int(first[missing[0]])))
        for number in range(missing[0], len(sizes)):
            batches = [*rest.take(sizes[number])]
            if not there[number]:
                yield number, pa.Table.from_batches(batches)

    def _learn(self, number: int, table: Any) -> None:
        columns, model = self.columns, self.model
        names = columns.group_names(table)
        try:
            with first_of_a_kind(self.told):
                learner = model.adapted(
                    columns.features_of(table), targets_of(table, columns.target), names
                )
        except ValueError as error:
            first, last = names[[0, -1]].tolist()
            raise ValueError(
                f"Cannot learn the tasks of shard {number}, whose rows are of "
                f"{first!r} to {last!r}: {error}"
            ) from error
        about = {
            "shard": number,
            "n_tasks": len(np.unique(names)),
            "work": digest(self.work.plan["asked"]),
        }
        data = pack_tasks(learner, model.learner, about)
        replace_file(shard_path(self.work.folder, number), data)
