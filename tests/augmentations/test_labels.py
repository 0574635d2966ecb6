"""Permuted labels: alike in support and query."""

import torch
from torch.nn.functional import one_hot

from skmeta.augmentations import LabelPermutation
from skmeta.episodes import Episode
from tests.augmentations.conftest import SHARED, draw_episode


def test_permuted_labels_are_renamed_alike_in_support_and_query(rng):
    episode = draw_episode(SHARED)
    changed = LabelPermutation(share=0.5).augment(episode, SHARED, rng)
    moved = 0
    for i in range(len(episode.support.y)):
        new_name = {}
        for old, new in zip(episode, changed, strict=True):
            for a, b in zip(old.y[i][old.mask[i]], new.y[i][old.mask[i]], strict=True):
                assert new_name.setdefault(int(a), int(b)) == int(b)
        assert len(set(new_name.values())) == len(new_name)
        assert all(name < 4 for name in new_name.values())
        moved += any(a != b for a, b in new_name.items())
    assert 0.25 < moved / len(episode.support.y) < 0.65


def test_what_a_prior_says_of_labels_is_permuted_with_them(rng):
    def tell(batch):  # 10 for the row's own class, and else the number of the class
        told = torch.where(one_hot(batch.y, 4) > 0, 10.0, torch.arange(4.0))
        return batch._replace(offset=(told * batch.mask.unsqueeze(-1)).unsqueeze(2))

    episode = Episode(*map(tell, draw_episode(SHARED)))
    changed = LabelPermutation(share=0.5).augment(episode, SHARED, rng)
    for old, new in zip(episode, changed, strict=True):
        real = new.mask
        own = new.offset[..., 0, :].gather(2, new.y.unsqueeze(-1)).squeeze(-1)
        assert (own[real] == 10).all()
        assert not new.offset[~real].any()
        torch.testing.assert_close(
            new.offset.sort(dim=-1).values, old.offset.sort(dim=-1).values
        )
    assert not torch.equal(changed.support.offset, episode.support.offset)
