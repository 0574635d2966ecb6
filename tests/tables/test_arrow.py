"""Rows come in their order, in batches, from any row on."""

import numpy as np
import pandas as pd
import pytest

from skmeta.tables import arrow as module
from skmeta.tables.arrow import (
    columns_of,
    decoded,
    frame_of,
    like,
    open_parquet,
    read_rows,
    refuse_unlike,
    row_groups,
)

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


def test_the_index_of_a_frame_is_no_column_unless_it_is_asked_for():
    frame = pd.DataFrame({"a": [1.0, 2, 3]}, index=[5, 7, 9])
    table = pa.Table.from_pandas(frame)
    assert table.schema.names == ["a", "__index_level_0__"]
    assert columns_of(table.schema) == ["a"]
    assert columns_of(pa.schema([("b", pa.int8())])) == ["b"]
    assert [*frame_of(table)] == ["a", "__index_level_0__"]


def test_a_column_that_was_an_index_and_names_that_were_numbers_stay_columns():
    frame = pd.DataFrame({0: [1, None], 1: [2, 3]}, dtype="Int8")
    read = frame_of(pa.Table.from_pandas(frame.set_index(1).rename_axis("1")))
    assert [*read] == ["0", "1"]
    assert (read.dtypes == "Int8").all()


@pytest.mark.parametrize(
    ("first", "then", "common"),
    [
        (pa.array([1], pa.int8()), pa.array([300], pa.int16()), [1, 300]),
        (pa.array([1]), pa.array([0.5]), [1, 0.5]),
        (pa.array([0.5], pa.float32()), pa.array([0.1]), [0.5, 0.1]),
        (pa.nulls(1), pa.array(["x"]), [None, "x"]),
        (pa.array(["x"]).dictionary_encode(), pa.array(["y"]), ["x", "y"]),
        (pa.array(["x"], pa.string_view()), pa.array(["y"]), ["x", "y"]),
    ],
)
def test_a_column_holds_what_each_file_has_in_it(tmp_path, first, then, common):
    if pa.types.is_string_view(first.type):
        try:
            pa.parquet.write_table(pa.table({"a": first}), tmp_path / "tried")
        except pa.ArrowNotImplementedError:
            pytest.skip("this pyarrow writes no views")
        (tmp_path / "tried").unlink()
    for swapped in (False, True):
        parts = [then, first] if swapped else [first, then]
        for number, part in enumerate(parts):
            pa.parquet.write_table(
                pa.table({"a": part}), tmp_path / f"{number}.parquet"
            )
        files, unlike = open_parquet(tmp_path)
        assert not unlike
        read = files.to_table().column("a").to_pylist()
        assert read == (common[::-1] if swapped else common)


def test_columns_of_two_kinds_are_refused_where_they_are_read(tmp_path):
    pa.parquet.write_table(
        pa.table({"a": [1], "b": [True], "c": [1]}), tmp_path / "1.parquet"
    )
    pa.parquet.write_table(
        pa.table({"a": ["x"], "b": [2], "c": [2]}), tmp_path / "2.parquet"
    )
    files, unlike = open_parquet(tmp_path)
    refuse_unlike(["c"], unlike)
    assert files.to_table(columns=["c"]).column("c").to_pylist() == [1, 2]
    with pytest.raises(ValueError, match=r"'a' is int64, and string in .*2\.parquet"):
        refuse_unlike(["c", "a"], unlike)
    with pytest.raises(ValueError, match="'b' is bool, and int64"):
        refuse_unlike(["b"], unlike)
