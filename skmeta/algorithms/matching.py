"""Matching networks."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from skmeta import plugins
from skmeta.algorithms.base import Algorithm
from skmeta.algorithms.shared.by_class import (
    log_probabilities,
    log_scale,
    log_sum_by_class,
)
from skmeta.algorithms.shared.losses import task_losses
from skmeta.algorithms.shared.offsets import add_offset, count_unexpected
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
from skmeta.utils.counts import is_count

__all__ = ["MatchingNet"]


class MatchingNet(Algorithm):
    r"""Matching network: a query row takes its label from the support rows near it.

    With the embeddings g of support and f of query rows, and a distance d, the
    probability of a class is the attention paid to its support rows (Vinyals et al.
    2016, equation 1 and section 2.1.1)

    .. math:: p(y \mid x) = \sum_i a(x, x_i) \, [y_i = y], \qquad
              a(x, x_i) = \frac{e^{-s \, d(f(x), g(x_i))}}
                               {\sum_j e^{-s \, d(f(x), g(x_j))}}.

    The scale s is 1 in the paper and learnt here, since cosines between -1 and 1 cannot
    tell classes apart with certainty. Both embeddings are the backbone's :math:`f'`,
    unless with ``full_context=True`` each sees the whole support (appendix A): the
    support by an LSTM that reads it in both directions,

    .. math:: g(x_i) = \overrightarrow{h}_i + \overleftarrow{h}_i + f'(x_i),

    the query by an LSTM of K steps with attention over the support, equations 3 to 6,

    .. math:: \hat{h}_k, c_k &= \mathrm{LSTM}(f'(x), [h_{k-1}, r_{k-1}], c_{k-1}), \\
              h_k &= \hat{h}_k + f'(x), \\
              r_{k-1} &= \sum_i \mathrm{softmax}_i(h_{k-1}^T g(x_i)) \, g(x_i),

    from :math:`\hat{h}_0 = c_0 = 0`, and :math:`f(x) = h_K`. The answer then depends
    on the order of the support rows.

    In a shared label space every class also has a meta-learnt support row of its own,
    with a meta-learnt weight beside the real rows' 1, so that a class or a whole task
    without support rows still has an answer. Adaptation is one forward pass.

    What a prior says of a row, o(x), is added to :math:`\log p(y \mid x)`, which is
    then a logit. Support rows weigh :math:`(1 - q_{y_i}(x_i)) / (1 - 1 / K)` in the
    attention, with :math:`q = \mathrm{softmax}(o)` over K classes: the less the prior
    expected of their class, the more.

    Parameters
    ----------
    distance : str or Distance, default="cosine"
        Distance in the embedding: "cosine" (as in the paper), "euclidean" (squared),
        "manhattan", "mahalanobis", or any registered one.
    full_context : bool, default=False
        Embed rows in the context of the support.
    processing_steps : int, default=5
        Steps K of the attention LSTM, for ``full_context=True``.
    learn_scale : bool, default=True
        Learn the scale s. False keeps s = 1, as in the paper.
    class_loss : float or "auto", default="auto"
        Weight of a second loss of the training: all training classes are told apart by
        a linear classifier of the embedding (:class:`~skmeta.algorithms.ClassLoss`).
        "auto" is 1 for pools of ten classes or more, ``tasks="classes"``, and 0, for
        none, elsewhere and for backbones that learn filters of images, "conv4".

    References
    ----------
    O. Vinyals, C. Blundell, T. Lillicrap, K. Kavukcuoglu, D. Wierstra. Matching
    networks for one shot learning. NeurIPS 2016.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skmeta import MetaClassifier
    >>> from skmeta.algorithms import MatchingNet
    >>> X, y = load_digits(return_X_y=True)
    >>> meta = MetaClassifier(MatchingNet(), tasks="classes", max_epochs=1)
    >>> meta = meta.fit(X[y < 7], y[y < 7])
    >>> few, new = y >= 7, y[y >= 7]
    >>> meta.adapt(X[few][:20], new[:20]).predict(X[few][20:]).shape
    (513,)
    """

    kinds = ("classifier",)
    uses_prior = True

    def __init__(
        self,
        distance: str | Distance = "cosine",
        full_context: bool = False,
        processing_steps: int = 5,
        learn_scale: bool = True,
        class_loss: float | Literal["auto"] = "auto",
    ):
        self.distance = distance
        self.full_context = full_context
        self.processing_steps = processing_steps
        self.learn_scale = learn_scale
        self.class_loss = class_loss

    @property
    def uses_row_order(self) -> bool:  # type: ignore[override]  # as full_context says
        """Full context reads the support in its order."""
        return self.full_context

    @property
    def uses_weights(self) -> bool:  # type: ignore[override]
        """Full context reads row after row, each once."""
        return not self.full_context

    def build(self, backbone: Backbone, spec: Spec) -> "_Matching":
        """Hold backbone, distance and scale, LSTMs, prior rows and the second loss.

        Raises
        ------
        ValueError
            If ``processing_steps`` is not positive or ``class_loss`` negative.
        """
        if not is_count(self.processing_steps, 1):
            raise ValueError(
                f"processing_steps must be at least 1, not {self.processing_steps!r}."
            )
        network = backbone.build(spec.n_features)
        distance = plugins.resolve("distance", self.distance)
        module = _Matching(network, distance, spec, self.learn_scale)
        if self.full_context:
            width = width_of(network)
            module.reader = nn.LSTM(width, width, bidirectional=True, batch_first=True)
            module.matcher = nn.LSTMCell(2 * width, width)
        module.class_loss = make_class_loss(width_of(network), spec, self.class_loss)
        return module

    def adapt(self, module: "_Matching", support: Batch) -> "State":
        """Keep the embedded support rows and their classes."""
        embedded = apply(module.backbone, support.X, support.mask)
        return self._remember(module, embedded, support)

    def predict(
        self,
        module: "_Matching",
        state: "State",
        X: Tensor,
        offset: Tensor | None = None,
    ) -> Tensor:
        """Sum each class's part of the attention, as a log-probability."""
        log_p = self._attend(module, state, apply(module.backbone, X))
        return add_offset(log_p, offset)

    def meta_loss(self, module: "_Matching", episode: Episode) -> Tensor:
        """Loss on the queries, and the second loss where there is one."""
        if module.class_loss is None:
            return super().meta_loss(module, episode)
        support, query, embedded, rows = embed_episode(module.backbone, episode)
        state = self._remember(module, support, episode.support)
        log_p = self._attend(module, state, query)
        log_p = add_offset(log_p, episode.query.offset)
        loss = task_losses(log_p, episode.query).mean()
        return loss + module.class_loss(embedded, rows)

    def _remember(self, module: "_Matching", rows: Tensor, support: Batch) -> "State":
        support = count_unexpected(support)
        slot = torch.where(support.mask, support.y + 1, 0)
        log_weight = torch.zeros_like(slot, dtype=rows.dtype)
        if support.weight is not None:
            log_weight = torch.where(support.mask, support.weight.to(rows), 1.0).log()
        if self.full_context:
            order = _real_rows_first(support.mask)
            rows = rows.gather(1, order.unsqueeze(-1).expand_as(rows))
            slot, log_weight = slot.gather(1, order), log_weight.gather(1, order)
            rows = _read(module.reader, rows, slot > 0)
        if module.n_outputs:
            n_tasks = len(rows)
            prior_slot = torch.arange(module.n_outputs, device=slot.device) + 1
            rows = torch.cat([rows, module.prior.expand(n_tasks, -1, -1)], dim=1)
            slot = torch.cat([slot, prior_slot.expand(n_tasks, -1)], dim=1)
            prior_weight = module.log_weight.expand(n_tasks, -1)
            log_weight = torch.cat([log_weight, prior_weight], dim=1)
        n_slots = (module.n_outputs or largest(support.n_classes)) + 1
        has_rows = one_hot(slot, n_slots).any(dim=1)[:, 1:]
        return State(rows, slot, log_weight, has_rows, support.n_classes)

    def _attend(self, module: "_Matching", state: "State", rows: Tensor) -> Tensor:
        if self.full_context:
            rows = _match(module.matcher, rows, state, self.processing_steps)
        distances = module.distance(rows, state.rows)  # (tasks, queries, rows)
        attention = state.log_weight.unsqueeze(1) - module.log_scale.exp() * distances
        scores = log_sum_by_class(attention, state.slot, state.has_rows)
        return log_probabilities(scores, state.has_rows, state.n_classes)


class State(NamedTuple):
    rows: Tensor  # (tasks, rows, d)
    slot: Tensor  # (tasks, rows), the class code + 1; 0 on padding
    log_weight: Tensor  # (tasks, rows)
    has_rows: Tensor  # (tasks, classes)
    n_classes: Tensor  # (tasks,)


class _Matching(nn.Module):
    class_loss: ClassLoss | None
    # Only with full context.
    reader: nn.LSTM
    matcher: nn.LSTMCell

    def __init__(
        self, backbone: nn.Module, distance: Distance, spec: Spec, learn_scale: bool
    ):
        super().__init__()
        width = width_of(backbone)
        self.backbone = backbone
        self.distance = distance.build(width)
        self.n_outputs = spec.n_outputs
        self.log_scale = log_scale(backbone, self.distance, spec, learn=learn_scale)
        if self.n_outputs:
            self.prior = nn.Parameter(torch.randn(self.n_outputs, width) / width**0.5)
            self.log_weight = nn.Parameter(torch.zeros(self.n_outputs))


def _real_rows_first(mask: Tensor) -> Tensor:
    return (~mask).to(torch.uint8).argsort(dim=1, stable=True)


def _read(reader: nn.LSTM, rows: Tensor, mask: Tensor) -> Tensor:
    """Embed support rows, real ones first, in the context of each other."""
    n_rows = mask.sum(dim=1).clamp(min=1)  # an empty sequence cannot be packed
    packed = pack_padded_sequence(
        rows, n_rows.cpu(), batch_first=True, enforce_sorted=False
    )
    both, _ = pad_packed_sequence(
        reader(packed)[0], batch_first=True, total_length=rows.shape[1]
    )
    forward, backward = both.chunk(2, dim=-1)
    return rows + forward + backward


def _match(matcher: nn.LSTMCell, rows: Tensor, state: State, n_steps: int) -> Tensor:
    """Embed query rows in the context of the support, by repeated attention."""
    padding = (state.slot == 0).unsqueeze(1)
    lowest = torch.finfo(rows.dtype).min  # finite: a task may have no row at all
    hidden = rows
    cell = torch.zeros_like(rows).flatten(0, 1)
    for _ in range(n_steps):
        attention = (hidden @ state.rows.mT).masked_fill(padding, lowest).softmax(-1)
        read = attention @ state.rows
        # The recurrent weights on [h, r] are the cell's on h beside those on r.
        output, cell = matcher(
            torch.cat([rows, read], dim=-1).flatten(0, 1), (hidden.flatten(0, 1), cell)
        )
        hidden = output.view_as(rows) + rows
    return hidden
