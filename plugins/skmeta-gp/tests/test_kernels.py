"""Kernels by name, given and made: their scale at the start."""

import pytest
import torch
from gpytorch.kernels import RBFKernel, RQKernel, ScaleKernel
from sklearn.base import clone
from skmeta_gp import DKT
from skmeta_gp.kernels import covariance, variance

from skmeta.algorithms import Spec
from skmeta.backbones import MLP

REGRESSOR = Spec(3, 1, "regressor")


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.mark.parametrize("kernel", ["linear", "quadratic", "cosine", "rbf", "matern"])
@pytest.mark.parametrize("size", [0.0, 1e-3, 1e3])
def test_a_named_kernel_starts_on_the_scale_of_the_embedding(kernel, size):
    class Stretched(MLP):
        def build(self, n_features):
            network = super().build(n_features)
            for weight in network[-2].parameters():
                weight.data *= size
            return network

    module = DKT(kernel).build(Stretched(), REGRESSOR)
    embedded = module.backbone(torch.randn(50, 3))
    K = module.kernel(embedded).to_dense().detach()
    assert K.isfinite().all()
    if size:
        assert K.diagonal().mean() == pytest.approx(1, rel=0.3)
        # Rows are neither all alike nor all strangers.
        off_diagonal = K.sum() - K.diagonal().sum()
        assert 0.2 < off_diagonal / (50 * 49) < 0.98


def test_a_kernel_may_be_given_and_is_not_changed():
    given = ScaleKernel(RQKernel())
    given.base_kernel.lengthscale = 2.0
    algorithm = clone(DKT(given))
    module = algorithm.build(MLP(), REGRESSOR)
    assert module.kernel.base_kernel.lengthscale.item() == pytest.approx(2.0)
    assert module.kernel is not algorithm.kernel
    module.kernel.base_kernel.lengthscale = 3.0
    assert given.base_kernel.lengthscale.item() == pytest.approx(2.0)


def test_a_kernel_may_look_at_some_dimensions_only():
    rows = torch.randn(2, 6, 5)
    kernel = RBFKernel(active_dims=(0, 3))
    for compared, expected in [
        (covariance(kernel, rows, rows[:, :4]), kernel(rows, rows[:, :4]).to_dense()),
        (variance(kernel, rows), kernel(rows, diag=True)),
    ]:
        torch.testing.assert_close(compared, expected)


def test_a_function_makes_a_kernel_for_the_width_of_the_embedding():
    def lengthscale_per_dimension(width):
        return ScaleKernel(RBFKernel(ard_num_dims=width))

    module = DKT(lengthscale_per_dimension).build(MLP((8, 5)), REGRESSOR)
    assert module.kernel.base_kernel.lengthscale.shape == (1, 5)
