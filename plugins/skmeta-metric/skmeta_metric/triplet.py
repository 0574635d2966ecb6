"""Triplet loss."""

from typing import Literal

import torch
from pytorch_metric_learning.losses import TripletMarginLoss
from pytorch_metric_learning.reducers import DoNothingReducer
from torch import Tensor, nn

from skmeta.distances import Distance
from skmeta.episodes import Batch, Episode
from skmeta_metric.learner import MetricLearner
from skmeta_metric.pairs import Given, hardest, make_pairs, mean_by_task

__all__ = ["Triplet"]


class Triplet(MetricLearner):
    r"""Siamese network with the triplet loss: the same class nearer than any other.

    A row, another one of its class and one of another class, with distances
    :math:`d_p` and :math:`d_n` in the embedding, cost (Schroff et al. 2015)

    .. math:: L = \max(0, \, d_p - d_n + m),

    which is ``TripletMarginLoss`` of the library. All rows of a task are compared with
    its support; rows of two tasks never are. The loss is the mean over the triplets of
    a task that cost anything, as in the library, and over tasks.

    Adaptation and prediction are those of :class:`skmeta.algorithms.Siamese`: the
    distance to a class is that to its nearest support row or the mean over them, and
    the scale that makes probabilities of distances is learnt on the side.

    Parameters
    ----------
    distance : str or Distance, default="lp"
        Distance in the embedding, a registered name or an object. "lp" is the Euclidean
        one of embeddings scaled to length 1, which are at most 2 apart.
    margin : float, default=0.1
        Margin m by which another class is to be farther; 0.05 in the library.
    smooth : bool, default=False
        Replace max(0, x) by its smooth version, :math:`\log(1 + e^x)`.
    miner : {None, "hard", "semihard", "batch_hard"}, default=None
        Which triplets to learn from: all; those with :math:`d_n \le d_p`; those with
        :math:`d_p < d_n \le d_p + m`; or, for each row, that of its farthest fellow and
        its nearest stranger (Hermans et al. 2017). The rules of ``TripletMarginMiner``
        and ``BatchHardMiner``, applied inside each task.
    predict_by : {"nearest", "mean"}, default="nearest"
        Distance from a row to a class: to the nearest support row or the mean of all.

    References
    ----------
    F. Schroff, D. Kalenichenko, J. Philbin. FaceNet: a unified embedding for face
    recognition and clustering. CVPR 2015.

    A. Hermans, L. Beyer, B. Leibe. In defense of the triplet loss for person
    re-identification. arXiv:1703.07737, 2017.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skmeta import MetaClassifier
    >>> from skmeta_metric import Triplet
    >>> X, y = load_digits(return_X_y=True)
    >>> meta = MetaClassifier(Triplet(), tasks="classes", max_epochs=1)
    >>> meta = meta.fit(X[y < 7], y[y < 7])
    >>> few, new = y >= 7, y[y >= 7]
    >>> meta.adapt(X[few][:20], new[:20]).predict(X[few][20:]).shape
    (513,)
    """

    _positive = ("margin",)
    _names = {"miner": (None, "hard", "semihard", "batch_hard")}

    def __init__(
        self,
        distance: str | Distance = "lp",
        margin: float = 0.1,
        smooth: bool = False,
        miner: Literal[None, "hard", "semihard", "batch_hard"] = None,
        predict_by: Literal["nearest", "mean"] = "nearest",
    ):
        self.distance = distance
        self.margin = margin
        self.smooth = smooth
        self.miner = miner
        self.predict_by = predict_by

    def _meta_loss(
        self, module: nn.Module, embedded: Tensor, rows: Batch, episode: Episode
    ) -> Tensor:
        n_support = episode.support.mask.shape[1]
        d = module.distance(embedded, embedded[:, :n_support])
        task, anchor, positive, negative = self._triplets(d, rows)
        n_tasks, n_rows, _ = d.shape
        losses = d.new_zeros(0)
        if len(task):
            loss = TripletMarginLoss(
                margin=self.margin,
                smooth_loss=self.smooth,
                distance=Given(),
                reducer=DoNothingReducer(),
            )
            triplets = (task * n_rows + anchor, positive, negative)
            losses = loss(d.flatten(0, 1), indices_tuple=triplets)["loss"]["losses"]
        return mean_by_task(losses, losses > 0, task, n_tasks).mean()

    def _triplets(self, d: Tensor, rows: Batch) -> tuple[Tensor, ...]:
        """Return task, anchor, positive and negative of the triplets to learn from."""
        pairs = make_pairs(d.detach(), rows)
        if self.miner == "batch_hard":
            pairs = hardest(pairs)
        # (tasks, anchors, positives, negatives)
        chosen = pairs.positive.unsqueeze(3) & pairs.negative.unsqueeze(2)
        if self.miner in ("hard", "semihard"):
            gap = pairs.distance.unsqueeze(2) - pairs.distance.unsqueeze(3)
            hard = gap <= 0
            chosen &= hard if self.miner == "hard" else ~hard & (gap <= self.margin)
        return torch.where(chosen)
