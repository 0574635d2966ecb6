"""How sure answers are, and the odds of classes, learnt by the number of rows."""

from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["Calibration"]

# At the rate of the network's weights, odds would need thousands of meta-steps to get
# where they belong, and a small table gives some hundred. A scale that learns as fast
# learns how sure to be of training tasks that the network knows by heart.
_SPEED = 10.0

# Half of what rows can change in the scale is changed by so many.
_HALF = 5.0


class Calibration(nn.Module):
    r"""Scale and shift logits of a shared label space, as they pay on queries.

    With n support rows, logits :math:`z_k` become

    .. math:: \exp\Big(a + b \, \frac{n}{n + 5}\Big) \, z_k + 10 \, c_k .

    All parameters start at zero, which changes nothing. A task of one row and one of
    ten are rarely as sure; what is learnt of numbers of rows is bounded for numbers
    that were not trained with. The shifts are the odds of the classes, which the factor
    of ten lets learn ten times as fast as the network.

    Files of learners that had no such parameters are read as if they were zero.

    Parameters
    ----------
    n_classes : int
        Classes of the shared label space.

    Examples
    --------
    >>> import torch
    >>> from skmeta.algorithms import Calibration
    >>> calibration = Calibration(3)
    >>> logits = torch.tensor([[[2.0, 0.0, -1.0]]])
    >>> calibration(logits, n_rows=torch.tensor([5])).tolist()
    [[[2.0, 0.0, -1.0]]]
    """

    def __init__(self, n_classes: int):
        super().__init__()
        self.sureness = nn.Parameter(torch.zeros(2))  # a, b
        self.odds = nn.Parameter(torch.zeros(n_classes))  # c

    def forward(self, logits: Tensor, n_rows: Tensor) -> Tensor:
        """Calibrate the logits of tasks.

        Parameters
        ----------
        logits : Tensor of shape (tasks, rows, classes)
            What an algorithm answers.
        n_rows : Tensor of shape (tasks,)
            Support rows of every task, without padding.

        Returns
        -------
        Tensor of shape (tasks, rows, classes)
            Calibrated logits.
        """
        return self.scale(n_rows) * logits + self.shift

    def scale(self, n_rows: Tensor) -> Tensor:
        """Return what multiplies the logits of tasks, (tasks, 1, 1)."""
        n = n_rows.to(self.sureness)
        always, with_rows = self.sureness.unbind()
        factor = (always + with_rows * n / (n + _HALF)).exp()
        return factor[:, None, None]

    @property
    def shift(self) -> Tensor:
        """What is added to the logits, (classes,)."""
        return _SPEED * self.odds

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any
    ) -> None:
        for name, weight in self.named_parameters():
            state_dict.setdefault(prefix + name, torch.zeros_like(weight))
        super()._load_from_state_dict(state_dict, prefix, *args)
