"""Generated rows of tasks: padding lies where it is asked for."""

import pytest
import torch

from skmeta.testing.algorithms.tasks import Rows, pad


@pytest.mark.parametrize(
    ("place", "mask"),
    [("end", [1, 1, 1, 0, 0]), ("front", [0, 0, 1, 1, 1]), ("middle", [1, 0, 0, 1, 1])],
)
def test_pad_puts_rows_beside_padding(place, mask):
    task = Rows(torch.ones(3, 3), torch.tensor([1, 2, 1]), 3)
    batch = pad([task], extra=2, place=place)
    assert batch.mask[0].tolist() == [bool(real) for real in mask]
    assert batch.y[batch.mask].tolist() == [1, 2, 1]
    assert not batch.X[~batch.mask].any()
    assert not batch.y[~batch.mask].any()
