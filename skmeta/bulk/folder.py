"""A folder of tasks, as :func:`skmeta.bulk.adapt_parquet` leaves it."""

from __future__ import annotations

import json
import os
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open

from skmeta.bulk.buckets import hashes
from skmeta.bulk.columns import Columns
from skmeta.bulk.model import BulkModel
from skmeta.bulk.states import unpack_tasks
from skmeta.bulk.work import digest, is_same_model, read_plan
from skmeta.exceptions import LoadError

__all__ = ["Shards", "TaskFolder", "count_tasks", "shard_path"]


class TaskFolder:
    """Tasks that were learnt by :func:`adapt_parquet`, in shards.

    Parameters
    ----------
    path : str or path-like
        The folder.

    Attributes
    ----------
    n_tasks, n_rows : int
        Tasks, and the rows that they were learnt from.
    n_shards : int
        Files that they are in; some may be empty.
    groups : str
        Column of the support rows that said the task.
    target : list of str
        Columns that were learnt.
    features : list of str
        Columns that were learnt from.

    Raises
    ------
    ValueError
        If it is no such folder, or if its tasks are not complete.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = Path(path)
        plan = read_plan(self.path)
        if plan is None or "kind_of_groups" not in plan["asked"]:
            raise ValueError(
                f"{os.fspath(path)!r} is no folder of tasks: python -m skmeta adapt "
                "makes one, or skmeta.bulk.adapt_parquet."
            )
        if not plan.get("complete"):
            raise ValueError(
                f"The tasks in {os.fspath(path)!r} are not complete: adapt was "
                "stopped. Call it again, and it goes on from there."
            )
        self._plan = plan
        self.columns = Columns.of_json(plan["asked"])
        self.groups, self.target = self.columns.groups, self.columns.target
        self.features = self.columns.features
        self.n_shards = len(plan["n_rows"])
        self.n_rows, self.n_tasks = sum(plan["n_rows"]), sum(plan["n_tasks"])
        self.id = digest(plan["asked"])

    def __repr__(self) -> str:
        return (
            f"TaskFolder({os.fspath(self.path)!r}): {self.n_tasks:,} tasks by "
            f"{self.groups!r}"
        )

    def check(self, model: BulkModel) -> None:
        """Refuse another model than the one that has learnt the tasks.

        Raises
        ------
        ValueError
            If no checksum agrees.
        """
        if not is_same_model(self._plan["asked"]["model"], model.digests):
            raise ValueError(
                f"The tasks in {os.fspath(self.path)!r} were learnt by another model: "
                "what was learnt means nothing to this one. Give the file that adapt "
                "was given, or adapt again."
            )

    def shards_of(self, names: Any) -> np.ndarray:
        """Tell the shard of each row, by its group; of an unknown one any.

        Parameters
        ----------
        names : pyarrow.Array
            Groups, in the type of their kind.
        """
        if self._plan["by"] == "hash":
            return (hashes(names) % np.uint64(self.n_shards)).astype(np.intp)
        first = self._plan["first"]
        if self.columns.kind != "text":
            values = names.to_numpy(zero_copy_only=False)
            place = np.searchsorted(np.array(first, values.dtype), values, side="right")
        else:
            coded = names.dictionary_encode()
            words = np.array([*coded.dictionary.to_pylist(), ""], dtype=str)[:-1]
            place = np.searchsorted(np.array(first, dtype=str), words, side="right")
            place = place[coded.indices.to_numpy()]
        return np.maximum(place - 1, 0)

    def load(self, number: int, model: BulkModel) -> Any:
        """Return the learner with the tasks of a shard; with none if it is empty."""
        if not self._plan["n_tasks"][number]:
            return model.learner
        path = shard_path(self.path, number)
        try:
            learner, about = unpack_tasks(path.read_bytes(), model.learner)
        except FileNotFoundError as error:
            raise LoadError(f"The shard {str(path)!r} is gone.") from error
        except LoadError as error:
            raise LoadError(f"Cannot load {str(path)!r}. {error}") from error
        if about["shard"] != number or about["work"] != self.id:
            raise LoadError(f"{str(path)!r} is a shard of other tasks.")
        return learner


class Shards:
    """Shards in memory: those that were asked last.

    Parameters
    ----------
    tasks : TaskFolder
        Where they are.
    model : BulkModel
        By which they were learnt.
    at_once : int
        How many are kept.
    """

    def __init__(self, tasks: TaskFolder, model: BulkModel, at_once: int):
        self._tasks, self._model, self._at_once = tasks, model, at_once
        self._kept: OrderedDict[int, Any] = OrderedDict()

    def __getitem__(self, number: int) -> Any:
        if number not in self._kept:
            while len(self._kept) >= self._at_once:
                self._kept.popitem(last=False)
            self._kept[number] = self._tasks.load(number, self._model)
        self._kept.move_to_end(number)
        return self._kept[number]


def shard_path(folder: Path, number: int) -> Path:
    """Return where a shard is."""
    return folder / f"shard-{number:06d}.safetensors"


def count_tasks(folder: Path, number: int) -> int:
    """Return the number of tasks in a shard, by the words in its header."""
    with safe_open(shard_path(folder, number), "numpy") as file:
        document = json.loads(file.metadata()["skmeta"])
    return int(document["about"]["n_tasks"])
