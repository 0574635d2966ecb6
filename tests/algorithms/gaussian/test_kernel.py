"""Where the kernel learner starts, before anything is meta-learnt."""

import pytest
import torch

from skmeta.algorithms.gaussian import KernelLearner
from skmeta.backbones import MLP
from skmeta.episodes import Spec


def learner(n_features=3, n_parts=0, kind="regressor"):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        n_outputs = {"regressor": 1, "classifier": 2}[kind]
        spec = Spec(n_features, n_outputs, kind, n_parts=n_parts)
        return KernelLearner(MLP((8,)), spec, width=4)


@pytest.mark.parametrize(("kind", "less"), [("regressor", 2.0), ("classifier", 10.0)])
def test_processes_on_the_embedding_or_without_the_prior_are_less_likely_at_first(
    kind, less
):
    log_odds = learner(n_parts=2, kind=kind).log_odds
    around_prior, without_prior, on_both = log_odds.tolist()
    assert on_both == around_prior - 1.0
    assert without_prior == around_prior - less
    inputs_alone, on_embedding = learner(kind=kind).log_odds.tolist()
    assert on_embedding == inputs_alone - 1.0


@pytest.mark.parametrize(
    ("n_parts", "shares"), [(1, [1.0]), (2, [0.7, 0.3]), (3, [0.7, 0.15, 0.15])]
)
def test_at_first_the_parts_of_a_prior_are_averaged_the_first_above_all(
    n_parts, shares
):
    for of_process in learner(n_parts=n_parts).parts.tolist():
        assert of_process == pytest.approx(shares)


@pytest.mark.parametrize("n_features", [1, 4, 100])
def test_two_rows_at_the_usual_distance_are_as_alike_in_any_number_of_columns(
    n_features,
):
    """Columns are standardised: squares of differences are 2 on average."""
    kernel = learner(n_features).kernel()
    kernel = kernel._replace(constant=torch.tensor(0.0), embedding=torch.tensor(0.0))
    a = torch.zeros(1, 1, n_features)
    b = torch.full_like(a, 2**0.5)
    alike = kernel.between(a, b) / kernel.variance(a).unsqueeze(-1)
    expected = torch.tensor(-0.6).exp().neg().exp()  # lengths are e^0.3 sqrt(columns)
    torch.testing.assert_close(alike, expected.expand_as(alike))


@pytest.mark.parametrize("n_features", [4, 400])
def test_the_first_embedding_is_of_one_size_in_any_number_of_columns(
    n_features, generator
):
    skip = learner(n_features).skip(torch.randn(500, n_features, generator=generator))
    assert skip.std().item() == pytest.approx(0.3, rel=0.5)


def test_rows_of_which_the_prior_says_nothing_are_those_of_which_it_says_zero(
    generator,
):
    module = learner(n_parts=2)
    X = torch.randn(2, 5, 3, generator=generator)
    torch.testing.assert_close(
        module.rows(X, None), module.rows(X, torch.zeros(2, 5, 2, 1))
    )


def test_the_prior_is_a_feature_that_ends_at_six():
    module = learner(n_parts=1)
    X = torch.zeros(1, 3, 3)
    offset = torch.tensor([0.06, -6e3, 6e3]).view(1, 3, 1, 1)
    seen = module.inputs(X, offset)[0, :, -1]
    torch.testing.assert_close(seen, torch.tensor([0.06, -6.0, 6.0]), rtol=1e-3, atol=0)


@pytest.mark.parametrize("n_rows", [2, 9])  # fewer than the others, and more
def test_weighted_sums_of_covariances_are_those_of_the_covariances(n_rows, generator):
    module = learner(n_parts=2).double()
    with torch.no_grad():
        module.log_kernel.normal_(generator=generator)
    kernel = module.kernel()
    width = module.n_inputs + 4
    rows = torch.randn(3, n_rows, width, generator=generator).double()
    others = torch.randn(3, 5, width, generator=generator).double()
    weights = torch.randn(3, 3, 5, 2, generator=generator).double()
    mean = torch.randn(3, 3, 2, n_rows, generator=generator).double()
    wanted = mean + (kernel.between(rows, others) @ weights).mT
    torch.testing.assert_close(kernel.times(rows, others, weights, mean), wanted)


def test_rounding_does_not_tell_equal_rows_apart_however_short_lengths_are(
    generator,
):
    module = learner()
    with torch.no_grad():
        module.log_kernel[:, 3 + module.n_inputs :] = -12.0
        kernel = module.kernel()
        rows = 3 * torch.randn(1, 50, module.n_inputs + 4, generator=generator)
        K = kernel.between(rows, rows)
        variance = kernel.variance(rows)
    found = K.diagonal(dim1=-2, dim2=-1)
    torch.testing.assert_close(found, variance, rtol=0.01, atol=0)


def test_what_long_embeddings_have_in_common_costs_no_digits_of_their_distances():
    """Of single squares of length 3,000 none would be left for a distance of 0.1."""
    generator = torch.Generator().manual_seed(0)
    near = 0.1 * torch.randn(2, 9, 4, generator=generator)
    rows = torch.cat([torch.zeros(2, 9, 3), 3000.0 + near], dim=-1)
    kernel = learner().kernel()
    kernel = kernel._replace(embedding=torch.full_like(kernel.embedding, 30.0))
    embedded = rows[..., 3:].double()
    exact = torch.exp(-0.5 * torch.cdist(embedded, embedded).square()).unsqueeze(1)
    exact = kernel.constant + kernel.inputs + 30.0 * exact
    with torch.no_grad():
        found = kernel.between(rows, rows)
        torch.testing.assert_close(found.double(), exact, rtol=1e-5, atol=0)
        weights = torch.randn(2, 2, 9, 1, generator=generator)
        sums = kernel.times(rows, rows, weights, torch.zeros(2, 2, 1, 9))
    torch.testing.assert_close(sums, (found @ weights).mT, rtol=1e-3, atol=1e-3)
