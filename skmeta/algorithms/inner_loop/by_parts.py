"""The meta-gradient of other networks than ReLU networks, by autograd, in parts."""

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

from skmeta.algorithms.inner_loop.learner import InnerLoop
from skmeta.algorithms.inner_loop.meta_gradient import accumulate, count_parts
from skmeta.episodes.episode import Episode
from skmeta.nn.calls import treats_tasks_alone
from skmeta.utils.threads import side_by_side

__all__ = ["backward_by_parts"]


def backward_by_parts(
    meta_loss: Callable[[InnerLoop, Episode], Tensor],
    module: InnerLoop,
    episode: Episode,
) -> Tensor | None:
    """Differentiate a mean over tasks, part by part, side by side on the cores.

    Parameters
    ----------
    meta_loss : callable
        From the module and a meta-batch to the mean loss of its tasks.
    module : InnerLoop
        Its ``.grad`` is added to, as ``backward()`` would do.
    episode : Episode
        A meta-batch.

    Returns
    -------
    scalar Tensor or None
        The loss, detached. None where nothing has been done: the meta-batch is small,
        it is not on a CPU, or its parts might get other numbers than the whole.
    """
    support, query = episode
    n_tasks, n_features = len(support.X), support.X.shape[-1]
    weights = [weight for weight in module.parameters() if weight.requires_grad]
    visits = sum(
        weight.numel() * (n_features if weight.ndim > 2 else 1)
        for weight in module.tip.parameters()
    )
    width = support.X.shape[1] + query.X.shape[1]
    # A convolution of one task's images takes half as long again as beside another's.
    n_parts = count_parts(n_tasks * width * visits, n_tasks // 2)
    if n_parts <= 1 or support.X.device.type != "cpu" or not _may_be_cut(module):
        return None

    def differentiate(part: Episode) -> tuple[Tensor, tuple[Tensor | None, ...]]:
        loss = meta_loss(module, part) * (len(part.support.X) / n_tasks)
        return loss.detach(), torch.autograd.grad(loss, weights, allow_unused=True)

    bounds = [n_tasks * part // n_parts for part in range(n_parts + 1)]
    parts = [episode.of_tasks(slice(*ends)) for ends in pairwise(bounds)]
    n_rows = -(-n_tasks // n_parts) * max(support.X.shape[1], query.X.shape[1])
    with side_by_side(weights, n_rows, n_features, n_parts) as each:
        losses, gradients = zip(*each(differentiate, parts), strict=True)
    accumulate(weights, [_sum(of_weight) for of_weight in zip(*gradients, strict=True)])
    return torch.stack(losses).sum()


def _may_be_cut(module: InnerLoop) -> bool:
    """Tell whether the parts get what the whole would get, and nobody listens."""
    parts = (module.get_submodule(name) for name in ("trunk", "tip"))
    return treats_tasks_alone(*parts) and not any(
        weight._backward_hooks or weight._post_accumulate_grad_hooks
        for weight in module.parameters()
    )


def _sum(found: tuple[Tensor | None, ...]) -> Tensor | None:
    """Add up what parts have found, in their order; None where none has found any."""
    total: Tensor | None = None
    for each in found:
        if each is not None:
            total = each if total is None else total + each
    return total
