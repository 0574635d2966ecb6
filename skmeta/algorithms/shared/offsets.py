r"""What algorithms do with a prior that they take as it is.

The prior of a row is ``Batch.offset``; o below is the mean of its parts, a value or
the logits of a shared label space. It is added to the outputs of the rows to answer,
and a task is learnt from what it leaves of the support: values less o; of classes, with
:math:`q = \mathrm{softmax}(o)` and K of them, labels less q, or rows that count the
more the less q expected their class. Each is such that a prior that says nothing,
o = 0, changes nothing.

What it comes to in an algorithm is in its docstring. ``gp`` learns how much to believe
each part instead. These take no prior: ``siamese``, whose labels are names inside a
task; ``simpleshot`` and ``baseline++``, which train one classifier on the rows of all
tasks, a prior of their own; ``ntxent``, ``triplet``, ``multi_similarity`` and
``arcface`` of ``skmeta-metric``, for both reasons.
"""

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from skmeta.episodes.episode import Batch

__all__ = ["add_offset", "count_unexpected", "mean_offset", "unexplained_targets"]

# A row that the prior was sure of still counts so much: its logarithm is a number.
_LEAST_COUNT = 1e-6


def mean_offset(offset: Tensor) -> Tensor:
    """Average what the parts of a prior say of rows.

    Parameters
    ----------
    offset : Tensor of shape (tasks, rows, parts, outputs)
        As in :class:`~skmeta.episodes.Batch`.

    Returns
    -------
    Tensor of shape (tasks, rows, outputs)
        In the unit of the outputs.
    """
    return offset.mean(dim=2)


def add_offset(outputs: Tensor, offset: Tensor | None) -> Tensor:
    """Add what a prior says of rows to the outputs of an algorithm.

    Parameters
    ----------
    outputs : Tensor of shape (tasks, rows, outputs)
        Logits or values.
    offset : Tensor of shape (tasks, rows, parts, outputs) or None
        Prior of the rows.

    Returns
    -------
    Tensor of shape (tasks, rows, outputs)
        The outputs themselves without a prior.
    """
    return outputs if offset is None else outputs + mean_offset(offset)


def unexplained_targets(batch: Batch, n_outputs: int) -> Tensor:
    r"""Return what a prior leaves of targets, for methods that fit values.

    Parameters
    ----------
    batch : Batch
        Targets, and what the prior says of the rows if there is one.
    n_outputs : int
        Classes; 1 for values.

    Returns
    -------
    Tensor of shape (tasks, rows, outputs)
        Values less the prior's: :math:`y - o`. Of classes
        :math:`[y = k] - q_k + 1 / K`, which are one-hot labels without a prior.
    """
    if batch.y.is_floating_point():
        targets = batch.y.unsqueeze(-1)
        return targets if batch.offset is None else targets - mean_offset(batch.offset)
    labels = one_hot(batch.y, n_outputs)
    if batch.offset is None:
        return labels
    return labels - mean_offset(batch.offset).softmax(dim=-1) + 1 / n_outputs


def count_unexpected(support: Batch) -> Batch:
    r"""Let support rows count by how little a prior expected of their class.

    Parameters
    ----------
    support : Batch
        Class codes, and what the prior says of the rows if there is one.

    Returns
    -------
    Batch
        With weights that are :math:`(1 - q_{y}) / (1 - 1 / K)` times those before: 1
        where the prior says nothing, near 0 where it was right and sure, K / (K - 1) at
        most. The support itself without a prior.
    """
    if support.offset is None:
        return support
    q = mean_offset(support.offset).softmax(dim=-1)
    own = q.gather(2, support.y.unsqueeze(-1)).squeeze(-1)
    unexpected = (1 - own).clamp(min=_LEAST_COUNT) / (1 - 1 / max(2, q.shape[-1]))
    weight = unexpected * support.counts(unexpected)
    return support._replace(weight=torch.where(support.mask, weight, 0.0))
