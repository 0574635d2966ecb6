"""Which tasks keep what their steps have led to, and which go back to the start.

A support unlike those of the training, or a step size that was learnt on others, can
lead gradient descent anywhere: a loss of 1e30 after five steps, in silence. What tells
is known to each task, the loss on its own support. A task whose loss is higher at the
end than before the first step, or was twice that and above 10 on the way (it may fit
its rows afterwards, from a place where it answers all others wildly), keeps nothing of
its steps: it is answered by the start, as a task without rows. Every other task takes
exactly the steps of the papers.

In meta-training a task is judged by the loss before its last step, which is known
there: what diverges shows by then, and one step alone does not diverge.
"""

from collections.abc import Iterable, Sequence
from itertools import chain, repeat
from operator import le

import torch
from torch import Tensor

from skmeta.algorithms.inner_loop.loss import SupportLoss
from skmeta.utils.asking import may_ask

__all__ = ["can_ask", "keeps", "keeps_by_step", "kept"]

# A loss on the way that is so many times the first one has led astray, where it is
# above what steps that end well may pass through: a cross-entropy, in nats, or a
# squared error in units of the variance of targets.
_ASTRAY, _PASSING = 2.0, 10.0

# So many numbers Python compares before torch has begun.
_FEW = 1000


def keeps(loss: SupportLoss, outputs: Sequence[Tensor]) -> Tensor | None:
    """Tell which tasks keep their steps.

    Parameters
    ----------
    loss : SupportLoss
        Loss of the tasks on the rows that they are judged by.
    outputs : sequence of Tensor, each of shape (tasks, rows, outputs)
        Outputs for those rows before the first step, on the way, and at the end.

    Returns
    -------
    bool Tensor of shape (tasks,), or None
        False for tasks that are to go back to the start. None if there is none, where
        the question is free.
    """
    losses = loss.of_tasks(torch.stack([*outputs]))
    if _is_free(losses):
        listed = losses.tolist()
        if _is_passing(listed) and _is_below(listed[-1], listed[0]):
            return None
    return _compare(losses)


def keeps_by_step(loss: SupportLoss, outputs: Sequence[Tensor]) -> list[Tensor | None]:
    """Tell which tasks keep each of their steps.

    Parameters
    ----------
    loss : SupportLoss
        As for :func:`keeps`.
    outputs : sequence of Tensor, each of shape (tasks, rows, outputs)
        Outputs before the first step and after every one.

    Returns
    -------
    list of (bool Tensor of shape (tasks,), or None)
        What :func:`keeps` tells after one step, after two, and so on.
    """
    losses = loss.of_tasks(torch.stack([*outputs]))
    steps = range(2, len(losses) + 1)
    if _is_free(losses):
        start, *others = listed = losses.tolist()
        if _is_passing(listed) and all(_is_below(each, start) for each in others):
            return [None for _ in steps]
    return [_compare(losses[:n_seen]) for n_seen in steps]


def _compare(losses: Tensor) -> Tensor | None:
    """Compare losses of the tasks, (steps, tasks), as :func:`keeps` has to."""
    # What is no number is not below one, and infinity must not be either.
    start = losses[0].clamp(max=torch.finfo(losses.dtype).max / _ASTRAY)
    most = (_ASTRAY * start).clamp(min=_PASSING)
    is_kept = (losses[-1] <= start) & (losses <= most).all(dim=0)
    return None if can_ask(is_kept) and bool(is_kept.all()) else is_kept


# Nearly always no task is astray. Of few losses Python tells so sooner than torch.
def _is_free(losses: Tensor) -> bool:
    return can_ask(losses) and losses.numel() <= _FEW


def _is_passing(losses: list[list[float]]) -> bool:
    return all(map(le, chain(*losses), repeat(_PASSING)))


def _is_below(losses: list[float], start: list[float]) -> bool:
    return all(map(le, losses, start))


def can_ask(tensor: Tensor) -> bool:
    """Tell whether the values of a Tensor may be asked for.

    A graph that is compiled or captured has no such question, and a GPU would have to
    be waited for. There all is mended whether there is need or not, to the same effect.
    """
    if tensor.device.type != "cpu" or torch.compiler.is_compiling():
        return False
    return may_ask()


def kept(
    is_kept: Tensor | None, stepped: Iterable[Tensor], start: Iterable[Tensor]
) -> list[Tensor]:
    """Choose for every task between the weights after its steps and those before.

    Parameters
    ----------
    is_kept : bool Tensor of shape (tasks,), or None
        Which tasks keep the weights after the steps. None if all do: to copy those of
        all tasks for nothing takes as long as a step.
    stepped : iterable of Tensor
        Weights after the steps, with a leading task axis.
    start : iterable of Tensor
        Weights before them, shared by all tasks or one for each.

    Returns
    -------
    list of Tensor
        Weights, with a leading task axis.
    """
    if is_kept is None:
        return list(stepped)
    return [
        torch.where(is_kept.view(-1, *[1] * (after.ndim - 1)), after, before)
        for after, before in zip(stepped, start, strict=True)
    ]
