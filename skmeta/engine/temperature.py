"""How far tasks are to be believed, by tasks that were left out."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor, nn

from skmeta.algorithms.base import Algorithm
from skmeta.algorithms.per_target import for_targets, learners_of
from skmeta.algorithms.shared.losses import task_losses
from skmeta.episodes.episode import Episode
from skmeta.episodes.sampler import EpisodeSampler
from skmeta.episodes.scaling import TaskScaling
from skmeta.episodes.spec import Spec

__all__ = ["learn_temperature"]

# Episodes to judge by, and how many of them at once.
_N_EPISODES, _AT_ONCE = 256, 64

# A temperature is so many times the one before, and there are so many of them.
_FACTOR, _MOST = 4.0, 8

# Standard errors, over tasks, by which a higher one may be worse: the tasks that judge
# are mostly those of the training, which a kernel may know by heart.
_WITHIN = 0.5

_TINY = 1e-9


def learn_temperature(
    algorithm: Algorithm,
    module: nn.Module,
    sampler: EpisodeSampler,
    *,
    scaling: TaskScaling | None,
    spec: Spec,
    device: torch.device | str,
    rng: np.random.Generator,
) -> tuple[float, ...]:
    """Choose the highest temperature whose answers are as good as any.

    From 1 on it rises by factors of four as long as the loss is within half of a
    standard error of the least so far. Where l and l' are the losses of a task, and m
    the median l of all, they are compared by the mean of log((l + m) / (l' + m)), which
    no single task can rule. A kernel that knows its training tasks by heart, and one whose noise is that
    of most tasks where some err by far more, believes the rows of a task too much. To
    learn from them at a higher temperature is the cure of Grünwald and van Ommen (2017)
    for models that are wrong.

    Parameters
    ----------
    algorithm : Algorithm
        With ``learns_temperature``.
    module : nn.Module
        Trained, in evaluation mode.
    sampler : EpisodeSampler
        Draws from tasks to judge by, best from those that it was not trained on.
    scaling : TaskScaling or None
        How tasks are standardised.
    spec : Spec
        Sizes and kinds.
    device : torch.device or str
        Where the module is.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    tuple of float
        For each target, 1 or more.

    References
    ----------
    P. Grünwald, T. van Ommen. Inconsistency of Bayesian inference for misspecified
    linear models, and a proposal for repairing it. Bayesian Analysis 12, 2017.
    """
    episodes = [
        (drawn if scaling is None else scaling.standardise(drawn)).to(device)
        for drawn in _episodes(sampler, rng)
    ]
    chosen = []
    for target, learner in enumerate(learners_of(module, spec)):
        own = [
            each if spec.n_targets == 1 else each.of_target(target) for each in episodes
        ]

        def losses(
            temperature: float,
            learner: nn.Module = learner,
            own: list[Episode] = own,
        ) -> Tensor:
            with_it = for_targets(algorithm, spec.of_one_target(), (temperature,))
            return torch.cat([_losses(with_it, learner, each) for each in own])

        chosen.append(_highest(losses, sampler.n_tasks_))
    return tuple(chosen)


def _highest(losses: Callable[[float], Tensor], n_tasks: int) -> float:
    """Raise the temperature as long as that is no worse than chance makes it.

    Episodes of one task again and again tell no more than ``n_tasks`` of them would.
    """
    highest, least = 1.0, losses(1.0).double()
    usual = least.median().clamp(min=_TINY)
    for _ in range(_MOST):
        hotter = losses(_FACTOR * highest).double()
        gain = ((least + usual) / (hotter + usual)).log()
        mean, error = float(gain.mean()), float(gain.std())
        if not mean > -_WITHIN * error / min(len(gain), n_tasks) ** 0.5:  # or no number
            break
        highest *= _FACTOR
        if mean > 0:
            least = hotter
    return highest


def _losses(learner: Algorithm, module: nn.Module, episode: Episode) -> Tensor:
    """Return the loss of every task that has query rows."""
    with torch.no_grad():
        state = learner.adapt(module, episode.support)
        losses = task_losses(
            learner.answer(module, state, episode.query), episode.query
        )
    return losses[episode.query.mask.any(dim=1)]


def _episodes(sampler: EpisodeSampler, rng: np.random.Generator) -> Iterator[Episode]:
    drawn = sampler.draw(_N_EPISODES, rng)
    for start in range(0, _N_EPISODES, _AT_ONCE):
        rows, in_support, in_query, way = (
            each[start : start + _AT_ONCE] for each in drawn
        )
        yield sampler.episode(rows, in_support, in_query, way)
