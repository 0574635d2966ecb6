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


def test_too_few_classes_for_folds_are_counted():
    with pytest.raises(ValueError, match="3 classes for n_splits=2"):
        next(ClassKFold(2).split(np.zeros(6), np.repeat([0, 1, 2], 2)))
