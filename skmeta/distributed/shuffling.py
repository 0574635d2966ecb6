"""Bring the rows of a task together, by graphs of Dask that say it beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from skmeta.distributed.columns import Columns, numbered
from skmeta.utils.sending import Sent

if TYPE_CHECKING:
    import dask.dataframe as dd
    import pandas as pd

__all__ = ["SHUFFLE", "as_counted", "by_task", "once"]

# By tasks of the graph, which are computed again where a worker is lost. Rows that go
# from worker to worker beside the graph ("p2p") came twice when one was killed.
SHUFFLE = "tasks"


def by_task(
    frame: dd.DataFrame,
    columns: Columns,
    npartitions: int | None,
    *,
    with_index: bool = False,
) -> dd.DataFrame:
    """Bring all rows of a task into one partition, which its name alone decides."""
    taken = frame.map_partitions(
        _numbered, columns, with_index, meta=_numbered(frame._meta, columns, with_index)
    )
    return taken.shuffle(
        "hash",
        npartitions=npartitions or frame.npartitions,
        shuffle_method=SHUFFLE,
        ignore_index=True,
    )


def _numbered(
    frame: pd.DataFrame,
    columns: Columns,
    with_index: bool,
    partition_info: dict[str, Any] | None = None,
) -> pd.DataFrame:
    """Take the columns that are needed, and number rows by their place."""
    number = partition_info["number"] if partition_info else 0
    taken = numbered(columns.taken(frame), number)
    if with_index:
        taken = taken.assign(index=frame.index)
    return taken.reset_index(drop=True)


def as_counted(frame: dd.DataFrame) -> dd.DataFrame:
    """Let the partitions that are computed be those that the frame says it has.

    Dask reads several Parquet files as one partition where few of their columns are
    asked for, long after anyone could ask how many there are. Rows would be numbered by
    these, and answers stand in other partitions than the rows.
    """
    import dask.dataframe as dd

    cut = frame.simplify()
    return dd.from_graph(
        _Graph(cut.__dask_graph__(), cut._name),
        frame._meta,
        frame.divisions,
        cut.__dask_keys__(),
        "asked",
    )


class _Graph(dict):
    """Tasks by a name of their own, so that Dask need not look at what is in them."""

    def __init__(self, tasks: Mapping[Any, Any], name: str):
        super().__init__(tasks)
        self._name = name

    def __dask_tokenize__(self) -> str:
        return self._name

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(self), self._name)


def once(sent: Sent) -> Any:
    """Let the model be one thing in a graph, which all partitions wait for."""
    from dask.delayed import delayed

    name = f"model-{sent.checksum}"
    return delayed(_same, pure=True)(sent, dask_key_name=name)


def _same(sent: Sent) -> Sent:
    return sent
