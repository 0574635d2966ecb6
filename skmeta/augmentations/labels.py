"""Task augmentation by labels that change their meaning."""

import torch
from torch import Tensor

from skmeta.augmentations.base import Augmentation, choose_tasks, draw_per_class
from skmeta.episodes.episode import Batch, Episode
from skmeta.episodes.spec import Spec

__all__ = ["LabelPermutation"]


class LabelPermutation(Augmentation):
    """Permute the labels of some tasks of a shared label space.

    Where a label means the same in every task, a learner can answer without the
    support, from what it remembers of the training tasks. In a task whose labels are
    permuted it cannot: only the support tells what they mean (Rajendran et al. 2020).
    Too large a share unlearns what the labels have in common. What a prior says of the
    labels is permuted with them: it may still be believed.

    In per-task label spaces every episode numbers its classes anew, so that nothing is
    left to permute and this changes nothing that is learnt.

    Parameters
    ----------
    share : float, default=0.5
        Chance of a task to have its labels permuted.

    References
    ----------
    J. Rajendran, A. Irpan, E. Jang. Meta-learning requires meta-augmentation.
    NeurIPS 2020.

    Examples
    --------
    >>> from skmeta import MetaClassifier
    >>> from skmeta.augmentations import LabelPermutation
    >>> MetaClassifier("maml", augment=LabelPermutation(share=0.2))
    MetaClassifier(algorithm='maml', augment=LabelPermutation(share=0.2))
    """

    kinds = ("classifier",)

    def __init__(self, share: float = 0.5):
        self.share = share

    def augment(self, episode: Episode, spec: Spec, rng: torch.Generator) -> Episode:
        """Renumber the classes of whole tasks.

        Raises
        ------
        ValueError
            If ``share`` is no probability.
        """
        if not 0 <= self.share <= 1:
            raise ValueError(f"share must be in [0, 1], not {self.share!r}.")
        n_classes = episode.support.n_classes.unsqueeze(1)
        code = torch.arange(int(n_classes.max()))
        keys = torch.rand(len(n_classes), len(code), generator=rng)
        # Classes that a task does not have keep their place, behind the others.
        keys = torch.where(code < n_classes, keys, 1.0 + code)
        chosen = choose_tasks(len(n_classes), self.share, rng)
        new_code = torch.where(chosen, keys.argsort(dim=1), code)
        support, query = draw_per_class(episode, new_code)
        return Episode(
            _rename(episode.support, support, new_code),
            _rename(episode.query, query, new_code),
        )


def _rename(batch: Batch, y: Tensor, new_code: Tensor) -> Batch:
    """Give rows other codes, and the prior's outputs the places that go with them."""
    batch = batch._replace(y=y * batch.mask)
    if batch.offset is None:
        return batch
    place = new_code[:, None, None].expand_as(batch.offset)
    offset = torch.empty_like(batch.offset).scatter_(3, place, batch.offset)
    return batch._replace(offset=offset)
