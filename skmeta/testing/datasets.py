"""The laws that every named meta-dataset keeps, and the check against them."""

import inspect
from collections.abc import Callable
from functools import cached_property
from typing import Any, Literal

import joblib
import numpy as np
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils.validation import column_or_1d

from skmeta.testing.law import BreachError, Law, Trial, lawmaker
from skmeta.testing.run import LawResult, run_laws

__all__ = ["DATASET_LAWS", "DatasetTrial", "check_dataset"]


class DatasetTrial(Trial):
    """A dataset on trial: what its function returns.

    Parameters
    ----------
    subject : callable
        Returns X, y and groups.
    **options
        What it is called with.
    """

    def __init__(self, subject: Callable, /, **options: Any):
        self.subject = subject
        self.options = options

    def load(self) -> tuple[Any, Any, Any]:
        """Call the function."""
        options = self.options.copy()
        if "random_state" in inspect.signature(self.subject).parameters:
            options.setdefault("random_state", 0)
        data = self.subject(**options)
        if not isinstance(data, tuple) or len(data) != 3:
            raise BreachError(
                f"it returns a {type(data).__name__}, no tuple of X, y and groups"
            )
        return data

    @cached_property
    def data(self) -> tuple[Any, Any, Any]:
        """X, y and groups, loaded once."""
        return self.load()


def _is_here(trial: DatasetTrial) -> bool:
    """Tell whether it can be loaded at all; the first law says why where it cannot."""
    try:
        return bool(trial.data)
    except Exception:
        return False


def _is_missing(value: object) -> bool:
    try:
        return value is None or bool(value != value)
    except TypeError:  # pandas.NA is neither equal nor unequal
        return True


law = lawmaker("dataset", DatasetTrial.trials)


@law("give every argument a default, and end by return X, y, groups.")
def it_is_x_y_and_groups(trial: DatasetTrial) -> None:
    """Called without arguments it returns X, y and groups of one length."""
    X, y, groups = trial.data
    check_consistent_length(X, y, groups)
    check_array(X, accept_sparse=True, dtype=None, ensure_all_finite=False)
    for what, column in (("y", y), ("groups", groups)):
        if np.ndim(column) != 1:
            raise BreachError(f"{what} has {np.ndim(column)} axes in place of 1")


@law("drop rows whose target or task is not known, before they are returned.", _is_here)
def every_row_has_a_target_and_a_task(trial: DatasetTrial) -> None:
    """No target and no group is missing."""
    _, y, groups = trial.data
    for what, column in (("y", y), ("groups", groups)):
        missing = sum(map(_is_missing, column_or_1d(column).tolist()))
        if missing:
            raise BreachError(f"{missing} of {len(column)} {what} are missing")


@law(
    "groups says which task a row is of: the same value in all rows of one task.",
    _is_here,
)
def there_are_tasks_to_learn_from(trial: DatasetTrial) -> None:
    """There are two tasks at least, and two rows in more than half of them."""
    sizes = np.unique(column_or_1d(trial.data[2]), return_counts=True)[1]
    if len(sizes) < 2:
        raise BreachError(f"groups has {len(sizes)} value, and a task is one of many")
    if np.mean(sizes >= 2) <= 0.5:
        raise BreachError(
            f"{int(np.sum(sizes < 2))} of {len(sizes)} tasks have a single row, which "
            "cannot be split in support and query"
        )


@law(
    "draw from check_random_state(random_state) only, sort what comes out of a set or "
    "a folder, and return a copy of what is cached.",
    _is_here,
)
def the_same_arguments_give_the_same_data(trial: DatasetTrial) -> None:
    """A second call with the same arguments returns the same data."""
    first = [joblib.hash(part) for part in trial.load()]
    for what, one, two in zip(("X", "y", "groups"), first, trial.load(), strict=True):
        if one != joblib.hash(two):
            raise BreachError(f"{what} differs from one call to the next")


@law("write a docstring that says what a row, its target and its group are.")
def it_says_what_it_is(trial: DatasetTrial) -> None:
    """The function has a docstring; its first line is shown in the listing."""
    if not (trial.subject.__doc__ or "").strip():
        raise BreachError("it has no docstring")


DATASET_LAWS: tuple[Law, ...] = (
    it_is_x_y_and_groups,
    every_row_has_a_target_and_a_task,
    there_are_tasks_to_learn_from,
    the_same_arguments_give_the_same_data,
    it_says_what_it_is,
)
"""The laws of datasets, in the order in which they are tried."""


def check_dataset(
    dataset: Callable | str,
    *,
    on_fail: Literal["raise"] | None = "raise",
    **options: Any,
) -> list[LawResult]:
    """Check that a meta-dataset keeps every law; loads it.

    Parameters
    ----------
    dataset : callable or str
        Function that returns X, y and groups, or a registered name.
    on_fail : {"raise", None}, default="raise"
        "raise" stops at the first law that is broken; None tries them all and leaves
        the outcome to the caller.
    **options
        Arguments of the function, to keep a large one small.

    Returns
    -------
    list of LawResult
        One for each law.

    Raises
    ------
    BrokenLawError
        An AssertionError that names the law, what is wrong and a hint.

    Examples
    --------
    >>> from skmeta.testing import check_dataset
    >>> results = check_dataset("sinusoids", n_tasks=3, n_rows=5)
    >>> print(results[0])
    passed  it_is_x_y_and_groups
    """
    return run_laws(DATASET_LAWS, dataset, on_fail, **options)
