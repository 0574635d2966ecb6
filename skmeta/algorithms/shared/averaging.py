"""Weights that are averaged over the last steps of a training."""

from typing import Any

import torch
from skorch.callbacks import Callback
from torch import Tensor

__all__ = ["AverageWeights"]


class AverageWeights(Callback):
    r"""Judge and keep an average of the weights over the last steps.

    After every step, :math:`\bar\theta \leftarrow \beta_t \bar\theta + (1 - \beta_t)
    \theta` with :math:`\beta_t = \min(\beta, t / (t + 1))`: at first the mean of all
    weights so far, then of about the last :math:`1 / (1 - \beta)` (Polyak and Juditsky
    1992). Steps on few tasks are noisy, and their mean is less so. The averaged weights
    stand in for the module's while an epoch is validated, and at the end.

    Parameters
    ----------
    decay : float, default=0.98
        Decay :math:`\beta`.
    """

    def __init__(self, decay: float = 0.98):
        self.decay = decay

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Begin to average."""
        self.n_steps_ = 0
        self.mean_: list[Tensor] = []
        self.own_: list[Tensor] | None = None

    @torch.no_grad()
    def on_batch_end(
        self, net: Any, batch: Any = None, training: bool = False, **kwargs: Any
    ) -> None:
        """Take the weights after a step into the average."""
        if not training:
            return
        weights = [each.detach() for each in net.module_.parameters()]
        if not self.n_steps_:
            self.mean_ = [each.clone() for each in weights]
        beta = min(self.decay, self.n_steps_ / (self.n_steps_ + 1))
        self.n_steps_ += 1
        torch._foreach_lerp_(self.mean_, weights, 1 - beta)

    def on_batch_begin(
        self, net: Any, batch: Any = None, training: bool = False, **kwargs: Any
    ) -> None:
        """Put the average in place before the first episodes of a validation."""
        if not training and self.own_ is None and self.n_steps_:
            self._put_average(net)

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Give the module its own weights back, to go on from."""
        if self.own_ is not None:
            _copy(self.own_, net)
            self.own_ = None

    def on_train_end(self, net: Any, **kwargs: Any) -> None:
        """End with the average, where no better epoch is put in place."""
        if net.validation is None and self.n_steps_:
            self._put_average(net)
        del self.mean_, self.own_

    def _put_average(self, net: Any) -> None:
        self.own_ = [each.detach().clone() for each in net.module_.parameters()]
        _copy(self.mean_, net)


@torch.no_grad()
def _copy(weights: list[Tensor], net: Any) -> None:
    for own, given in zip(net.module_.parameters(), weights, strict=True):
        own.copy_(given)
