"""The learner of gradient-based algorithms: what is shared, and what a task adapts."""

from collections import OrderedDict
from collections.abc import Sequence
from operator import attrgetter
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from skmeta.algorithms.inner_loop.descent import descend, descend_and_forget
from skmeta.algorithms.inner_loop.loss import SupportLoss
from skmeta.algorithms.inner_loop.relu_network import (
    apply_relu_network,
    is_relu_network,
)
from skmeta.algorithms.inner_loop.safeguard import keeps, kept
from skmeta.algorithms.shared.losses import absent_classes, mask_absent_classes
from skmeta.algorithms.shared.offsets import (
    add_offset,
    mean_offset,
    unexplained_targets,
)
from skmeta.backbones.base import width_of
from skmeta.episodes.episode import Batch
from skmeta.episodes.spec import Spec
from skmeta.nn import Linear, apply_per_task
from skmeta.nn.calls import in_bfloat16
from skmeta.utils.asking import largest

__all__ = ["InnerLoop", "Rates", "State"]

# Step size of every adapted weight.
Rates = Sequence[Tensor | float]


class State(NamedTuple):
    """Weights of every task, and how many classes it has."""

    weights: dict[str, Tensor]  # each (tasks, *shape of the parameter)
    n_classes: Tensor  # (tasks,)

    def detach(self) -> "State":
        """Cut the weights off what they were computed from."""
        weights = {name: weight.detach() for name, weight in self.weights.items()}
        return State(weights, self.n_classes)


class InnerLoop(nn.Module):
    """A trunk that all tasks share, then a tip whose weights each task adapts."""

    rates: list[float] | nn.ParameterList  # of each adapted weight

    def __init__(self, backbone: nn.Module, spec: Spec, algorithm: Any):
        super().__init__()
        self.per_task = spec.label_space == "per_task"
        head = Linear(width_of(backbone), 1 if self.per_task else spec.n_outputs)
        if self.per_task:  # one class vector for all classes, not learnt
            head.requires_grad_(False)
            for weight in head.parameters():
                nn.init.zeros_(weight)
        if algorithm.adapt_only == "head":
            self.trunk = backbone
            self.tip = nn.Sequential(OrderedDict(head=head))
        else:
            self.trunk = nn.Identity()
            self.tip = nn.Sequential(OrderedDict(backbone=backbone, head=head))

        # Frozen layers of a backbone stay frozen; of the head, BOIL keeps all.
        self.adapted = [
            name
            for name, weight in self.tip.named_parameters()
            if (
                algorithm.adapt_only != "body"
                if name.startswith("head.")
                else weight.requires_grad
            )
        ]
        self.shared_ndims = [self.tip.get_parameter(name).ndim for name in self.adapted]
        inner_lr = algorithm.inner_lr
        if inner_lr is None:
            inner_lr = 0.5 if spec.kind == "classifier" else 0.1
        self.rates = [float(inner_lr)] * len(self.adapted)
        self.rates_by_step = algorithm.learn_inner_lr == "step"
        if algorithm.learn_inner_lr:
            shapes = {
                "tensor": lambda weight: torch.Size(),
                "element": lambda weight: weight.shape,
                "step": lambda weight: (algorithm.inner_steps,),
            }
            shape_of = shapes[algorithm.learn_inner_lr]
            self.rates = nn.ParameterList(
                torch.full(shape_of(self.tip.get_parameter(name)), float(inner_lr))
                for name in self.adapted
            )
        self._is_relu_network = is_relu_network(self.tip) and len(self.adapted) == len(
            list(self.tip.parameters())
        )

    @property
    def is_written_out(self) -> bool:
        """Whether steps are written out: those of ReLU networks, but in bfloat16.

        What autocast does to products it cannot do to those that add in place.
        """
        return self._is_relu_network and not in_bfloat16(self)

    def start(self, support: Batch) -> State:
        """Return the meta-learnt weights, which all tasks share at first."""
        weights = {name: attrgetter(name)(self.tip) for name in self.adapted}
        if self.per_task:  # the one class vector, once per class
            n_classes = largest(support.n_classes)
            for name in ("head.weight", "head.bias"):
                weights[name] = weights[name].expand(
                    n_classes, *weights[name].shape[1:]
                )
        return State(weights, support.n_classes)

    def support_loss(self, support: Batch, pseudo_rows: float) -> SupportLoss:
        """Describe what the inner steps descend."""
        share = support.counts(support.X)  # (tasks, rows)
        total = share.sum(dim=1, keepdim=True)
        if pseudo_rows:
            total = total + pseudo_rows
        share = (share / total.clamp_min(torch.finfo(total.dtype).tiny)).unsqueeze(-1)
        if support.y.is_floating_point():
            target = unexplained_targets(support, 1)
            return SupportLoss(target, share, absent=None, squared=True)
        n_outputs, absent = width_of(self.tip.get_submodule("head")), None
        if self.per_task:
            n_outputs = largest(support.n_classes)
            absent = absent_classes(n_outputs, support.n_classes)
        target = one_hot(support.y, n_outputs).to(share)
        offset = None if support.offset is None else mean_offset(support.offset)
        return SupportLoss(target, share, absent, squared=False, offset=offset)

    def rates_of_steps(self, n_steps: int) -> list[Rates]:
        """Return the step size of every weight, for one inner step after another."""
        if not (self.rates_by_step and isinstance(self.rates, nn.ParameterList)):
            return [list(self.rates)] * n_steps
        learnt: list[Rates] = list(
            zip(*(rate.unbind() for rate in self.rates), strict=True)
        )
        if n_steps <= len(learnt):
            return learnt[:n_steps]
        # Steps beyond those that were learnt are as short as the shortest of them: the
        # last one was learnt to end with, and mostly diverges when it is repeated.
        shortest = [rate[rate.abs().argmin()] for rate in self.rates]
        return learnt + [shortest] * (n_steps - len(learnt))

    def step(
        self,
        state: State,
        X: Tensor,
        loss: SupportLoss,
        rates: Rates | None = None,
        *,
        first_order: bool,
    ) -> tuple[Tensor, State]:
        """Take one step of gradient descent in every task.

        Returns
        -------
        outputs : Tensor of shape (tasks, rows, outputs)
            Outputs before the step, as a constant.
        state : State
            Weights after it.
        """
        rates = list(self.rates) if rates is None else rates
        way = self._step_by_autograd
        if self.is_written_out:
            way = self._step_written_out
        outputs, stepped = way(state, rates, X, loss, first_order)
        return outputs, _with(state, stepped)

    def keep(self, start: State, end: State, is_kept: Tensor | None) -> State:
        """Send all tasks but some, (tasks,), back from the end to the start."""
        if is_kept is None:
            return end
        both = [self.spread(state, len(is_kept)).weights for state in (end, start)]
        return _with(end, kept(is_kept, *(weights.values() for weights in both)))

    def outputs(self, state: State, X: Tensor) -> Tensor:
        """Return the outputs of the tip with every task's own weights, as a constant.

        Without the prior, and with those of classes that a task does not have.
        """
        with torch.no_grad():
            return self._apply_tip(self.spread(state, len(X)), X)

    def walk(
        self, state: State, steps: Sequence[tuple[Rates, Tensor, SupportLoss]]
    ) -> State:
        """Take steps that nobody differentiates through: rates, rows, loss of each.

        The rows are the same in all steps. A task whose loss would rise stays.
        """
        if not steps:
            return state
        if self.is_written_out:
            ended, outputs = descend_and_forget(list(state.weights.values()), steps)
            end = _with(state, ended)
        else:
            end, outputs = state, []
            for rates, X, loss in steps:
                before, end = self.step(end, X, loss, rates, first_order=True)
                end = end.detach()
                outputs.append(before)
        _, X, loss = steps[-1]
        outputs.append(self.outputs(end, X))
        return self.keep(state, end, keeps(loss, outputs))

    def _step_written_out(
        self,
        state: State,
        rates: Rates,
        X: Tensor,
        loss: SupportLoss,
        first_order: bool,
    ) -> tuple[Tensor, Sequence[Tensor]]:
        weights = list(state.weights.values())
        return descend(weights, rates, X, loss, first_order=first_order)

    def _step_by_autograd(
        self,
        state: State,
        rates: Rates,
        X: Tensor,
        loss: SupportLoss,
        first_order: bool,
    ) -> tuple[Tensor, Sequence[Tensor]]:
        with torch.enable_grad():
            weights = self.spread(state, len(X)).weights
            for weight in weights.values():
                if not weight.requires_grad:
                    weight.requires_grad_()
            outputs = apply_per_task(self.tip, weights, X)
            with torch.no_grad():
                loss = loss.without_lost(outputs)
            gradients: Sequence[Tensor] = ()
            if weights:  # a network without parameters has none to adapt
                gradients = torch.autograd.grad(
                    loss(outputs), list(weights.values()), create_graph=not first_order
                )
        return outputs.detach(), [
            weight - rate * gradient
            for weight, rate, gradient in zip(
                weights.values(), rates, gradients, strict=True
            )
        ]

    def spread(self, state: State, n_tasks: int) -> State:
        """Give every task a view of the weights that are still shared."""
        weights = {
            name: weight.expand(n_tasks, *weight.shape)
            if weight.ndim == shared_ndim
            else weight
            for (name, weight), shared_ndim in zip(
                state.weights.items(), self.shared_ndims, strict=True
            )
        }
        return state._replace(weights=weights)

    def answer(self, state: State, X: Tensor, offset: Tensor | None = None) -> Tensor:
        """Map the trunk's output to the outputs of every task, and add the prior."""
        return add_offset(self.mask_absent(self._apply_tip(state, X), state), offset)

    def _apply_tip(self, state: State, X: Tensor) -> Tensor:
        if self.is_written_out:
            return apply_relu_network(list(state.weights.values()), X)
        return apply_per_task(self.tip, state.weights, X)

    def mask_absent(self, outputs: Tensor, state: State) -> Tensor:
        """Rule out the classes that a task does not have."""
        if not self.per_task:
            return outputs
        return mask_absent_classes(outputs, state.n_classes)


def _with(state: State, weights: Sequence[Tensor]) -> State:
    """Return a state of other weights, in the order of its own."""
    return state._replace(weights=dict(zip(state.weights, weights, strict=True)))
