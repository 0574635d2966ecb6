"""What the algorithms of this package have in common: all but the loss."""

from abc import abstractmethod
from numbers import Real
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from skmeta import plugins
from skmeta.algorithms import Algorithm, Spec, log_probabilities, log_scale, task_losses
from skmeta.backbones import Backbone
from skmeta.episodes import Batch, Episode
from skmeta.nn import apply

__all__ = ["Learner", "MetricLearner", "State"]

_REDUCTIONS = {"nearest": "amin", "mean": "mean"}


class State(NamedTuple):
    """What a task keeps: its embedded support."""

    rows: Tensor  # (tasks, rows, d)
    slot: Tensor  # (tasks, rows), the class code + 1; 0 on padding
    has_rows: Tensor  # (tasks, classes)
    n_classes: Tensor  # (tasks,)


class Learner(nn.Module):
    """A backbone, a distance in the embedding, the scale of probabilities, a loss."""

    def __init__(
        self, backbone: nn.Module, distance: object, spec: Spec, loss: nn.Module | None
    ):
        super().__init__()
        self.backbone = backbone
        self.distance = distance.build(backbone.out_features)
        self.log_scale = log_scale(backbone, self.distance, spec, learn=True)
        self.loss = loss


class MetricLearner(Algorithm):
    """Siamese network whose loss a subclass decides.

    A subclass has the parameters ``distance`` (or a class attribute of that name) and
    ``predict_by``, and writes :meth:`_losses`.
    """

    kinds = ("classifier",)
    label_spaces = ("per_task",)

    # Hyperparameters that are positive numbers.
    _positive: ClassVar[tuple[str, ...]] = ()
    # Values of hyperparameters that are names.
    _names: ClassVar[dict[str, tuple]] = {}

    def build(self, backbone: Backbone, spec: Spec) -> nn.Module:
        """Hold the backbone, the distance and the scale of its probabilities.

        Raises
        ------
        ValueError
            If a parameter is out of its range.
        """
        self._validate()
        network = backbone.build(spec.n_features)
        distance = plugins.resolve("distance", self.distance)
        return Learner(network, distance, spec, self._make_loss(network, spec))

    def adapt(self, module: nn.Module, support: Batch) -> State:
        """Keep the embedded support rows and their classes."""
        return _remember(apply(module.backbone, support.X, support.mask), support)

    def predict(self, module: nn.Module, state: State, X: Tensor) -> Tensor:
        """Compare rows with the support rows of every class."""
        distances = module.distance(apply(module.backbone, X), state.rows)
        return self._log_probabilities(module, distances, state)

    def meta_loss(self, module: nn.Module, episode: Episode) -> Tensor:
        """Return the loss, plus a cross-entropy that only the scale learns from."""
        support, query = episode
        n_support = support.mask.shape[1]
        rows, _ = episode.join()
        embedded = apply(module.backbone, rows.X, rows.mask)
        loss = self._meta_loss(module, embedded, rows, episode)
        with torch.no_grad():
            state = _remember(embedded[:, :n_support], support)
            distances = module.distance(embedded[:, n_support:], state.rows)
        log_p = self._log_probabilities(module, distances, state)
        return loss + task_losses(log_p, query).mean()

    @abstractmethod
    def _meta_loss(
        self, module: nn.Module, embedded: Tensor, rows: Batch, episode: Episode
    ) -> Tensor:
        """Return the loss of embedded rows, those of the support first."""

    def _make_loss(self, network: nn.Module, spec: Spec) -> nn.Module | None:
        """Return a loss that has weights."""
        return None

    def _log_probabilities(
        self, module: nn.Module, distances: Tensor, state: State
    ) -> Tensor:
        n_slots = state.has_rows.shape[1] + 1
        to_class = distances.new_zeros(*distances.shape[:2], n_slots).scatter_reduce(
            2,
            state.slot.unsqueeze(1).expand_as(distances),
            distances,
            _REDUCTIONS[self.predict_by],
            include_self=False,
        )[..., 1:]
        scores = -module.log_scale.exp() * to_class
        return log_probabilities(scores, state.has_rows, state.n_classes)

    def _validate(self) -> None:
        for name in self._positive:
            value = getattr(self, name)
            if not (isinstance(value, Real) and value > 0):
                raise ValueError(f"{name} must be a positive number, not {value!r}.")
        for name, known in {"predict_by": (*_REDUCTIONS,), **self._names}.items():
            value = getattr(self, name)
            if value not in known:
                raise ValueError(f"{name} must be one of {list(known)}, not {value!r}.")


def _remember(embedded: Tensor, support: Batch) -> State:
    slot = torch.where(support.mask, support.y + 1, 0)
    has_rows = one_hot(slot, int(support.n_classes.max()) + 1).any(dim=1)[:, 1:]
    return State(embedded, slot, has_rows, support.n_classes)
