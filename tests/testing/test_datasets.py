"""Every law of datasets bites: for each there is one that breaks it and no other."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn.utils import check_random_state

from skmeta.testing import LAWS, BrokenLawError, check_dataset, parametrize_with_checks

GROUPS = np.repeat([0, 1, 2], 4)


def sound(n_features=2, *, random_state=None):
    """Draw a table, three tasks of four rows."""
    rng = check_random_state(random_state)
    return rng.normal(size=(12, n_features)), 1 * (rng.normal(size=12) > 0), GROUPS


def as_frame():
    """Return text and missing features in pandas' types."""
    X = pd.DataFrame({"colour": ["red", None] * 6, "size": np.arange(12.0)})
    return X, pd.Series(["a", "b"] * 6), pd.Series(["x", "y", "z"] * 4)


def as_sparse():
    """Return a sparse matrix."""
    X, y, groups = sound(random_state=0)
    return csr_matrix(X), y, groups


def needs_an_argument(size):
    """Return as many rows as are asked for."""


def returns_two():
    """Forget the groups."""
    return sound(random_state=0)[:2]


def returns_unequal_lengths():
    """Forget the last group."""
    X, y, groups = sound(random_state=0)
    return X, y, groups[:-1]


def returns_two_targets():
    """Return a matrix of targets."""
    X, y, groups = sound(random_state=0)
    return X, np.stack([y, y], axis=1), groups


def misses_a_group():
    """Leave a row without a task."""
    X, y, groups = sound(random_state=0)
    return X, y, np.where(np.arange(12) == 5, np.nan, groups)


def misses_a_target():
    """Leave a row without a target."""
    X, _, groups = sound(random_state=0)
    return X, pd.Series([pd.NA] + [1] * 11), groups


def has_one_task():
    """Put all rows in one task."""
    X, y, groups = sound(random_state=0)
    return X, y, np.zeros_like(groups)


def has_tasks_of_one_row():
    """Give every row a task of its own."""
    X, y, _ = sound(random_state=0)
    return X, y, np.arange(12)


def differs_each_time():
    """Draw without a seed."""
    return sound()


def says_nothing(random_state=None):
    return sound(random_state=random_state)


_ALL = {law.name for law in LAWS["dataset"]}
BROKEN = [
    (needs_an_argument, "it_is_x_y_and_groups"),
    (returns_two, "it_is_x_y_and_groups"),
    (returns_unequal_lengths, "it_is_x_y_and_groups"),
    (returns_two_targets, "it_is_x_y_and_groups"),
    (misses_a_group, "every_row_has_a_target_and_a_task"),
    (misses_a_target, "every_row_has_a_target_and_a_task"),
    (has_one_task, "there_are_tasks_to_learn_from"),
    (has_tasks_of_one_row, "there_are_tasks_to_learn_from"),
    (differs_each_time, "the_same_arguments_give_the_same_data"),
    (says_nothing, "it_says_what_it_is"),
]


@pytest.mark.parametrize(("dataset", "broken"), BROKEN)
def test_a_broken_dataset_fails_its_law_first(dataset, broken):
    with pytest.raises(BrokenLawError) as raised:
        check_dataset(dataset)
    assert str(raised.value).startswith(f"{dataset.__name__} breaks the law {broken!r}")


def test_every_law_has_a_dataset_that_breaks_it():
    assert {broken for _, broken in BROKEN} == _ALL


def test_a_dataset_that_is_not_here_fails_once_and_says_why():
    def offline():
        """Ask the web."""
        raise OSError("no such host")

    results = check_dataset(offline, on_fail=None)
    assert [result.status for result in results].count("failed") == 1
    assert "OSError: no such host" in str(results[0])


@parametrize_with_checks("dataset", [sound, as_frame, as_sparse])
def test_sound_datasets_keep_the_law(dataset, check):
    check(dataset)


def test_options_reach_the_dataset():
    assert check_dataset(sound, n_features=7)
    with pytest.raises(BrokenLawError, match="unexpected keyword argument 'colour'"):
        check_dataset(sound, colour="red")
