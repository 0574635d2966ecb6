"""Tables: every row keeps its task, its precision and its place on disk."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.datasets import load_iris

from skmeta import MetaClassifier
from skmeta.episodes.table import Table
from skmeta.tables.groups import Spans, encode_groups

codes = hnp.arrays(np.intp, st.integers(1, 60), elements=st.integers(0, 7))


@given(codes, st.permutations(range(10)))
def test_padded_spans_hold_each_row_once_in_the_order_of_the_table(code, spans):
    spans = np.array(spans)
    rows, mask = Spans(code, n_spans=10).pad(spans)

    assert rows.shape == mask.shape == (10, max(np.bincount(code).max(), 1))
    assert sorted(rows[mask]) == list(range(len(code)))
    for span, own, real in zip(spans, rows, mask, strict=True):
        np.testing.assert_array_equal(own[real], np.flatnonzero(code == span))
    assert rows.min() >= 0
    assert rows.max() < len(code)


def test_spans_without_any_row_pad_to_one_masked_place():
    rows, mask = Spans(np.empty(0, dtype=np.intp), n_spans=3).pad(np.arange(3))
    assert rows.shape == (3, 1)
    assert not mask.any()


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


GROUPS = st.one_of(
    hnp.arrays(np.int64, 12, elements=st.integers(-5, 5)),
    hnp.arrays(np.float64, 12, elements=st.integers(-5, 5).map(float)),
    hnp.arrays(bool, 12),
    st.lists(st.text("abé 0", max_size=3), min_size=12, max_size=12),
    st.lists(st.dates(), min_size=12, max_size=12),
)


@given(GROUPS)
def test_groups_of_any_kind_are_numbered_and_named(groups):
    names, task = encode_groups(groups, np.zeros((12, 1)))
    given_names = list(groups)
    assert [names[t] for t in task] == given_names
    assert len(names) == len(set(given_names))


@pytest.mark.parametrize(
    "groups",
    [
        pd.Series(["b", "a", "b"], dtype="category"),
        pd.Series(["b", "a", "b"], dtype="string"),
        pd.Series(["b", "a", "b"]),
        ("b", "a", "b"),
        np.array([["b"], ["a"], ["b"]], dtype=object),
    ],
    ids=["category", "string", "series", "tuple", "column"],
)
def test_groups_come_in_any_container(groups):
    names, task = encode_groups(groups, np.zeros((3, 1)))
    assert list(names) == ["a", "b"]
    np.testing.assert_array_equal(task, [1, 0, 1])


@pytest.mark.parametrize(
    "groups",
    [
        [1.0, np.nan, 2.0],
        [1, None, 2],
        ["a", None, "b"],
        ["a", float("nan"), "b"],
        np.array(["a", np.nan, "b"], dtype=object),
        pd.Series(["a", pd.NA, "b"], dtype="string"),
        pd.Series([1, pd.NA, 2], dtype="Int64"),
        pd.Series(["a", None, "b"], dtype="category"),
        np.array(["2020-01-01", "NaT", "2020-01-02"], dtype="M8[D]"),
        np.array([1, "NaT", 2], dtype="m8[D]"),
    ],
    ids=str,
)
def test_a_missing_group_is_refused(groups):
    with pytest.raises(ValueError, match="groups contains NaN"):
        encode_groups(groups, np.zeros((3, 1)))


def test_groups_of_another_length_are_refused_with_both_lengths():
    with pytest.raises(ValueError, match=r"X has 3 rows, groups has 2"):
        encode_groups([1, 2], np.zeros((3, 1)))


def test_groups_with_two_columns_are_refused():
    with pytest.raises(ValueError, match=r"one value per row.*\(3, 2\)"):
        encode_groups(np.zeros((3, 2)), np.zeros((3, 1)))


def test_groups_that_cannot_be_sorted_are_refused_as_bad_values():
    with pytest.raises(ValueError, match="groups"):
        encode_groups(np.array([1, "a", 2], dtype=object), np.zeros((3, 1)))
