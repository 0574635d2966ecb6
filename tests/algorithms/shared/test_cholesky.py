"""Factors and inverses of covariances that rounding has spoilt."""

import pytest
import torch

from skmeta.algorithms.gaussian.exact import Inverse, MostLikely
from skmeta.algorithms.shared.cholesky import cholesky, inverse

ONE = torch.ones((), dtype=torch.double)


def with_eigenvalues(values, seed=0):
    """Return a symmetric matrix in double precision."""
    values = torch.as_tensor(values, dtype=torch.double)
    generator = torch.Generator().manual_seed(seed)
    random = torch.randn(len(values), len(values), generator=generator)
    basis = torch.linalg.qr(random.double()).Q
    return basis @ torch.diag(values) @ basis.T


@pytest.mark.parametrize("n_rows", [3, 8, 20, 100])
@pytest.mark.parametrize("smallest", [0.3, 1e-9, 0.0, -1e-3, -1.0])
def test_an_inverse_is_hardly_larger_than_what_is_on_the_diagonal_allows(
    n_rows, smallest
):
    """Covariances and 1 have an inverse of 1 at most, whatever rounding has made."""
    values = torch.linspace(1.0, 10.0, n_rows)
    values[0] = smallest
    A = torch.stack([with_eigenvalues(values, seed) for seed in range(5)])
    A[0] = with_eigenvalues(torch.linspace(1.0, 10.0, n_rows))
    P, L = inverse(A, ONE)
    limit = 1.01 * (0.5 + (0.25 + (n_rows - 1) / 4) ** 0.5)
    assert torch.linalg.eigvalsh(P).max() <= limit
    torch.testing.assert_close(P @ L @ L.mT, torch.eye(n_rows).double().expand_as(A))
    torch.testing.assert_close(L[0] @ L[0].T, A[0])  # another's fault is not its own


def test_a_diagonal_of_another_size_allows_as_much_more():
    A = torch.stack([with_eigenvalues([0.01, 5.0, 9.0])] * 2)
    P, L = inverse(A, torch.tensor([0.01, 1.0], dtype=torch.double))
    torch.testing.assert_close(L[0] @ L[0].T, A[0])
    assert torch.linalg.eigvalsh(P[1]).max() < 2


def test_no_number_has_neither_factor_nor_inverse():
    A = torch.stack([torch.eye(2), torch.full((2, 2), torch.nan)]).double()
    P, L = inverse(A, ONE)
    for each in (P, L, cholesky(A)):
        torch.testing.assert_close(each[0], torch.eye(2).double())
        assert each[1].isnan().any()


def test_covariances_that_rounding_has_spoilt_make_no_wild_answer():
    K = with_eigenvalues([-2.0 + 1e-9, 3.0, 30.0])[None, None]
    Y = torch.eye(3, dtype=torch.double)[None, None]
    logits, root = torch.zeros_like(Y), torch.ones_like(Y[..., :1])
    weights, _ = MostLikely.apply(K, logits, Y, root, torch.tensor([12]))
    assert weights.abs().max() <= 1
    A = with_eigenvalues([1e-12, 3.0, 30.0])[None, None]
    noise = torch.tensor([0.1], dtype=torch.double)
    _, weights, _ = Inverse.apply(A, torch.ones_like(root), noise)
    assert weights.abs().max() < 20


def test_covariances_that_rounding_made_indefinite_are_factorised_nearby(generator):
    rows = torch.randn(3, 8, 2, generator=generator)
    K = rows @ rows.mT  # of rank 2
    K[1] += torch.eye(8)
    K[2, 0, 0] -= 1e-4 * K[2].diagonal().mean()
    L = cholesky(K)
    distance = (L @ L.mT - K).abs().amax(dim=(1, 2)) / K.abs().amax(dim=(1, 2))
    assert (distance < 1e-3).all()
    assert torch.equal(L[1], torch.linalg.cholesky(K[1]))  # which needed nothing
    assert cholesky(K * torch.nan).isnan().all()


def test_covariances_that_need_different_shifts_are_factorised_side_by_side(generator):
    """What one needs takes no other its factor: a fit of 200 epochs ended in NaN."""
    U = torch.linalg.qr(torch.randn(8, 8, generator=generator).double())[0]
    least = torch.tensor([1.0, -1e-6, -1e-5, -1e-4, -1e-3, 1e-3]).double()
    values = torch.cat([torch.ones(6, 7).double(), least[:, None]], dim=1)
    K = U @ (values[:, :, None] * U.T)
    L = cholesky(K)
    assert L.isfinite().all()
    distance = (L @ L.mT - K).abs().amax(dim=(1, 2))
    assert (distance <= 11 * least.clamp(max=0).abs() + 1e-12).all()
    for each, alone in zip(L, K, strict=True):
        torch.testing.assert_close(each, cholesky(alone[None])[0], rtol=0, atol=1e-14)
