"""By how much rows deviate: targets that grow by factors deviate by factors, too."""

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

__all__ = ["RowScale"]

# A scale is 1 where a level is so many standard deviations of the targets above their
# mean (or below it, if low levels deviate more): training has few steps, and small
# variances at the levels that most rows have are within their reach.
_UNIT_AT = 3.0

# Makes softplus 1 at the mean level, before any training.
_FIRST_BEND = 0.54

# No row deviates by less; far below the levels of training softplus would tend to zero.
_LEAST, _MOST = 1e-3, 1e2


class RowScale(nn.Module):
    r"""Unit in which a row deviates from its mean, from the level of its target.

    With what a prior tells of a row, u(x), and what the support of its task has beyond
    that, shrunken towards zero,

    .. math::
        v(x) = u(x) + \frac{\sum_i w_i (y_i - u(x_i))}{\sum_i w_i + \kappa}, \qquad
        h(x) = \frac{\zeta(a + c \, v(x))}{\zeta(a + 3 |c|)}, \qquad
        \zeta(t) = \log(1 + e^t),

    where a, c and :math:`\kappa` are meta-learnt, from c = 0 on, which is one unit for
    all. Levels are in standard deviations of the targets of the training from their
    mean, so that neither a factor nor a constant added to all targets matters.

    Examples
    --------
    >>> import torch
    >>> from skmeta.algorithms.gaussian import RowScale
    >>> scale = RowScale()
    >>> level = torch.tensor([-0.5, 0.0, 3.0, 10.0])
    >>> scale(level).tolist()
    [1.0, 1.0, 1.0, 1.0]
    >>> scale.weight.data[0] = 3.0  # the slope c
    >>> [round(each, 1) for each in scale(level).tolist()]
    [0.0, 0.1, 1.0, 3.2]
    """

    def __init__(self) -> None:
        super().__init__()
        # The slope c, the bend a beside its first value, and the logarithm of kappa.
        self.weight = nn.Parameter(torch.zeros(3))

    def beyond(self, told: Tensor, y: Tensor, counts: Tensor) -> Tensor:
        """Return what a support has beyond what is told of it.

        ``told`` is (tasks, processes, rows), ``y`` and ``counts`` are (tasks, rows);
        the result is (tasks, processes).
        """
        y, counts = y.unsqueeze(1), counts.unsqueeze(1)
        total = (counts * (y - told)).sum(dim=-1)
        return total / (counts.sum(dim=-1) + self.weight[2].exp())

    def forward(self, level: Tensor) -> Tensor:
        """Return the scales of rows of some levels."""
        slope, bend = self.weight[0], self._bend()
        unit = softplus(bend + _UNIT_AT * slope.abs())
        return (softplus(bend + slope * level) / unit).clamp(_LEAST, _MOST)

    def importance(self, level: Tensor) -> Tensor:
        """Return what a row counts in training: its scale over that of the mean level.

        It is halfway between that all rows count alike, by which the smallest targets
        rule, and that they count by squared errors, by which the largest do (Seitzer et
        al. 2022, whose beta is 0.5).
        """
        with torch.no_grad():
            return self(level) / self(level.new_zeros(()))

    def _bend(self) -> Tensor:
        return _FIRST_BEND + self.weight[1]
