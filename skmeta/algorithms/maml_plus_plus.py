"""MAML that trains steadily (MAML++)."""

import math
from typing import Any, Literal

import torch
from skorch.callbacks import Callback
from torch import Tensor

from skmeta.algorithms.inner_loop.learner import InnerLoop
from skmeta.algorithms.maml import MAML
from skmeta.algorithms.shared.losses import task_losses
from skmeta.backbones.base import Backbone
from skmeta.episodes.episode import Episode
from skmeta.episodes.spec import Spec
from skmeta.nn import apply

__all__ = ["MAMLPlusPlus"]

# What every step but the last keeps of its first weight, as in the authors' program.
_LEAST_SHARE = 0.03


class MAMLPlusPlus(MAML):
    r"""MAML++: what steadies MAML and lets it learn from every inner step.

    To MAML it adds (Antoniou et al. 2019, section 4):

    - a multi-step loss. The outer loss is that of the weights after every inner step,

      .. math:: \min_\theta \sum_i \sum_{j=1}^{N} w_j \, L_i^{query}(\phi_{i, j}),

      with weights that are equal at first, :math:`w_j = 1 / N`, and move to the last
      step in a straight line over ``multi_step_until`` meta-steps;
    - a learnt step size for each parameter tensor in each inner step;
    - derivative-order annealing: the inner gradients count as constants for the first
      ``first_order_until`` meta-steps, which is cheaper, and all counts afterwards;
    - a learning rate of the outer optimizer that falls along a cosine over
      ``max_epochs``.

    What the paper does to batch normalisation has no place here: gradient-based
    algorithms refuse it, as a row's output would depend on the rows beside it.

    Parameters
    ----------
    inner_lr : float, default=None
        First value of all step sizes: 0.5 for classes and 0.1 for values if None.
    inner_steps : int, default=5
        Gradient steps on the support, N.
    multi_step_until : int, default=960
        Meta-steps after which the last inner step has nearly all the weight: 60 epochs
        with the defaults of the estimators. 0 leaves it to the last step at once, as
        in MAML.
    first_order_until : int, default=0
        Meta-steps with first-order gradients at the beginning. It saves time; on
        sinusoids it made the result worse, so that it is off by default.
    anneal_lr : bool, default=True
        Let the outer learning rate fall along a cosine, to a hundredth.
    adapt_steps, adapt_only, pseudo_rows
        As in :class:`MAML`. Steps beyond ``inner_steps`` are as short, tensor by
        tensor, as the shortest of those.

    References
    ----------
    A. Antoniou, H. Edwards, A. Storkey. How to train your MAML. ICLR 2019.

    Examples
    --------
    >>> from skmeta import MetaRegressor
    >>> from skmeta.algorithms import MAMLPlusPlus
    >>> from skmeta.datasets import make_sinusoids
    >>> X, y, task = make_sinusoids(n_tasks=50, n_rows=20, random_state=0)
    >>> meta = MetaRegressor(MAMLPlusPlus(inner_steps=2), max_epochs=2, random_state=0)
    >>> meta = meta.fit(X, y, groups=task)
    >>> meta.adapt(X[:5], y[:5]).predict(X[5:8]).shape
    (3,)
    """

    # What MAML takes as parameters and MAML++ has settled.
    written_out = False  # its loss is that after every step
    first_order = False
    learn_inner_lr = "step"
    checkpoint = False

    def __init__(
        self,
        inner_lr: float | None = None,
        inner_steps: int = 5,
        multi_step_until: int = 960,
        first_order_until: int = 0,
        anneal_lr: bool = True,
        adapt_steps: int | None = None,
        adapt_only: Literal["all", "head", "body"] = "all",
        pseudo_rows: float = 0.0,
    ):
        self.inner_lr = inner_lr
        self.inner_steps = inner_steps
        self.multi_step_until = multi_step_until
        self.first_order_until = first_order_until
        self.anneal_lr = anneal_lr
        self.adapt_steps = adapt_steps
        self.adapt_only = adapt_only
        self.pseudo_rows = pseudo_rows

    def build(self, backbone: Backbone, spec: Spec) -> InnerLoop:
        """Build MAML's learner, with a count of the meta-steps it has taken.

        Raises
        ------
        ValueError
            If a hyperparameter is out of its range.
        """
        if self.multi_step_until < 0 or self.first_order_until < 0:
            raise ValueError(
                "multi_step_until and first_order_until are numbers of meta-steps from "
                f"0 on, not {self.multi_step_until!r} and {self.first_order_until!r}."
            )
        module = super().build(backbone, spec)
        module.register_buffer("meta_steps", torch.zeros((), dtype=torch.long))
        return module

    def callbacks(self) -> list[Callback]:
        """Return the schedule of the outer learning rate."""
        return [CosineAnnealing()] if self.anneal_lr else []

    def step_weights(self, n_done: int) -> Tensor:
        """Weigh the inner steps after a number of meta-steps.

        Parameters
        ----------
        n_done : int
            Meta-steps that were taken before.

        Returns
        -------
        Tensor of shape (inner_steps,)
            Weights that sum to 1.
        """
        n_steps = self.inner_steps
        left = 1 - n_done / self.multi_step_until if self.multi_step_until else 0.0
        share = max(left, _LEAST_SHARE if self.multi_step_until else 0.0) / n_steps
        weights = torch.full((n_steps,), share, dtype=torch.float64)
        weights[-1] = 1 - (n_steps - 1) * share
        return weights

    def meta_loss(self, module: InnerLoop, episode: Episode) -> Tensor:
        """Weigh the losses on the queries after every inner step."""
        n_done = int(module.get_buffer("meta_steps"))
        query = episode.query
        X = apply(module.trunk, query.X)
        _, *states = self._path(
            module,
            episode.support,
            self.inner_steps,
            first_order=n_done < self.first_order_until,
            every=True,
        )
        losses = torch.stack(
            [
                task_losses(module.answer(state, X, query.offset), query).mean()
                for state in states
            ]
        )
        return losses @ self.step_weights(n_done).to(losses)

    def meta_backward(self, module: InnerLoop, episode: Episode) -> Tensor:
        """Add the meta-gradient to ``.grad`` and count the meta-step."""
        loss = super().meta_backward(module, episode)
        module.get_buffer("meta_steps").add_(1)
        return loss


class CosineAnnealing(Callback):
    """Let the learning rate fall along a cosine over the epochs of a training.

    Unlike a schedule that is made for a number of epochs, it reads ``max_epochs`` from
    the net when training begins, and gives the rate back in the end.

    Parameters
    ----------
    last : float, default=0.01
        What is left of the rate in the last epoch.
    """

    def __init__(self, last: float = 0.01):
        self.last = last

    def on_train_begin(
        self, net: Any, X: Any = None, y: Any = None, **kwargs: Any
    ) -> None:
        """Remember the rates and where training begins."""
        self.rates_ = [group["lr"] for group in net.optimizer_.param_groups]
        self.n_before_ = len(net.history)

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        """Set the rates of the epoch."""
        done = (len(net.history) - 1 - self.n_before_) / max(1, net.max_epochs - 1)
        factor = self.last + (1 - self.last) * (1 + math.cos(math.pi * done)) / 2
        self._set(net, factor)

    def on_train_end(self, net: Any, **kwargs: Any) -> None:
        """Give the rates back."""
        self._set(net, 1.0)

    def _set(self, net: Any, factor: float) -> None:
        groups = net.optimizer_.param_groups
        for group, rate in zip(groups, self.rates_, strict=True):
            group["lr"] = factor * rate
