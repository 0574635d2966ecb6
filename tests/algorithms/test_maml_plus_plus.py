"""MAML++ against its equation, and the schedules of its training."""

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from skmeta import MetaRegressor
from skmeta.algorithms import MAML, MAMLPlusPlus
from skmeta.backbones import MLP
from skmeta.datasets import make_sinusoids
from skmeta.testing import parametrize_with_algorithm_checks
from tests.batches import CLASSIFIER, SPECS, naive_meta_loss

QUICK = {"max_epochs": 4, "tasks_per_epoch": 8, "batch_size": 4, "random_state": 0}


def after(algorithm, n_steps):
    """MAML that takes the first inner steps only, with the same step sizes."""
    return MAML(inner_steps=n_steps, learn_inner_lr="step")


@SPECS
@pytest.mark.parametrize("n_done", [0, 3, 50])
def test_the_loss_weighs_those_of_maml_after_every_step(make, spec, n_done):
    algorithm = MAMLPlusPlus(inner_lr=0.25, inner_steps=3, multi_step_until=10)
    module, episode = make(algorithm, spec)
    module.meta_steps += n_done
    share = max(1 - n_done / 10, 0.03) / 3
    weights = [share, share, 1 - 2 * share]
    naive = sum(
        weight * naive_meta_loss(after(algorithm, j + 1), module, episode, spec, 0.25)
        for j, weight in enumerate(weights)
    )
    loss = algorithm.meta_loss(module, episode)
    torch.testing.assert_close(loss, naive, rtol=1e-9, atol=1e-12)
    learnt = [weight for weight in module.tip.parameters() if weight.requires_grad]
    torch.testing.assert_close(
        torch.autograd.grad(loss, learnt),
        torch.autograd.grad(naive, learnt),
        rtol=1e-7,
        atol=1e-10,
    )


def test_the_weights_of_the_steps_move_to_the_last_one():
    algorithm = MAMLPlusPlus(inner_steps=4, multi_step_until=100)
    weights = torch.stack([algorithm.step_weights(n) for n in range(0, 200, 10)])
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(20).double())
    assert weights[0].tolist() == [0.25] * 4
    assert (weights[:, -1].diff() >= 0).all()
    assert weights[-1, -1] > 0.97
    at_once = MAMLPlusPlus(inner_steps=4, multi_step_until=0)
    assert at_once.step_weights(0).tolist() == [0, 0, 0, 1]
    by_default = MAMLPlusPlus(inner_steps=2).step_weights(480)  # half of the way
    assert by_default.tolist() == [0.25, 0.75]


def test_every_step_and_tensor_learns_a_rate_of_its_own(make):
    algorithm = MAMLPlusPlus(inner_steps=3)
    module, episode = make(algorithm, CLASSIFIER)
    algorithm.meta_backward(module, episode)
    for rate in module.rates:
        assert rate.shape == (3,)
        assert (rate.grad != 0).all()
        assert len(rate.grad.unique()) == 3


def test_the_first_meta_steps_are_of_first_order(make):
    algorithm = MAMLPlusPlus(inner_steps=2, first_order_until=1, multi_step_until=0)
    module, episode = make(algorithm, CLASSIFIER)

    def gradient(first_order):
        maml = MAML(inner_steps=2, learn_inner_lr="step", first_order=first_order)
        loss = maml.meta_loss(module, episode)
        return torch.autograd.grad(loss, module.tip.head.weight)[0]

    for n_done, first_order in ((0, True), (1, False)):
        module.zero_grad()
        assert module.meta_steps == n_done
        algorithm.meta_backward(module, episode)
        torch.testing.assert_close(module.tip.head.weight.grad, gradient(first_order))
    assert not torch.allclose(gradient(True), gradient(False))


def test_steps_beyond_those_of_training_are_as_short_as_the_shortest(make):
    algorithm = MAMLPlusPlus(inner_steps=3)
    module, _ = make(algorithm, CLASSIFIER)
    for rate in module.rates:
        rate.data = torch.tensor([0.3, -0.1, 0.5]).to(rate)
    of_first = [rates[0].item() for rates in module.rates_of_steps(5)]
    assert of_first == pytest.approx([0.3, -0.1, 0.5, -0.1, -0.1])
    assert [rates[0].item() for rates in module.rates_of_steps(2)] == pytest.approx(
        [0.3, -0.1]
    )


def fit(**parameters):
    X, y, task = make_sinusoids(n_tasks=20, n_rows=20, random_state=0)
    meta = MetaRegressor(MAMLPlusPlus(inner_steps=2, **parameters), **QUICK)
    rates = []

    class Recorder(Callback):
        def on_epoch_end(self, net, **kwargs):
            rates.append(net.optimizer_.param_groups[0]["lr"])

    meta.set_params(early_stopping=False, callbacks=[Recorder()])
    return meta.fit(X, y, groups=task), rates


def test_the_outer_rate_falls_along_a_cosine_and_is_given_back():
    meta, rates = fit()
    done = np.arange(4) / 3
    factor = 0.01 + 0.99 * (1 + np.cos(np.pi * done)) / 2
    np.testing.assert_allclose(rates, 1e-3 * factor)
    assert meta.net_.optimizer_.param_groups[0]["lr"] == pytest.approx(1e-3)
    assert fit(anneal_lr=False)[1] == [1e-3] * 4


def test_meta_steps_are_counted_in_what_is_saved_with_the_weights():
    meta, _ = fit()
    assert int(meta.module_.state_dict()["meta_steps"]) > 0


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"inner_steps": 0}, "none with inner_steps=0"),
        ({"multi_step_until": -1}, "multi_step_until"),
        ({"first_order_until": -1}, "first_order_until"),
        ({"inner_lr": -1.0}, "rates are positive"),
    ],
)
def test_parameters_out_of_range_are_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        MAMLPlusPlus(**parameters).build(MLP(()), CLASSIFIER)


@parametrize_with_algorithm_checks([MAMLPlusPlus(inner_steps=2, multi_step_until=0)])
def test_the_laws_hold_with_other_settings(algorithm, check):
    check(algorithm)
