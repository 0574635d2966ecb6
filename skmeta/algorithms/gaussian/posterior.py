"""What a task has learnt."""

from typing import NamedTuple

from torch import Tensor

__all__ = ["Posterior"]


class Posterior(NamedTuple):
    """The processes of some tasks after their supports.

    With covariances k of a new row and ``rows``, process p answers its mean plus
    ``k @ weights[p]``, and its variance there is ``k(x, x) - k @ precision[p] @ k``.
    """

    rows: Tensor  # (tasks, rows, inputs and embedding)
    weights: Tensor  # (tasks, processes, rows, outputs), 0 on padding
    precision: Tensor  # (tasks, processes, rows, rows); of classes without rows
    log_share: Tensor  # (tasks, processes): logarithm of the weight of each process
    n_classes: Tensor  # (tasks,)
