"""A backbone on trial: a network built for generated rows."""

import torch
from torch import Tensor, nn

from skmeta.backbones import Backbone
from skmeta.testing.building import BuiltTrial
from skmeta.testing.law import BreachError
from skmeta.utils.messages import count

__all__ = ["BackboneTrial"]


class BackboneTrial(BuiltTrial):
    """A backbone on trial: the network that it builds, and tasks of rows for it."""

    shapes = ((1, 2, 3), (1, 2, 5))  # tasks, rows of each

    @property
    def n_tasks(self) -> int:
        """Tasks."""
        return self.shape[0]

    @property
    def n_rows(self) -> int:
        """Rows of a task."""
        return self.shape[1]

    @property
    def size(self) -> str:
        """How large the generated rows are."""
        return (
            f"{count(self.n_tasks, 'task')} of {count(self.n_rows, 'row')} with "
            f"{count(self.n_features, 'feature')}"
        )

    def build(self, subject: Backbone | None = None) -> nn.Module:
        """Build a network, the same each time."""
        module = super().build(subject)
        if not isinstance(module, nn.Module):
            raise BreachError(
                f"build returns a {type(module).__name__}, no torch.nn.Module"
            )
        return module

    def weights(self) -> dict[str, Tensor]:
        """Draw parameters of each task's own, with a leading task axis."""
        drawn = {}
        for name, weight in self.built.named_parameters():
            shape = (self.n_tasks, *weight.shape)
            noise = torch.randn(shape, generator=self._rng, dtype=weight.dtype)
            drawn[name] = (weight.detach() + 0.1 * noise).requires_grad_()
        return drawn
