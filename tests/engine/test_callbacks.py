"""Callbacks of skorch, given to a learner."""

import warnings

import numpy as np
import pytest
import skorch.callbacks
import torch

from tests.quick import TASK, X, Y, regressor

pytestmark = pytest.mark.filterwarnings(
    "ignore:Meta-learning does not help", "ignore:.*too small"
)


class Count(skorch.callbacks.Callback):
    n_epochs = 0

    def on_epoch_end(self, net, **kwargs):
        self.n_epochs += 1


def test_a_warm_start_heeds_new_callbacks_optimizer_and_rate():
    meta = regressor(warm_start=True).fit(X, Y, groups=TASK)
    count = Count()
    meta.set_params(callbacks=[count], optimizer=torch.optim.SGD, lr=0.01)
    meta.fit(X, Y, groups=TASK)
    assert len(meta.history_) == 4
    assert count.n_epochs == 2
    assert type(meta.net_.optimizer_) is torch.optim.SGD
    assert meta.net_.optimizer_.param_groups[0]["lr"] == 0.01


def test_a_schedule_of_the_learning_rate_is_heeded():
    rates = []

    class Watch(skorch.callbacks.Callback):
        def on_epoch_begin(self, net, **kwargs):
            rates.append(net.optimizer_.param_groups[0]["lr"])

    schedule = skorch.callbacks.LRScheduler("StepLR", step_size=1, gamma=0.1)
    regressor(callbacks=[schedule, Watch()], lr=0.1).fit(X, Y, groups=TASK)
    assert rates == pytest.approx([0.1, 0.01])


def test_tensorboard_gets_the_losses(tmp_path):
    tensorboard = pytest.importorskip("torch.utils.tensorboard")
    with tensorboard.SummaryWriter(tmp_path) as writer:
        callback = skorch.callbacks.TensorBoard(writer)
        meta = regressor(callbacks=[callback]).fit(X, Y, groups=TASK)
    from tensorboard.backend.event_processing.event_accumulator import (
        EventAccumulator,
    )

    events = EventAccumulator(str(tmp_path)).Reload()
    logged = [event.value for event in events.Scalars("Loss/train_loss")]
    assert logged == pytest.approx(meta.history_[:, "train_loss"])


def test_weights_and_biases_gets_the_losses(tmp_path):
    class Run:
        dir = tmp_path

        def __init__(self):
            self.logged = []

        def watch(self, module):
            self.watched = module

        def log(self, row, **kwargs):
            self.logged.append(row)

    run = Run()
    callback = skorch.callbacks.WandbLogger(run)
    meta = regressor(callbacks=[callback]).fit(X, Y, groups=TASK)
    losses = [row["train_loss"] for row in run.logged]
    assert losses == meta.history_[:, "train_loss"]


class WatchRate(skorch.callbacks.Callback):
    """Keep the learning rate of every step; after the callbacks that set it."""

    def on_train_begin(self, net, **kwargs):
        self.rates = []

    def on_grad_computed(self, net, named_parameters, **kwargs):
        self.rates.append(net.optimizer_.param_groups[0]["lr"])


def test_one_cycle_is_that_of_torch():
    watch = WatchRate()
    regressor(algorithm="gp", prior=None, lr=0.1, callbacks=[watch], max_epochs=5).fit(
        X, Y, groups=TASK
    )
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=0.1)
    expected = []
    # Torch counts the steps between its ends, and ends the rise a step earlier.
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 0.1, total_steps=11, pct_start=4 / 11, cycle_momentum=False
    )
    for _ in range(10):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        cycle.step()
    assert len(watch.rates) == 10
    np.testing.assert_allclose(watch.rates, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("algorithm", "other"), [("r2d2", "one_cycle"), ("gp", "constant")]
)
def test_the_rate_of_any_algorithm_goes_as_it_is_told_to(algorithm, other):
    def rates(lr_schedule):
        watch = WatchRate()
        own = {"prior": None, "lr": 0.1, "lr_schedule": lr_schedule}
        regressor(algorithm=algorithm, callbacks=[watch], max_epochs=5, **own).fit(
            X, Y, groups=TASK
        )
        return watch.rates

    assert rates("auto") != rates(other)
    usual = "constant" if other == "one_cycle" else "one_cycle"
    assert rates("auto") == rates(usual)
    assert rates("constant") == [0.1] * 10
    assert max(rates("one_cycle")) > 20 * rates("one_cycle")[-1]


def test_a_schedule_of_ones_own_takes_the_place_of_the_cycle():
    watch = WatchRate()
    schedule = skorch.callbacks.LRScheduler("StepLR", step_size=1, gamma=0.1)
    regressor(
        algorithm="gp", prior=None, lr=0.1, callbacks=[("steps", schedule), watch]
    ).fit(X, Y, groups=TASK)
    assert watch.rates == pytest.approx([0.1, 0.1, 0.01, 0.01])


@pytest.mark.parametrize(
    "given",
    [
        skorch.callbacks.EpochScoring("accuracy"),
        ("named", skorch.callbacks.EpochScoring("accuracy")),
        skorch.callbacks.EpochScoring,
        skorch.callbacks.BatchScoring("accuracy"),
        skorch.callbacks.InputShapeSetter(),
    ],
    ids=["epochs", "named", "class", "batches", "shapes"],
)
def test_callbacks_that_ask_for_rows_are_refused_by_name(given):
    cls = given[1] if isinstance(given, tuple) else given
    name = (cls if isinstance(cls, type) else type(cls)).__name__
    with pytest.raises(ValueError, match=rf"{name} looks at rows.*valid_score"):
        regressor(callbacks=[given]).fit(X, Y, groups=TASK)


@pytest.mark.parametrize("load_best", [True, False])
def test_a_checkpoint_of_skorch_leaves_a_history_that_is_a_table(load_best, tmp_path):
    keeps = skorch.callbacks.Checkpoint(dirname=tmp_path, load_best=load_best)
    meta = regressor(callbacks=[keeps], early_stopping=True, max_epochs=4)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "Meta-training was interrupted")
        history = meta.fit(X, Y, groups=TASK).history_
    best = int(np.argmin(history[:, "valid_loss"])) + 1
    assert len(history.to_frame()) == (best if load_best else 4)
    saved = torch.load(tmp_path / "params.pt", weights_only=True)
    for name, weight in meta.module_.state_dict().items():
        assert torch.equal(weight, saved[name])


def test_layers_that_are_frozen_stay():
    freezes = skorch.callbacks.Freezer("*")
    meta = regressor(algorithm="r2d2", callbacks=[freezes], max_epochs=1, lr=0.1)
    other = regressor(algorithm="r2d2", max_epochs=1, lr=1e-12)
    weights = [
        each.fit(X, Y, groups=TASK).module_.state_dict() for each in (meta, other)
    ]
    for name in weights[0]:
        torch.testing.assert_close(weights[0][name], weights[1][name])
