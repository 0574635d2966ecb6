"""Several processes take the steps that one process takes with the whole meta-batch."""

import pickle
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.base import clone
from skorch.callbacks import Callback, Checkpoint, GradientNormClipping

from skmeta import MetaClassifier, MetaRegressor, load, save
from skmeta.algorithms import ProtoNet
from skmeta.backbones import MLP
from skmeta.builtin import skmeta_algorithms
from skmeta.datasets import make_sinusoids
from skmeta.episodes import Batch
from skmeta.tables.stored import rows as stored
from tests.pretended import run_together

pytestmark = pytest.mark.filterwarnings("ignore:Meta-learning does not help")

X, Y, TASK = make_sinusoids(n_tasks=16, n_rows=12, random_state=0)
WEIGHT = np.random.default_rng(0).uniform(0.5, 2.0, len(Y))
LABEL = np.digitize(Y, [-1.0, 1.0])
# The second of two meta-batches has one task, and the last process none of it.
TINY = {"backbone": MLP((6,)), "tasks_per_epoch": 6, "batch_size": 5, "n_query": 5}
TINY |= {"max_epochs": 2, "random_state": 0, "prior": None, "lr": 0.01}
# Adam divides a gradient by its size, be it no more than a rounding.
SGD = {"optimizer": partial(torch.optim.SGD, momentum=0.9)}


def learner(algorithm="protonet", kind="classifier", **parameters):
    estimator = {"classifier": MetaClassifier, "regressor": MetaRegressor}[kind]
    return estimator(algorithm, **{**TINY, **parameters})


def fit(meta, **given):
    y = Y if isinstance(meta, MetaRegressor) else LABEL
    if getattr(meta, "label_space", None) == "per_task":
        y = LABEL + 10 * TASK
    return meta.fit(X, y, groups=TASK, **given)


def losses(meta):
    names = {"train_loss", "valid_loss", "valid_score"} & meta.history_[-1].keys()
    return np.array(meta.history_[:, tuple(sorted(names))])


def weights(meta):
    values = meta.module_.state_dict().values()
    return torch.cat([value.double().flatten() for value in values]).numpy()


def expect_one_learner(joint, alone, rtol=1e-4, atol=1e-6):
    for each in joint:
        np.testing.assert_allclose(losses(each), losses(alone), rtol=rtol)
        np.testing.assert_allclose(weights(each), weights(alone), rtol=rtol, atol=atol)
        np.testing.assert_array_equal(weights(each), weights(joint[0]))


# A running mean of the rows of a meta-batch, which each process has of its own rows, is
# in its loss.
ALGORITHMS = {k: v for k, v in skmeta_algorithms().items() if k != "simpleshot"}


@pytest.mark.parametrize("name", ALGORITHMS)
def test_two_processes_train_as_one_with_the_joint_meta_batch(name, monkeypatch):
    cls = ALGORITHMS[name]
    kind = cls.kinds[-1]
    given = {"sample_weight": WEIGHT} if cls.uses_weights else {}

    def make(**more):
        if kind == "classifier":
            more["label_space"] = cls.label_spaces[-1]
        return fit(learner(name, kind, early_stopping=True, **SGD, **more), **given)

    alone = make()
    joint = run_together(lambda place: make(accelerate=True), monkeypatch)
    expect_one_learner(joint, alone)


POOL = {"tasks": "classes", "n_way": 3, "label_space": "auto"}


@pytest.mark.parametrize("augment", [None, "feature_noise"])
def test_a_loss_that_is_a_mean_over_rows_counts_them_all(augment, monkeypatch):
    # Classes of 4 to 30 rows, so that tasks have more rows and fewer.
    label = np.repeat(np.arange(12), np.arange(4, 28, 2))
    rows = np.random.default_rng(0).normal(size=(len(label), 3))
    rows += label[:, np.newaxis] / 3
    weight = np.random.default_rng(1).uniform(0.2, 3.0, len(label))

    def make(**more):
        algorithm = ProtoNet(class_loss=1.0)
        meta = learner(algorithm, augment=augment, **POOL, **SGD, **more)
        return meta.fit(rows, label, sample_weight=weight)

    joint = run_together(lambda place: make(accelerate=True), monkeypatch, n=3)
    expect_one_learner(joint, make())


def test_what_callbacks_see_is_the_joint_gradient(monkeypatch):
    def make(**more):
        clip = GradientNormClipping(1e-3)
        return fit(learner("maml", callbacks=[clip], **SGD, **more))

    alone = make()
    joint = run_together(lambda place: make(accelerate=True), monkeypatch)
    expect_one_learner(joint, alone)


def test_an_optimizer_that_asks_again_for_the_loss_gets_the_joint_one(monkeypatch):
    def make(**more):
        return fit(learner("r2d2", optimizer=torch.optim.LBFGS, lr=0.01, **more))

    alone = make()
    joint = run_together(lambda place: make(accelerate=True), monkeypatch)
    expect_one_learner(joint, alone, rtol=1e-3, atol=1e-4)  # it makes much of little


def test_prior_rejection_and_random_numbers_of_the_system_are_the_same_in_all(
    monkeypatch,
):
    def make(place):
        meta = learner("gp", prior="linear", reject=True, accelerate=True)
        return fit(meta.set_params(random_state=None))

    a, b = run_together(make, monkeypatch)
    assert a.unknown_ is not None
    a, b = (each.adapt(X[:6], LABEL[:6]) for each in (a, b))
    np.testing.assert_array_equal(a.predict_proba(X[6:40]), b.predict_proba(X[6:40]))
    np.testing.assert_array_equal(a.unknown_score(X[6:40]), b.unknown_score(X[6:40]))
    assert losses_of_training(a) == losses_of_training(b)


def test_a_table_on_disk_and_its_prior_are_the_same_in_all(monkeypatch, tmp_path):
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    monkeypatch.setattr(stored, "_FEW", 0)
    monkeypatch.setattr(stored, "_SAMPLE", len(X) // 2)  # others when they are drawn

    def make(kind, **more):
        meta = learner("gp", kind, prior="linear", **SGD, **more)
        y = Y if kind == "regressor" else LABEL
        return meta.fit(mapped, y, groups=TASK, sample_weight=WEIGHT)

    for kind in ("regressor", "classifier"):
        shared = partial(make, kind, accelerate=True)
        joint = run_together(lambda place, fit=shared: fit(), monkeypatch)
        expect_one_learner(joint, make(kind))


def losses_of_training(meta):
    return meta.history_[:, "train_loss"]


def test_a_network_that_is_given_begins_with_the_weights_of_the_first(monkeypatch):
    def make(place):
        with torch.random.fork_rng():
            torch.manual_seed(place)
            network = torch.nn.Sequential(torch.nn.Linear(1, 4), torch.nn.ReLU())
        return fit(learner(backbone=network, accelerate=True))

    a, b = run_together(make, monkeypatch)
    np.testing.assert_array_equal(weights(a), weights(b))


def test_other_data_in_another_process_is_an_error_that_says_so(monkeypatch):
    def make(place):
        meta = learner(accelerate=True, lr=0.01 * (1 + place), verbose=place)
        rows = X if place else X[::-1]
        return meta.fit(rows, LABEL, groups=TASK)

    for error in run_together(make, monkeypatch):
        assert isinstance(error, ValueError)
        assert "they differ in X and lr" in str(error)


# Who leaves ---------------------------------------------------------------------------


class Leave(Callback):
    """Raise something in one of the processes, in the midst of the second epoch."""

    def __init__(self, error, when="on_batch_end"):
        self.error = error
        setattr(self, when, self.leave)

    def leave(self, net, training=True, **kwargs):
        if training and net.n_epochs == 2:
            raise self.error


@pytest.mark.parametrize("when", ["on_batch_end", "on_epoch_end", "on_grad_computed"])
def test_who_fails_takes_the_others_along(when, monkeypatch):
    def make(place):
        callbacks = [Leave(OSError("no room on the disk"), when)] if place else []
        return fit(learner("maml", callbacks=callbacks, accelerate=True))

    other, own = run_together(make, monkeypatch)
    assert isinstance(own, OSError)
    assert isinstance(other, RuntimeError)
    assert "Process 1 of 2" in str(other)
    assert "no room on the disk" in str(other)


def test_an_interruption_of_one_ends_all_with_the_same_weights(monkeypatch):
    fitted = [learner("maml", accelerate=True, early_stopping=True) for _ in range(2)]
    fitted[1].callbacks = [Leave(KeyboardInterrupt())]
    with pytest.warns(RuntimeWarning, match="was interrupted in epoch 2"):
        ended = run_together(lambda place: fit(fitted[place]), monkeypatch)
    assert all(isinstance(each, KeyboardInterrupt) for each in ended)
    np.testing.assert_array_equal(weights(fitted[0]), weights(fitted[1]))
    assert len(fitted[0].history_) == 2


def test_an_interruption_after_the_last_step_is_one_of_all(monkeypatch):
    class Press(Callback):
        def on_epoch_end(self, net, **kwargs):
            net._is_pressed = net.n_epochs == net.max_epochs

    def make(place):
        return fit(learner(callbacks=[Press()] if place else [], accelerate=True))

    with pytest.warns(RuntimeWarning, match="was interrupted in epoch 2"):
        ended = run_together(make, monkeypatch)
    assert all(isinstance(each, KeyboardInterrupt) for each in ended)


def test_an_error_is_told_although_others_cannot_be_reached(monkeypatch):
    class Fail(Callback):
        def on_epoch_end(self, net, **kwargs):
            net.processes.meeting.barrier.abort()
            raise OSError("no room on the disk")

    def make(place):
        return fit(learner(callbacks=[] if place else [Fail()], accelerate=True))

    lost, _ = run_together(make, monkeypatch)
    assert "a thread has ended" in str(lost)
    assert "no room on the disk" in str(lost.__cause__)


def test_a_training_that_diverges_says_so_in_all(monkeypatch):
    def make(place):
        return fit(learner("gp", "regressor", lr=1e12, accelerate=True))

    for error in run_together(make, monkeypatch):
        assert isinstance(error, ValueError)
        assert "diverged" in str(error)


# Files --------------------------------------------------------------------------------


class Stop(Callback):
    """End all processes in an epoch, as a kill would."""

    at = 0  # no parameter, and so no part of what a checkpoint belongs to

    def on_batch_end(self, net, training, **kwargs):
        if net.n_epochs == Stop.at:
            raise OSError("killed")


def checkpointed(folder, n, monkeypatch, *, stop=0, **more):
    monkeypatch.setattr(Stop, "at", stop)
    more = {"max_epochs": 4, "callbacks": [Stop()], "accelerate": True, **more}
    return run_together(
        lambda place: fit(learner(checkpoint_dir=folder, **more)), monkeypatch, n
    )


@pytest.mark.parametrize("augment", [None, "feature_noise"])
def test_a_checkpoint_goes_on_bit_for_bit(augment, tmp_path, monkeypatch):
    how = {"backbone": MLP((6,), dropout=0.3), "augment": augment}
    [whole, _] = checkpointed(None, 2, monkeypatch, **how)
    stopped = checkpointed(tmp_path, 2, monkeypatch, stop=3, **how)
    assert all(isinstance(each, OSError) for each in stopped), stopped
    [file] = tmp_path.iterdir()
    for again in checkpointed(tmp_path, 2, monkeypatch, **how):
        np.testing.assert_array_equal(weights(again), weights(whole))
        assert losses_of_training(again) == losses_of_training(whole)
    assert not file.exists()


@pytest.mark.parametrize(("before", "then"), [(1, 2), (3, 2), (2, 1)])
def test_a_checkpoint_goes_on_with_other_processes(before, then, tmp_path, monkeypatch):
    [whole] = checkpointed(None, 1, monkeypatch, accelerate=False, **SGD)
    checkpointed(tmp_path, before, monkeypatch, stop=3, accelerate=before > 1, **SGD)
    again = checkpointed(tmp_path, then, monkeypatch, accelerate=then > 1, **SGD)
    expect_one_learner(again, whole)


def test_the_first_process_alone_writes_and_shows(tmp_path, monkeypatch, capsys):
    written = []

    class Noted(Checkpoint):
        def on_epoch_end(self, net, **kwargs):
            before = (tmp_path / "params.pt").exists()
            super().on_epoch_end(net, **kwargs)
            written.append((net.processes.place, before))

    def make(place):
        keep = Noted(monitor=None, dirname=tmp_path, f_history=None, f_optimizer=None)
        keep.f_criterion = None
        return fit(learner(callbacks=[keep], verbose=1, accelerate=True))

    learners = run_together(make, monkeypatch)
    saved = torch.load(tmp_path / "params.pt")
    np.testing.assert_array_equal(
        torch.cat([each.double().flatten() for each in saved.values()]),
        weights(learners[0]),
    )
    assert capsys.readouterr().err.count("\n") == 1  # a bar ends with a line's end


def test_a_learner_of_several_processes_is_copied_and_kept(tmp_path, monkeypatch):
    [meta, _] = run_together(lambda _: fit(learner(accelerate=True)), monkeypatch)
    meta.adapt(X[:6], LABEL[:6])
    told = meta.predict_proba(X[6:20])
    assert clone(meta).accelerate
    save(meta, tmp_path / "meta.skmeta")
    for again in (pickle.loads(pickle.dumps(meta)), load(tmp_path / "meta.skmeta")):
        np.testing.assert_array_equal(again.predict_proba(X[6:20]), told)
    again = pickle.loads(pickle.dumps(meta))
    assert again.net_.processes is None


def test_a_calibration_asks_no_other_process(monkeypatch):
    def make(place):
        meta = fit(learner("gp", "regressor", accelerate=True)).adapt(X[:6], Y[:6])
        return meta.predict_interval(X[6:9]) if place else meta

    _, intervals = run_together(make, monkeypatch)
    assert np.isfinite(intervals).all()


# Where it cannot be -----------------------------------------------------------------


def test_compiling_is_for_one_process(monkeypatch):
    def make(place):
        return fit(learner(compile=True, accelerate=True))

    for error in run_together(make, monkeypatch):
        assert isinstance(error, ValueError)
        assert "compile" in str(error)


def test_a_step_that_others_are_not_at_is_an_error(monkeypatch):
    class Skip(Callback):
        def on_batch_begin(self, net, training, **kwargs):
            net._turn += 1

    def make(place):
        return fit(learner(callbacks=[Skip()] if place else [], accelerate=True))

    for error in run_together(make, monkeypatch):
        assert isinstance(error, RuntimeError)
        assert "not at the same step" in str(error)


def test_tasks_of_a_share_are_those_of_the_whole():
    rows = torch.arange(24.0).reshape(4, 3, 2)
    mask = torch.ones(4, 3, dtype=torch.bool)
    plain = Batch(rows, rows[..., 0], mask, torch.arange(4))
    batch = plain._replace(unlabelled=plain, weight=rows[..., 1])
    part = batch.of_tasks(slice(1, 3))
    assert torch.equal(part.unlabelled.X, rows[1:3])
    assert torch.equal(part.weight, rows[1:3, :, 1])
    assert part.offset is None
