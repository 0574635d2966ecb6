"""Ctrl-C: what was learnt best stays, and the caller stops."""

import io

import numpy as np
import pytest
from sklearn import config_context
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, GroupKFold
from skorch.callbacks import Callback

from skmeta import MetaClassifier, commands
from skmeta import __main__ as command_line
from skmeta.ensemble import MetaStackingRegressor
from skmeta.estimators import rejecting, unlabelled
from skmeta.evaluation.attempts import Attempts
from skmeta.evaluation.progress import Progress
from tests.quick import TASK, X, Y, regressor

pytestmark = pytest.mark.filterwarnings(
    "ignore:Meta-training was interrupted", "ignore:Meta-learning does not help"
)


class CtrlC(Callback):
    """Pressed in a batch of an epoch, in its validation or after it."""

    def __init__(self, epoch, when="training"):
        self.epoch = epoch
        self.when = when

    def on_batch_end(self, net, training, **kwargs):
        where = "training" if training else "validation"
        self._press(net, where)

    def on_epoch_end(self, net, **kwargs):
        self._press(net, "after")

    def _press(self, net, where):
        if where == self.when and net.n_epochs == self.epoch:
            raise KeyboardInterrupt


def state(meta):
    weights = {name: w.tolist() for name, w in meta.module_.state_dict().items()}
    kept = {k: v for k, v in vars(meta).items() if k.endswith("_")}
    return weights, kept.keys(), meta.predict(X[6:]).tolist()


def fitted(**parameters):
    return regressor(**parameters).fit(X, Y, groups=TASK).adapt(X[:6], Y[:6])


def in_preparing(meta, monkeypatch):
    """Press it before there is a training, when half of the state is new."""
    monkeypatch.setattr(meta, "_choose_episode", interrupt)


def interrupt(*args, **kwargs):
    raise KeyboardInterrupt


def in_the_first_epoch(meta, monkeypatch):
    meta.set_params(callbacks=[CtrlC(1)])


@pytest.mark.parametrize("press", [in_preparing, in_the_first_epoch])
@pytest.mark.parametrize("verb", ["fit", "partial_fit"])
def test_a_second_fit_that_is_stopped_too_early_leaves_the_first(
    press, verb, monkeypatch
):
    meta = fitted()
    before, net = state(meta), meta.net_
    press(meta, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        getattr(meta, verb)(3 * X + 1, 2 * Y, groups=TASK)
    monkeypatch.undo()
    assert meta.net_ is net
    assert state(meta) == before


@pytest.mark.parametrize("when", ["training", "validation", "after"])
@pytest.mark.parametrize("epoch", [2, 3], ids=["midst", "last"])
def test_a_fit_that_is_stopped_has_the_best_weights_so_far(epoch, when):
    meta = regressor(max_epochs=3, callbacks=[CtrlC(epoch, when)], early_stopping=True)
    with (
        pytest.warns(RuntimeWarning, match=f"interrupted in epoch {epoch} of 3"),
        pytest.raises(KeyboardInterrupt),
    ):
        meta.fit(X, Y, groups=TASK)
    n_whole = epoch - (when != "after")
    whole = regressor(max_epochs=n_whole, early_stopping=True).fit(X, Y, groups=TASK)
    for name, weight in whole.module_.state_dict().items():
        np.testing.assert_array_equal(meta.module_.state_dict()[name], weight)
    assert np.isfinite(meta.adapt(X[:6], Y[:6]).predict(X)).all()


def test_a_warm_start_that_is_stopped_keeps_its_best_epoch():
    meta = fitted(warm_start=True, callbacks=[CtrlC(5)])
    with (
        pytest.warns(RuntimeWarning, match="interrupted in epoch 2 of 9"),
        pytest.raises(KeyboardInterrupt),
    ):
        meta.set_params(max_epochs=9, callbacks=[CtrlC(2)]).fit(X, Y, groups=TASK)
    assert len(meta.history_) == 4
    assert np.isfinite(meta.adapt(X[:6], Y[:6]).predict(X)).all()


# Classes of a pool, ten rows of each around a place of its own.
CLASS = np.repeat(np.arange(8), 10)
POOL = np.random.default_rng(0).normal(size=(80, 2)) + 5 * CLASS[:, np.newaxis]


def pool(**parameters):
    how = {"tasks": "classes", "n_way": 3, "early_stopping": False, "max_epochs": 2}
    how |= {"tasks_per_epoch": 32, "random_state": 0} | parameters
    return MetaClassifier("protonet", **how)


def stopped(meta, match="interrupted in epoch 2 of 2"):
    with (
        pytest.warns(RuntimeWarning, match=match),
        pytest.raises(KeyboardInterrupt),
    ):
        meta.fit(POOL, CLASS)
    return meta


def never(*args, **kwargs):
    raise AssertionError("It goes on.")


def test_after_ctrl_c_nothing_more_is_learnt(monkeypatch):
    monkeypatch.setattr(unlabelled, "learn_unlabelled", never)
    monkeypatch.setattr(rejecting, "leave_out", never)
    meta = stopped(pool(reject=0.9, callbacks=[CtrlC(2)]))
    assert meta.unlabelled_ == (0.0, 0.0)
    assert meta.unknown_ is None
    with pytest.raises(ValueError, match="unknown classes look like was not learnt"):
        meta.predict(POOL)
    assert (meta.set_params(reject=None).predict(POOL) == CLASS).mean() > 0.8


@pytest.mark.parametrize(
    ("room", "name"), [(unlabelled, "learn_unlabelled"), (rejecting, "leave_out")]
)
def test_ctrl_c_after_the_training_leaves_what_was_trained(room, name, monkeypatch):
    whole = pool().fit(POOL, CLASS)
    monkeypatch.setattr(room, name, interrupt)
    meta = stopped(pool(reject=0.9))
    for key, weight in whole.module_.state_dict().items():
        np.testing.assert_array_equal(meta.module_.state_dict()[key], weight)


def test_ctrl_c_in_a_training_without_some_classes_is_not_lost(monkeypatch):
    train = unlabelled.meta_train

    def stopping(net, *given, **how):
        net.set_params(callbacks=[CtrlC(1)])
        return train(net, *given, **how)

    monkeypatch.setattr(unlabelled, "meta_train", stopping)
    assert stopped(pool()).unlabelled_ == (0.0, 0.0)


def test_callbacks_that_stop_early_are_no_interruption():
    meta = regressor(max_epochs=50, patience=1, lr=1e-12, early_stopping=True)
    assert len(meta.fit(X, Y, groups=TASK).history_) < 50


def test_a_search_stops_too():
    n_fits = []

    class Counts(CtrlC):
        def on_train_begin(self, net, **kwargs):
            n_fits.append(1)

    meta = regressor(callbacks=[Counts(1)])
    search = GridSearchCV(meta, {"lr": [1e-3, 1e-2]}, cv=GroupKFold(2), n_jobs=1)
    with (
        config_context(enable_metadata_routing=True),
        pytest.raises(KeyboardInterrupt),
    ):
        search.fit(X, Y, groups=TASK)
    assert len(n_fits) == 1
    assert not hasattr(search, "cv_results_")


def test_an_ensemble_stays_as_it_was():
    members = [("meta", regressor()), ("own", Ridge())]
    stack = MetaStackingRegressor(members, weights="equal", random_state=0)
    stack.fit(X, Y, groups=TASK).adapt(X[:6], Y[:6])
    before, expected = vars(stack).copy(), stack.predict(X)
    stack.set_params(meta__callbacks=[CtrlC(1)])
    with pytest.raises(KeyboardInterrupt):
        stack.fit(2 * X, Y, groups=TASK)
    assert vars(stack).keys() == before.keys()
    np.testing.assert_array_equal(stack.predict(X), expected)


def test_an_adaptation_that_is_stopped_leaves_the_tasks_before(monkeypatch):
    meta = fitted()
    expected = meta.predict(X)
    monkeypatch.setattr(type(meta.algorithm_), "adapt", interrupt)
    with pytest.raises(KeyboardInterrupt):
        meta.adapt(X[6:12], Y[6:12])
    monkeypatch.undo()
    np.testing.assert_array_equal(meta.predict(X), expected)


def test_an_evaluation_stops_too():
    attempts = Attempts(Progress(["fitting"], {"meta": 1.0}, io.StringIO()))
    meta = regressor(callbacks=[CtrlC(1)])
    with pytest.raises(KeyboardInterrupt):
        attempts.run("fitting", "meta", lambda: meta.fit(X, Y, groups=TASK))
    assert attempts.failures == {}


@pytest.mark.parametrize("command", ["demo", "evaluate"])
def test_a_command_that_is_stopped_says_so_and_exits_with_130(
    command, monkeypatch, capsys
):
    module = getattr(commands, command)
    monkeypatch.setattr(module, "_run", interrupt)
    words = ["t.csv", "--target", "a", "--groups", "b"] if command == "evaluate" else []
    assert command_line.main([command, *words]) == 130
    assert "Stopped." in capsys.readouterr().err
