"""How sure answers are, and the odds of classes, learnt by the number of rows."""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from skmeta.algorithms.shared.offsets import count_unexpected
from skmeta.episodes.episode import Batch
from skmeta.episodes.spec import Spec

__all__ = ["Calibration", "count_classes", "part_to_stop_by"]

# At the rate of the network's weights, odds would need thousands of meta-steps to get
# where they belong, and a small table gives some hundred. A scale that learns as fast
# learns how sure to be of training tasks that the network knows by heart.
_SPEED = 10.0

# Half of what rows can change in the scale is changed by so many.
_HALF = 5.0


# What a class's share of the support is worth at first: as much as one row of eleven,
# which tells little of tasks that are alike and much of those that are not.
_FIRST_TRUST = 0.1

_PART = 0.1  # of the tasks, to stop a training by


class Calibration(nn.Module):
    r"""Scale and shift logits of a shared label space, as they pay on queries.

    With n support rows, :math:`n_k` of them of class k, logits :math:`z_k` become

    .. math:: \exp\Big(a + b \, \frac{n}{n + 5}\Big) \, z_k + 10 \, c_k
              + \log \frac{1 + t \, n_k / \pi_k}{1 + t \, n} ,
              \qquad \pi_k = \mathrm{softmax}_k(10 \, c) .

    A task of one row and one of ten are rarely as sure; what is learnt of numbers of
    rows is bounded for numbers that were not trained with. The shifts c are the odds of
    the classes, which the factor of ten lets learn ten times as fast as the network.
    With them the last term makes the shares of the classes in the support, shrunken
    towards the odds as if these were 1 / t more rows:
    :math:`(n_k + \pi_k / t) / (n + 1 / t)`. So where logits tell nothing, and a and b
    learn to make little of them, the answer is the mean of the support, and where they
    tell much, t is learnt to be near 0. a, b and c start at zero, t at 0.1.

    Files of learners that had no such parameters are read as if they were zero, which
    changes nothing.

    Parameters
    ----------
    n_classes : int
        Classes of the shared label space.

    Examples
    --------
    >>> import torch
    >>> from skmeta.algorithms import Calibration
    >>> calibration = Calibration(2)
    >>> n_rows, counts = torch.tensor([3]), torch.tensor([[3.0, 0.0]])
    >>> logits = calibration(torch.zeros(1, 1, 2), n_rows, counts)
    >>> logits.softmax(dim=-1)  # three rows of a class, and ten of both
    tensor([[[0.6154, 0.3846]]], grad_fn=<SoftmaxBackward0>)
    """

    def __init__(self, n_classes: int):
        super().__init__()
        self.sureness = nn.Parameter(torch.zeros(2))  # a, b
        self.odds = nn.Parameter(torch.zeros(n_classes))  # c
        trust = math.sqrt(_FIRST_TRUST) / _SPEED
        self.trust = nn.Parameter(torch.tensor(trust))  # the root of t, by ten

    def forward(self, logits: Tensor, n_rows: Tensor, counts: Tensor) -> Tensor:
        """Calibrate the logits of tasks.

        Parameters
        ----------
        logits : Tensor of shape (tasks, rows, classes)
            What an algorithm answers.
        n_rows : Tensor of shape (tasks,)
            Support rows of every task, without padding.
        counts : Tensor of shape (tasks, classes)
            How many of them are of each class (:func:`count_classes`).

        Returns
        -------
        Tensor of shape (tasks, rows, classes)
            Calibrated logits.
        """
        shares = self.shares(counts).unsqueeze(1).to(logits)
        return self.scale(n_rows) * logits + self.shift + shares

    def scale(self, n_rows: Tensor) -> Tensor:
        """Return what multiplies the logits of tasks, (tasks, 1, 1)."""
        n = n_rows.to(self.sureness)
        always, with_rows = self.sureness.unbind()
        factor = (always + with_rows * n / (n + _HALF)).exp()
        return factor[:, None, None]

    @property
    def shift(self) -> Tensor:
        """What is added to the logits of all tasks, (classes,)."""
        return _SPEED * self.odds

    @staticmethod
    def odds_of(shift: Tensor) -> Tensor:
        """Return the parameter c whose :attr:`shift` is this one."""
        return shift / _SPEED

    def shares(self, counts: Tensor) -> Tensor:
        """Return what is added for the classes in the support, (tasks, classes)."""
        counts = counts.to(self.odds)
        t, expected = (_SPEED * self.trust).square(), self.shift.softmax(dim=0)
        n = counts.sum(dim=1, keepdim=True)
        return (t * counts / expected).log1p() - (t * n).log1p()

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any
    ) -> None:
        for name, weight in self.named_parameters():
            state_dict.setdefault(prefix + name, torch.zeros_like(weight))
        super()._load_from_state_dict(state_dict, prefix, *args)


def count_classes(support: Batch, n_classes: int) -> Tensor:
    """Count the support rows of every class of a shared label space.

    Parameters
    ----------
    support : Batch
        Rows count by their weight, and the less the more a prior expected their class.
    n_classes : int
        Classes of the label space.

    Returns
    -------
    Tensor of shape (tasks, classes)
        Numbers of rows.
    """
    own = one_hot(support.y, n_classes).to(support.X)
    return (own * count_unexpected(support).counts(own).unsqueeze(-1)).sum(dim=1)


def part_to_stop_by(spec: Spec, n_units: int, *, enough: int, most: float) -> float:
    """Say what part of the tasks tells when to stop the training of a network.

    Where labels mean the same in every task, a network knows some hundred tasks by
    heart after a few epochs, and is as sure of others. When, the loss of ten tasks of
    few rows does not tell.

    Parameters
    ----------
    spec : Spec
        Sizes and kinds.
    n_units : int
        Tasks in all.
    enough : int
        Tasks that tell.
    most : float
        Part that may be held out for it.

    Returns
    -------
    float
        A tenth. Of classes of a shared label space as much more as makes ``enough``
        tasks, but no more than ``most``.
    """
    if spec.kind != "classifier" or spec.label_space != "shared":
        return _PART
    return max(_PART, min(most, enough / max(1, n_units)))
