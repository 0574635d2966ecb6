"""Sources give what numpy's indexing gives, and say when a file has changed."""

import os
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skmeta.tables.stored import sources as module
from skmeta.tables.stored.sources import ArrayRows, FileRows, RowNumbers, by_rows


def mapped(path, array):
    np.save(path / "array.npy", array)
    return np.load(path / "array.npy", mmap_mode="r")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    rng = np.random.default_rng(0)
    return mapped(tmp_path_factory.mktemp("table"), rng.normal(size=(5000, 3)))


@given(
    arrays(np.int64, st.tuples(*[st.integers(0, 5)] * 2), elements=st.integers(0, 9))
)
def test_rows_are_those_of_numpy(rows):
    array = np.arange(20.0).reshape(10, 2)
    for each in (ArrayRows(array), by_rows(lambda x: x, ArrayRows(array))):
        assert np.array_equal(each[rows], array[rows])
    assert np.array_equal(RowNumbers(10)[rows], rows)


@pytest.mark.parametrize("run", [slice(None), slice(7, 4000)])
def test_a_file_is_read_as_numpy_maps_it(table, run):
    part = table[run]
    rows = np.random.default_rng(1).integers(0, len(part), (4, 30))
    read = FileRows(part)
    assert (read.shape, read.dtype) == (part.shape, part.dtype)
    assert np.array_equal(read[rows], part[rows])
    assert np.array_equal(read[11:500], part[11:500])
    assert np.array_equal(read[:100:7], part[:100:7])
    assert read[rows[:0]].shape == (0, 30, 3)
    with pytest.raises(IndexError, match="rows"):
        read[np.array([len(part)])]


def test_rows_from_all_over_a_file_do_not_load_it(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_BYTES_AT_ONCE", 20_000)
    array = np.arange(4.0 * 50_000).reshape(-1, 4)
    read = FileRows(mapped(tmp_path, array))
    rows = np.arange(0, len(array), 100)  # near enough to be read together
    read[rows]  # what is imported at first is no part of it
    tracemalloc.start()
    try:
        found = read[rows]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert np.array_equal(found, array[rows])
    assert peak < array.nbytes / 10


def test_what_a_file_does_not_hold_is_not_read_from_it(table, tmp_path):
    path = tmp_path / "array.npy"
    assert FileRows.can_read(mapped(tmp_path, np.ones((4, 2))))
    assert not FileRows.can_read(np.load(path, mmap_mode="c"))
    assert not FileRows.can_read(table[:, :2])
    assert not FileRows.can_read(table[::2])
    assert not FileRows.can_read(np.asarray(table))


def test_a_file_in_the_place_of_the_mapped_one_is_not_taken_for_it(tmp_path):
    path, other = tmp_path / "array.npy", tmp_path / "other.npy"
    for change in (np.s_[500:], np.s_[-1:], None):  # None: one row more
        array = np.zeros((1000, 4))
        table = mapped(tmp_path, array)
        if change is None:
            array = np.zeros((1001, 4))
        else:
            array[change] = 1.0
        np.save(other, array)
        other.replace(path)
        with pytest.raises(OSError, match=r"replaced since(.|\n)*Map it again"):
            FileRows(table)
    path.unlink()
    assert not FileRows.can_read(table)  # the map is all there is of it


def test_a_file_that_changes_is_an_error_and_one_that_goes_is_not(tmp_path):
    array = np.random.default_rng(0).normal(size=(1000, 4))
    path = tmp_path / "array.npy"
    read = FileRows(mapped(tmp_path, array))
    moved = tmp_path / "moved"
    path.rename(moved)
    moved.unlink()  # what is open stays
    assert np.array_equal(read[:], array)
    for change in ("shorter", "written"):
        read = FileRows(mapped(tmp_path, array))
        if change == "shorter":
            os.truncate(path, 2000)
        else:
            with path.open("r+b") as file:
                file.write(b"other")
            os.utime(path, ns=(1, 1))
        with pytest.raises(OSError, match="has changed while"):
            read[np.array([999])]


def test_computed_rows_know_their_shape_and_fingerprint(table):
    double = by_rows(lambda x: 2 * x, FileRows(table)).astype(np.float32)
    assert (double.shape, double.dtype, double.ndim) == ((5000, 3), np.float32, 2)
    assert np.array_equal(double[10:20], (2 * table[10:20]).astype(np.float32))
    assert double.fingerprint() == double.fingerprint()
    assert double.fingerprint() != FileRows(table).astype(np.float32).fingerprint()
    words = np.array(["a", "b"], dtype=object)
    assert ArrayRows(words).fingerprint() != ArrayRows(words[::-1]).fingerprint()
