"""Reading a table from a file."""

import numpy as np
import pandas as pd
import pytest

from skmeta import MetaDataset
from skmeta.evaluation import InputError, read_table, table_of

ROWS = "store,area,sold\n" + "".join(f"{i % 8},{i},{i % 3}\n" for i in range(40))


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv_is_read_whatever_stands_between_columns(tmp_path, separator):
    path = tmp_path / "t.csv"
    path.write_text(ROWS.replace(",", separator))
    table = read_table(path)
    assert list(table) == ["store", "area", "sold"]
    assert table.shape == (40, 3)


def test_parquet_is_read_as_it_was_written(tmp_path, table):
    pytest.importorskip("pyarrow")
    table["day"] = pd.Timestamp("2024-02-29").as_unit("us")  # Parquet has no seconds
    table.to_parquet(tmp_path / "t.parquet")
    pd.testing.assert_frame_equal(read_table(tmp_path / "t.parquet"), table)


def test_parquet_without_pyarrow_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "t.parquet").write_bytes(b"PAR1")
    monkeypatch.setattr("skmeta.evaluation.table_file.find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install pyarrow"):
        read_table(tmp_path / "t.parquet")


def test_a_missing_file_is_answered_with_the_closest_names(tmp_path):
    (tmp_path / "sales.csv").write_text(ROWS)
    with pytest.raises(InputError, match=r"Did you mean 'sales\.csv'\?"):
        read_table(tmp_path / "slaes.csv")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", b"", "is empty"),
        ("t.csv", b"a,b\n", "no rows"),
        ("t.csv", b"a,b\n\xff\xfe\x00,1\n", "UTF-8"),
        ("t.csv", b'a,b\n1,2,3,4\n"', "cannot be read as CSV"),
        ("t.parquet", b"no parquet", "cannot be read as Parquet"),
    ],
)
def test_a_broken_file_is_named(tmp_path, name, content, message):
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as error:
        read_table(path)
    assert name in str(error.value)


def test_columns_of_one_name_are_named():
    twice = pd.DataFrame([[1, 2]], columns=["a", "a"])
    with pytest.raises(InputError, match="The table has columns of one name: 'a'"):
        read_table(twice)


UGLY = """
;Laden;Datum;Preis;Rabatt;Menge;verkauft
0;01;24.12.2025;1.299,50 €;5 %;3;ja
1;1;31.12.2025;980,00 €;0 %;?;nein
2;01;02.01.2026;12,95 €;10 %;k.A.;ja
3;1;15.01.2026;7,10 €;0 %;2;nein
""".lstrip()


def test_an_ugly_file_is_read_as_it_is_meant(tmp_path):
    path = tmp_path / "läden.csv"
    path.write_bytes(UGLY.encode("cp1252"))
    table = read_table(path, target="verkauft", groups="Laden")
    assert table["Laden"].tolist() == ["01", "1", "01", "1"]
    assert table["Preis"].tolist() == [1299.5, 980, 12.95, 7.1]
    assert table["Rabatt"].tolist() == [5, 0, 10, 0]
    assert table["Datum"][0] == pd.Timestamp(2025, 12, 24)
    np.testing.assert_array_equal(table["Menge"], [3, np.nan, np.nan, 2])
    told = "\n".join(table.attrs["notes"])
    for part in ("semicolon", "cp1252", "comma", "'?' and 'k.A.'", "day.month.year"):
        assert part in told


def test_what_was_found_out_can_be_overruled(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('a;b\n"1,234";x\n"2,345";y\n', encoding="utf-8")
    assert read_table(path)["a"].tolist() == [1234, 2345]
    assert read_table(path, decimal=",")["a"].tolist() == [1.234, 2.345]
    assert list(read_table(path, sep="|")) == ["a;b"]
    with pytest.raises(InputError, match="a point or a comma"):
        read_table(path, decimal=";")
    with pytest.raises(InputError, match="unknown encoding"):
        read_table(path, encoding="klingon")


def test_tables_of_other_libraries_are_taken():
    arrow = pytest.importorskip("pyarrow")
    table = read_table(arrow.table({"a": ["1,5", "2,5"], "b": [1, 2]}))
    assert table["a"].tolist() == [1.5, 2.5]
    with pytest.raises(InputError, match="not list"):
        read_table([[1, 2]])


def test_a_folder_is_no_table(tmp_path):
    with pytest.raises(InputError, match="is a folder"):
        read_table(tmp_path)


@pytest.mark.parametrize("as_frame", [True, False])
def test_a_meta_dataset_is_a_table_too(as_frame):
    X = np.arange(8.0).reshape(4, 2)
    named = pd.DataFrame(X, columns=["a", "b"], index=[3, 1, 2, 0])
    tasks = MetaDataset(
        named if as_frame else X,
        [0.5, 1, 2, 3],
        list("aabb"),
        in_support=np.array([True, False, True, False]),
    )
    table = table_of(tasks)
    columns = ["a", "b"] if as_frame else ["x0", "x1"]
    assert list(table) == [*columns, "target", "task", "in_support"]
    np.testing.assert_array_equal(table[columns], X)
    np.testing.assert_array_equal(table["in_support"], tasks.in_support)
    taken = MetaDataset(named.rename(columns={"a": "task"}), tasks.y, tasks.groups)
    with pytest.raises(InputError, match="Rename the features 'task'"):
        table_of(taken)
    numbered = MetaDataset(named.set_axis([0, "b"], axis=1), tasks.y, tasks.groups)
    assert list(table_of(numbered))[:2] == ["0", "b"]
    two = MetaDataset(X, np.column_stack([tasks.y, -tasks.y]), tasks.groups)
    np.testing.assert_array_equal(table_of(two)[["target0", "target1"]], two.y)


@pytest.mark.parametrize("is_file", [False, True])
def test_an_index_is_a_column_where_it_is_asked_for(tmp_path, is_file):
    table = pd.DataFrame({"x": [1.5, 2.5, 3.5], "y": [0.5, 1.5, 2.5]})
    table.index = pd.MultiIndex.from_tuples(
        [("a", 1), ("a", 1), ("b", 2)], names=["store", "week"]
    )
    source = table
    if is_file:
        source = tmp_path / "table.parquet"
        table.to_parquet(source)
    read = read_table(source, target="y", groups="store")
    assert [*read] == ["x", "y", "store"]
    assert read["store"].tolist() == ["a", "a", "b"]
    assert read.index.tolist() == [0, 1, 2]
    assert [*table] == ["x", "y"]
