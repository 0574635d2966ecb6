"""Prototypical networks."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from skmeta import plugins
from skmeta.algorithms.base import Algorithm
from skmeta.algorithms.shared.by_class import (
    log_scale,
    mean_by_class,
    split_again,
    sum_by_class,
)
from skmeta.algorithms.shared.graph import (
    WithGraph,
    beside_graph,
    check_unlabelled,
    few_unlabelled,
    mixed,
)
from skmeta.algorithms.shared.losses import mask_absent_classes, task_losses
from skmeta.algorithms.shared.offsets import add_offset, count_unexpected
from skmeta.algorithms.shared.training_classes import ClassLoss, make_class_loss
from skmeta.backbones.base import Backbone, width_of
from skmeta.distances.base import Distance
from skmeta.episodes.episode import Batch, Episode
from skmeta.episodes.spec import Spec
from skmeta.nn import apply
from skmeta.utils.counts import is_count

__all__ = ["ProtoNet"]

# What "auto" chooses from: weights of unlabelled rows, and shares of their graph.
_CHOICES = tuple((w, s) for w in (0.0, 0.1, 1.0) for s in (0.0, 0.5, 0.9) if w or s)


class ProtoNet(Algorithm):
    r"""Prototypical network: a class is the mean of its embedded support rows.

    With the backbone :math:`f` and the support rows :math:`S_k` of class k, the
    prototype and the probability of a class are (Snell et al. 2017, equations 1 and 2)

    .. math:: c_k = \frac{1}{|S_k|} \sum_{x \in S_k} f(x), \qquad
              p(y = k \mid x) \propto \exp(-s \, d(f(x), c_k)).

    The scale s is 1 in the paper and learnt here, so that probabilities fit any
    distance (as in TADAM, Oreshkin et al. 2018).

    In a shared label space each class also has a meta-learnt prior prototype
    :math:`m_k`, worth :math:`\kappa_k` support rows, and a prior count
    :math:`\alpha_k`, with which it is the posterior mean of the class, and its share of
    the task, that are compared:

    .. math:: c_k = \frac{\kappa_k m_k + \sum_{x \in S_k} f(x)}{\kappa_k + |S_k|},
              \qquad
              p(y = k \mid x) \propto (\alpha_k + |S_k|) \exp(-s \, d(f(x), c_k)).

    So a class without a support row still has a prototype and a task without any row
    still has an answer. Adaptation is one forward pass, with no gradient.

    What a prior says of a row, o(x), is added to its logits. A support row then counts,
    in the sums and in the numbers of rows above, by how little the prior
    :math:`q = \mathrm{softmax}(o)` expected of its class,

    .. math:: \frac{1 - q_{y_i}(x_i)}{1 - 1 / K},

    so that prototypes and shares tell how the task deviates from it. (With a prior that
    is the same for all rows and two classes, the shares are the odds of the task over
    those of the prior.)

    Unlabelled rows of a task, ``Batch.unlabelled``, refine its prototypes as in soft
    k-means (Ren et al. 2018, equation 3, with a weight :math:`\omega`),

    .. math::
        \tilde c_k = \frac{\sum_{x \in S_k} f(x) + \omega \sum_j z_{jk} f(\tilde x_j)}
                         {|S_k| + \omega \sum_j z_{jk}}, \qquad
        z_{jk} = (1 - \gamma) \, p(y = k \mid \tilde x_j) + \gamma \, g_{jk},

    where p are the probabilities by the prototypes before and g those by the labels
    spread over the graph of all rows, which follow a manifold where means do not. With
    the same share :math:`\gamma` the graph has its say in the answers. With
    :math:`\gamma = 0`, :math:`\omega = 1` it is the paper's. At most 1,024 rows are in
    the graph, labelled ones first, and evenly spaced ones stand for the others.

    Parameters
    ----------
    distance : str or Distance, default="euclidean"
        Distance in the embedding: "euclidean" (squared, as in the paper), "cosine",
        "manhattan", "mahalanobis", or any registered one.
    learn_scale : bool, default=True
        Learn the scale s. False keeps s = 1, as in the paper.
    n_splits : int, default=1
        How often a training episode is split in support and query: once as it was
        drawn, then at random with as many support rows of each class. Rows are embedded
        once, so that with a large backbone more splits cost little and every embedding
        teaches more.
    class_loss : float or "auto", default="auto"
        Weight of a second loss of the training: all training classes are told apart by
        a linear classifier of the embedding (:class:`~skmeta.algorithms.ClassLoss`).
        "auto" is 1 for pools of ten classes or more, ``tasks="classes"``, and 0, for
        none, elsewhere and for backbones that learn filters of images, "conv4".
    unlabelled : "auto" or (float, float), default="auto"
        How much unlabelled rows count: the weight :math:`\omega` of a row, from 0 on,
        and the graph's share :math:`\gamma`, from 0 to 1. With "auto" an estimator's
        ``fit`` learns them on held-out tasks, and (0, 0), which leaves unlabelled rows
        alone, stands elsewhere and where they do not help.

    References
    ----------
    J. Snell, K. Swersky, R. Zemel. Prototypical networks for few-shot learning.
    NeurIPS 2017.

    M. Ren, E. Triantafillou, S. Ravi, J. Snell, K. Swersky, J. B. Tenenbaum, H.
    Larochelle, R. S. Zemel. Meta-learning for semi-supervised few-shot classification.
    ICLR 2018.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skmeta import MetaClassifier
    >>> from skmeta.algorithms import ProtoNet
    >>> X, y = load_digits(return_X_y=True)
    >>> meta = MetaClassifier(ProtoNet("cosine"), tasks="classes", max_epochs=1)
    >>> meta = meta.fit(X[y < 7], y[y < 7])
    >>> few, new = y >= 7, y[y >= 7]
    >>> meta.adapt(X[few][:20], new[:20]).predict(X[few][20:]).shape
    (513,)
    """

    kinds = ("classifier",)
    uses_weights = True
    weighs_classes = False
    uses_prior = True
    uses_unlabelled = True

    def __init__(
        self,
        distance: str | Distance = "euclidean",
        learn_scale: bool = True,
        n_splits: int = 1,
        class_loss: float | Literal["auto"] = "auto",
        unlabelled: Literal["auto"] | tuple[float, float] = "auto",
    ):
        self.distance = distance
        self.learn_scale = learn_scale
        self.n_splits = n_splits
        self.class_loss = class_loss
        self.unlabelled = unlabelled

    def unlabelled_choices(self, spec: Spec) -> tuple[tuple[float, float], ...]:
        """Return weights of unlabelled rows and shares of their graph."""
        return _CHOICES

    def build(self, backbone: Backbone, spec: Spec) -> "Prototypes":
        """Hold the backbone, the distance, its scale, the prior and the second loss.

        Raises
        ------
        ValueError
            If ``n_splits`` is not positive or ``class_loss`` negative, or if other
            splits are to be drawn where which rows are support is fixed.
        """
        if not is_count(self.n_splits, 1):
            raise ValueError(f"n_splits must be at least 1, not {self.n_splits!r}.")
        check_unlabelled(self.unlabelled)
        if self.n_splits > 1 and spec.fixed_split:
            raise ValueError(
                f"n_splits={self.n_splits} draws other supports from the rows of an "
                "episode, and support='first' or in_support say which they are. Set "
                "n_splits=1."
            )
        distance = plugins.resolve("distance", self.distance)
        network = backbone.build(spec.n_features)
        module = Prototypes(network, distance, spec, self.learn_scale)
        module.class_loss = make_class_loss(width_of(network), spec, self.class_loss)
        return module

    def adapt(self, module: "Prototypes", support: Batch) -> "State | WithGraph":
        """Average the embedded support rows of every class."""
        weight, share = check_unlabelled(self.unlabelled)
        embedded = apply(module.backbone, support.X, support.mask)
        counted = count_unexpected(support)
        state = module.average(embedded, counted)
        if support.unlabelled is None or not (weight or share):
            return state
        few = few_unlabelled(support)
        graph = None
        if share:
            graph = beside_graph(state, support, few, module.n_outputs, share)
        if weight:
            others = apply(module.backbone, few.X, few.mask)
            p = add_offset(module.compare(state, others), few.offset).softmax(dim=-1)
            if graph is not None:
                of_graph = graph.probabilities(few.offset, support.mask.shape[1])
                part = graph.share[:, None, None]
                p = (1 - part) * p + part * of_graph
            counts = few.mask & support.mask.any(dim=1, keepdim=True)
            member = weight * counts.unsqueeze(-1) * p
            state = module.average(embedded, counted, others, member)
        return state if graph is None else graph._replace(learnt=state)

    def predict(
        self,
        module: "Prototypes",
        state: "State | WithGraph",
        X: Tensor,
        offset: Tensor | None = None,
    ) -> Tensor:
        """Compare rows with the prototypes of their task."""
        if isinstance(state, WithGraph):
            logits = self.predict(module, state.learnt, X, offset)
            return mixed(state, logits, X, offset)
        return add_offset(module.compare(state, apply(module.backbone, X)), offset)

    def distances(
        self,
        module: "Prototypes",
        state: "State | WithGraph",
        X: Tensor,
        offset: Tensor | None = None,
    ) -> Tensor:
        """Measure how far rows are from the prototypes of their task."""
        if isinstance(state, WithGraph):
            return self.distances(module, state.learnt, X, offset)
        return module.measure(state, apply(module.backbone, X))

    def meta_loss(self, module: "Prototypes", episode: Episode) -> Tensor:
        """Loss on the queries, of rows that are embedded all at once.

        So a batch norm in the backbone sees support and query together, no padding, and
        each embedding serves every split.
        """
        rows, in_support = episode.join()
        embedded = apply(module.backbone, rows.X, rows.mask)
        counted = count_unexpected(rows)
        losses: list[Tensor] = []
        for _ in range(self.n_splits):
            if losses:
                in_support = split_again(rows, in_support)
            support = counted._replace(mask=in_support)
            query = rows._replace(mask=rows.mask & ~in_support)
            state = module.average(embedded, support)
            logits = add_offset(module.compare(state, embedded), rows.offset)
            losses.append(task_losses(logits, query).mean())
        loss = torch.stack(losses).mean()
        if module.class_loss is not None:
            loss = loss + module.class_loss(embedded, rows)
        return loss


class State(NamedTuple):
    prototypes: Tensor  # (tasks, classes, d)
    log_odds: Tensor  # (tasks, classes), up to a constant
    n_classes: Tensor  # (tasks,)


class Prototypes(nn.Module):
    """Backbone, distance, scale and prior prototypes."""

    def __init__(
        self, backbone: nn.Module, distance: Distance, spec: Spec, learn_scale: bool
    ):
        super().__init__()
        width = width_of(backbone)
        self.backbone = backbone
        self.distance = distance.build(width)
        self.n_outputs = spec.n_outputs
        self.log_scale = log_scale(backbone, self.distance, spec, learn=learn_scale)
        self.class_loss: ClassLoss | None = None
        if self.n_outputs:
            # softplus(5) is about 5: a prior is worth five rows at first.
            self.prior = nn.Parameter(torch.randn(self.n_outputs, width) / width**0.5)
            self.raw_strength = nn.Parameter(torch.full((self.n_outputs, 1), 5.0))
            self.raw_count = nn.Parameter(torch.full((self.n_outputs,), 5.0))

    def average(
        self,
        embedded: Tensor,
        support: Batch,
        others: Tensor | None = None,
        member: Tensor | None = None,
    ) -> State:
        """Return the prototype of every class of every task.

        ``others`` are embedded rows without labels, and ``member``, (tasks, others,
        classes), how much they count in each class. They move prototypes; the shares of
        classes are those of labels.
        """
        total, count = sum_by_class(embedded, support, self.n_outputs)
        n_labels = count.squeeze(-1)
        if others is not None and member is not None:
            total = total + member.mT @ others
            count = count + member.sum(dim=1).unsqueeze(-1)
        if not self.n_outputs:
            no_odds = torch.zeros_like(n_labels)
            return State(mean_by_class(total, count), no_odds, support.n_classes)
        strength = softplus(self.raw_strength)  # (classes, 1)
        prototypes = (strength * self.prior + total) / (strength + count)
        log_odds = (softplus(self.raw_count) + n_labels).log()
        return State(prototypes, log_odds, support.n_classes)

    def measure(self, state: State, embedded: Tensor) -> Tensor:
        """Return the distances of embedded rows, ``inf`` for classes a task lacks."""
        distances = self.distance(embedded, state.prototypes).clamp(min=0)  # rounding
        return -mask_absent_classes(-distances, state.n_classes)

    def compare(self, state: State, embedded: Tensor) -> Tensor:
        """Return the logits of embedded rows."""
        distances = self.distance(embedded, state.prototypes)
        log_odds = state.log_odds.unsqueeze(1)
        logits = log_odds - self.log_scale.exp() * distances
        return mask_absent_classes(logits, state.n_classes)
