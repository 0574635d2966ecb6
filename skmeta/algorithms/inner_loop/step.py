"""A step of gradient descent, and its derivative, written out."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from skmeta.algorithms.inner_loop.loss import SupportLoss
from skmeta.algorithms.inner_loop.relu_network import backward, forward, through_relu

__all__ = ["Step"]


class Step(NamedTuple):
    """A step of gradient descent: the way there, and the way back."""

    weights: Sequence[Tensor]  # matrix and shift of each layer in turn
    rates: Sequence[Tensor | float]  # of each weight
    A: list[Tensor]  # input of every layer
    Z: Tensor  # outputs
    P: Tensor  # activated outputs
    G: list[Tensor]  # gradient of the loss in the output of every layer
    loss: SupportLoss  # of the tasks that are not lost

    @classmethod
    def of(
        cls,
        weights: Sequence[Tensor],
        rates: Sequence[Tensor | float],
        X: Tensor,
        loss: SupportLoss,
    ) -> "Step":
        """Find the gradient of the loss on some rows."""
        A, Z = forward(weights, X)
        loss = loss.without_lost(Z)
        P, G = backward(weights, A, Z, loss)
        return cls(weights, rates, A, Z, P, G, loss)

    def where(self, taken: Tensor) -> "Step":
        """Return the step of some tasks, (tasks,), and none of the others."""
        G = [torch.where(taken.view(-1, 1, 1), gradient, 0.0) for gradient in self.G]
        return self._replace(G=G, loss=self.loss.where(taken))

    def take(self, *, in_place: bool = False) -> tuple[Tensor, ...]:
        """Return the weights after the step, where the old ones were if in place."""
        stepped = []
        for A, G, W, b, rate, rate_b in self._layers():
            add_product = W.baddbmm_ if in_place else partial(torch.baddbmm, W)
            if not isinstance(rate, Tensor):
                moved = add_product(G.mT, A, alpha=-rate)
            elif _is_elementwise(rate):
                moved = torch.addcmul(W, rate, G.mT @ A, value=-1)
            else:  # to scale G is cheaper than to scale a matrix
                moved = add_product((G * -rate).mT, A)
            shift = G.sum(dim=-2)
            if isinstance(rate_b, Tensor):
                shift = torch.addcmul(b, rate_b, shift, value=-1)
            else:
                shift = torch.sub(b, shift, alpha=rate_b)
            stepped += [moved, shift]
        return tuple(stepped)

    def back(
        self,
        stepped_bar: Sequence[Tensor],
        *,
        needs_X: bool,
        first_order: bool,
    ) -> tuple[Tensor | None, list[Tensor], list[Tensor | None]]:
        """Differentiate in the rows, the weights and the rates."""
        if first_order:
            return None, list(stepped_bar), self._rates_bar(stepped_bar)
        rates_bar: list[Tensor | None] = []
        A_bar: dict[int, Tensor] = {}  # by layer, as far as there is need of them
        H_bar: dict[int, Tensor] = {}
        G_bar: Tensor | None = None
        # From the gradients of the weights to the G they were made of, upwards ...
        for layer, (A, G, W, _, rate, rate_b) in enumerate(self._layers()):
            own, own_b = stepped_bar[2 * layer : 2 * layer + 2]
            scaled, left = own, rate
            if _is_elementwise(rate):
                scaled, left = own * rate, 1.0
            made_G = A @ scaled.mT
            rates_bar += _rates_bar(A, G, own, own_b, rate, rate_b, made_G)
            made_G.mul_(-left).sub_((rate_b * own_b).unsqueeze(-2))
            if layer or needs_X:
                A_bar[layer] = (G @ scaled).mul_(-left)
            if G_bar is not None:  # of the layer below
                H_bar[layer] = through_relu(G_bar, A)
                made_G = _add_product(made_G, H_bar[layer], W.mT)
            G_bar = made_G

        assert G_bar is not None  # there is a layer
        # ... and down again, through the outputs that G came from.
        weights_bar = list(stepped_bar)
        Z_bar, X_bar = self.loss.curvature(self.P, G_bar), None
        for layer, (A, G, W, *_) in reversed([*enumerate(self._layers())]):
            left, right = Z_bar, A
            if layer:  # two sums of outer products in one
                left = torch.cat([G, Z_bar], dim=-2)
                right = torch.cat([H_bar[layer], A], dim=-2)
            own, own_b = stepped_bar[2 * layer : 2 * layer + 2]
            weights_bar[2 * layer] = _add_outer(own, left, right, W)
            weights_bar[2 * layer + 1] = own_b + Z_bar.sum(dim=-2)
            if layer:
                Z_bar = through_relu(_add_product(A_bar[layer], Z_bar, W), A)
            elif needs_X:
                X_bar = _add_product(A_bar[layer], Z_bar, W)
        return X_bar, weights_bar, rates_bar

    def _rates_bar(self, stepped_bar: Sequence[Tensor]) -> list[Tensor | None]:
        bars = zip(stepped_bar[0::2], stepped_bar[1::2], strict=True)
        return [
            of_rate
            for (A, G, _, _, rate, rate_b), (own, own_b) in zip(
                self._layers(), bars, strict=True
            )
            for of_rate in _rates_bar(A, G, own, own_b, rate, rate_b)
        ]

    def _layers(self) -> Iterator[tuple]:
        W, b = self.weights[0::2], self.weights[1::2]
        rate, rate_b = self.rates[0::2], self.rates[1::2]
        return zip(self.A, self.G, W, b, rate, rate_b, strict=True)


def _rates_bar(
    A: Tensor,
    G: Tensor,
    own: Tensor,
    own_b: Tensor,
    rate: Tensor | float,
    rate_b: Tensor | float,
    made_G: Tensor | None = None,
) -> list[Tensor | None]:
    """Differentiate in the rates of a layer, both learnt or neither."""
    if not (isinstance(rate, Tensor) and isinstance(rate_b, Tensor)):
        return [None, None]
    of_shift = -(G.sum(dim=-2) * own_b).sum_to_size(rate_b.shape)
    if _is_elementwise(rate):
        return [-((G.mT @ A) * own).sum_to_size(rate.shape), of_shift]
    made_G = A @ own.mT if made_G is None else made_G
    return [-(G * made_G).sum(), of_shift]


def _is_elementwise(rate: Tensor | float) -> bool:
    return isinstance(rate, Tensor) and rate.ndim > 0


def _add_product(total: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Add ``a @ b`` in place, b shared by all tasks or one per task."""
    if b.ndim == 2:
        return total.add_(a @ b)
    return total.baddbmm_(a, b)


def _add_outer(total: Tensor, a: Tensor, b: Tensor, like: Tensor) -> Tensor:
    """Add ``a.mT @ b``, summed over the tasks if they share the weight ``like``."""
    if like.ndim == 3:
        return torch.baddbmm(total, a.mT, b)
    if total.ndim == 3:
        total = total.sum(dim=0)
    return torch.addmm(total, a.flatten(0, 1).mT, b.flatten(0, 1))
