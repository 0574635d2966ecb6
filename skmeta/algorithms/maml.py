"""Model-agnostic meta-learning (MAML)."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from skmeta.algorithms.base import Algorithm
from skmeta.algorithms.inner_loop.by_parts import backward_by_parts
from skmeta.algorithms.inner_loop.learner import InnerLoop, State
from skmeta.algorithms.inner_loop.meta_gradient import meta_gradient
from skmeta.algorithms.inner_loop.recomputing import walk_again
from skmeta.algorithms.inner_loop.safeguard import can_ask, keeps, keeps_by_step
from skmeta.backbones.base import Backbone
from skmeta.episodes.episode import Batch, Episode
from skmeta.episodes.spec import Spec
from skmeta.nn import apply, apply_per_task
from skmeta.utils.counts import is_count

__all__ = ["MAML"]


class MAML(Algorithm):
    r"""Model-agnostic meta-learning: a start from which few gradient steps suffice.

    Meta-training minimises, over the start :math:`\theta`, the query loss after
    learning from the support (Finn et al. 2017, equation 1 and algorithm 1),

    .. math::
        \min_\theta \sum_i L_i^{query}(\theta - \alpha \nabla L_i^{support}(\theta))

    with ``inner_steps`` such steps. All tasks of a meta-batch take their steps in the
    same batched products.

    In a per-task label space class codes carry no meaning, so all classes of a task
    start from one class vector, as in UNICORN-MAML (Ye & Chao 2022): the learner
    ignores the order of classes and takes any number of them. Whatever that vector is,
    it adds the same to the logits of all classes, at the start and after every step,
    and cancels in the softmax; so it is zero here rather than meta-learnt. The first
    step then teaches the head alone: it takes two ``inner_steps`` or more to adapt the
    backbone as well.

    In a shared label space, and in regression, each output has weights of its own, and
    a task without any row is answered by the start itself. So is a task whose support
    loss is higher after the steps than before: on rows or targets far from those of
    the training, gradient descent may diverge, and such a task keeps nothing of it.

    What a prior says of a row, o(x), is added to the outputs, in the loss of the
    support as in that of the queries: tasks learn how they deviate from it.

    Parameters
    ----------
    inner_lr : float, default=None
        Step size :math:`\alpha`; where it is learnt, its start. None is 0.5 for classes
        and 0.1 for values, whose squared error is steeper.
    inner_steps : int, default=5
        Gradient steps on the support.
    first_order : bool, default=False
        Treat the inner gradient as a constant (FOMAML): cheaper, mostly as good.
    adapt_steps : int, default=None
        Gradient steps after meta-training, ``inner_steps`` if None. Learnt step sizes
        suit the number of steps they were learnt with and may diverge with more.
    learn_inner_lr : {False, "tensor", "element", "step"}, default="tensor"
        Meta-learn the step size: one for each parameter tensor, one for each of its
        elements (Meta-SGD, Li et al. 2017, equation 3), or one for each tensor in each
        inner step (as in MAML++, Antoniou et al. 2019). False keeps ``inner_lr``, as in
        the paper.
    adapt_only : {"all", "head", "body"}, default="all"
        What adapts: all weights, only the last layer (ANIL, Raghu et al. 2020), or all
        but the last layer (BOIL, Oh et al. 2021; in shared label spaces only).
    pseudo_rows : float, default=0.0
        A support of n rows takes steps of n / (n + pseudo_rows) times their size, so
        that a task with one row moves less than one with twenty. 0, as in the paper,
        suits supports of one size; about the typical number of rows suits supports of
        many.
    checkpoint : bool, default=False
        In meta-training, keep hardly anything of the inner steps and compute them again
        on the way back: memory for many steps, or large networks, at the price of time.
        What is kept grows with the logarithm of ``inner_steps``.

    References
    ----------
    C. Finn, P. Abbeel, S. Levine. Model-agnostic meta-learning for fast adaptation of
    deep networks. ICML 2017.

    H.-J. Ye, W.-L. Chao. How to train your MAML to excel in few-shot classification.
    ICLR 2022.

    Z. Li, F. Zhou, F. Chen, H. Li. Meta-SGD: learning to learn quickly for few-shot
    learning. arXiv:1707.09835, 2017.

    A. Antoniou, H. Edwards, A. Storkey. How to train your MAML. ICLR 2019.

    Examples
    --------
    >>> from skmeta import MetaRegressor
    >>> from skmeta.algorithms import MAML
    >>> from skmeta.datasets import make_sinusoids
    >>> X, y, task = make_sinusoids(n_tasks=50, n_rows=20, random_state=0)
    >>> meta = MetaRegressor(MAML(inner_steps=1), max_epochs=2, random_state=0)
    >>> meta = meta.fit(X, y, groups=task)
    >>> meta.adapt(X[:5], y[:5]).predict(X[5:8]).shape
    (3,)
    """

    uses_weights = True
    uses_prior = True
    written_out: ClassVar[bool] = True
    """Whether the meta-gradient of a ReLU network may be written out.

    It may where :meth:`meta_loss` is the loss on the query after the plain steps. A
    subclass that takes other steps or another loss sets it to False. One that forgets
    would learn by a wrong gradient in silence, so where a class overrides a method that
    steps and loss are made of, it is False unless the class says otherwise.
    """
    _named_pseudo_rows: ClassVar[tuple[str, ...]] = ()  # what is no number
    _made_of: ClassVar[tuple[str, ...]] = ("adapt", "predict", "meta_loss", "_path")

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "written_out" in vars(cls):
            return
        family = (each for each in cls.__mro__[1:] if issubclass(each, MAML))
        plain = next(each for each in family if "_made_of" in vars(each))
        made_of = plain._made_of
        if any(getattr(cls, each) is not getattr(plain, each) for each in made_of):
            cls.written_out = False

    def __init__(
        self,
        inner_lr: float | None = None,
        inner_steps: int = 5,
        first_order: bool = False,
        adapt_steps: int | None = None,
        learn_inner_lr: Literal[False, "tensor", "element", "step"] = "tensor",
        adapt_only: Literal["all", "head", "body"] = "all",
        pseudo_rows: float = 0.0,
        checkpoint: bool = False,
    ):
        self.inner_lr = inner_lr
        self.inner_steps = inner_steps
        self.first_order = first_order
        self.adapt_steps = adapt_steps
        self.learn_inner_lr = learn_inner_lr
        self.adapt_only = adapt_only
        self.pseudo_rows = pseudo_rows
        self.checkpoint = checkpoint

    def build(self, backbone: Backbone, spec: Spec) -> InnerLoop:
        """Chain backbone and head; hold the inner learning rates.

        Raises
        ------
        ValueError
            If a hyperparameter is out of its range.
        """
        self._validate()
        if self.adapt_only == "body" and spec.label_space == "per_task":
            raise ValueError(
                "adapt_only='body' keeps the last layer, in which the classes of a "
                "per-task label space do not differ. Let 'all' adapt, or the 'head'."
            )
        return InnerLoop(backbone.build(spec.n_features), spec, self)

    def adapt(self, module: InnerLoop, support: Batch) -> State:
        """Take the inner steps; return every task's own weights."""
        n_steps = n_inner_steps(self, module)
        if not torch.is_grad_enabled():  # nobody differentiates through the steps
            X = apply(module.trunk, support.X, support.mask)
            loss = module.support_loss(support, self.pseudo_rows)
            steps = [(rates, X, loss) for rates in module.rates_of_steps(n_steps)]
            state = module.walk(module.start(support).detach(), steps)
            return module.spread(state, len(support.X))
        first_order = self.first_order
        if self.checkpoint:
            state = self._end(module, support, n_steps, first_order=first_order)
        else:
            state = last(self._path(module, support, n_steps, first_order=first_order))
        return module.spread(state, len(support.X))

    def _path(
        self,
        module: InnerLoop,
        support: Batch,
        n_steps: int,
        *,
        first_order: bool,
        every: bool = False,
    ) -> Iterator[State]:
        """Yield the start and where the steps end, or where ``every`` one leads.

        A task that was astray there, or before the last step, is still at the start.
        """
        start = module.start(support)
        loss = module.support_loss(support, self.pseudo_rows)
        X = apply(module.trunk, support.X, support.mask)
        yield start
        if not n_steps:
            return

        def take_steps(*, stop_lost: bool) -> tuple[list[State], list[Tensor]]:
            states, aim = [start], loss
            outputs: list[Tensor] = []
            for rates in module.rates_of_steps(n_steps):
                before, state = module.step(
                    states[-1], X, aim, rates, first_order=first_order
                )
                if stop_lost and not outputs:
                    aim = loss._replace(start=loss.of_tasks(before))
                outputs.append(before)
                states = [*states, state] if every else [start, state]
            return states, outputs

        states, outputs = take_steps(stop_lost=not can_ask(X))
        if n_steps == 1:
            yield states[-1]
            return
        if every:
            is_kept = keeps_by_step(loss, outputs)
            is_kept.append(is_kept[-1])  # what the last step has led to is not known
        else:
            is_kept = [keeps(loss, outputs)]
        if is_kept[-1] is not None and can_ask(X):
            # Again, so that numbers are finite, on the way back too.
            states, _ = take_steps(stop_lost=True)
        for state, of_step in zip(states[1:], is_kept, strict=True):
            yield module.keep(start, state, of_step)

    def _end(
        self, module: InnerLoop, support: Batch, n_steps: int, *, first_order: bool
    ) -> State:
        """Return the end of the path, and forget the way."""
        X = apply(module.trunk, support.X, support.mask)
        loss = module.support_loss(support, self.pseudo_rows)
        start, rates_of_steps = module.start(support), module.rates_of_steps(n_steps)
        passed: list[Tensor] = []  # outputs before every step
        first: list[Tensor] = []  # the losses before the first

        def with_weights(weights: Iterable[Tensor]) -> State:
            named = zip(start.weights, weights, strict=True)
            return start._replace(weights=dict(named))

        def step(place: int, weights: Sequence[Tensor]) -> list[Tensor]:
            outputs, state = module.step(
                with_weights(weights),
                X,
                loss._replace(start=first[0]) if place else loss,
                rates_of_steps[place],
                first_order=first_order or not torch.is_grad_enabled(),
            )
            if len(passed) < n_steps:  # the first time
                passed.append(outputs)
            if not first:
                first.append(loss.of_tasks(outputs))
            return list(state.weights.values())

        rates = {id(rate): rate for rates in rates_of_steps for rate in rates}
        shared = [X, *module.tip.parameters(), *rates.values()]
        end = with_weights(
            walk_again(step, n_steps, list(start.weights.values()), shared)
        )
        if n_steps < 2:
            return end
        return module.keep(start, end, keeps(loss, passed))

    def predict(
        self,
        module: InnerLoop,
        state: State,
        X: Tensor,
        offset: Tensor | None = None,
    ) -> Tensor:
        """Answer rows with every task's own weights."""
        return module.answer(state, apply(module.trunk, X), offset)

    def meta_backward(self, module: InnerLoop, episode: Episode) -> Tensor:
        """Add the gradient of the loss on the queries after the inner steps."""
        plain = self.written_out and type(module) is InnerLoop and not self.checkpoint
        if plain and not module.is_written_out:
            loss = backward_by_parts(self.meta_loss, module, episode)
            if loss is not None:
                return loss
        if not (plain and module.is_written_out):
            return super().meta_backward(module, episode)
        support, query = episode
        query_loss = module.support_loss(query, pseudo_rows=0.0)
        return meta_gradient(
            list(module.start(support).weights.values()),
            module.rates_of_steps(n_inner_steps(self, module)),
            apply(module.trunk, support.X, support.mask),
            module.support_loss(support, self.pseudo_rows),
            apply(module.trunk, query.X),
            query_loss._replace(share=query_loss.share / len(query.X)),
            first_order=self.first_order,
        )

    def embed(
        self,
        module: InnerLoop,
        state: State,
        X: Tensor,
        offset: Tensor | None = None,
    ) -> Tensor:
        """Map rows to the embedding, each task with the backbone it adapted."""
        if self.adapt_only == "head":
            return apply(module.trunk, X)
        own = {
            name.removeprefix("backbone."): weight
            for name, weight in state.weights.items()
            if name.startswith("backbone.")
        }
        return apply_per_task(module.tip.get_submodule("backbone"), own, X)

    def _validate(self) -> None:
        checks = {
            "inner_lr": self.inner_lr is None or self.inner_lr > 0,
            "inner_steps": is_count(self.inner_steps),
            "adapt_steps": self.adapt_steps is None or is_count(self.adapt_steps),
            "learn_inner_lr": self.learn_inner_lr is False
            or self.learn_inner_lr in ("tensor", "element", "step"),
            "adapt_only": self.adapt_only in ("all", "head", "body"),
            "pseudo_rows": str(self.pseudo_rows) in self._named_pseudo_rows
            or self.pseudo_rows >= 0,
        }
        wrong = [
            f"{name}={getattr(self, name)!r}" for name, ok in checks.items() if not ok
        ]
        if wrong:
            raise ValueError(
                f"{type(self).__name__} cannot work with {', '.join(wrong)}: rates are "
                "positive, steps whole numbers from 0 on, learn_inner_lr is False, "
                "'tensor', 'element' or 'step', adapt_only is 'all', 'head' or 'body', "
                "and pseudo_rows is not negative."
            )
        if self.learn_inner_lr == "step" and self.inner_steps == 0:
            raise ValueError(
                f"{type(self).__name__} learns a step size for every inner step and "
                "has none with inner_steps=0. Take one or more."
            )


def n_inner_steps(algorithm: MAML, module: InnerLoop) -> int:
    """Return how many steps an adaptation takes, in or after meta-training."""
    if module.training or algorithm.adapt_steps is None:
        return algorithm.inner_steps
    return algorithm.adapt_steps


def last(path: Iterator[State]) -> State:
    """Return the end of a path, without keeping what comes before."""
    return deque(path, maxlen=1).pop()
