"""Multi-similarity loss."""

from typing import Literal

import torch
from pytorch_metric_learning.losses import MultiSimilarityLoss
from pytorch_metric_learning.reducers import DoNothingReducer
from torch import Tensor, nn

from skmeta.distances import Distance
from skmeta.episodes import Batch, Episode
from skmeta_metric.learner import MetricLearner
from skmeta_metric.pairs import Given, Pairs, hardest, informative, make_pairs

__all__ = ["MultiSimilarity"]


class MultiSimilarity(MetricLearner):
    r"""Siamese network with the multi-similarity loss: hard pairs weigh most.

    A row a with the rows :math:`P_a` of its class and :math:`N_a` of others costs
    (Wang et al. 2019, equation 15)

    .. math:: L = \tfrac1\alpha \log\Big(1 + \sum_{p \in P_a}
                  e^{\alpha (d(a, p) - \lambda)}\Big)
                + \tfrac1\beta \log\Big(1 + \sum_{n \in N_a}
                  e^{\beta (\lambda - d(a, n))}\Big),

    which is ``MultiSimilarityLoss`` of the library. All rows of a task are compared
    with its support; rows of two tasks never are. The loss is the mean over the rows of
    a task, and over tasks.

    Adaptation and prediction are those of :class:`skmeta.algorithms.Siamese`: the
    distance to a class is that to its nearest support row or the mean over them, and
    the scale that makes probabilities of distances is learnt on the side.

    Parameters
    ----------
    distance : str or Distance, default="cosine"
        Distance in the embedding, a registered name or an object.
    alpha : float, default=2.0
        How much more the farther rows of the same class weigh.
    beta : float, default=50.0
        How much more the nearer rows of other classes weigh.
    base : float, default=0.5
        Distance :math:`\lambda` between near and far. With "cosine", a similarity of
        1 - base.
    miner : {None, "multi_similarity", "batch_hard"}, default="multi_similarity"
        Which pairs to learn from: all; rows of the class that are not nearer by
        ``epsilon`` than the nearest stranger and strangers that are not farther by it
        than the farthest fellow, as in the paper (equations 8 and 9,
        ``MultiSimilarityMiner``); or, for each row, its farthest fellow and its nearest
        stranger (``BatchHardMiner``). Applied inside each task.
    epsilon : float, default=0.1
        What "multi_similarity" goes by.
    predict_by : {"nearest", "mean"}, default="nearest"
        Distance from a row to a class: to the nearest support row or the mean of all.

    References
    ----------
    X. Wang, X. Han, W. Huang, D. Dong, M. R. Scott. Multi-similarity loss with general
    pair weighting for deep metric learning. CVPR 2019.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skmeta import MetaClassifier
    >>> from skmeta_metric import MultiSimilarity
    >>> X, y = load_digits(return_X_y=True)
    >>> meta = MetaClassifier(MultiSimilarity(), tasks="classes", max_epochs=1)
    >>> meta = meta.fit(X[y < 7], y[y < 7])
    >>> few, new = y >= 7, y[y >= 7]
    >>> meta.adapt(X[few][:20], new[:20]).predict(X[few][20:]).shape
    (513,)
    """

    _positive = ("alpha", "beta", "base", "epsilon")
    _names = {"miner": (None, "multi_similarity", "batch_hard")}

    def __init__(
        self,
        distance: str | Distance = "cosine",
        alpha: float = 2.0,
        beta: float = 50.0,
        base: float = 0.5,
        miner: Literal[None, "multi_similarity", "batch_hard"] = "multi_similarity",
        epsilon: float = 0.1,
        predict_by: Literal["nearest", "mean"] = "nearest",
    ):
        self.distance = distance
        self.alpha = alpha
        self.beta = beta
        self.base = base
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
        losses = self._losses(d.flatten(0, 1), pairs).view_as(rows.mask)
        return (losses.sum(dim=1) / rows.mask.sum(dim=1).clamp(min=1)).mean()

    def _losses(self, d: Tensor, pairs: Pairs) -> Tensor:
        """Return the loss of every row, 0 for one that is in no pair."""
        # Rows of all tasks below each other, in the columns the support of their own.
        of_class = torch.where(pairs.positive.flatten(0, 1))
        of_others = torch.where(pairs.negative.flatten(0, 1))
        if len(of_class[0]) == len(of_others[0]) == 0:
            return 0.0 * d.sum(dim=1)
        # Each twice, which changes nothing, for the library takes one pair for none.
        indices = tuple(index.repeat(2) for index in (*of_class, *of_others))
        loss = MultiSimilarityLoss(
            alpha=self.alpha,
            beta=self.beta,
            base=self.base,
            distance=Given(),
            reducer=DoNothingReducer(),
        )
        return loss(d, indices_tuple=indices)["loss"]["losses"]
