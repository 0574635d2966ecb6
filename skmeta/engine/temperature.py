"""How far tasks are to be believed, by those of the training or held out of it."""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from skmeta.algorithms.base import Algorithm
from skmeta.algorithms.per_target import learners_of
from skmeta.algorithms.shared.temperature import at_temperature
from skmeta.engine.chunks import tasks_at_once
from skmeta.engine.gains import log_gain, losses_of, usual_loss
from skmeta.episodes.episode import Episode
from skmeta.episodes.sampler import EpisodeSampler
from skmeta.episodes.scaling import TaskScaling
from skmeta.episodes.spec import Spec
from skmeta.utils.threads import one_thread_if_small

__all__ = ["learn_temperature"]

# Episodes to judge by, the fewer the more rows they have, and how many of them at once
# where they are small.
_FEWEST_EPISODES, _N_EPISODES, _MOST_ROWS = 64, 256, 2**17
_AT_ONCE = 64

# A temperature is so many times the one before, and rises so often at most.
_FACTOR, _N_STEPS = 4.0, 3

# Standard errors, over tasks, by which a higher one may be worse: the tasks that judge
# are mostly those of the training, which a kernel may know by heart.
_WITHIN = 0.5


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

    From 1 on it rises by factors of four, three times at most, as long as the loss is
    within half of a standard error of the least so far, both compared by
    :func:`~skmeta.engine.gains.log_gain`.

    A kernel that knows its training tasks by heart believes the rows of a new one too
    much, and so does one whose noise is that of most tasks where some err by far more.
    To learn from rows at a higher temperature is the cure of Grünwald and van Ommen
    (2017) for models that are wrong.

    Parameters
    ----------
    algorithm : Algorithm
        With ``learns_temperature``.
    module : nn.Module
        Trained, in evaluation mode.
    sampler : EpisodeSampler
        Draws from tasks to judge by, best from those that it was not trained on. Of
        few of them, everything would be within an error.
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
    n_rows = sampler.n_rows_at_most
    n_episodes = max(_FEWEST_EPISODES, min(_N_EPISODES, _MOST_ROWS // n_rows))
    at_once = tasks_at_once(n_rows, [*module.parameters()], _AT_ONCE)
    drawn = sampler.draw(n_episodes, rng)

    def episodes(target: int) -> Iterator[Episode]:
        """Gather what is drawn, some of it at a time: all would be too much."""
        for each in sampler.gathered(drawn, at_once):
            own = (each if scaling is None else scaling.standardise(each)).to(device)
            yield own.of_target(target) if spec.n_targets > 1 else own

    def losses_at(target: int, learner: nn.Module, temperature: float) -> Tensor:
        tempered = at_temperature(algorithm, temperature)
        return losses_of(tempered, learner, episodes(target))

    with one_thread_if_small(module, at_once * n_rows, spec.n_features):
        return tuple(
            _highest(partial(losses_at, target, learner), sampler.n_tasks_)
            for target, learner in enumerate(learners_of(module, spec))
        )


def _highest(losses_at: Callable[[float], Tensor], n_tasks: int) -> float:
    """Raise the temperature as long as that is no worse than chance makes it."""
    highest, best = 1.0, losses_at(1.0)
    usual = usual_loss(best)
    for _ in range(_N_STEPS):
        there = losses_at(_FACTOR * highest)
        mean, error = log_gain(best, there, usual, n_tasks)
        if not mean > -_WITHIN * error:  # or no number
            break
        highest *= _FACTOR
        if mean > 0:
            best = there
    return highest
