"""Whether one way to learn from tasks is better than another, beyond chance."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from skmeta.algorithms.base import Algorithm
from skmeta.algorithms.shared.losses import task_losses
from skmeta.episodes.episode import Episode

__all__ = ["log_gain", "losses_of", "usual_loss"]

_TINY = 1e-9


def losses_of(
    algorithm: Algorithm, module: nn.Module, episodes: Iterable[Episode]
) -> Tensor:
    """Return the loss of every task that has query rows, (tasks,), in float64."""
    losses = []
    with torch.no_grad():
        for support, query in episodes:
            state = algorithm.adapt(module, support)
            found = task_losses(algorithm.answer(module, state, query), query)
            losses.append(found[query.mask.any(dim=1)])
    return torch.cat(losses).cpu().double()  # which some devices lack


def usual_loss(losses: Tensor) -> Tensor:
    """Return the median loss, above zero."""
    return losses.median().clamp(min=_TINY)


def log_gain(
    before: Tensor, after: Tensor, usual: Tensor, n_tasks: int
) -> tuple[float, float]:
    """Compare losses of the same tasks by their logarithms.

    Where l and l' are the losses of a task, and m a usual one, its gain is log((l + m)
    / (l' + m)): tasks of large losses do not outvote the others.

    Parameters
    ----------
    before, after : Tensor of shape (episodes,)
        Losses.
    usual : scalar Tensor
        m.
    n_tasks : int
        How many tasks the episodes are of: episodes of one task again and again tell no
        more than so many would.

    Returns
    -------
    mean, error : float
        Of the gains, and the standard error of the mean.
    """
    gain = ((before + usual) / (after + usual)).log()
    return float(gain.mean()), float(gain.std()) / min(len(gain), n_tasks) ** 0.5
