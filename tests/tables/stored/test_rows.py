"""Rows on disk say of themselves what the same rows in memory say."""

import joblib
import numpy as np
import pytest

from skmeta.tables.rows import TaskRows
from skmeta.tables.stored import rows as module
from skmeta.tables.stored import sources
from skmeta.tables.stored.rows import StoredRows, is_stored

rng = np.random.default_rng(0)
X = rng.normal(size=(900, 3)).astype(np.float32)
Y = rng.integers(0, 4, len(X))
TASK = np.arange(len(X)) % 20
WEIGHT = rng.integers(0, 3, len(X)) * (TASK != 3)  # task 3 goes


@pytest.fixture(params=[2**22, 300])  # numbers in a block: all, or those of 100 rows
def stored(request, tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "_AT_ONCE", request.param)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    return StoredRows.read(mapped, Y, TASK, lambda X, y: (X, y))


@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_blocks_are_all_rows_and_tell_the_same(stored, weight):
    held = TaskRows.of(X, Y, TASK)
    if weight is not None:
        held, stored = held.weighed(weight), stored.weighed(weight)
    blocks = [*stored.blocks()]
    for name in ("X", "y", "task", "weight"):
        if (own := getattr(held, name)) is not None:
            read = np.concatenate([getattr(block, name) for block in blocks])
            assert np.array_equal(read, own)
    assert len(stored) == len(held)
    assert np.array_equal(stored.names, held.names)
    assert np.array_equal(stored.task_sizes, held.task_sizes)
    assert np.array_equal(stored.labels(), held.labels())
    for ends in ("feature_range", "target_range"):
        assert np.array_equal(getattr(stored, ends), getattr(held, ends))
    sample, chosen = stored.sample()
    assert np.array_equal(sample.X, held.X)
    assert np.array_equal(stored.as_in_table(sample.y)[chosen], held.y)


def test_a_sample_is_of_all_parts_of_the_table(stored, monkeypatch):
    monkeypatch.setattr(module, "_SAMPLE", 90)
    sample, row = stored.sample()
    assert np.array_equal(row // 10, np.arange(90))  # one of every ten
    assert np.array_equal(sample.X, X[row])
    assert np.array_equal(sample.task, TASK[row])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"y": Y[:-1]}, "y has 899"),
        ({"groups": TASK[:-1]}, "groups has 899"),
        ({"y": np.where(Y == 1, np.nan, Y)}, "leave them out of the table"),
        ({"in_support": Y == 1, "groups": TASK[:-1]}, "groups has 899"),
        ({"in_support": Y}, "True or False"),
    ],
)
def test_what_does_not_belong_together_is_an_error(tmp_path, given, message):
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    given = {"y": Y, "groups": TASK} | given
    with pytest.raises(ValueError, match=message):
        StoredRows.read(mapped, check=lambda X, y: (X, y), **given)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (0 * WEIGHT, "All weights are zero"),
        (WEIGHT[:-1], "shape"),
        (-WEIGHT, "egative"),
    ],
)
def test_weights_that_are_none_are_errors(stored, weight, message):
    with pytest.raises(ValueError, match=message):
        stored.weighed(weight)


def test_only_large_mapped_tables_are_stored(tmp_path, monkeypatch):
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    assert not is_stored(mapped)
    monkeypatch.setattr(module, "_FEW", len(X) - 1)
    assert is_stored(mapped)
    assert not is_stored(X)
    assert not is_stored(mapped[:10])


def _seen(X):
    return type(X).__name__, is_stored(X)


def test_what_joblib_maps_for_a_worker_is_not_stored():
    many = np.zeros((module._FEW + 1, 1), dtype=np.float32)
    parallel = joblib.Parallel(n_jobs=2, max_nbytes=1000)
    assert parallel([joblib.delayed(_seen)(many)]) == [("memmap", False)]
