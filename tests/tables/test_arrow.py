"""Rows come in their order, in batches, from any row on."""

import numpy as np
import pytest

from skmeta.tables import arrow as module
from skmeta.tables.arrow import decoded, like, read_rows, row_groups

pa = pytest.importorskip("pyarrow")


@pytest.fixture(params=["parquet", "feather", "table"])
def files(request, tmp_path, monkeypatch):
    from pyarrow import dataset, feather, parquet

    monkeypatch.setattr(module, "_AT_ONCE", 7)
    table = pa.table({"a": np.arange(50), "b": np.arange(50) % 3})
    if request.param == "table":
        return dataset.dataset(table)
    if request.param == "feather":
        feather.write_feather(table, tmp_path / "t.feather", chunksize=20)
    else:
        parquet.write_table(table, tmp_path / "t.parquet", row_group_size=20)
    return dataset.dataset(tmp_path, format=request.param)


@pytest.mark.parametrize("skip", [0, 5, 20, 43, 50])
def test_rows_come_in_their_order_from_any_on(files, skip):
    batches = [*read_rows(row_groups(files), files.schema, ["a", "a"], skip)]
    read = np.concatenate([b.column("a").to_numpy() for b in batches] or [np.empty(0)])
    assert read.tolist() == list(range(skip, 50))
    assert all(b.schema.names == ["a"] and 0 < len(b) <= 7 for b in batches)


def test_values_come_without_a_dictionary():
    column = pa.array(["x", "y", "x"]).dictionary_encode()
    assert decoded(column).to_pylist() == ["x", "y", "x"]
    assert decoded(pa.array([1, 2])).to_pylist() == [1, 2]


def test_a_column_that_is_not_there_is_told_of_by_those_like_it():
    assert like("sore", ["store", "x"]) == "Did you mean one of ['store']?"
    assert like("q", ["store", "x"]) == "It has ['store', 'x']."
