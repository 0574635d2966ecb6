"""Splits keep tasks and classes whole."""

import numpy as np
import pytest

from skmeta.model_selection import ClassKFold, TaskSplit


def test_task_split_keeps_tasks_whole(wine):
    X, y, groups = wine
    splitter = TaskSplit(3, test_size=0.4)
    splits = list(splitter.split(X, y, groups))
    assert len(splits) == splitter.get_n_splits() == 3
    for train, test in splits:
        assert not set(groups[train]) & set(groups[test])
        assert len(set(groups[test])) == 4
        assert len(train) + len(test) == len(y)
    again = next(splitter.split(X, y, groups))
    np.testing.assert_array_equal(again[1], splits[0][1])
    with pytest.raises(ValueError, match="pass groups="):
        next(splitter.split(X, y))
    with pytest.raises(ValueError, match="cannot be split"):
        next(TaskSplit(test_size=9).split(X, y, groups))
    requests = splitter.get_metadata_routing().split.requests
    assert requests == {"groups": True}


def test_classes_are_dealt_out_whole_and_shuffled_by_the_seed():
    y = np.repeat(np.arange(20), 3)
    splits = [
        [np.unique(y[test]).tolist() for _, test in ClassKFold(2, **how).split(y, y)]
        for how in ({}, {}, {"random_state": 1}, {"shuffle": False})
    ]
    for first, second in splits:
        assert sorted(first + second) == list(range(20))
        assert len(first) == len(second) == 10
    assert splits[0] == splits[1]  # the default is a seed
    assert splits[0] != splits[2]
    assert splits[3] == [list(range(10)), list(range(10, 20))]
    for train, test in ClassKFold(2).split(y, y):
        assert not set(y[train]) & set(y[test])
    assert ClassKFold().get_n_splits() == 5


def test_two_classes_for_each_of_two_folds_are_enough():
    y = np.repeat(np.arange(4), 2)
    assert len(list(ClassKFold(2).split(y, y))) == 2
    for n_splits in (1, 3):
        with pytest.raises(ValueError, match=f"4 classes for n_splits={n_splits}"):
            next(ClassKFold(n_splits).split(y, y))


def test_too_few_classes_for_folds_are_counted():
    with pytest.raises(ValueError, match="3 classes for n_splits=2"):
        next(ClassKFold(2).split(np.zeros(6), np.repeat([0, 1, 2], 2)))
