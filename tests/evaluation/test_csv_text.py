"""Text files of every make are read alike, and what is not the usual is told."""

import bz2
import gzip
import lzma
import zipfile

import numpy as np
import pandas as pd
import pytest

from skmeta.evaluation.csv_text import read_csv

TABLE = pd.DataFrame(
    {
        "city": ["Malmö", "São Paulo", "Łódź", "Malmö"] * 5,
        "price": np.arange(20) / 8,
        "n": np.arange(20) * 100,
    }
)


def written(folder, sep=",", decimal=".", encoding="utf-8", name="table.csv"):
    path = folder / name
    latin = TABLE.assign(city=TABLE.city.str.replace("Łódź", "Kraków"))
    table = TABLE if encoding.startswith("utf") else latin
    table.to_csv(path, index=False, sep=sep, decimal=decimal, encoding=encoding)
    return path, table


@pytest.mark.parametrize("sep", [",", ";", "\t", "|"])
@pytest.mark.parametrize("decimal", [".", ","])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_files_of_every_make_are_read_alike(tmp_path, sep, decimal, encoding):
    path, wanted = written(tmp_path, sep, decimal, encoding)
    table, mark, notes = read_csv(path)
    pd.testing.assert_frame_equal(table, wanted)
    assert mark == decimal
    told = " ".join(notes)
    assert ("--sep" in told) == (sep != ",")
    assert ("--decimal" in told) == (decimal != ".")
    assert ("--encoding" in told) == (not encoding.startswith("utf-8"))


def test_what_is_given_overrules(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a;b,c\n1;2,5\n3;4,5\n", encoding="utf-8")
    table, _, notes = read_csv(path, sep=",", decimal=".", encoding="ascii")
    assert list(table) == ["a;b", "c"]
    assert not notes


@pytest.mark.parametrize(
    ("suffix", "opened"),
    [(".gz", gzip.open), (".bz2", bz2.open), (".xz", lzma.open), (".zip", None)],
)
def test_compressed_files_are_looked_into(tmp_path, suffix, opened):
    path, wanted = written(tmp_path, ";", ",")
    packed = tmp_path / f"table.csv{suffix}"
    if opened is None:
        with zipfile.ZipFile(packed, "w") as archive:
            archive.write(path, "table.csv")
    else:
        with opened(packed, "wb") as file:
            file.write(path.read_bytes())
    table, _, notes = read_csv(packed)
    pd.testing.assert_frame_equal(table, wanted)
    assert len(notes) == 2


def test_thousands_are_no_decimals(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text('a,b\n"1,234",0.5\n"2,500",1.25\n', encoding="utf-8")
    _, mark, _ = read_csv(path)
    assert mark == "."
    path.write_text("a;b\n1.234;0,5\n2.500;1,25\n", encoding="utf-8")
    _, mark, _ = read_csv(path)
    assert mark == ","


def test_names_of_tasks_stay_as_they_are_written(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("store,x\n01,1\n1,2\n1.0,3\n", encoding="utf-8")
    table, _, _ = read_csv(path, text=["store"])
    assert table.store.tolist() == ["01", "1", "1.0"]


def test_commas_inside_quotes_and_texts_do_not_cut(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text('a;b\n"x, y, z";1\n"u, v, w";2\n', encoding="utf-8")
    table, _, _ = read_csv(path)
    assert table.shape == (2, 2)
    path.write_text('a,b\n"x; y",1\n"u; v",2\n', encoding="utf-8")
    assert read_csv(path)[0].shape == (2, 2)


def test_a_letter_that_the_head_of_a_large_file_cuts_is_no_other_encoding(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("skmeta.evaluation.csv_text._HEAD", 7)
    path = tmp_path / "table.csv"
    path.write_text("a,b\nxxö,1\n", encoding="utf-8")  # ö is the bytes 7 and 8
    table, _, notes = read_csv(path)
    assert table.a[0] == "xxö"
    assert not notes


def test_one_column_is_one_column(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a\n1\n2\n", encoding="utf-8")
    assert read_csv(path)[0].shape == (2, 1)


def test_separators_at_the_end_of_lines_leave_values_in_their_columns(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("store;sold\n01;2;\n02;3;\n", encoding="utf-8")
    table, _, notes = read_csv(path, text=["store"])
    assert table.to_dict("list") == {"store": ["01", "02"], "sold": [2, 3]}
    assert notes == ["columns end at a semicolon; --sep overrules"]


def test_values_without_a_name_are_left_out_and_told(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text('"store","sold"\n"1","a",2\n"2","b",3\n', encoding="utf-8")
    table, _, (note,) = read_csv(path)
    assert table.to_dict("list") == {"store": ["a", "b"], "sold": [2, 3]}
    assert note == "the first value of each line, without a name, left out"


def test_a_line_that_says_the_separator_is_no_line_of_names(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("sep=;\nstore;sold\na;2,5\nb;3,5\n", encoding="utf-8")
    table, decimal, _ = read_csv(path)
    assert table.to_dict("list") == {"store": ["a", "b"], "sold": [2.5, 3.5]}
    assert decimal == ","


@pytest.mark.parametrize(("mark", "sep"), [(".", ","), (",", ";")])
def test_three_decimals_behind_a_zero_are_decimals(tmp_path, mark, sep):
    path = tmp_path / "table.csv"
    text = f"a{sep}b\n0.125{sep}0.250\n-0.375{sep}0.500\n".replace(".", mark)
    path.write_text(text, encoding="utf-8")
    table, decimal, _ = read_csv(path)
    assert table.to_dict("list") == {"a": [0.125, -0.375], "b": [0.25, 0.5]}
    assert decimal == mark
