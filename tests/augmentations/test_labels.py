"""Permuted labels: alike in support and query."""

from skmeta.augmentations import LabelPermutation
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
