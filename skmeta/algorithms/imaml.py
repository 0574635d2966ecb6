"""MAML by implicit gradients (iMAML)."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from skmeta.algorithms.inner_loop.learner import InnerLoop, State
from skmeta.algorithms.inner_loop.loss import SupportLoss
from skmeta.algorithms.maml import MAML, n_inner_steps
from skmeta.algorithms.shared.losses import task_losses
from skmeta.backbones.base import Backbone
from skmeta.episodes.episode import Batch, Episode
from skmeta.episodes.spec import Spec
from skmeta.utils.counts import is_count

__all__ = ["IMAML", "conjugate_gradient"]

# A task's step size grows while its objective falls, and shrinks when it would rise.
_GROW, _SHRINK = 1.2, 0.5
_MOMENTUM = 0.5


class IMAML(MAML):
    r"""MAML whose outer gradient is implicit: it depends on where the inner steps end.

    A task is learnt by minimising its support loss near the start (Rajeswaran et al.
    2019, equation 3),

    .. math:: \phi_i = \arg\min_\phi L_i^{support}(\phi)
              + \frac{\lambda}{2} \|\phi - \theta\|^2,

    and the meta-gradient follows from the condition of optimality (equation 6),

    .. math:: \frac{d L_i^{query}(\phi_i)}{d \theta} =
              \left(I + \tfrac{1}{\lambda} \nabla^2 L_i^{support}(\phi_i)\right)^{-1}
              \nabla L_i^{query}(\phi_i).

    The system is solved by conjugate gradients, for all tasks at once, each with step
    lengths of its own. It needs products with the Hessian only, and nothing of how the
    inner steps got there: memory does not grow with ``inner_steps``.

    The inner steps are gradient descent with momentum. A task's step size grows while
    the objective falls; a step that would let it rise is taken back and tried again
    with a smaller one.

    Parameters
    ----------
    regularization : float, default=2.0
        Strength :math:`\lambda` of the pull to the start.
    inner_steps : int, default=16
        Gradient steps towards the minimum.
    inner_lr : float, default=None
        First step size: 0.5 for classes and 0.1 for values if None. Not learnt, since
        the minimum does not depend on it.
    cg_steps : int, default=5
        Steps of conjugate gradients. 0 takes the query gradient for the solution, as
        in first-order MAML.
    adapt_steps, pseudo_rows
        As in :class:`MAML`.

    Notes
    -----
    It is no match for MAML where tasks differ much, and takes twice to seven times as
    long: in 20-way 1-shot Omniglot, with ``inner_lr=0.1``, the error is 0.49 after 12
    epochs (MAML 0.24, comparing pixels 0.53), and on sinusoids the mean squared error
    from 20 points and ten steps is 0.14 (five-step MAML 0.02). On MovieLens, whose
    tasks are much alike, it is level with MAML.

    References
    ----------
    A. Rajeswaran, C. Finn, S. Kakade, S. Levine. Meta-learning with implicit gradients.
    NeurIPS 2019.

    Examples
    --------
    >>> from skmeta import MetaRegressor
    >>> from skmeta.algorithms import IMAML
    >>> from skmeta.datasets import make_sinusoids
    >>> X, y, task = make_sinusoids(n_tasks=50, n_rows=20, random_state=0)
    >>> meta = MetaRegressor(IMAML(inner_steps=4), max_epochs=2, random_state=0)
    >>> meta = meta.fit(X, y, groups=task)
    >>> meta.adapt(X[:5], y[:5]).predict(X[5:8]).shape
    (3,)
    """

    # What MAML takes as parameters and iMAML has settled.
    learn_inner_lr = False
    adapt_only = "all"

    def __init__(
        self,
        regularization: float = 2.0,
        inner_steps: int = 16,
        inner_lr: float | None = None,
        cg_steps: int = 5,
        adapt_steps: int | None = None,
        pseudo_rows: float = 0.0,
    ):
        self.regularization = regularization
        self.inner_steps = inner_steps
        self.inner_lr = inner_lr
        self.cg_steps = cg_steps
        self.adapt_steps = adapt_steps
        self.pseudo_rows = pseudo_rows

    def build(self, backbone: Backbone, spec: Spec) -> InnerLoop:
        """Build MAML's learner.

        Raises
        ------
        ValueError
            If a hyperparameter is out of its range.
        """
        if not (self.regularization > 0 and is_count(self.cg_steps)):
            raise ValueError(
                "regularization must be positive and cg_steps a whole number from 0 "
                f"on, not {self.regularization!r} and {self.cg_steps!r}."
            )
        return super().build(backbone, spec)

    @torch.no_grad()
    def adapt(self, module: InnerLoop, support: Batch) -> State:
        """Minimise the inner objective of every task; return the minimisers."""
        n_steps = n_inner_steps(self, module)
        start = module.start(support).detach()
        loss = module.support_loss(support, self.pseudo_rows)
        state = module.spread(start, len(support.X))
        value = self._objective(module, support, loss, start, state)  # (tasks,)
        rate = torch.full_like(value, module.rates[0])
        velocity = {name: torch.zeros_like(w) for name, w in state.weights.items()}
        for _ in range(n_steps):
            rates = [_per_task(rate, weight) for weight in state.weights.values()]
            _, stepped = module.step(state, support.X, loss, rates, first_order=True)
            tried = {
                name: weight
                + own
                * self.regularization
                * (start.weights[name] - state.weights[name])
                + _MOMENTUM * velocity[name]
                for (name, weight), own in zip(
                    stepped.weights.items(), rates, strict=True
                )
            }
            new = self._objective(
                module, support, loss, start, state._replace(weights=tried)
            )
            better = new <= value
            weights = {}
            for name, weight in state.weights.items():
                goes = _per_task(better, weight)
                velocity[name] = torch.where(goes, tried[name] - weight, 0.0)
                weights[name] = torch.where(goes, tried[name], weight)
            state = state._replace(weights=weights)
            value = torch.where(better, new, value)
            rate = rate * torch.where(better, _GROW, _SHRINK)
        return state.detach()

    def meta_backward(self, module: InnerLoop, episode: Episode) -> Tensor:
        """Add the implicit gradient to ``.grad``."""
        support, query = episode
        state = self.adapt(module, support)
        leaves = [w.detach().requires_grad_() for w in state.weights.values()]
        state = state._replace(weights=dict(zip(state.weights, leaves, strict=True)))
        with torch.enable_grad():
            outputs = module.answer(state, query.X, query.offset)
            losses = task_losses(outputs, query)
            gradient = torch.autograd.grad(losses.mean(), leaves)
            # A step of length -1 / lambda leads to w + grad L / lambda. Its derivative
            # is the matrix of the system.
            loss = module.support_loss(support, self.pseudo_rows)
            back = [-1 / self.regularization] * len(leaves)
            _, stepped = module.step(state, support.X, loss, back, first_order=False)

        def multiply(v: Tensor) -> Tensor:
            products = torch.autograd.grad(
                list(stepped.weights.values()),
                leaves,
                _unflatten(v, leaves),
                retain_graph=True,
            )
            return _flatten(products)

        solved = conjugate_gradient(multiply, _flatten(gradient), self.cg_steps)
        for name, of_tasks in zip(
            state.weights, _unflatten(solved, leaves), strict=True
        ):
            start = module.tip.get_parameter(name)
            if start.requires_grad:
                total = of_tasks.sum(dim=0)
                start.grad = total if start.grad is None else start.grad + total
        return losses.detach().mean()

    def _objective(
        self,
        module: InnerLoop,
        support: Batch,
        loss: SupportLoss,
        start: State,
        state: State,
    ) -> Tensor:
        """Return what the inner steps minimise, for each task."""
        distance = sum(
            (weight - start.weights[name]).flatten(1).square().sum(dim=1)
            for name, weight in state.weights.items()
        )
        share = loss.share.sum(dim=(1, 2))  # below 1 with pseudo rows, 0 without rows
        outputs = module.answer(state, support.X, support.offset)
        losses = task_losses(outputs, support)
        return share * losses + self.regularization / 2 * distance


def conjugate_gradient(
    multiply: Callable[[Tensor], Tensor], b: Tensor, n_steps: int
) -> Tensor:
    """Solve A x = b for many tasks at once, starting from x = b.

    Parameters
    ----------
    multiply : callable
        Maps the vectors of all tasks, (tasks, n), to their products with the matrices.
    b : Tensor of shape (tasks, n)
        Right sides.
    n_steps : int
        Steps. A task stops where its matrix is not positive.

    Returns
    -------
    Tensor of shape (tasks, n)
        Approximate solutions; b itself without steps.
    """
    if n_steps == 0:
        return b
    x = b
    residual = direction = b - multiply(b)
    size = residual.square().sum(dim=1, keepdim=True)
    going = torch.ones_like(size, dtype=torch.bool)
    solved = (torch.finfo(b.dtype).eps * b).square().sum(dim=1, keepdim=True)
    for _ in range(n_steps):
        product = multiply(direction)
        curvature = (direction * product).sum(dim=1, keepdim=True)
        going = going & (curvature > 0) & (size > solved)
        length = torch.where(going, size / curvature, 0.0)
        x = x + length * direction
        residual = residual - length * product
        before, size = size, residual.square().sum(dim=1, keepdim=True)
        direction = torch.where(going, residual + size / before * direction, 0.0)
    return x


def _per_task(value: Tensor, weight: Tensor) -> Tensor:
    """Shape one number per task so that it multiplies the weights of all."""
    return value.view(-1, *[1] * (weight.ndim - 1))


def _flatten(weights: Sequence[Tensor]) -> Tensor:
    return torch.cat([weight.flatten(1) for weight in weights], dim=1)


def _unflatten(vectors: Tensor, weights: Sequence[Tensor]) -> list[Tensor]:
    parts = vectors.split([weight[0].numel() for weight in weights], dim=1)
    return [
        part.unflatten(1, weight.shape[1:])
        for part, weight in zip(parts, weights, strict=True)
    ]
