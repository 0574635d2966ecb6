"""Sums over the rows of a class, and other splits of an episode."""

import math

import pytest
import torch
from torch.nn.functional import one_hot

from skmeta.algorithms.shared.by_class import log_sum_by_class, split_again
from tests.batches import CLASSIFIER, PER_TASK


@pytest.mark.parametrize("spec", [CLASSIFIER, PER_TASK], ids=["shared", "per_task"])
def test_every_split_has_as_many_support_rows_of_each_class(spec, episode_for):
    rows, in_support = episode_for(spec).join()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        others = [split_again(rows, in_support) for _ in range(20)]
    for other in others:
        assert not (other & ~rows.mask).any()
        for t in range(3):
            before, after = rows.y[t][in_support[t]], rows.y[t][other[t]]
            assert sorted(before.tolist()) == sorted(after.tolist())
    often = torch.stack(others).double().mean(dim=0)
    several = one_hot(rows.y[rows.mask]).sum()  # rows of classes with others to choose
    assert ((often > 0) & (often < 1)).sum() > 0.3 * several


def test_log_sum_by_class_neither_underflows_nor_counts_padding():
    logits = torch.tensor([[[-1e4, -1e4, 0.0, -3.0]]])
    slot = torch.tensor([[1, 1, 0, 2]])  # two rows of class 0, padding, one of class 1
    has_rows = torch.tensor([[True, True, False]])
    scores = log_sum_by_class(logits, slot, has_rows)
    expected = torch.tensor([[[-1e4 + math.log(2.0), -3.0, 0.0]]])
    torch.testing.assert_close(scores, expected)
