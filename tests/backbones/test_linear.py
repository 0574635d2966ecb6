"""No network at all."""

import torch

from skmeta.backbones import Identity


def test_identity_returns_the_rows():
    X = torch.arange(12.0).view(2, 3, 2)
    assert torch.equal(Identity().build(2)(X), X)
