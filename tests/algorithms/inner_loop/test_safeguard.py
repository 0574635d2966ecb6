"""No support, however far out, leads the inner steps astray, on whatever path."""

import pytest
import torch

from skmeta.algorithms import (
    ANIL,
    BOIL,
    FOMAML,
    IMAML,
    MAML,
    Algorithm,
    BaselinePlusPlus,
    MAMLPlusPlus,
    MetaSGD,
    Pooled,
    Reptile,
    task_losses,
)
from skmeta.algorithms import maml as maml_file
from skmeta.algorithms.inner_loop import meta_gradient, safeguard
from skmeta.backbones import MLP
from skmeta.episodes import Episode
from tests.batches import CLASSIFIER, REGRESSOR, make_batch

LEARNERS = pytest.mark.parametrize(
    "algorithm",
    [
        MAML(),
        FOMAML(),
        MetaSGD(),
        MAMLPlusPlus(),
        ANIL(),
        BOIL(),
        IMAML(),
        Reptile(),
        Reptile(inner_optimizer="adam"),
        Pooled(),
    ],
    ids=repr,
)
PATHS = pytest.mark.parametrize(
    "algorithm",
    [
        MAML(inner_lr=0.2, inner_steps=4),
        MAML(inner_lr=0.2, inner_steps=4, first_order=True),
        MAML(inner_lr=0.2, inner_steps=4, learn_inner_lr=False, first_order=True),
        MAML(inner_lr=0.2, inner_steps=4, learn_inner_lr="element"),
        MAMLPlusPlus(inner_lr=0.2, inner_steps=4),
        ANIL(inner_lr=0.2, inner_steps=4),
        Reptile(inner_lr=0.2, inner_steps=4),
    ],
    ids=repr,
)


def far_out(batch, task=0, times=1e3):
    """Move the rows of one task."""
    X = batch.X.clone()
    X[task] *= times
    return batch._replace(X=X)


def gradients(algorithm, module, episode, meta_backward=None):
    module.zero_grad()
    if isinstance(algorithm, MAMLPlusPlus):  # whose loss depends on the count
        module.meta_steps.zero_()
    loss = (meta_backward or type(algorithm).meta_backward)(algorithm, module, episode)
    learnt = [weight.grad for weight in module.parameters() if weight.requires_grad]
    return [loss, *(grad for grad in learnt if grad is not None)]


@LEARNERS
@pytest.mark.parametrize("spec", [CLASSIFIER, REGRESSOR], ids=["shared", "regressor"])
@pytest.mark.parametrize("times", [1, 30, 1e3, 1e6])
def test_adaptation_never_raises_the_loss_of_a_support(make, algorithm, spec, times):
    module, episode = make(algorithm, spec)
    support = far_out(episode.support, times=times)
    if spec.kind == "regressor":
        support = support._replace(
            y=support.y * torch.tensor([1.0, times, 1.0])[:, None]
        )
    with torch.no_grad():
        state = algorithm.adapt(module, support)
        start = module.spread(module.start(support), 3)
        before, after = (
            task_losses(algorithm.predict(module, each, support.X), support)
            for each in (start, state)
        )
    assert (after <= before * (1 + 1e-9)).all()


def test_a_task_gone_astray_is_answered_by_the_start_and_the_others_as_ever(generator):
    algorithm = MAML(inner_lr=0.2)
    module = algorithm.build(MLP((6, 5)), REGRESSOR).double()
    support = make_batch(REGRESSOR, [5, 7, 4], generator)
    with torch.no_grad():
        usual = algorithm.adapt(module, support)
        state = algorithm.adapt(module, far_out(support))
        start = module.spread(module.start(support), 3)
    for name, weight in state.weights.items():
        torch.testing.assert_close(weight[0], start.weights[name][0], rtol=0, atol=0)
        torch.testing.assert_close(weight[1:], usual.weights[name][1:])
        assert not torch.equal(weight[1:], start.weights[name][1:])


@PATHS
@pytest.mark.parametrize("times", [1, 3, 1e3, 1e9])
@pytest.mark.parametrize("spec", [CLASSIFIER, REGRESSOR], ids=["shared", "regressor"])
def test_all_paths_leave_out_the_same_tasks(make, algorithm, spec, times, monkeypatch):
    """Written out, by autograd, and where values may not be asked for."""
    module, episode = make(algorithm, spec)
    episode = Episode(far_out(episode.support, times=times), episode.query)
    found = gradients(algorithm, module, episode)
    assert all(each.isfinite().all() for each in found)
    other = Algorithm.meta_backward
    if isinstance(algorithm, Reptile):

        class ByItself(Reptile):
            written_out = False

        other = ByItself.meta_backward
        algorithm.__class__, usual = ByItself, algorithm.__class__
    try:
        by_autograd = gradients(algorithm, module, episode, other)
    finally:
        if isinstance(algorithm, Reptile):
            algorithm.__class__ = usual
    torch.testing.assert_close(found, by_autograd, rtol=1e-7, atol=1e-10)
    for place in (maml_file, meta_gradient, safeguard):
        monkeypatch.setattr(place, "can_ask", lambda tensor: False)
    unasked = gradients(algorithm, module, episode)
    torch.testing.assert_close(found, unasked, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("times", [1, 1e3])
def test_checkpoints_leave_out_the_same_tasks(make, times):
    algorithm = MAML(inner_lr=0.2, inner_steps=5)
    module, episode = make(algorithm, REGRESSOR)
    episode = Episode(far_out(episode.support, times=times), episode.query)
    kept = MAML(inner_lr=0.2, inner_steps=5, checkpoint=True)
    torch.testing.assert_close(
        gradients(kept, module, episode),
        gradients(algorithm, module, episode),
        rtol=1e-7,
        atol=1e-10,
    )


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize(
    "algorithm", [MAML(), MAMLPlusPlus(), FOMAML(), MetaSGD(), Reptile()], ids=repr
)
def test_a_meta_step_is_finite_in_single_precision(generator, algorithm, activation):
    """Where plain steps overflow, and no number times zero is none."""
    module = algorithm.build(MLP((16, 16), activation=activation), REGRESSOR)
    support = make_batch(REGRESSOR, [5, 5, 5], generator)
    support = far_out(support, times=1e4)
    y = support.y.clone()
    y[1] *= 1e4
    support = support._replace(X=support.X.float(), y=y.float())
    query = make_batch(REGRESSOR, [5, 5, 5], generator)
    query = query._replace(X=query.X.float(), y=query.y.float())
    found = gradients(algorithm, module, Episode(support, query))
    assert all(each.isfinite().all() for each in found)


def test_baseline_plus_plus_answers_by_cosines_which_have_bounds(generator):
    algorithm = BaselinePlusPlus(inner_lr=50.0)
    module = algorithm.build(MLP((6, 5)), CLASSIFIER).double()
    support = far_out(make_batch(CLASSIFIER, [5, 7, 4], generator), times=1e6)
    with torch.no_grad():
        state = algorithm.adapt(module, support)
        p = algorithm.predict(module, state, support.X)
        scale = module.log_scale.exp()
    assert (p.amax(dim=-1) - p.amin(dim=-1)).max() <= 2 * scale
