"""Batches and episodes: what belongs to a row stays with it."""

import pytest
import torch

from skmeta.episodes import Batch, Episode


def draw(n_rows, n_classes, first):
    """Rows of two tasks, the last of the second padding, all numbers different."""

    def numbers(*shape):
        n = torch.Size(shape).numel()
        return first + torch.arange(n, dtype=torch.float).view(shape)

    mask = torch.ones(2, n_rows, dtype=torch.bool)
    mask[1, -1] = False
    return Batch(
        X=numbers(2, n_rows, 3),
        y=numbers(2, n_rows),
        mask=mask,
        n_classes=torch.tensor(n_classes),
        label=numbers(2, n_rows).long(),
        weight=numbers(2, n_rows) / 100,
        offset=numbers(2, n_rows, 1, 2),
    )


def test_joined_rows_are_those_of_the_support_then_those_of_the_query():
    episode = Episode(draw(4, [2, 5], 0.0), draw(3, [3, 1], 500.0))
    rows, in_support = episode.join()
    for name in ("X", "y", "mask", "label", "weight", "offset"):
        support, query = (getattr(batch, name) for batch in episode)
        assert torch.equal(getattr(rows, name)[:, :4], support)
        assert torch.equal(getattr(rows, name)[:, 4:], query)
    assert rows.n_classes.tolist() == [3, 5]
    assert in_support.tolist() == [
        [True, True, True, True, False, False, False],
        [True, True, True, False, False, False, False],
    ]
    assert rows.mask.sum() == 4 + 3 + 3 + 2  # and is as it was


@pytest.mark.parametrize("name", ["label", "weight", "offset"])
@pytest.mark.parametrize("side", [0, 1])
def test_what_one_side_lacks_the_joined_rows_lack(name, side):
    episode = [draw(4, [2, 2], 0.0), draw(3, [2, 2], 500.0)]
    episode[side] = episode[side]._replace(**{name: None})
    rows, _ = Episode(*episode).join()
    lacked = {each for each in rows._fields if getattr(rows, each) is None}
    assert lacked == {name, "unlabelled"}  # which neither side has


def test_rows_count_by_their_weights_and_padding_counts_nothing():
    batch, like = draw(3, [2, 2], 100.0), torch.zeros(1, dtype=torch.double)
    counts = batch.counts(like)
    assert counts.dtype == torch.double
    torch.testing.assert_close(
        counts, torch.tensor([[1.0, 1.01, 1.02], [1.03, 1.04, 0.0]]).double()
    )
    counts = batch._replace(weight=None).counts(like)
    assert counts.tolist() == [[1, 1, 1], [1, 1, 0]]


def test_all_tensors_move_to_a_device_together():
    episode = Episode(draw(4, [2, 2], 0.0)._replace(label=None), draw(3, [2, 2], 1.0))
    moved = episode.to("meta")
    for batch, before in zip(moved, episode, strict=True):
        for tensor, was in zip(batch, before, strict=True):
            assert (tensor is None) == (was is None)
            assert tensor is None or tensor.device.type == "meta"
            assert tensor is None or tensor.shape == was.shape
