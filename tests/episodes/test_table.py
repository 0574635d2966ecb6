"""Tables: every row keeps its precision and its place on disk."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.datasets import load_iris

from skmeta import MetaClassifier
from skmeta.episodes.table import Table
from skmeta.tables.groups import Spans

codes = hnp.arrays(np.intp, st.integers(1, 60), elements=st.integers(0, 7))


@given(codes, st.randoms(use_true_random=False))
def test_a_batch_holds_zeros_on_padding_and_the_rows_elsewhere(code, random):
    y = np.array([random.randint(1, 9) for _ in code])
    X = np.arange(1.0, len(code) + 1)[:, np.newaxis] * [1.0, -1.0]
    rows, mask = Spans(code, 8).pad(np.arange(8))
    batch = Table(X, y).take(rows, mask, n_classes=np.full(8, 10))

    assert batch.X.dtype == torch.float32
    np.testing.assert_array_equal(batch.X[batch.mask], X[rows[mask]])
    np.testing.assert_array_equal(batch.y[batch.mask], y[rows[mask]])
    assert not batch.X[~batch.mask].any()
    assert not batch.y[~batch.mask].any()


@pytest.mark.parametrize("offset", [1e6, 1e9, -1e12])
def test_features_far_from_zero_keep_their_precision_after_scaling(offset):
    X, _ = load_iris(return_X_y=True)
    far = X + offset
    kept = far - offset  # what float64 itself has kept of them
    table = Table(far, mean=far.mean(axis=0), scale=X.std(axis=0))
    rows = np.arange(len(X))[np.newaxis]

    scaled = table.features(rows, np.ones_like(rows, dtype=bool))[0].numpy()

    expected = (kept - (far.mean(axis=0) - offset)) / X.std(axis=0)
    np.testing.assert_allclose(scaled, expected, atol=1e-6)


def test_an_estimator_does_not_mind_features_far_from_zero():
    X, y = load_iris(return_X_y=True)
    predictions = [
        MetaClassifier("protonet", tasks="classes", max_epochs=1, random_state=0)
        .fit(X + offset, y)
        .predict_proba(X + offset)
        for offset in (0.0, 2.0**30)  # a power of two adds little rounding of its own
    ]
    np.testing.assert_allclose(*predictions, atol=1e-3)


def test_a_memory_map_is_read_where_it_lies(tmp_path, monkeypatch):
    X, y = load_iris(return_X_y=True)
    np.save(tmp_path / "X.npy", X)
    on_disk = np.load(tmp_path / "X.npy", mmap_mode="r")
    seen = []
    gather = Table.take
    monkeypatch.setattr(
        Table, "take", lambda table, *args: seen.append(table.X) or gather(table, *args)
    )
    predictions = [
        MetaClassifier("protonet", tasks="classes", max_epochs=1, random_state=0)
        .fit(table, y)
        .predict_proba(table)
        for table in (X, on_disk)
    ]
    np.testing.assert_array_equal(*predictions)
    assert any(np.shares_memory(on_disk, table) for table in seen)
    assert all(
        np.shares_memory(X, table) or np.shares_memory(on_disk, table) for table in seen
    )


def test_squashed_features_keep_their_order_and_stay_below_a_size():
    X = np.array([[-1e6, -3.0], [0.03, 3.0], [4.0, 1e6]])
    table = Table(X, squash=3.0)
    rows = np.arange(3)[np.newaxis]
    squashed = table.features(rows, np.ones((1, 3), dtype=bool))[0].numpy()
    np.testing.assert_allclose(squashed, X / np.sqrt(1 + X**2 / 9), rtol=1e-6)
    assert abs(squashed[0, 1] + 3 / 2**0.5) < 1e-6
    assert np.abs(squashed).max() <= 3


def test_what_comes_with_rows_is_nothing_on_padding():
    label, weight = np.array([4, 5, 6]), np.array([0.5, 2.0, 3.0], dtype=np.float32)
    offset = np.arange(1, 7, dtype=np.float32).reshape(3, 2, 1)
    table = Table(np.ones((3, 1)), np.arange(3), 0.0, 1.0, label, weight, offset)
    rows, mask = np.array([[2, 0], [1, 1]]), np.array([[True, True], [True, False]])
    batch = table.take(rows, mask, np.array([3, 3]))
    assert batch.label.tolist() == [[6, 4], [5, -1]]
    assert batch.weight.tolist() == [[3.0, 0.5], [2.0, 0.0]]
    assert batch.offset.flatten(2).tolist() == [[[5, 6], [1, 2]], [[3, 4], [0, 0]]]
    assert batch.y.tolist() == [[2, 0], [1, 0]]
    assert table.offset.min() == 1  # the table's own rows stay
    bare = Table(np.ones((3, 1)), np.arange(3)).take(rows, mask, np.array([3, 3]))
    assert bare.label is bare.weight is bare.offset is None
    other = table.take(rows, mask, np.array([3, 3]), np.array([[7, 8], [9, 9]]))
    assert other.y.tolist() == [[7, 8], [9, 0]]
