"""What a learner does to a row, as a module that torch can write down as a graph."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_unflatten

from skmeta.episodes.bounds import Bounds
from skmeta.episodes.episode import Batch
from skmeta.episodes.table import Table

__all__ = ["OfSupport", "OfTask", "Scale", "Targets"]


class Scale(nn.Module):
    """Standardise raw features, as :meth:`skmeta.episodes.table.Table.features` does.

    Parameters
    ----------
    table : Table
        Of the learner, with any rows.
    """

    mean: Tensor
    scale: Tensor
    low: Tensor
    high: Tensor
    room: Tensor

    def __init__(self, table: Table):
        super().__init__()
        self.squash = table.squash
        self.has_bounds = table.bounds is not None
        self.register_buffer("mean", _double(table.mean))
        self.register_buffer("scale", _double(table.scale))
        if table.bounds is not None:
            for name, value in table.bounds._asdict().items():
                self.register_buffer(name, _double(value))

    def forward(self, X: Tensor) -> Tensor:
        """Map (rows, features) to the same in single precision."""
        X = (X.double() - self.mean) / self.scale
        if self.has_bounds:
            X = _drawn_nearer(X, self.low, self.high, self.room)
        if self.squash is not None:
            X = X / torch.sqrt(1 + torch.square(X / self.squash))
        return X.float()


class Targets(nn.Module):
    """From outputs to answers: probabilities of classes, or values in their unit.

    Parameters
    ----------
    shift : ndarray of shape (n_classes,), default=None
        What is added to logits; None for values.
    chosen : int ndarray of shape (n_chosen,), default=None
        Which of the classes can be answered; None for all.
    mean : float, default=0.0
        Of values.
    scale : float, default=1.0
        Unit of values.
    bounds : Bounds, default=None
        Range beyond which standardised values are cut off.
    """

    shift: Tensor
    chosen: Tensor

    def __init__(
        self,
        shift: np.ndarray | None = None,
        chosen: np.ndarray | None = None,
        mean: float = 0.0,
        scale: float = 1.0,
        bounds: Bounds | None = None,
    ):
        super().__init__()
        self.classifies, self.chooses = shift is not None, chosen is not None
        if chosen is not None:
            self.register_buffer("chosen", torch.as_tensor(chosen))
        if shift is not None:
            self.register_buffer("shift", torch.as_tensor(shift, dtype=torch.float32))
            return
        self.mean, self.unit = mean, scale
        self.limits: tuple[float, float] | None = None
        if bounds is not None:
            low, high = bounds.low - bounds.room, bounds.high + bounds.room
            self.limits = float(np.squeeze(low)), float(np.squeeze(high))

    def forward(self, outputs: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Map (rows, outputs) to probabilities and codes, or to (rows,) values."""
        if self.classifies:
            logits = outputs[:, : len(self.shift)] + self.shift
            if self.chooses:
                logits = logits[:, self.chosen]
            return logits.softmax(dim=1), logits.argmax(dim=1)
        values = outputs[:, 0].double()
        if self.limits is not None:
            values = values.clamp(*self.limits)
        return (values * self.unit + self.mean).float()


class OfTask(nn.Module):
    """A task that was adapted to: raw rows in, answers out.

    Parameters
    ----------
    algorithm, module : Algorithm, nn.Module
        What has learnt.
    state : pytree of Tensor
        What the algorithm has learnt of this task alone.
    scale, targets : Scale, Targets
        What stands before and behind.
    """

    def __init__(
        self,
        algorithm: Any,
        module: nn.Module,
        state: Any,
        scale: Scale,
        targets: Targets,
    ):
        super().__init__()
        self.algorithm = algorithm
        self.module, self.scale, self.targets = module, scale, targets
        leaves, self.structure = tree_flatten(state)
        self.n_leaves = len(leaves)
        for number, leaf in enumerate(leaves):
            self.register_buffer(f"leaf_{number}", leaf.detach().clone())

    def forward(self, X: Tensor, prior: Tensor | None = None) -> Any:
        """Answer rows; ``prior``, (rows, parts, outputs), is what the prior says."""
        leaves = [getattr(self, f"leaf_{number}") for number in range(self.n_leaves)]
        state = tree_unflatten(leaves, self.structure)
        given = [self.scale(X).unsqueeze(0)]
        if prior is not None:
            given.append(prior.float().unsqueeze(0))
        return self.targets(self.algorithm.predict(self.module, state, *given)[0])


class OfSupport(nn.Module):
    """A meta-learner: a support and raw rows in, answers out.

    Parameters
    ----------
    algorithm, module : Algorithm, nn.Module
        What has been meta-trained.
    n_classes : int
        Classes of a task; 0 of values.
    scale, targets : Scale, Targets
        What stands before and behind.
    unit : (float, float), default=(0.0, 1.0)
        Mean and scale of the targets of a support.
    bounds : Bounds, default=None
        Range beyond which standardised targets of a support are drawn nearer.
    """

    def __init__(
        self,
        algorithm: Any,
        module: nn.Module,
        n_classes: int,
        scale: Scale,
        targets: Targets,
        unit: tuple[float, float] = (0.0, 1.0),
        bounds: Bounds | None = None,
    ):
        super().__init__()
        self.ends: list[float] | None = None
        if bounds is not None:
            self.ends = [float(np.squeeze(end)) for end in bounds]
        self.algorithm = algorithm
        self.module, self.scale, self.targets = module, scale, targets
        self.n_classes, self.unit = n_classes, unit

    def forward(self, X_support: Tensor, y_support: Tensor, X: Tensor) -> Any:
        """Learn a support, (shots, features) and (shots,), and answer rows."""
        few = self.scale(X_support).unsqueeze(0)
        y = y_support
        if not self.n_classes:
            mean, scale = self.unit
            y = (y.double() - mean) / scale
            if self.ends is not None:
                y = _drawn_nearer(y, *map(_double, self.ends))
            y = y.float()
        batch = Batch(
            few,
            y.unsqueeze(0),
            torch.ones_like(few[..., 0], dtype=torch.bool),
            # Made of a number here, it is one for who asks for its largest.
            torch.tensor([self.n_classes]),
        )
        state = self.algorithm.adapt(self.module, batch)
        outputs = self.algorithm.predict(self.module, state, self.scale(X).unsqueeze(0))
        return self.targets(outputs[0])


def _drawn_nearer(values: Tensor, low: Tensor, high: Tensor, room: Tensor) -> Tensor:
    """Draw values nearer that are beyond the range, as :class:`Bounds` does."""
    inside = torch.minimum(torch.maximum(values, low), high)
    return inside + room * torch.tanh((values - inside) / room)


def _double(values: Any) -> Tensor:
    return torch.as_tensor(np.asarray(values, dtype=np.float64))
