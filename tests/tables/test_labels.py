"""Label spaces: encoding and decoding lose nothing, whatever the labels are."""

import re
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skmeta.tables.labels import (
    TaskLabels,
    choose_label_space,
    encode,
    infer_label_space,
)
from skmeta.utils.messages import show

VALUES = {
    "int": st.integers(-3, 3),
    "string": st.text("abcé", max_size=2),
    "bool": st.booleans(),
    "float": st.integers(-3, 3).map(float),
}
LABELS = st.sampled_from(sorted(VALUES)).flatmap(
    lambda kind: st.lists(VALUES[kind], min_size=1, max_size=40).map(np.array)
)


@st.composite
def labelled_tasks(draw):
    y = draw(LABELS)
    n_tasks = draw(st.integers(1, 6))
    task = draw(hnp.arrays(np.intp, len(y), elements=st.integers(0, n_tasks - 1)))
    return y, task, n_tasks


@given(labelled_tasks())
def test_per_task_codes_decode_to_the_labels(data):
    y, task, n_tasks = data
    labels, codes = TaskLabels.per_task(y, task, n_tasks)
    decoded = labels.decode(codes, task)
    np.testing.assert_array_equal(decoded, y)
    assert decoded.dtype == y.dtype


@given(labelled_tasks())
def test_every_task_numbers_its_own_sorted_classes_from_zero(data):
    y, task, n_tasks = data
    labels, codes = TaskLabels.per_task(y, task, n_tasks)
    assert len(labels.n_classes) == n_tasks
    for t in range(n_tasks):
        own = np.unique(y[task == t])
        assert labels.n_classes[t] == len(own)
        np.testing.assert_array_equal(
            codes[task == t], np.searchsorted(own, y[task == t])
        )


@given(labelled_tasks())
def test_shared_codes_decode_to_the_labels_in_every_task(data):
    y, task, n_tasks = data
    vocabulary = np.unique(y)
    labels = TaskLabels.shared(vocabulary, n_tasks)
    decoded = labels.decode(encode(y, vocabulary), task)
    np.testing.assert_array_equal(decoded, y)
    assert decoded.dtype == y.dtype
    np.testing.assert_array_equal(labels.n_classes, len(vocabulary))


@given(labelled_tasks(), st.integers(0, 3), st.randoms(use_true_random=False))
def test_spread_moves_each_probability_to_the_column_of_its_label(data, extra, random):
    y, task, n_tasks = data
    labels, _ = TaskLabels.per_task(y, task, n_tasks)
    width = labels.n_classes.max() + extra
    given_ = np.array([[random.random() + 0.1 for _ in range(width)] for _ in y])

    spread = labels.spread(given_, task)

    vocabulary = labels.vocabulary.tolist()
    assert vocabulary == np.unique(y).tolist()
    for row, t in enumerate(task):
        expected = dict.fromkeys(vocabulary, 0.0)
        for code, label in enumerate(np.unique(y[task == t]).tolist()):
            expected[label] = given_[row, code]
        assert spread[row].tolist() == list(expected.values())


@given(labelled_tasks())
def test_spread_keeps_the_type_of_the_probabilities(data):
    y, task, n_tasks = data
    labels, _ = TaskLabels.per_task(y, task, n_tasks)
    given_ = np.ones((len(y), labels.n_classes.max()), dtype=np.float32)
    assert labels.spread(given_, task).dtype == np.float32


@pytest.mark.parametrize(
    ("y", "task", "expected"),
    [
        ("ab ab ab", [0, 0, 1, 1, 2, 2], "shared"),
        ("ab cd ef", [0, 0, 1, 1, 2, 2], "per_task"),
        ("ab", [0, 0], "shared"),  # a single task says nothing of others
        ("abc ade", [0, 0, 0, 1, 1, 1], "per_task"),  # a is in two of six rows
        ("abc aad", [0, 0, 0, 1, 1, 1], "shared"),  # in three, which is half
        ("aaabcd aaaefg", [0] * 6 + [1] * 6, "shared"),  # six labels do not recur
    ],
)
def test_labels_are_shared_where_half_of_the_rows_have_one_that_recurs(
    y, task, expected
):
    y = np.array(list(y.replace(" ", "")))
    assert infer_label_space(y, np.array(task)) == expected


@pytest.mark.parametrize(
    ("y", "said"),
    [
        ("ab ab", None),
        ("ab cd", None),
        ("aaab aaac", r"75.0% of the rows .* several tasks, but not \['b', 'c'\]"),
        ("abcd aefg", r"for mere names: 25.0% .* several tasks, \['a'\]"),
        ("abab", "there is one task only"),
    ],
)
def test_a_choice_that_is_not_plain_is_told(y, said):
    tasks = y.split()
    task = np.repeat(np.arange(len(tasks)), [len(each) for each in tasks])
    y = np.array(list("".join(tasks)))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert choose_label_space(y, task) == infer_label_space(y, task)
    assert len(caught) == (said is not None)
    if said:
        assert re.search(said, str(caught[0].message))


@given(labelled_tasks())
def test_neither_the_order_of_rows_nor_copies_of_them_change_the_label_space(data):
    y, task, _ = data
    twice = np.r_[np.arange(len(y))[::-1], np.arange(len(y))]
    assert infer_label_space(y, task) == infer_label_space(y[twice], task[twice])


@given(LABELS, LABELS)
def test_unknown_labels_are_refused_by_name_and_known_ones_are_not(known, asked):
    vocabulary = np.unique(known)
    if known.dtype.kind != asked.dtype.kind:
        return
    unknown = sorted(set(asked.tolist()) - set(known.tolist()))
    if not unknown:
        np.testing.assert_array_equal(vocabulary[encode(asked, vocabulary)], asked)
        return
    with pytest.raises(ValueError, match="unknown to the shared label space") as error:
        encode(asked, vocabulary)
    assert str(error.value).startswith(f"Labels {show(np.array(unknown))} are")


@pytest.mark.parametrize(
    ("asked", "known"),
    [([1, 2], ["1", "2"]), (["1.0"], [1.0, 2.0]), ([True], ["True"])],
)
def test_a_number_is_not_the_word_for_it(asked, known):
    with pytest.raises(ValueError, match="unknown to the shared label space"):
        encode(np.array(asked), np.array(known))
    with pytest.raises(ValueError, match="unknown to the shared label space"):
        encode(np.array(asked, dtype=object), np.array(known))


# Tasks that join and leave -----------------------------------------------------------


def expect_labels(labels, expected):
    """Expect two to be the same to whoever asks."""
    np.testing.assert_array_equal(labels.vocabulary, expected.vocabulary)
    np.testing.assert_array_equal(labels.n_classes, expected.n_classes)
    task = np.repeat(np.arange(len(expected.first)), expected.n_classes)
    code = np.concatenate([np.arange(n) for n in expected.n_classes])
    np.testing.assert_array_equal(
        labels.decode(code.astype(int), task), expected.decode(code.astype(int), task)
    )


@given(labelled_tasks(), st.data())
def test_tasks_that_join_and_leave_end_with_the_labels_of_those_there(data, more):
    y, task, n_tasks = data
    labels, _ = TaskLabels.per_task(y, task, n_tasks)
    some = more.draw(st.sets(st.sampled_from(np.unique(task).tolist()), min_size=1))
    some = np.array(sorted(some))
    expected, _ = TaskLabels.per_task(y, task, n_tasks)
    first_half = np.arange(len(y)) < len(y) // 2
    grown = labels
    for kept in (first_half, slice(None)):  # a task is replaced several times
        own = np.isin(task[kept], some)
        number = np.searchsorted(some, task[kept][own])
        others, _ = TaskLabels.per_task(y[kept][own], number, len(some))
        grown = grown.extended(np.arange(n_tasks), others, some)
    expect_labels(grown, expected)
    assert len(grown.members) <= 2 * max(1, expected.n_classes.sum())
    of_some = np.isin(task, some)
    expected, _ = TaskLabels.per_task(
        y[of_some], np.searchsorted(some, task[of_some]), len(some)
    )
    expect_labels(grown.take(some), expected)


def test_new_tasks_come_between_others_with_labels_of_their_own():
    labels, _ = TaskLabels.per_task(np.array(["b", "d"]), np.array([0, 1]), 3)
    others, _ = TaskLabels.per_task(np.array(["a", "long"]), np.array([0, 0]), 1)
    grown = labels.extended(np.array([0, 2, 3]), others, np.array([1]))
    assert grown.vocabulary.tolist() == ["a", "b", "d", "long"]
    assert grown.n_classes.tolist() == [1, 2, 1, 0]
    codes, task = np.array([0, 0, 1, 0]), np.array([0, 1, 1, 2])
    assert grown.decode(codes, task).tolist() == ["b", "a", "long", "d"]


def test_shared_labels_stay_shared_however_tasks_come_and_go():
    classes = np.array(["a", "b"])
    labels = TaskLabels.shared(classes, 3)
    more = labels.extended(
        np.arange(3), TaskLabels.shared(classes, 2), np.array([3, 1])
    )
    assert more.are_shared
    assert len(more.n_classes) == 4
    assert more.take(np.array([2])).vocabulary.tolist() == ["a", "b"]
    assert len(more.members) == 2
