"""What is tried on: generated tasks, padded to a batch, and networks for them."""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from skmeta.episodes.episode import Batch
from skmeta.utils.random import seeded

__all__ = [
    "N_FEATURES",
    "PLACES",
    "SMALLER",
    "Rows",
    "Size",
    "build_perturbed",
    "count",
    "pad",
    "situations",
    "width_that_builds",
]

PLACES = ("end", "front", "middle")

N_FEATURES = (4, 16, 64, 784, 1024, 3072)
"""Widths to try in turn: a few features, then images, which not every width is."""

_PERTURBATION = 0.05


class Size(NamedTuple):
    """How large generated tasks are."""

    n_tasks: int = 3
    n_rows: int = 6
    n_features: int = 3

    @property
    def n_classes(self) -> int:
        """Classes of a task; a row of each."""
        return min(3, self.n_rows)

    def __str__(self) -> str:
        return (
            f"{count(self.n_tasks, 'task')} of {count(self.n_rows, 'row')} with "
            f"{count(self.n_features, 'feature')}"
        )


def count(n: int, what: str) -> str:
    """Say how many, in the singular or the plural."""
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


# Two rows and two classes are the least: many a law says nothing about fewer.
SMALLER = sorted(
    (Size(*size) for size in itertools.product((1, 2, 3), (2, 3, 6), (1, 3))),
    key=math.prod,
)


class Rows(NamedTuple):
    """Labelled rows of one task, without padding."""

    X: Tensor  # (rows, features)
    y: Tensor  # (rows,)
    n_classes: int  # 0 in regression
    weight: Tensor | None = None  # (rows,), 1 if None


def pad(tasks: Sequence[Rows], extra: int = 0, place: str = "end") -> Batch:
    """Stack tasks into a batch.

    Parameters
    ----------
    tasks : sequence of Rows
        Tasks of any size.
    extra : int, default=0
        Rows of padding beyond what the longest task needs.
    place : {"end", "front", "middle"}, default="end"
        Where the padding stands.

    Returns
    -------
    Batch
        Features and targets are 0 on padding; one row wide at least.
    """
    width = max(1, extra + max(len(task.y) for task in tasks))
    X = tasks[0].X.new_zeros(len(tasks), width, tasks[0].X.shape[-1])
    y = tasks[0].y.new_zeros(len(tasks), width)
    mask = torch.zeros(len(tasks), width, dtype=torch.bool)
    weight = None
    if any(task.weight is not None for task in tasks):
        weight = torch.zeros(len(tasks), width, dtype=X.dtype)
    for i, task in enumerate(tasks):
        n_rows = len(task.y)
        n_first = {"end": n_rows, "front": 0, "middle": n_rows // 2}[place]
        row = torch.arange(n_rows)
        row[n_first:] += width - n_rows
        X[i, row], y[i, row], mask[i, row] = task.X, task.y, True
        if weight is not None:
            weight[i, row] = 1.0 if task.weight is None else task.weight
    n_classes = torch.tensor([task.n_classes for task in tasks])
    return Batch(X, y, mask, n_classes, weight=weight)


def width_that_builds(build: Callable[[int], Any]) -> int:
    """Return the first of a few widths that ``build`` does not refuse."""
    for n_features in N_FEATURES:
        try:
            build(n_features)
        except ValueError:
            continue
        except Exception:
            break
        return n_features
    return N_FEATURES[0]  # what it says to that is then what is reported


def build_perturbed(build: Callable[..., Any], argument: Any, seed: int) -> Any:
    """Build the same each time; of a module, in float64 and evaluation mode.

    Parameters are moved a little from where they start, for one that starts at zero
    would hide what is done with it.
    """
    with seeded(seed, "cpu"):
        module = build(argument)
    if not isinstance(module, nn.Module):
        return module
    rng = torch.Generator().manual_seed(seed + 1)
    module = module.double().eval()
    with torch.no_grad():
        for weight in module.parameters():
            noise = torch.randn(weight.shape, generator=rng, dtype=torch.float64)
            weight.add_(noise, alpha=_PERTURBATION)
    return module


def situations(component: Any) -> Iterator[tuple[str, str]]:
    """Go through the kinds of target and label spaces that something declares."""
    for declared, known in [
        ("kinds", {"classifier", "regressor"}),
        ("label_spaces", {"shared", "per_task"}),
    ]:
        values = getattr(component, declared)
        if not values or not known.issuperset(values):
            raise ValueError(
                f"{declared} of {component} must be a tuple of one or both of "
                f"{sorted(known)}, not {values!r}."
            )
    for kind in component.kinds:
        spaces = component.label_spaces if kind == "classifier" else ("shared",)
        for space in spaces:
            yield kind, space
