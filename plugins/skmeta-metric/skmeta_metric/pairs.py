"""Which rows of a task are compared, and which comparisons are worth learning from.

The miners of pytorch-metric-learning know one batch of rows, in which rows of two tasks
would be a pair. Their rules are a few comparisons of distances; here they are applied
to all tasks at once, inside each.
"""

from typing import NamedTuple

import torch
from pytorch_metric_learning.distances import BaseDistance
from torch import Tensor

from skmeta.episodes import Batch

__all__ = ["Given", "Pairs", "hardest", "informative", "make_pairs", "mean_by_task"]


class Pairs(NamedTuple):
    """Rows of every task (anchors) beside the rows of its support."""

    distance: Tensor  # (tasks, rows, supports)
    positive: Tensor  # (tasks, rows, supports), True for other rows of the same class
    negative: Tensor  # (tasks, rows, supports), True for rows of another class


class Given(BaseDistance):
    """Takes distances for embeddings, so that a loss compares within tasks alone.

    A loss of the library calls its distance with all rows, and gets a row's distances
    to all others, of any task. With this one it is given a table with a row for each
    anchor, and in the columns the distances to the support rows of its own task.
    """

    def forward(self, query_emb: Tensor, ref_emb: Tensor | None = None) -> Tensor:
        """Return the distances that it is called with."""
        return query_emb


def make_pairs(distance: Tensor, rows: Batch) -> Pairs:
    """Tell apart the pairs of one class and of two.

    Parameters
    ----------
    distance : Tensor of shape (tasks, rows, supports)
        Distances of all rows to the first of them, which are the support.
    rows : Batch
        Classes and mask of all rows.

    Returns
    -------
    Pairs
        Padding belongs to no pair, nor is a row a pair with itself.
    """
    n_rows, n_support = distance.shape[1:]
    y, mask = rows.y, rows.mask
    real = mask.unsqueeze(2) & mask[:, :n_support].unsqueeze(1)
    same = y.unsqueeze(2) == y[:, :n_support].unsqueeze(1)
    itself = torch.eye(n_rows, n_support, dtype=torch.bool, device=y.device)
    return Pairs(distance, real & same & ~itself, real & ~same)


def hardest(pairs: Pairs) -> Pairs:
    """Keep the farthest positive and the nearest negative (Hermans et al. 2017).

    The rule of ``BatchHardMiner``: an anchor that has not both is left out.
    """
    d, positive, negative = pairs
    both = positive.any(dim=2, keepdim=True) & negative.any(dim=2, keepdim=True)
    place = torch.arange(d.shape[2], device=d.device)
    farthest = d.masked_fill(~positive, -torch.inf).argmax(dim=2, keepdim=True)
    nearest = d.masked_fill(~negative, torch.inf).argmin(dim=2, keepdim=True)
    return Pairs(d, both & (place == farthest), both & (place == nearest))


def informative(pairs: Pairs, epsilon: float) -> Pairs:
    """Keep pairs that are not in order by epsilon (Wang et al. 2019, equations 8, 9).

    The rule of ``MultiSimilarityMiner``: positives that are farther than the nearest
    negative, and negatives that are nearer than the farthest positive.
    """
    d, positive, negative = pairs
    farthest = d.masked_fill(~positive, -torch.inf).amax(dim=2, keepdim=True)
    nearest = d.masked_fill(~negative, torch.inf).amin(dim=2, keepdim=True)
    return Pairs(
        d, positive & (d + epsilon > nearest), negative & (d - epsilon < farthest)
    )


def mean_by_task(losses: Tensor, counts: Tensor, task: Tensor, n_tasks: int) -> Tensor:
    """Average losses of a flat list inside every task.

    Parameters
    ----------
    losses : Tensor of shape (losses,)
        Losses of all tasks.
    counts : bool Tensor of shape (losses,)
        Whether a loss counts.
    task : int Tensor of shape (losses,)
        Task of each.
    n_tasks : int
        Tasks.

    Returns
    -------
    Tensor of shape (tasks,)
        Means; 0 for a task without any.
    """
    total = losses.new_zeros(n_tasks).index_add(0, task, losses.where(counts, 0.0))
    number = losses.new_zeros(n_tasks).index_add(0, task, counts.to(losses))
    return total / number.clamp(min=1)
