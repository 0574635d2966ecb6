"""Group normalisation: torch's own, with derivatives of its own."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.nn import functional as F

from skmeta.nn.group_norm import group_norm


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


def normal(*shape, generator):
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def small_maps(generator):
    maps = normal(2, 6, 2, 3, generator=generator)
    scale, shift = (normal(6, generator=generator) for _ in range(2))
    return [each.requires_grad_() for each in (maps, scale, shift)]


def test_group_norm_is_torchs_own(generator):
    maps, scale, shift = small_maps(generator)
    torch.testing.assert_close(
        group_norm(maps, 3, scale, shift, eps=1e-5),
        F.group_norm(maps, 3, scale, shift, eps=1e-5),
    )


def test_group_norm_has_the_derivatives_that_finite_differences_have(generator):
    def normalise(maps, scale, shift):
        return group_norm(maps, 3, scale, shift, eps=0.1)

    assert gradcheck(normalise, small_maps(generator))
    assert gradgradcheck(normalise, small_maps(generator))


def test_group_norm_stands_a_mean_that_is_large(generator):
    maps = 30 + torch.randn(2, 8, 10, 10, generator=generator)
    one, zero = torch.ones(8), torch.zeros(8)
    expected = F.group_norm(maps.double(), 2).float()
    normalised = group_norm(maps, 2, one, zero, eps=1e-5)
    torch.testing.assert_close(normalised, expected, rtol=1e-3, atol=1e-3)


def test_group_norm_of_constant_maps_is_finite():
    # Rounding gives many of them a variance below zero.
    maps = torch.linspace(1, 5000, 100)[:, None, None, None].expand(-1, 8, 5, 5)
    maps = maps.clone().requires_grad_()
    normalised = group_norm(maps, 2, torch.ones(8), torch.zeros(8), eps=1e-5)
    normalised.square().sum().backward()
    assert normalised.isfinite().all()
    assert maps.grad.isfinite().all()
