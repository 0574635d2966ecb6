"""How much rows without labels may count, by tasks that hide some of their labels."""

import copy
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from skmeta.algorithms.base import Algorithm
from skmeta.algorithms.shared.reuse import reusing
from skmeta.engine.chunks import tasks_at_once
from skmeta.engine.gains import log_gain, losses_of, usual_loss
from skmeta.episodes.episode import Batch, Episode
from skmeta.episodes.sampler import EpisodeSampler
from skmeta.episodes.scaling import TaskScaling
from skmeta.episodes.spec import Spec

__all__ = ["learn_unlabelled"]

# Episodes to judge by, and how many of them at once.
_N_EPISODES, _AT_ONCE = 48, 16

# Rows beyond the support, of a task or of each of its classes. A part hides its labels,
# the others are the query.
_MORE_ROWS = {"task": 90, "class": 24}
_HIDDEN = 2 / 3

# Standard errors of the mean, over tasks, by which a gain must be above nothing: more
# than two, for the best of several choices is held against it.
_BEYOND_CHANCE = 2.5


def learn_unlabelled(
    algorithm: Algorithm,
    judges: Sequence[tuple[nn.Module, EpisodeSampler]],
    *,
    scaling: TaskScaling | None,
    spec: Spec,
    device: torch.device | str,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Choose how much rows without labels count in a task.

    Episodes hide the labels of two thirds of what is not their support, and are judged
    on the rest, without those rows and with them, once for each of the algorithm's
    choices. The choice of the largest mean gain is taken
    (:func:`~skmeta.engine.gains.log_gain`), of those whose gain is beyond chance and
    whose mean loss is lower than without.

    Parameters
    ----------
    algorithm : Algorithm
        With ``uses_unlabelled``.
    judges : sequence of (nn.Module, EpisodeSampler)
        What has been meta-trained, and what draws from tasks to judge it by, best from
        those that it was not trained on.
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
    (weight, share)
        A value of the parameter ``unlabelled``; (0, 0) where nothing gains.
    """
    nothing = (0.0, 0.0)
    choices = algorithm.unlabelled_choices(spec)
    losses: dict[tuple[float, float], list[Tensor]] = {
        choice: [] for choice in (nothing, *choices)
    }
    learner, n_tasks = copy.copy(algorithm), 0
    for module, sampler in judges:
        n_tasks += _N_EPISODES if spec.from_pool else sampler.n_tasks_
        for drawn in _episodes(sampler, module, rng):
            scaled = drawn if scaling is None else scaling.standardise(drawn)
            episodes = [scaled.to(device)]
            with reusing():  # most of what a choice takes is that of all choices
                for choice, found in losses.items():
                    learner.set_params(unlabelled=choice)
                    found.append(losses_of(learner, module, episodes))
    joined = {choice: torch.cat(each) for choice, each in losses.items()}
    return _best(joined, nothing, n_tasks)


def _best(
    losses: dict[tuple[float, float], Tensor],
    nothing: tuple[float, float],
    n_tasks: int,
) -> tuple[float, float]:
    """Choose by the losses of every episode; ``nothing`` where none is better."""
    without = losses[nothing]
    usual = usual_loss(without)
    best, most = nothing, 0.0
    for choice, with_them in losses.items():
        mean, error = log_gain(without, with_them, usual, n_tasks)
        is_lower = bool(with_them.mean() < without.mean())
        if is_lower and mean > max(most, _BEYOND_CHANCE * error):
            best, most = choice, mean
    return best


def _episodes(
    sampler: EpisodeSampler, module: nn.Module, rng: np.random.Generator
) -> Iterator[Episode]:
    """Draw episodes some of whose query rows have become rows without labels."""
    sampler = copy.copy(sampler)
    sampler.n_query = _MORE_ROWS["class" if sampler.draws_classes else "task"]
    low, high = sampler.n_shot
    sampler.n_shot = (min(low, 1), high)
    sampler.mix_tasks = 0.0
    sampler.unlabelled = None
    weights = [*module.parameters()]
    at_once = tasks_at_once(sampler.n_rows_at_most, weights, _AT_ONCE)
    for support, query in sampler.episodes(_N_EPISODES, at_once, rng):
        hidden = torch.from_numpy(rng.random(query.mask.shape) < _HIDDEN)
        others = Batch(
            query.X,
            torch.zeros_like(query.y),
            query.mask & hidden,
            query.n_classes,
            offset=query.offset,
        )
        rest = query._replace(mask=query.mask & ~hidden)
        yield Episode(support._replace(unlabelled=others), rest)
