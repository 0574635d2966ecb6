"""Weights of rows and of classes."""

from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils.validation import _check_sample_weight

from skmeta.tables.labels import TaskLabels, encode
from skmeta.utils.messages import show
from skmeta.utils.unique import number

__all__ = [
    "balanced_in_tasks",
    "balanced_weights",
    "check_class_weight",
    "check_weights",
    "class_sizes",
    "label_weights",
]

# Weights of rows and of classes that single precision holds, and their squares.
_SMALLEST, _LARGEST = 1e-30, 1e12


def check_weights(sample_weight: Any, X: np.ndarray) -> np.ndarray:
    """Validate the weights of rows.

    Parameters
    ----------
    sample_weight : array-like of shape (n_rows,)
        Weights.
    X : ndarray of shape (n_rows, n_features)
        The rows, for their number.

    Returns
    -------
    float ndarray of shape (n_rows,)
        Not negative, and not all zero. Those below 1e-30 are 0, as they are in single
        precision wherever they are multiplied.

    Raises
    ------
    ValueError
        If there is not one finite, non-negative weight per row, if all are zero, or if
        some are above 1e12, where single precision ends for their squares.
    """
    weight = _check_sample_weight(sample_weight, X, ensure_non_negative=True)
    largest = weight.max(initial=0)
    if largest > _LARGEST:
        raise ValueError(
            f"sample_weight reaches {largest:.0e}. Networks compute in single "
            f"precision: divide all weights by one number, to below {_LARGEST:.0e}."
        )
    weight = np.where(weight < _SMALLEST, 0, weight)
    if not weight.any():
        raise ValueError("All weights are zero: sample_weight leaves no row.")
    return weight


def class_sizes(
    y: np.ndarray, weight: np.ndarray | None, classes: np.ndarray
) -> np.ndarray:
    """Count the rows of every class, or sum up their weights, (n_classes,)."""
    return np.bincount(encode(y, classes), weight, minlength=len(classes))


def balanced_weights(size: np.ndarray) -> np.ndarray:
    """Weigh labels such that all together count the same: n / (k n_c).

    Parameters
    ----------
    size : ndarray of shape (n_labels,)
        Rows n_c of each of the k labels, or the sum of their weights.

    Returns
    -------
    ndarray of shape (n_labels,)
        Weights; 1 for a label without rows.
    """
    n_there = np.count_nonzero(size)
    return np.where(size > 0, size.sum() / (n_there * np.where(size > 0, size, 1)), 1.0)


def balanced_in_tasks(
    labels: TaskLabels, blocks: Iterable[tuple[np.ndarray, np.ndarray, Any]]
) -> np.ndarray:
    """Weigh classes of tasks such that all of a task count the same.

    Parameters
    ----------
    labels : TaskLabels
        The classes.
    blocks : iterable of (y, task, weight)
        Label, task and weight of all rows, a part of them at a time, (n_rows,) each;
        the weight None where all count the same.

    Returns
    -------
    ndarray of shape (n_classes of all tasks,)
        n / (k n_c) of each class, those of one task after those of another.
    """
    first, n_classes = labels.first, labels.n_classes
    size: Any = 0  # of each class of each task
    of_task: Any = 0
    for y, task, weight in blocks:
        place = first[task] + labels.codes(y, task)
        size = size + np.bincount(place, weight, minlength=n_classes.sum())
        of_task = of_task + np.bincount(task, weight, minlength=len(first))
    return np.repeat(of_task, n_classes) / (np.repeat(n_classes, n_classes) * size)


def label_weights(given: Mapping, y: np.ndarray) -> np.ndarray:
    """Look up the weight of each row's label, 1 where none is given."""
    labels, label = number(y)
    return np.array([given.get(each, 1.0) for each in labels.tolist()])[label]


def check_class_weight(given: Mapping, classes: np.ndarray | None) -> None:
    """Validate a dict of class weights.

    Parameters
    ----------
    given : mapping
        Weight of each label.
    classes : ndarray or None
        The labels that there are; None where they change from task to task.

    Raises
    ------
    ValueError
        If a weight is not a positive number, or beyond single precision, or if a label
        is not there.
    """
    wrong = {
        label: weight
        for label, weight in given.items()
        if not (isinstance(weight, Real) and 0 < float(weight) <= _LARGEST)
    }
    if wrong:
        raise ValueError(
            f"class_weight holds weights that are not positive and finite: {wrong}. "
            f"They are numbers up to {_LARGEST:.0e}."
        )
    known = set() if classes is None else set(classes.tolist())
    unknown = [label for label in given if label not in known]
    if classes is not None and unknown:
        raise ValueError(
            f"class_weight names {unknown}, which are no labels of y: {show(classes)}."
        )
