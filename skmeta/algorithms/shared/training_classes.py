"""What algorithms that train one classifier of all training classes have in common."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from skmeta.episodes.episode import Batch, Episode

__all__ = ["class_loss", "join_train_rows"]


def join_train_rows(episode: Episode, n_train_classes: int) -> tuple[Batch, Tensor]:
    """Put the rows of a meta-batch together, with their training classes.

    Parameters
    ----------
    episode : Episode
        Meta-batch of a training.
    n_train_classes : int
        Classes that there are weights for.

    Returns
    -------
    rows : Batch
        The support rows, then the query rows of every task.
    in_support : bool Tensor of shape (tasks, rows)
        True for the real support rows.

    Raises
    ------
    ValueError
        If the training classes are not there, or if there are more of them.
    """
    rows, in_support = episode.join()
    if rows.label is None:
        raise ValueError(
            "This algorithm trains on the training class of every row: set "
            "Batch.label of the support and of the query, as the episodes of fit do."
        )
    highest = int(rows.label.max())
    if highest >= n_train_classes:
        raise ValueError(
            f"Batch.label holds {highest}, and the module was built for "
            f"{n_train_classes} training classes. Build it with "
            "Spec(..., n_train_classes=) of the episodes; a warm start cannot go on "
            "with other classes."
        )
    return rows, in_support


def class_loss(logits: Tensor, label: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean cross-entropy of the rows of a whole meta-batch.

    Parameters
    ----------
    logits : Tensor of shape (tasks, rows, n_train_classes)
        Logits of the training classes.
    label : int Tensor of shape (tasks, rows)
        Training class; -1 for padding and rows of none, which do not count.
    weight : Tensor of shape (tasks, rows), default=None
        How much the other rows count; all the same if None.

    Returns
    -------
    scalar Tensor
        0 without any row.
    """
    losses = cross_entropy(
        logits.flatten(0, 1), label.flatten(), ignore_index=-1, reduction="none"
    )
    counts = (label >= 0).to(logits)
    if weight is not None:
        counts = counts * weight.to(logits)
    total = counts.sum()
    losses = (losses * counts.flatten()).sum()
    return losses / torch.where(total > 0, total, 1.0)
