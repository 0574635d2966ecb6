"""Averaged weights against the recursion, and when they stand in for the module's."""

from types import SimpleNamespace

import pytest
import torch
from skorch.callbacks import Callback
from torch import nn

from skmeta import MetaRegressor
from skmeta.algorithms.shared.averaging import AverageWeights
from skmeta.backbones import MLP
from skmeta.datasets import make_sinusoids


def net_of(validation):
    module = nn.Linear(1, 1, bias=False)
    return SimpleNamespace(module_=module, validation=validation)


def step(callback, net, weight):
    net.module_.weight.data.fill_(weight)
    callback.on_batch_end(net, training=True)


def trained(decay, weights, validation=None):
    callback, net = AverageWeights(decay), net_of(validation)
    callback.on_train_begin(net)
    for weight in weights:
        step(callback, net, weight)
    return callback, net


def test_the_first_weights_count_alike():
    callback, net = trained(0.98, [1.0, 5.0, 3.0, 7.0])
    callback.on_train_end(net)
    assert net.module_.weight.item() == pytest.approx(4.0)


def test_early_weights_fade():
    callback, net = trained(0.5, [1.0, 5.0, 4.0, 8.0])
    callback.on_train_end(net)
    # (1 + 5) / 2 = 3; then halves: 3.5, 5.75
    assert net.module_.weight.item() == pytest.approx(5.75)


def test_an_epoch_is_judged_by_the_average_and_training_goes_on_from_its_own():
    callback, net = trained(0.98, [1.0, 5.0], validation="held out")
    callback.on_batch_begin(net, training=True)
    assert net.module_.weight.item() == 5.0
    for _ in range(2):  # batches of a validation
        callback.on_batch_begin(net, training=False)
        callback.on_batch_end(net, training=False)
        assert net.module_.weight.item() == pytest.approx(3.0)
    callback.on_epoch_end(net)
    assert net.module_.weight.item() == 5.0
    step(callback, net, 9.0)
    callback.on_batch_begin(net, training=False)
    assert net.module_.weight.item() == pytest.approx(5.0)


def test_the_best_epoch_is_left_in_place():
    callback, net = trained(0.98, [1.0, 5.0], validation="held out")
    net.module_.weight.data.fill_(2.0)  # early stopping's
    callback.on_train_end(net)
    assert net.module_.weight.item() == 2.0


class Record(Callback):
    def on_train_begin(self, net, **kwargs):
        self.weights_ = []

    def on_batch_end(self, net, training=False, **kwargs):
        if training:
            weights = [each.detach().flatten() for each in net.module_.parameters()]
            self.weights_.append(torch.cat(weights))


def test_a_fit_without_held_out_tasks_ends_with_the_mean_of_its_steps():
    X, y, task = make_sinusoids(n_tasks=20, n_rows=20, random_state=0)
    record = Record()
    quick = {"tasks_per_epoch": 16, "batch_size": 4, "n_query": 5, "max_epochs": 2}
    meta = MetaRegressor(
        *("gp", MLP((4,))),
        prior=None,
        early_stopping=False,
        callbacks=[record],
        random_state=0,
        **quick,
    ).fit(X, y, groups=task)
    seen = torch.stack(record.weights_)
    assert 1 < len(seen) < 50  # 0.98 counts the first fifty alike
    learnt = torch.cat([each.flatten() for each in meta.module_.parameters()])
    torch.testing.assert_close(learnt, seen.mean(dim=0), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(learnt, seen[-1])
