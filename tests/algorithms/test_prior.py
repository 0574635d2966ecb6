"""A prior in the gradient-based algorithms: by naive loops, on every path."""

import pytest
import torch

from skmeta.algorithms import (
    ANIL,
    BOIL,
    IMAML,
    MAML,
    MAMLPlusPlus,
    Pooled,
    Reptile,
    task_losses,
)
from skmeta.algorithms.shared import add_offset
from skmeta.episodes import Episode
from tests.algorithms.test_maml import BOTH_WAYS, meta_gradient
from tests.batches import CLASSIFIER, REGRESSOR, naive_meta_loss

SPECS = pytest.mark.parametrize(
    "spec", [CLASSIFIER, REGRESSOR], ids=["shared", "regressor"]
)


@pytest.fixture
def told(make, generator):
    """Build a learner and an episode whose rows come with a prior of two parts."""

    def build(algorithm, spec):
        module, episode = make(algorithm, spec)

        def tell(batch):
            shape = (*batch.mask.shape, 2, spec.n_outputs)
            offset = torch.randn(shape, generator=generator, dtype=torch.float64)
            return batch._replace(offset=offset * batch.mask[..., None, None])

        return module, Episode(*map(tell, episode))

    return build


@SPECS
@pytest.mark.parametrize("first_order", [False, True])
@pytest.mark.parametrize("algorithm_class", [MAML, ANIL, BOIL])
@BOTH_WAYS
def test_meta_gradient_equals_a_naive_loop_over_tasks(
    told, spec, first_order, algorithm_class, gradient_of
):
    algorithm = algorithm_class(0.3, 2, first_order, learn_inner_lr=False)
    module, episode = told(algorithm, spec)
    loss, gradients = gradient_of(algorithm, module, episode)
    naive = naive_meta_loss(algorithm, module, episode, spec, alpha=0.3)
    torch.testing.assert_close(loss, naive, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(
        gradients, meta_gradient(naive, module), rtol=1e-9, atol=1e-12
    )


def grown(module):
    return [weight.grad for weight in module.parameters() if weight.requires_grad]


@SPECS
def test_recomputing_comes_to_the_same(told, spec):
    module, episode = told(MAML(0.3, 3), spec)
    loss = MAML(0.3, 3).meta_backward(module, episode)
    wanted = grown(module)
    module.zero_grad()
    again = MAML(0.3, 3, checkpoint=True).meta_backward(module, episode)
    torch.testing.assert_close(again, loss)
    torch.testing.assert_close(grown(module), wanted)


@SPECS
def test_parts_of_a_meta_batch_come_to_the_same(told, spec, monkeypatch):
    algorithm = MAML(0.3, 2)
    module, episode = told(algorithm, spec)
    loss = algorithm.meta_backward(module, episode)
    wanted = grown(module)
    module.zero_grad()
    monkeypatch.setattr("skmeta.algorithms.inner_loop.meta_gradient._PART", 1)
    torch.testing.assert_close(algorithm.meta_backward(module, episode), loss)
    torch.testing.assert_close(grown(module), wanted)


@SPECS
def test_maml_plus_plus_judges_every_step_with_the_prior(told, spec):
    algorithm = MAMLPlusPlus(0.3, 2)
    module, episode = told(algorithm, spec)
    losses = [
        MAML(0.3, n, learn_inner_lr="step").meta_loss(module, episode) for n in (1, 2)
    ]
    torch.testing.assert_close(
        algorithm.meta_loss(module, episode), (losses[0] + losses[1]) / 2
    )


def leave_values(batch):
    """Give what a prior leaves of the values, and no prior."""
    left = batch.y - batch.offset.mean(dim=2).squeeze(-1)
    return batch._replace(y=left * batch.mask, offset=None)


@pytest.mark.parametrize(
    "algorithm",
    [
        MAML(0.2, 2),
        IMAML(inner_steps=4),
        Reptile(0.1, 3),
        Reptile(0.01, 3, inner_optimizer="adam"),
        Reptile(0.1, 3, inner_batch_size=2),
        Pooled(),
    ],
    ids=repr,
)
def test_values_are_learnt_as_what_the_prior_leaves_of_them(told, algorithm):
    module, episode = told(algorithm, REGRESSOR)
    left = Episode(*map(leave_values, episode))
    found = []
    for given in (episode, left):
        module.zero_grad()
        torch.manual_seed(0)  # of the rows that Reptile draws
        found.append((algorithm.meta_backward(module, given), grown(module)))
    torch.testing.assert_close(*found)
    states = [algorithm.adapt(module, given.support) for given in (episode, left)]
    torch.testing.assert_close(
        algorithm.answer(module, states[0], episode.query),
        add_offset(
            algorithm.predict(module, states[1], left.query.X), episode.query.offset
        ),
    )


@pytest.mark.parametrize(
    "algorithm", [Reptile(0.1, 2, pseudo_rows=0.0), Pooled()], ids=repr
)
def test_the_loss_of_plain_training_has_the_prior_in_it(told, algorithm):
    module, episode = told(algorithm, CLASSIFIER)
    loss = algorithm.meta_backward(module, episode)
    rows, _ = episode.join()
    state = module.start(rows)
    if isinstance(algorithm, Reptile) and algorithm.inner_steps:
        rates = list(module.rates)
        described = module.support_loss(rows, 0.0)
        state = module.walk(state, [(rates, rows.X, described)])
    wanted = task_losses(module.answer(state, rows.X, rows.offset), rows).mean()
    torch.testing.assert_close(loss, wanted)
