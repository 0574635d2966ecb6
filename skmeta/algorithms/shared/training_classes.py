"""What algorithms that train one classifier of all training classes have in common.

For some it is all of the training, for others a second loss beside that of episodes.
"""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from numbers import Real
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from skmeta.episodes.episode import Batch, Episode
from skmeta.episodes.spec import Spec
from skmeta.nn import apply
from skmeta.utils.asking import happens

__all__ = [
    "ClassLoss",
    "class_loss",
    "class_loss_times",
    "embed_episode",
    "join_train_rows",
    "make_class_loss",
]

# The weight of the second loss for large pools of classes.
_AUTO_WEIGHT = 1.0

# What a process that has a part of a meta-batch multiplies its mean over rows by.
_factor: ContextVar[float] = ContextVar("_factor", default=1.0)


@contextlib.contextmanager
def class_loss_times(factor: float) -> Iterator[None]:
    """Multiply :func:`class_loss` inside the block.

    Processes that share a meta-batch out have means over tasks averaged by their
    numbers of tasks. This loss is a mean over rows, of which they have other shares.

    Parameters
    ----------
    factor : float
        Share of the rows, divided by the share of the tasks.
    """
    token = _factor.set(factor)
    try:
        yield
    finally:
        _factor.reset(token)


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
    if happens(rows.label >= n_train_classes):
        raise ValueError(
            f"Batch.label holds {int(rows.label.max())}, and the module was built for "
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
    loss = losses / torch.where(total > 0, total, 1.0)
    factor = _factor.get()
    return loss if factor == 1.0 else factor * loss


class ClassLoss(nn.Module):
    r"""A second loss of meta-training: tell all training classes apart.

    Episodes alone ask an embedding for no more than what tells a few classes of a task
    apart. With a linear classifier :math:`V, b` of all training classes on the same
    embedding f, and a weight w, every row of a meta-batch of training class c adds its
    part to

    .. math:: w \, \frac{1}{n} \sum_x -\log \mathrm{softmax}_c (V f(x) + b),

    which an algorithm adds to the loss of its episodes. The classifier serves the
    training only.

    Parameters
    ----------
    width : int
        Width of the embedding.
    n_train_classes : int
        Classes to tell apart.
    weight : float
        Factor w, positive.
    """

    def __init__(self, width: int, n_train_classes: int, weight: float):
        super().__init__()
        self.weight = weight
        self.n_train_classes = n_train_classes
        self.classifier = nn.Linear(width, n_train_classes)

    def forward(self, embedded: Tensor, rows: Batch) -> Tensor:
        """Return the loss of embedded rows, times its weight.

        Parameters
        ----------
        embedded : Tensor of shape (tasks, rows, width)
            Embedding of the rows.
        rows : Batch
            Their training classes, and weights if there are any. Padding and rows of
            no training class, or of none that there are weights for, do not count.

        Returns
        -------
        scalar Tensor
            0 if no row counts.
        """
        if rows.label is None:
            return embedded.new_zeros(())
        label = rows.label.masked_fill(rows.label >= self.n_train_classes, -1)
        loss = class_loss(self.classifier(embedded), label, rows.weight)
        return self.weight * loss


def make_class_loss(
    width: int, spec: Spec, weight: float | Literal["auto"]
) -> ClassLoss | None:
    """Make the second loss that a parameter ``class_loss`` of an algorithm asks for.

    Parameters
    ----------
    width : int
        Width of the embedding.
    spec : Spec
        Says how many training classes there are, and whether they are a pool.
    weight : float or "auto"
        Factor of the loss. "auto" is 1 where tasks are drawn from a pool of ten classes
        or more, ``Spec.is_large_pool``, but not of images, ``Spec.of_images``, and 0
        elsewhere.

    Returns
    -------
    ClassLoss or None
        None for a weight of 0 and where no training class is known.

    Raises
    ------
    ValueError
        If ``weight`` is neither "auto" nor a number from 0 on.
    """
    if weight == "auto":
        asks = spec.is_large_pool and not spec.of_images
        weight = _AUTO_WEIGHT if asks else 0.0
    if not (isinstance(weight, Real) and 0 <= weight < float("inf")):
        raise ValueError(
            f"class_loss must be 'auto' or a number from 0 on, not {weight!r}."
        )
    # In a shared label space a training class is a label, known or not.
    n_train_classes = max(spec.n_outputs, spec.n_train_classes)
    if spec.kind == "regressor" or not (weight and n_train_classes):
        return None
    return ClassLoss(width, n_train_classes, float(weight))


def embed_episode(
    backbone: nn.Module, episode: Episode
) -> tuple[Tensor, Tensor, Tensor, Batch]:
    """Embed the support and the query rows of a meta-batch at once, for two losses.

    Parameters
    ----------
    backbone : nn.Module
        Network to the embedding.
    episode : Episode
        Meta-batch.

    Returns
    -------
    support, query : Tensor of shape (tasks, rows, d)
        Embedding of the rows of either, for the loss of the episodes.
    embedded : Tensor of shape (tasks, rows, d)
        Of the support's, then the query's rows.
    rows : Batch
        These rows, for the second loss.
    """
    rows, _ = episode.join()
    embedded = apply(backbone, rows.X, rows.mask)
    n_support = episode.support.mask.shape[1]
    return embedded[:, :n_support], embedded[:, n_support:], embedded, rows
