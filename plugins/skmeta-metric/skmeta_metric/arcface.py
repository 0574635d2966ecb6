"""ArcFace: a classifier of all training classes with a margin of the angle."""

from typing import Literal

from pytorch_metric_learning.distances import CosineSimilarity
from pytorch_metric_learning.losses import ArcFaceLoss
from torch import Tensor, nn

from skmeta.algorithms import Spec, join_train_rows
from skmeta.episodes import Batch, Episode
from skmeta_metric.learner import MetricLearner

__all__ = ["ArcFace"]

# An angle has an infinite slope where the cosine is 1 or -1.
_LARGEST_COSINE = 1 - 1e-6


class ArcFace(MetricLearner):
    r"""ArcFace: directions of classes, and a margin between the angles to them.

    Training is classification of all training classes at once by all rows of a
    meta-batch, and knows nothing of tasks. With :math:`\theta_k` the angle between a
    row's embedding and the vector of class k, a row of class y costs (Deng et al. 2019,
    equation 3)

    .. math:: L = -\log \frac{e^{s \cos(\theta_y + m)}}
              {e^{s \cos(\theta_y + m)} + \sum_{k \ne y} e^{s \cos \theta_k}},

    which is ``ArcFaceLoss`` of the library. What it learns is the embedding and, for
    the time of the training, the vectors. A new task keeps the embedding, and compares
    rows by their cosine.

    Adaptation and prediction are those of :class:`skmeta.algorithms.Siamese`: the
    distance to a class is that to its nearest support row or the mean over them, and
    the scale that makes probabilities of distances is learnt on the side.

    Parameters
    ----------
    margin : float, default=28.6
        Margin m, in degrees; half a radian.
    scale : float, default=64.0
        Scale s.
    predict_by : {"nearest", "mean"}, default="nearest"
        Distance from a row to a class: to the nearest support row or the mean of all.

    References
    ----------
    J. Deng, J. Guo, N. Xue, S. Zafeiriou. ArcFace: additive angular margin loss for
    deep face recognition. CVPR 2019.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skmeta import MetaClassifier
    >>> from skmeta_metric import ArcFace
    >>> X, y = load_digits(return_X_y=True)
    >>> meta = MetaClassifier(ArcFace(), tasks="classes", max_epochs=1)
    >>> meta = meta.fit(X[y < 7], y[y < 7])
    >>> few, new = y >= 7, y[y >= 7]
    >>> meta.adapt(X[few][:20], new[:20]).predict(X[few][20:]).shape
    (513,)
    """

    distance = "cosine"  # no parameter: the loss is one of angles

    _positive = ("margin", "scale")

    def __init__(
        self,
        margin: float = 28.6,
        scale: float = 64.0,
        predict_by: Literal["nearest", "mean"] = "nearest",
    ):
        self.margin = margin
        self.scale = scale
        self.predict_by = predict_by

    def _make_loss(self, network: nn.Module, spec: Spec) -> nn.Module:
        return ArcFaceLoss(
            num_classes=max(1, spec.n_train_classes),
            embedding_size=network.out_features,
            margin=self.margin,
            scale=self.scale,
            distance=_Cosine(),
        )

    def _meta_loss(
        self, module: nn.Module, embedded: Tensor, rows: Batch, episode: Episode
    ) -> Tensor:
        """Return the mean over all rows of the meta-batch."""
        rows, _ = join_train_rows(episode, module.loss.num_classes)
        counts = rows.label >= 0
        if not counts.any():
            return 0.0 * embedded.sum()
        return module.loss(embedded[counts], rows.label[counts])

    def _validate(self) -> None:
        super()._validate()
        if self.margin >= 180:
            raise ValueError(
                f"margin is an angle below 180 degrees, not {self.margin!r}."
            )


class _Cosine(CosineSimilarity):
    """The library's cosine, short of where its angle has no slope."""

    def compute_mat(self, query_emb: Tensor, ref_emb: Tensor) -> Tensor:
        cosine = super().compute_mat(query_emb, ref_emb)
        return cosine.clamp(-_LARGEST_COSINE, _LARGEST_COSINE)
