"""Codes in place of the labels of a shared label space, and what they stand for."""

from typing import Any

import numpy as np

from skmeta.estimators.few_shot.numbered import NO_LABELS, Numbering, numberings
from skmeta.utils.messages import show

__all__ = ["decode", "find_numberings"]

_GIVEN = "encoded_labels"


def find_numberings(given: Any, label_space: str | None) -> list[Numbering]:
    """Find through what codes go to become labels; nothing where y holds labels.

    Parameters
    ----------
    given : "auto", bool or array-like of shape (n_labels,)
        What ``encoded_labels`` says.
    label_space : {"shared", "per_task"} or None
        That of the meta-learner, if it has told.

    Returns
    -------
    list of Numbering
        The last first, as :func:`decode` goes through them.

    Raises
    ------
    ValueError
        If ``encoded_labels`` is another word than "auto".
    """
    if isinstance(given, str) and given != "auto":
        raise ValueError(
            "encoded_labels must be 'auto', True, False or the labels behind the "
            f"codes, not {given!r}."
        )
    if label_space != "shared" or given is False:
        return []  # names inside a task may be numbers as well
    if isinstance(given, str):
        return numberings()
    return [Numbering(_GIVEN, None if given is True else np.unique(given))]


def decode(y: np.ndarray, steps: list[Numbering], known: np.ndarray) -> np.ndarray:
    """Name the labels behind codes.

    Parameters
    ----------
    y : ndarray of shape (n_rows,)
        Codes.
    steps : list of Numbering
        Through what they go to become labels.
    known : ndarray of shape (n_labels,)
        All labels that the meta-learner knows, for who does not tell which.

    Returns
    -------
    ndarray of shape (n_rows,)
        Labels.

    Raises
    ------
    ValueError
        If there are other numbers than codes, or if nobody can tell what they are of.
    """
    for by, told in steps:
        labels = _all_labels(y, by, known) if told is None else told
        if not np.isin(y, np.arange(len(labels))).all():
            raise ValueError(
                f"y must hold codes 0 to {len(labels) - 1} of the labels "
                f"{show(labels)}; it holds {show(np.unique(y))}."
            )
        y = labels[y.astype(np.intp)]
    return y


def _all_labels(y: np.ndarray, by: str, labels: np.ndarray) -> np.ndarray:
    """Return the labels behind codes of somebody who does not tell which."""
    if by == NO_LABELS:
        raise ValueError(
            f"{by} asks to tell apart what it makes of labels, which means nothing "
            f"in the shared label space {show(labels)} that fit has learnt. "
            "FewShotClassifier tells any number of labels apart by itself. Or fit "
            "a meta-learner with label_space='per_task', to which labels are names."
        )
    codes = np.arange(len(labels))
    if by != _GIVEN and not np.array_equal(labels, codes):
        raise ValueError(
            f"{by} hands on codes in place of labels, and in a process of its own "
            "does not tell which they are. Set encoded_labels to the labels that "
            "it is fitted to."
        )
    if not np.array_equal(np.unique(y), codes):
        raise ValueError(
            f"y must hold all of the codes 0 to {len(codes) - 1} of the labels "
            f"{show(labels)}, or codes could not be told apart; it holds "
            f"{show(np.unique(y))}. Set encoded_labels to the labels behind them."
        )
    return labels
