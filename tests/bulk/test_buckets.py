"""Rows that were put in buckets are there whatever happens next."""

import os

import numpy as np
import pyarrow as pa
import pytest

from skmeta.bulk.buckets import Buckets, hashes, read_bucket


@pytest.mark.skipif(os.name != "posix", reason="folders are not written by themselves")
def test_closed_buckets_last_with_their_names(tmp_path, monkeypatch):
    written, fsync = [], os.fsync

    def noted(handle):
        written.append(os.fstat(handle).st_ino)
        fsync(handle)

    monkeypatch.setattr(os, "fsync", noted)
    buckets = Buckets(tmp_path / "rows")
    batch = pa.record_batch({"x": np.arange(6)})
    buckets.add(batch, np.arange(6) % 2)
    buckets.add(batch, np.full(6, 1))
    assert buckets.close() == [3, 9]
    folder = tmp_path / "rows"
    assert {path.stat().st_ino for path in folder.iterdir()} < {*written}
    assert written[-1] == folder.stat().st_ino  # the names after what they name
    rows = pa.Table.from_batches(read_bucket(folder, 1))["x"].to_pylist()
    assert rows == [1, 3, 5, *range(6)]


def test_what_is_equal_has_one_hash_and_numbers_share_none():
    assert hashes(pa.array([0.0]))[0] == hashes(pa.array([-0.0]))[0]
    assert len(np.unique(hashes(pa.array(np.arange(-500, 500))))) == 1000
