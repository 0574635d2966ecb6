"""Dropout that draws where the training draws."""

import torch
from torch import Tensor, nn

from skmeta.utils.random import generator_of

__all__ = ["Dropout"]


class Dropout(nn.Dropout):
    """Dropout by the random numbers of a fit, in every layout of rows and tasks.

    torch's own draws from the generator of the whole process. Parameters and
    attributes are those of :class:`torch.nn.Dropout`.

    Examples
    --------
    >>> import torch
    >>> from skmeta.backbones.dropout import Dropout
    >>> from skmeta.utils.random import seeded
    >>> with seeded(0, watch=False):
    ...     Dropout(0.5)(torch.ones(6))
    tensor([0., 0., 2., 0., 0., 0.])
    """

    carries_task_axis = True

    def forward(self, X: Tensor) -> Tensor:
        """Drop numbers in training, and scale the others up."""
        draws = generator_of(X.device)
        if not self.training or draws is None:
            return super().forward(X)
        kept = torch.empty_like(X).bernoulli_(1 - self.p, generator=draws)
        return X * kept.div_(1 - self.p)
