"""Task augmentation of any features: noise, and features that are missing."""

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from skmeta.augmentations.base import Augmentation
from skmeta.episodes.episode import Batch, Episode
from skmeta.episodes.spec import Spec

__all__ = ["FeatureMasking", "FeatureNoise"]


class FeatureNoise(Augmentation):
    r"""Add normal noise to every row.

    Noise of one size in all features says that small differences do not matter. Where
    features are closely related, small differences are what tells classes apart, and
    noise had better follow them: with the mean :math:`m_k` of the rows of class k in a
    task, of n rows and K classes, rows differ inside classes by

    .. math:: S = \frac{1}{n - K} \sum_i (x_i - m_{y_i}) (x_i - m_{y_i})^\top,

    and noise of the covariance :math:`w^2 S` says that a class may as well be wider.
    What is added to a row is drawn from

    .. math:: N(0, \; s^2 I + w^2 S).

    Parameters
    ----------
    scale : float, default=0.1
        Standard deviation s of the noise, in units of the features as the learner sees
        them: of their own standard deviation with ``normalize="global"``.
    within : float, default=0.0
        Factor w of the differences inside classes; in regression, and of several
        targets, of those inside tasks.

    Examples
    --------
    >>> from skmeta import MetaRegressor
    >>> from skmeta.augmentations import FeatureNoise
    >>> MetaRegressor("anil", augment=FeatureNoise(scale=0.2))
    MetaRegressor(algorithm='anil', augment=FeatureNoise(scale=0.2))
    """

    several_targets = True

    def __init__(self, scale: float = 0.1, within: float = 0.0):
        self.scale = scale
        self.within = within

    def augment(self, episode: Episode, spec: Spec, rng: torch.Generator) -> Episode:
        """Add noise to support and query rows.

        Raises
        ------
        ValueError
            If ``scale`` or ``within`` is negative.
        """
        for name in ("scale", "within"):
            value = getattr(self, name)
            if not value >= 0:
                raise ValueError(f"{name} must not be negative, not {value!r}.")

        noise = [
            torch.randn(batch.X.shape, generator=rng) * self.scale for batch in episode
        ]
        if self.within:
            rows, _ = episode.join()
            n_support = episode.support.mask.shape[1]
            wider = _scatter(rows, self.within, rng)
            noise[0] = noise[0] + wider[:, :n_support]
            noise[1] = noise[1] + wider[:, n_support:]
        return Episode(
            *(
                batch._replace(X=batch.X + added * batch.mask.unsqueeze(-1))
                for batch, added in zip(episode, noise, strict=True)
            )
        )


def _scatter(rows: Batch, factor: float, rng: torch.Generator) -> Tensor:
    """Draw noise that has the covariance of the rows around the means of their classes.

    It is a random mixture of these differences, of all rows of a task. One matrix of
    random factors serves all tasks, for it is as large as their rows squared.
    """
    code = torch.zeros_like(rows.mask, dtype=torch.long)  # in regression: of the task
    if not rows.y.is_floating_point() and rows.y.ndim == 2:
        code = rows.y
    member = one_hot(code).to(rows.X) * rows.mask.unsqueeze(-1)
    count = member.sum(dim=1)  # (tasks, classes)
    mean = (member.mT @ rows.X) / count.clamp(min=1).unsqueeze(-1)
    # A padded row is of no class, and 0.
    difference = torch.baddbmm(rows.X, member, mean, alpha=-1)
    free = (rows.mask.sum(dim=1) - (count > 0).sum(dim=1)).clamp(min=1)
    n_rows = rows.mask.shape[1]
    mixture = torch.randn(n_rows, n_rows, generator=rng).to(rows.X)
    mixture = mixture * (factor / free.sqrt())[:, None, None]
    return mixture @ difference


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

    several_targets = True

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
