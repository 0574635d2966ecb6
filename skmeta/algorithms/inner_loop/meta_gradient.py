"""What a meta-batch comes to, without a node of the autograd graph for any of it.

Large meta-batches are cut into parts of the tasks, which go side by side on the cores.
"""

from collections.abc import Callable, Sequence
from functools import partial, reduce
from itertools import pairwise
from operator import add
from typing import Any, TypeVar

import torch
from torch import Tensor

from skmeta.algorithms.inner_loop.descent import descend_and_forget, sum_like
from skmeta.algorithms.inner_loop.loss import SupportLoss
from skmeta.algorithms.inner_loop.relu_network import (
    apply_relu_network,
    backward,
    forward,
)
from skmeta.algorithms.inner_loop.safeguard import can_ask, keeps, kept
from skmeta.algorithms.inner_loop.step import Step
from skmeta.utils.threads import side_by_side

__all__ = ["accumulate", "count_parts", "mean_descent", "meta_gradient"]

# Multiplications of one forward pass that make a part: some eight milliseconds for the
# whole of a second-order part. Smaller ones wait for each other's Python.
_PART = 2**23
_MOST_PARTS = 8

_Rows = tuple[Tensor, SupportLoss]
# What is computed: a Tensor, or None where there is no need of it.
_Found = TypeVar("_Found", bound=Tensor | None)


def meta_gradient(
    weights: Sequence[Tensor],
    rates_of_steps: Sequence[Sequence[Tensor | float]],
    X: Tensor,
    loss: SupportLoss,
    X_query: Tensor,
    query_loss: SupportLoss,
    *,
    first_order: bool,
) -> Tensor:
    """Take steps on the support, and go back from the loss on the query after them.

    It is what :func:`descend` once a step, :func:`apply_relu_network`, the loss and
    ``backward()`` come to.

    Parameters
    ----------
    weights : sequence of Tensor
        Matrix and shift of each layer in turn, shared by all tasks.
    rates_of_steps : sequence of sequences of Tensor or float
        Step size of each weight, for one step after another.
    X, X_query : Tensor of shape (tasks, rows, features)
        Rows of the supports and of the queries.
    loss, query_loss : SupportLoss
        What to descend, and what to differentiate.
    first_order : bool
        Take the gradients of the steps for constants.

    Returns
    -------
    scalar Tensor
        Sum of the query loss. Its gradient is added to the ``.grad`` of whatever the
        weights, the rates and the rows were computed from.
    """
    differentiate = partial(
        _differentiate,
        weights,
        rates_of_steps,
        first_order=first_order,
        needs_X=X.requires_grad,
        needs_X_query=X_query.requires_grad,
    )
    batches = [(X, loss), (X_query, query_loss)]
    X_bars, (value, *bars) = _by_parts(differentiate, weights, batches)
    assert value is not None  # the loss on the query
    rates = [rate for of_step in rates_of_steps for rate in of_step]
    accumulate([X, X_query, *weights, *rates], [*X_bars, *bars])
    return value


def mean_descent(
    weights: Sequence[Tensor],
    steps: Sequence[tuple[Sequence[Tensor | float], Tensor, SupportLoss]],
) -> tuple[Tensor, list[Tensor]]:
    """Take several steps, and return how far they lead on average over the tasks.

    Parameters
    ----------
    weights : sequence of Tensor
        Matrix and shift of each layer in turn, shared by all tasks.
    steps : sequence of (rates, X, loss)
        As for :func:`descend_and_forget`; one or more.

    Returns
    -------
    outputs : Tensor of shape (tasks, rows, outputs)
        Outputs for the rows of the last step, before it.
    ways : list of Tensor
        Each weight less its mean over the tasks after the steps.
    """
    rates_of_steps = [rates for rates, _, _ in steps]
    batches = [(X, loss) for _, X, loss in steps]
    same_rows = all(X is steps[0][1] for _, X, _ in steps)
    descend = partial(_descend_together, weights, rates_of_steps, same_rows=same_rows)
    (outputs,), ways = _by_parts(descend, weights, batches)
    return outputs, [way.div_(len(outputs)) for way in ways]


def count_parts(work: int, most: int) -> int:
    """Tell into how many parts the tasks of a meta-batch are cut.

    It follows from sizes alone, so that the same sums are formed in the same order
    wherever they are.

    Parameters
    ----------
    work : int
        Multiplications of one forward pass of all rows.
    most : int
        More than that there are not.

    Returns
    -------
    int
        1 in a graph that is compiled.
    """
    if torch.compiler.is_compiling():
        return 1
    n_parts = 1 << max((work // _PART).bit_length() - 1, 0)
    return min(n_parts, _MOST_PARTS, most)


def _by_parts(
    compute: Callable[[Sequence[_Rows]], tuple[list[_Found], list[_Found]]],
    weights: Sequence[Tensor],
    batches: Sequence[_Rows],
) -> tuple[list[_Found], list[_Found]]:
    """Compute for parts of the tasks, as many as the sizes say, and put them together.

    What is found of each task is joined, what is found of all is summed.
    """
    n_tasks, widths = len(batches[0][0]), [X.shape[1] for X, _ in batches]
    work = n_tasks * sum(widths) * sum(weight.numel() for weight in weights)
    n_parts = count_parts(work, n_tasks)
    if n_parts <= 1 or batches[0][0].device.type != "cpu":
        return compute(batches)
    bounds = [n_tasks * part // n_parts for part in range(n_parts + 1)]
    parts = [
        [(X[start:stop], loss.of(slice(start, stop))) for X, loss in batches]
        for start, stop in pairwise(bounds)
    ]
    n_rows = -(-n_tasks // n_parts) * max(widths)  # in one product
    with side_by_side(weights, n_rows, n_features=1, n_parts=n_parts) as each:
        of_tasks, of_all = zip(*each(compute, parts), strict=True)
    return (
        [_put_together(torch.cat, found) for found in zip(*of_tasks, strict=True)],
        [_put_together(_sum, found) for found in zip(*of_all, strict=True)],
    )


@torch.no_grad()
def _differentiate(
    weights: Sequence[Tensor],
    rates_of_steps: Sequence[Sequence[Tensor | float]],
    batches: Sequence[_Rows],
    *,
    first_order: bool,
    needs_X: bool,
    needs_X_query: bool,
) -> tuple[list[Tensor | None], list[Tensor | None]]:
    """Return the gradient in X and X_query; the query loss, and that in all else."""
    (X, loss), (X_query, query_loss) = batches
    rates = [rate for of_step in rates_of_steps for rate in of_step]
    passing = first_order and not any(isinstance(rate, Tensor) for rate in rates)
    steps: list[Step] = []
    take_steps = partial(_take_steps, weights, rates_of_steps, X)
    if passing:  # the gradient after the steps is the gradient in the start
        now, outputs = descend_and_forget(
            weights, [(of_step, X, loss) for of_step in rates_of_steps]
        )
    else:
        steps, now = take_steps(loss, stop_lost=not can_ask(X))
        outputs = [step.Z for step in steps]
    if len(outputs) > 1:
        is_kept = keeps(loss, outputs)
        if is_kept is not None:
            if steps and can_ask(X):  # again, without those that went astray
                steps, now = take_steps(loss.where(is_kept), stop_lost=False)
            now = kept(is_kept, now, weights)
            steps = [step.where(is_kept) for step in steps]
    A, Z = forward(now, X_query)
    _, G = backward(now, A, Z, query_loss)
    X_query_bar = G[0] @ now[0] if needs_X_query else None
    if passing:
        of_weights = _over_tasks(G, A)
        return [None, X_query_bar], [query_loss(Z), *of_weights, *[None] * len(rates)]
    bars = [bar for g, a in zip(G, A, strict=True) for bar in (g.mT @ a, g.sum(-2))]
    X_bar: Tensor | None = None
    rates_bar: list[Tensor | None] = []
    while steps:  # let go of what is done
        of_X, bars, of_rates = steps.pop().back(
            bars, needs_X=needs_X, first_order=first_order
        )
        rates_bar = of_rates + rates_bar
        if of_X is not None:
            X_bar = of_X if X_bar is None else X_bar + of_X
    bars = [sum_like(bar, weight) for bar, weight in zip(bars, weights, strict=True)]
    return [X_bar, X_query_bar], [query_loss(Z), *bars, *rates_bar]


def _take_steps(
    weights: Sequence[Tensor],
    rates_of_steps: Sequence[Sequence[Tensor | float]],
    X: Tensor,
    loss: SupportLoss,
    *,
    stop_lost: bool,
) -> tuple[list[Step], Sequence[Tensor]]:
    """Take steps to go back through; return where they end as well."""
    steps: list[Step] = []
    for of_step in rates_of_steps:
        steps.append(Step.of(weights, of_step, X, loss))
        weights = steps[-1].take()
        if stop_lost and len(steps) == 1:
            loss = loss._replace(start=loss.of_tasks(steps[0].Z))
    return steps, weights


@torch.no_grad()
def _descend_together(
    weights: Sequence[Tensor],
    rates_of_steps: Sequence[Sequence[Tensor | float]],
    batches: Sequence[_Rows],
    *,
    same_rows: bool,
) -> tuple[list[Tensor], list[Tensor]]:
    """Return the outputs before the last step; the ways back, summed over the tasks."""
    *before, (rates, (X, loss)) = zip(rates_of_steps, batches, strict=True)
    now, outputs = descend_and_forget(
        weights, [(step, *batch) for step, batch in before]
    )
    A, Z = forward(now, X)
    if before:
        if not same_rows:  # those of the last step are to judge by
            outputs = [apply_relu_network(weights, X)]
        is_kept = keeps(loss, [outputs[0], Z])
        if is_kept is not None:  # what has gone nowhere gives no way
            now, loss = kept(is_kept, now, weights), loss.where(is_kept)
            is_kept = is_kept.view(-1, 1, 1)
            A = [X, *(torch.where(is_kept, rows, 0.0) for rows in A[1:])]
            Z = torch.where(is_kept, Z, outputs[0])
    _, G = backward(now, A, Z, loss)
    # The sum after the last step needs no task's own weights after it.
    ways = _over_tasks(G, A)
    for way, rate in zip(ways, rates, strict=True):
        way.mul_(rate)
    if before:
        for way, start, own in zip(ways, weights, now, strict=True):
            way.add_(start, alpha=len(X)).sub_(own.sum(dim=0))
    return [Z], ways


def _put_together(join: Callable[[list[Any]], Any], found: Sequence[_Found]) -> _Found:
    return found[0] if found[0] is None else join([*found])


def _sum(found: Sequence[Tensor]) -> Tensor:
    return reduce(add, found)


def _over_tasks(G: Sequence[Tensor], A: Sequence[Tensor]) -> list[Tensor]:
    """Return the gradients of layers, summed over the tasks in their products."""
    rows = [(g.flatten(0, 1), a.flatten(0, 1)) for g, a in zip(G, A, strict=True)]
    return [bar for g, a in rows for bar in (g.mT @ a, g.sum(dim=0))]


@torch.no_grad()
def accumulate(
    tensors: Sequence[Tensor | float], bars: Sequence[Tensor | None]
) -> None:
    """Add to the gradients of leaves, and go on back from what was computed."""
    computed = []
    for tensor, bar in zip(tensors, bars, strict=True):
        if bar is None or not (isinstance(tensor, Tensor) and tensor.requires_grad):
            continue
        hooked = tensor._backward_hooks or tensor._post_accumulate_grad_hooks
        if tensor.is_leaf and not hooked:  # autograd would take its time
            tensor.grad = bar if tensor.grad is None else tensor.grad + bar
        else:
            computed.append((tensor, bar))
    if computed:
        torch.autograd.backward(
            [tensor for tensor, _ in computed], [bar for _, bar in computed]
        )
