"""Weights of rows and of classes."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.utils.validation import _check_sample_weight

from skmeta.tables.labels import encode
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
        Not negative, and not all zero.

    Raises
    ------
    ValueError
        If there is not one finite, non-negative weight per row, or if all are zero.
    """
    weight = _check_sample_weight(sample_weight, X, ensure_non_negative=True)
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
    y: np.ndarray, task: np.ndarray, weight: np.ndarray | None
) -> np.ndarray:
    """Weigh rows such that the classes of a task all count the same.

    Parameters
    ----------
    y : ndarray of shape (n_rows,)
        Labels.
    task : int ndarray of shape (n_rows,)
        Task of each row.
    weight : ndarray of shape (n_rows,) or None
        Weights of rows.

    Returns
    -------
    ndarray of shape (n_rows,)
        n / (k n_c) of the row's own task.
    """
    labels, label = number(y)
    pairs, pair = number(task * len(labels) + label)
    size = np.bincount(pair, weight)  # of each class of each task
    of_task = np.bincount(task, weight)
    n_classes = np.bincount(pairs // len(labels), minlength=len(of_task))
    return of_task[task] / (n_classes[task] * size[pair])


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
        If a weight is not positive and finite, or a label is not there.
    """
    wrong = {
        label: weight for label, weight in given.items() if not 0 < weight < np.inf
    }
    if wrong:
        raise ValueError(
            f"class_weight holds weights that are not positive and finite: {wrong}."
        )
    known = set() if classes is None else set(classes.tolist())
    unknown = [label for label in given if label not in known]
    if classes is not None and unknown:
        raise ValueError(
            f"class_weight names {unknown}, which are no labels of y: {show(classes)}."
        )
