"""NT-Xent, the loss of SimCLR."""

from typing import Literal

import torch
from pytorch_metric_learning.losses import NTXentLoss
from pytorch_metric_learning.reducers import DoNothingReducer
from torch import Tensor, nn
from torch.func import vmap
from torch.nn.functional import pad

from skmeta.distances import Distance
from skmeta.episodes import Batch, Episode
from skmeta_metric.learner import MetricLearner
from skmeta_metric.pairs import Given, hardest, informative, make_pairs

__all__ = ["NTXent"]


class NTXent(MetricLearner):
    r"""Siamese network with NT-Xent: pick the row of one's own class among others.

    For a row a and another row p of its class, with the rows :math:`N_a` of other
    classes (Chen et al. 2020, equation 1, with classes in place of views),

    .. math:: L = -\log \frac{e^{-d(a, p) / \tau}}
              {e^{-d(a, p) / \tau} + \sum_{n \in N_a} e^{-d(a, n) / \tau}},

    which is ``NTXentLoss`` of the library; with "cosine" -d is the similarity but for a
    constant that cancels. All rows of a task are compared with its support; rows of two
    tasks never are. The loss is the mean over the pairs of a task and over tasks.

    Adaptation and prediction are those of :class:`skmeta.algorithms.Siamese`: the
    distance to a class is that to its nearest support row or the mean over them, and
    the scale that makes probabilities of distances is learnt on the side.

    Parameters
    ----------
    distance : str or Distance, default="cosine"
        Distance in the embedding, a registered name or an object.
    temperature : float, default=0.07
        Temperature :math:`\tau`. The lower, the more the nearest
        strangers alone count.
    miner : {None, "multi_similarity", "batch_hard"}, default=None
        Which pairs to learn from: all; those that are not in order by ``epsilon`` (as
        in :class:`MultiSimilarity`); or, for each row, its farthest fellow and its
        nearest stranger.
    epsilon : float, default=0.1
        What "multi_similarity" goes by.
    predict_by : {"nearest", "mean"}, default="nearest"
        Distance from a row to a class: to the nearest support row or the mean of all.

    References
    ----------
    T. Chen, S. Kornblith, M. Norouzi, G. Hinton. A simple framework for contrastive
    learning of visual representations. ICML 2020.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skmeta import MetaClassifier
    >>> from skmeta_metric import NTXent
    >>> X, y = load_digits(return_X_y=True)
    >>> meta = MetaClassifier(NTXent(), tasks="classes", max_epochs=1)
    >>> meta = meta.fit(X[y < 7], y[y < 7])
    >>> few, new = y >= 7, y[y >= 7]
    >>> meta.adapt(X[few][:20], new[:20]).predict(X[few][20:]).shape
    (513,)
    """

    _positive = ("temperature", "epsilon")
    _names = {"miner": (None, "multi_similarity", "batch_hard")}

    def __init__(
        self,
        distance: str | Distance = "cosine",
        temperature: float = 0.07,
        miner: Literal[None, "multi_similarity", "batch_hard"] = None,
        epsilon: float = 0.1,
        predict_by: Literal["nearest", "mean"] = "nearest",
    ):
        self.distance = distance
        self.temperature = temperature
        self.miner = miner
        self.epsilon = epsilon
        self.predict_by = predict_by

    def _meta_loss(
        self, module: nn.Module, embedded: Tensor, rows: Batch, episode: Episode
    ) -> Tensor:
        n_support = episode.support.mask.shape[1]
        d = module.distance(embedded, embedded[:, :n_support])
        pairs = make_pairs(d.detach(), rows)
        if self.miner == "batch_hard":
            pairs = hardest(pairs)
        elif self.miner == "multi_similarity":
            pairs = informative(pairs, self.epsilon)
        losses = self._losses(d, pairs.negative).where(pairs.positive, 0.0)
        n_pairs = pairs.positive.sum(dim=(1, 2)).clamp(min=1)
        return (losses.sum(dim=(1, 2)) / n_pairs).mean()

    def _losses(self, d: Tensor, negative: Tensor) -> Tensor:
        """Return the loss of every pair (tasks, rows, supports) as if of one class."""
        loss = NTXentLoss(
            temperature=self.temperature, distance=Given(), reducer=DoNothingReducer()
        )
        n = d.shape[2]
        place = torch.arange(2 * n + 1, device=d.device)
        row = torch.zeros_like(place)
        # A table of one row: first all as positives, then all as negatives.
        pairs = (row[:n], place[:n], row[n:], place[n:])

        def of_one_anchor(table: Tensor) -> Tensor:
            return loss(table.unsqueeze(0), indices_tuple=pairs)["loss"]["losses"]

        # What is no negative is infinitely far, and so is one more, as the library
        # takes a single pair for none.
        far = pad(d.masked_fill(~negative, torch.inf), (0, 1), value=torch.inf)
        # Anchor by anchor: the library compares every positive pair that it is given
        # with every negative one, whether of the same anchor or not.
        tables = torch.cat([d, far], dim=2).flatten(0, 1)
        return vmap(of_one_anchor)(tables).view_as(negative)
