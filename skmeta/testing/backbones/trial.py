"""A backbone on trial: a network built for generated rows."""

import itertools
import math
from collections.abc import Iterator
from functools import cached_property

import torch
from torch import Tensor, nn

from skmeta.backbones import Backbone
from skmeta.testing.law import BreachError
from skmeta.testing.rows import N_FEATURES, build_perturbed, count, width_that_builds
from skmeta.utils.random import seeded

__all__ = ["BackboneTrial", "trials"]


class BackboneTrial:
    """A backbone on trial: a network in float64 and evaluation mode, and rows for it.

    Parameters
    ----------
    subject : Backbone
        What is tried.
    n_features : int, default=None
        Features of a row. None takes the first of a few widths, from 4 to those of
        images, for which it builds.
    seed : int, default=0
        Decides the parameters and the rows.
    n_rows, n_tasks : int
        Rows of a task, and tasks.
    """

    case = ""

    def __init__(
        self,
        subject: Backbone,
        n_features: int | None = None,
        seed: int = 0,
        n_rows: int = 5,
        n_tasks: int = 3,
    ):
        self.subject = subject
        self.seed = seed
        self.n_features = n_features or width_that_builds(subject.build)
        self.n_rows = n_rows
        self.n_tasks = n_tasks
        self._rng = torch.Generator().manual_seed(seed)

    @property
    def size(self) -> str:
        """How large the generated rows are."""
        return (
            f"{count(self.n_tasks, 'task')} of {count(self.n_rows, 'row')} with "
            f"{count(self.n_features, 'feature')}"
        )

    def smaller(self) -> Iterator["BackboneTrial"]:
        """Make the same trial with fewer tasks, rows and features, the fewest first."""
        widths = (1, 2, 4) if self.n_features == N_FEATURES[0] else (self.n_features,)
        sizes = itertools.product((1, 2, 3), (1, 2, 5), widths)
        for n_tasks, n_rows, n_features in sorted(sizes, key=math.prod):
            yield BackboneTrial(self.subject, n_features, self.seed, n_rows, n_tasks)

    def build(self, subject: Backbone | None = None) -> nn.Module:
        """Build a network, the same each time."""
        subject = subject or self.subject
        return build_perturbed(subject.build, self.n_features, self.seed)

    @cached_property
    def module(self) -> nn.Module:
        """The network that most laws look at."""
        module = self.build()
        if not isinstance(module, nn.Module):
            raise BreachError(
                f"build returns a {type(module).__name__}, no torch.nn.Module"
            )
        return module

    def call(self, X: Tensor, module: nn.Module | None = None, seed: int = 0) -> Tensor:
        """Embed rows as an estimator does: recording nothing, from a fixed seed."""
        with seeded(seed, "cpu"), torch.no_grad():
            return (module or self.module)(X)

    def rows(self, *shape: int) -> Tensor:
        """Draw features."""
        shape = (*shape, self.n_features)
        return torch.randn(shape, generator=self._rng, dtype=torch.float64)

    def weights(self) -> dict[str, Tensor]:
        """Draw parameters of each task's own, with a leading task axis."""
        drawn = {}
        for name, weight in self.module.named_parameters():
            shape = (self.n_tasks, *weight.shape)
            noise = torch.randn(shape, generator=self._rng, dtype=weight.dtype)
            drawn[name] = (weight.detach() + 0.1 * noise).requires_grad_()
        return drawn


def trials(
    backbone: Backbone, n_features: int | None = None, seed: int = 0
) -> Iterator[BackboneTrial]:
    """Make the one trial of a backbone."""
    yield BackboneTrial(backbone, n_features, seed)
