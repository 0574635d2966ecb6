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

from collections.abc import Iterable

import torch
from torch import Tensor

__all__ = ["all_kept", "can_ask", "keeps", "kept"]

# A loss on the way that is so many times the first one has led astray, where it is
# above what steps that end well may pass through: a cross-entropy, in nats, or a
# squared error in units of the variance of targets.
_ASTRAY, _PASSING = 2.0, 10.0


def keeps(*losses: Tensor) -> Tensor:
    """Tell which tasks keep their steps, (tasks,).

    Parameters
    ----------
    *losses : Tensor of shape (tasks,) or (steps, tasks)
        Losses of the tasks before the first step, on the way, and at the end.

    Returns
    -------
    bool Tensor of shape (tasks,)
        False for tasks that are to go back to the start.
    """
    all_losses = torch.cat([each.view(-1, each.shape[-1]) for each in losses])
    # What is no number is not below one, and infinity must not be either.
    start = all_losses[0].clamp(max=torch.finfo(all_losses.dtype).max / _ASTRAY)
    most = (_ASTRAY * start).clamp(min=_PASSING)
    return (all_losses[-1] <= start) & (all_losses <= most).all(dim=0)


def can_ask(tensor: Tensor) -> bool:
    """Tell whether the values of a Tensor may be asked for.

    A graph that is compiled has no such question, and a GPU would have to be waited
    for. There all is mended whether there is need or not, to the same effect.
    """
    return tensor.device.type == "cpu" and not torch.compiler.is_compiling()


def all_kept(is_kept: Tensor) -> bool:
    """Tell whether there is nothing to mend, where the question is free.

    To copy the weights of all tasks for nothing takes as long as a step.
    """
    return can_ask(is_kept) and bool(is_kept.all())


def kept(
    is_kept: Tensor, stepped: Iterable[Tensor], start: Iterable[Tensor]
) -> list[Tensor]:
    """Choose for every task between the weights after its steps and those before.

    Parameters
    ----------
    is_kept : bool Tensor of shape (tasks,)
        Which tasks keep the weights after the steps.
    stepped : iterable of Tensor
        Weights after the steps, with a leading task axis.
    start : iterable of Tensor
        Weights before them, shared by all tasks or one for each.

    Returns
    -------
    list of Tensor
        Weights, with a leading task axis.
    """
    if all_kept(is_kept):
        return list(stepped)
    return [
        torch.where(is_kept.view(-1, *[1] * (after.ndim - 1)), after, before)
        for after, before in zip(stepped, start, strict=True)
    ]
