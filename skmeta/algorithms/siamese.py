"""Siamese networks."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from skmeta import plugins
from skmeta.algorithms.base import Algorithm
from skmeta.algorithms.shared.by_class import log_probabilities
from skmeta.algorithms.shared.losses import task_losses
from skmeta.algorithms.shared.training_classes import (
    ClassLoss,
    embed_episode,
    make_class_loss,
)
from skmeta.backbones.base import Backbone, width_of
from skmeta.distances.base import Distance
from skmeta.episodes.episode import Batch, Episode
from skmeta.episodes.spec import Spec
from skmeta.nn import apply
from skmeta.utils.asking import largest

__all__ = ["Siamese"]

_REDUCTIONS = {"nearest": "amin", "mean": "mean"}


class Siamese(Algorithm):
    r"""Siamese network: rows of one class are drawn together, others pushed apart.

    Both rows of a pair go through the same backbone f (Koch et al. 2015). With their
    distance d in the embedding and a margin m, a pair costs (Hadsell et al. 2006)

    .. math:: L = (1 - y) \, d^2 + y \, \max(0, m - d)^2,

    where **y = 0 for a pair of one class and y = 1 for a pair of different classes**.
    Sources disagree on that convention, and some have it the other way round. The loss
    is the mean over all support-query and support-support pairs of an episode's task,
    and over tasks.

    The distance from a row to a class, :math:`d_k`, is that to its nearest support row
    or the mean over its support rows, and the lowest wins. Probabilities are

    .. math:: p(y = k \mid x) \propto \exp(-s \, d_k(x)),

    where the scale s is fitted by cross-entropy to the queries of the training
    episodes, so that they are calibrated for tasks like these. It is learnt on the
    side: no gradient of the cross-entropy reaches the embedding. Adaptation only embeds
    the support.

    A class without support rows is at no distance, so label spaces are per task.

    Parameters
    ----------
    distance : str or Distance, default="euclidean"
        Distance in the embedding, a registered name or an object. Of one that says that
        it ``is_squared``, as "euclidean" and "mahalanobis" do, the square root is d.
    margin : float, default=1.0
        Distance m beyond which rows of different classes are far enough apart.
    predict_by : {"nearest", "mean"}, default="nearest"
        Distance from a row to a class: to the nearest support row or the mean of all.
    class_loss : float or "auto", default="auto"
        Weight of a second loss of the training: all training classes are told apart by
        a linear classifier of the embedding (:class:`~skmeta.algorithms.ClassLoss`).
        "auto" is 1 for pools of ten classes or more, ``tasks="classes"``, and 0, for
        none, elsewhere and for backbones that learn filters of images, "conv4".

    References
    ----------
    R. Hadsell, S. Chopra, Y. LeCun. Dimensionality reduction by learning an invariant
    mapping. CVPR 2006.

    G. Koch, R. Zemel, R. Salakhutdinov. Siamese neural networks for one-shot image
    recognition. ICML deep learning workshop 2015.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skmeta import MetaClassifier
    >>> from skmeta.algorithms import Siamese
    >>> X, y = load_digits(return_X_y=True)
    >>> meta = MetaClassifier(Siamese(), tasks="classes", max_epochs=1)
    >>> meta = meta.fit(X[y < 7], y[y < 7])
    >>> few, new = y >= 7, y[y >= 7]
    >>> meta.adapt(X[few][:20], new[:20]).predict(X[few][20:]).shape
    (513,)
    """

    kinds = ("classifier",)
    label_spaces = ("per_task",)

    def __init__(
        self,
        distance: str | Distance = "euclidean",
        margin: float = 1.0,
        predict_by: Literal["nearest", "mean"] = "nearest",
        class_loss: float | Literal["auto"] = "auto",
    ):
        self.distance = distance
        self.margin = margin
        self.predict_by = predict_by
        self.class_loss = class_loss

    def build(self, backbone: Backbone, spec: Spec) -> "_Twins":
        """Hold backbone, distance, scale of its probabilities and second loss.

        Raises
        ------
        ValueError
            If ``predict_by`` is not one of its values, ``margin`` is not positive or
            ``class_loss`` negative.
        """
        if self.predict_by not in _REDUCTIONS:
            raise ValueError(
                f"predict_by must be 'nearest' or 'mean', not {self.predict_by!r}."
            )
        if not self.margin > 0:
            raise ValueError(f"margin must be positive, not {self.margin!r}.")
        distance = plugins.resolve("distance", self.distance)
        network = backbone.build(spec.n_features)
        module = _Twins(network, distance, self.margin)
        module.class_loss = make_class_loss(width_of(network), spec, self.class_loss)
        return module

    def adapt(self, module: "_Twins", support: Batch) -> "State":
        """Keep the embedded support rows and their classes."""
        return _remember(apply(module.backbone, support.X, support.mask), support)

    def predict(self, module: "_Twins", state: "State", X: Tensor) -> Tensor:
        """Compare rows with the support rows of every class."""
        distances = _distances(module, apply(module.backbone, X), state.rows)
        return self._log_probabilities(module, distances, state)

    def meta_loss(self, module: "_Twins", episode: Episode) -> Tensor:
        """Contrastive loss, cross-entropy that only the scale sees, and second loss."""
        support, query = episode
        second = 0.0
        if module.class_loss is None:
            state = self.adapt(module, support)
            embedded = apply(module.backbone, query.X, query.mask)
        else:
            known, embedded, everything, rows = embed_episode(module.backbone, episode)
            state = _remember(known, support)
            second = module.class_loss(everything, rows)
        across = _distances(module, embedded, state.rows)  # (tasks, queries, supports)
        within = _distances(module, state.rows, state.rows)
        pair_across = query.mask.unsqueeze(2) & support.mask.unsqueeze(1)
        pair_within = support.mask.unsqueeze(2) & support.mask.unsqueeze(1)
        pair_within = pair_within.triu(diagonal=1)  # every pair once
        total = self._contrastive(across, query.y, support.y, pair_across)
        total = total + self._contrastive(within, support.y, support.y, pair_within)
        n_pairs = pair_across.sum(dim=(1, 2)) + pair_within.sum(dim=(1, 2))
        contrastive = (total / n_pairs.clamp(min=1)).mean()
        log_p = self._log_probabilities(module, across.detach(), state)
        return contrastive + task_losses(log_p, query).mean() + second

    def _contrastive(self, d: Tensor, y_a: Tensor, y_b: Tensor, pair: Tensor) -> Tensor:
        """Sum the loss over the pairs of each task."""
        same = y_a.unsqueeze(2) == y_b.unsqueeze(1)
        losses = torch.where(same, d, (self.margin - d).clamp(min=0)).square()
        return losses.masked_fill(~pair, 0.0).sum(dim=(1, 2))

    def _log_probabilities(
        self, module: "_Twins", distances: Tensor, state: "State"
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


class State(NamedTuple):
    rows: Tensor  # (tasks, rows, d)
    slot: Tensor  # (tasks, rows), the class code + 1; 0 on padding
    has_rows: Tensor  # (tasks, classes)
    n_classes: Tensor  # (tasks,)


def _remember(rows: Tensor, support: Batch) -> State:
    slot = torch.where(support.mask, support.y + 1, 0)
    has_rows = one_hot(slot, largest(support.n_classes) + 1).any(dim=1)[:, 1:]
    return State(rows, slot, has_rows, support.n_classes)


class _Twins(nn.Module):
    class_loss: ClassLoss | None

    def __init__(self, backbone: nn.Module, distance: Distance, margin: float):
        super().__init__()
        self.backbone = backbone
        self.distance = distance.build(width_of(backbone))
        self.is_squared = getattr(distance, "is_squared", False)
        # At first a class nearer by the margin is e^2 times as probable.
        self.log_scale = nn.Parameter(torch.tensor(2.0 / margin).log())


def _distances(module: _Twins, a: Tensor, b: Tensor) -> Tensor:
    d = module.distance(a, b)
    if not module.is_squared:
        return d
    # The root has no derivative at 0, where rows coincide: take 0 for it. Rounding may
    # leave a square below 0.
    apart = d > 0
    return torch.where(apart, torch.where(apart, d, 1.0).sqrt(), 0.0)
