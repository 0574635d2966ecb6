"""Task augmentation of any features: noise, and features that are missing."""

import torch

from skmeta.augmentations.base import Augmentation
from skmeta.episodes.episode import Batch, Episode
from skmeta.episodes.spec import Spec

__all__ = ["FeatureMasking", "FeatureNoise"]


class FeatureNoise(Augmentation):
    """Add normal noise to every number of every row.

    Parameters
    ----------
    scale : float, default=0.1
        Standard deviation of the noise, in units of the features as the learner sees
        them: of their own standard deviation with ``normalize="global"``.

    Examples
    --------
    >>> from skmeta import MetaRegressor
    >>> from skmeta.augmentations import FeatureNoise
    >>> MetaRegressor("anil", augment=FeatureNoise(scale=0.2))
    MetaRegressor(algorithm='anil', augment=FeatureNoise(scale=0.2))
    """

    def __init__(self, scale: float = 0.1):
        self.scale = scale

    def augment(self, episode: Episode, spec: Spec, rng: torch.Generator) -> Episode:
        """Add noise to support and query rows.

        Raises
        ------
        ValueError
            If ``scale`` is negative.
        """
        if not self.scale >= 0:
            raise ValueError(f"scale must not be negative, not {self.scale!r}.")

        def noisy(batch: Batch) -> Batch:
            noise = torch.randn(batch.X.shape, generator=rng) * self.scale
            return batch._replace(X=batch.X + noise * batch.mask.unsqueeze(-1))

        return Episode(noisy(episode.support), noisy(episode.query))


class FeatureMasking(Augmentation):
    """Take features away from a whole task, as if it had never had them.

    A feature that is taken away is 0 in every row of the task, which with
    ``normalize="global"`` is its mean. So a learner cannot lean on the few features
    that told the training tasks apart.

    Parameters
    ----------
    share : float, default=0.2
        Chance of every feature to be taken away from a task.

    Examples
    --------
    >>> from skmeta import MetaClassifier
    >>> from skmeta.augmentations import FeatureMasking
    >>> MetaClassifier("protonet", augment=FeatureMasking(share=0.5))
    MetaClassifier(algorithm='protonet', augment=FeatureMasking(share=0.5))
    """

    def __init__(self, share: float = 0.2):
        self.share = share

    def augment(self, episode: Episode, spec: Spec, rng: torch.Generator) -> Episode:
        """Set features of whole tasks to 0.

        Raises
        ------
        ValueError
            If ``share`` is no probability below 1.
        """
        if not 0 <= self.share < 1:
            raise ValueError(f"share must be in [0, 1), not {self.share!r}.")
        shape = (len(episode.support.X), 1, spec.n_features)
        kept = torch.rand(shape, generator=rng) >= self.share
        return Episode(
            *(batch._replace(X=batch.X * kept) for batch in episode),
        )
