"""What metric-based algorithms have in common.

Sums and log-sums over the support rows of a class, the scale of distances, and
log-probabilities over the classes that have rows.
"""

from collections.abc import Callable
from contextvars import ContextVar

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from skmeta.algorithms.shared.losses import mask_absent_classes
from skmeta.episodes.episode import Batch
from skmeta.episodes.spec import Spec
from skmeta.nn import apply
from skmeta.utils.asking import largest
from skmeta.utils.random import generator_of

__all__ = [
    "log_probabilities",
    "log_scale",
    "log_sum_by_class",
    "mean_by_class",
    "split_again",
    "sum_by_class",
    "weights_follow",
]

# Log-probability of a class without a row: low, yet a query row of such a class costs
# no more than a few rows that are plainly wrong.
_LOG_P_WITHOUT_ROWS = -20.0

# With the first scale, two random rows are so far apart on average. From much further
# the first epochs would go into pulling everything together.
FIRST_DISTANCE = 2.0

weights_follow: ContextVar[bool] = ContextVar("weights_follow", default=False)
"""Whether a module is made for weights that are there already, as in a file."""


def log_scale(
    backbone: nn.Module,
    distance: Callable[[Tensor, Tensor], Tensor],
    spec: Spec,
    *,
    learn: bool,
) -> nn.Parameter:
    """Make the factor that turns distances into logits, as a logarithm.

    Distances are multiplied by it: a temperature, as papers have it, is its inverse.

    Parameters
    ----------
    backbone : nn.Module
        Network to the embedding.
    distance : callable
        Distance in the embedding.
    spec : Spec
        Sizes.
    learn : bool
        Start where random rows are a small distance apart, and learn it. Else 1.

    Returns
    -------
    scalar nn.Parameter
        Logarithm of the scale.
    """
    scale = torch.tensor(1.0)
    if learn and not weights_follow.get():
        with torch.no_grad():
            a, b = apply(backbone, torch.randn(2, 100, spec.n_features))
            scale = FIRST_DISTANCE / distance(a, b).mean().clamp(min=1e-6)
    return nn.Parameter(scale.log(), requires_grad=learn)


def sum_by_class(
    embedded: Tensor, support: Batch, n_outputs: int
) -> tuple[Tensor, Tensor]:
    """Add up the embedded support rows of every class.

    Parameters
    ----------
    embedded : Tensor of shape (tasks, rows, d)
        Support rows.
    support : Batch
        Their classes, mask and weights.
    n_outputs : int
        Labels of a shared label space, else 0.

    Returns
    -------
    total : Tensor of shape (tasks, classes, d)
        Sums, 0 for a class without rows.
    count : Tensor of shape (tasks, classes, 1)
        Rows, or the sum of their weights.
    """
    n_classes = n_outputs or largest(support.n_classes)
    # (tasks, rows, classes)
    member = one_hot(support.y, n_classes) * support.counts(embedded).unsqueeze(-1)
    return member.mT @ embedded, member.sum(dim=1).unsqueeze(-1)


def log_sum_by_class(logits: Tensor, slot: Tensor, has_rows: Tensor) -> Tensor:
    """Logarithm of the sum of exponentials over the support rows of every class.

    Each class subtracts its own highest, so that no class underflows, and no tensor of
    queries by rows by classes is made.

    Parameters
    ----------
    logits : Tensor of shape (tasks, queries, rows)
        What each support row says to each query row.
    slot : int Tensor of shape (tasks, rows)
        Class code + 1 of each support row; 0 on padding.
    has_rows : bool Tensor of shape (tasks, classes)
        Whether a class has a support row.

    Returns
    -------
    Tensor of shape (tasks, queries, classes)
        0 for a class without rows.
    """
    slot_of = slot.unsqueeze(1).expand_as(logits)
    n_slots = has_rows.shape[1] + 1
    highest = logits.new_zeros(*logits.shape[:2], n_slots).scatter_reduce(
        2, slot_of, logits.detach(), "amax", include_self=False
    )
    shifted = (logits - highest.gather(2, slot_of)).exp()
    total = torch.zeros_like(highest).scatter_add(2, slot_of, shifted)[..., 1:]
    return total.masked_fill(~has_rows.unsqueeze(1), 1.0).log() + highest[..., 1:]


def mean_by_class(total: Tensor, count: Tensor) -> Tensor:
    """Divide what :func:`sum_by_class` returns: 0 for a class without rows."""
    return total / torch.where(count > 0, count, 1.0)


def split_again(rows: Batch, in_support: Tensor) -> Tensor:
    """Draw other support rows, as many of each class of each task as before.

    Parameters
    ----------
    rows : Batch
        Support and query rows.
    in_support : bool Tensor of shape (tasks, rows)
        The present support.

    Returns
    -------
    bool Tensor of shape (tasks, rows)
        Another support.
    """
    member = one_hot(rows.y) * rows.mask.unsqueeze(-1)  # (tasks, rows, classes)
    n_shot = (member * in_support.unsqueeze(-1)).sum(dim=1, keepdim=True)
    device = rows.y.device
    keys = torch.rand(rows.y.shape, device=device, generator=generator_of(device))
    order = keys.argsort(dim=1)
    place = order.unsqueeze(-1).expand_as(member)
    # How many rows of the same class come before a row in the new order.
    before = member.gather(1, place).cumsum(dim=1) - 1
    chosen = torch.zeros_like(member).scatter(1, place, (before < n_shot).long())
    return (chosen * member).any(dim=-1)


def log_probabilities(scores: Tensor, has_rows: Tensor, n_classes: Tensor) -> Tensor:
    """Normalise scores over the classes that have support rows.

    Parameters
    ----------
    scores : Tensor of shape (tasks, queries, classes)
        Unnormalised log-probabilities, anything finite for classes without rows.
    has_rows : bool Tensor of shape (tasks, classes)
        Whether a class has a support row.
    n_classes : int Tensor of shape (tasks,)
        Classes of each task.

    Returns
    -------
    Tensor of shape (tasks, queries, classes)
        Log-probabilities; -20 for classes without a support row and ``-inf`` for
        classes that the task does not have.
    """
    without = ~has_rows.unsqueeze(1)
    lowest = torch.finfo(scores.dtype).min
    log_p = scores.masked_fill(without, lowest).log_softmax(dim=-1)
    log_p = log_p.masked_fill(without, _LOG_P_WITHOUT_ROWS)
    return mask_absent_classes(log_p, n_classes)
