"""More tasks after the first ones, callbacks of skorch, and the course as a table."""

import builtins
import pickle

import numpy as np
import pandas as pd
import pytest
import skorch.callbacks
import torch
from sklearn import config_context
from sklearn.datasets import load_wine
from sklearn.ensemble import VotingClassifier

import skmeta
from skmeta import (
    FewShotClassifier,
    FewShotRegressor,
    MetaClassifier,
    MetaRegressor,
    NotAdaptedError,
)
from skmeta.backbones import MLP
from skmeta.datasets import make_sinusoids

X, Y, TASK = make_sinusoids(n_tasks=30, n_rows=12, random_state=0)
TINY = {"tasks_per_epoch": 16, "batch_size": 8, "n_query": 5, "random_state": 0}
TINY |= {"max_epochs": 2, "backbone": MLP((8,))}
pytestmark = pytest.mark.filterwarnings(
    "ignore:Meta-learning does not help", "ignore:.*too small"
)


def wine():
    X, y = load_wine(return_X_y=True)
    return X, np.array(["barolo", "grignolino", "barbera"])[y], np.arange(len(y)) % 8


def regressor(**parameters):
    return MetaRegressor("anil", **{**TINY, **parameters})


def classifier(algorithm="protonet", **parameters):
    return MetaClassifier(algorithm, **{**TINY, **parameters})


def weights(meta):
    return torch.cat([each.flatten() for each in meta.module_.state_dict().values()])


# partial_fit ----------------------------------------------------------------------


def test_partial_fit_goes_on_from_the_weights_that_are_there():
    meta = regressor()
    old = TASK < 15
    meta.partial_fit(X[old], Y[old], groups=TASK[old])
    first, scale = meta.module_, meta.scale_
    before = weights(meta)
    meta.partial_fit(5 * X[~old], Y[~old], groups=TASK[~old])
    assert len(meta.history_) == 2  # one pass in a call
    # Two small steps of Adam away, not as far as other first weights would be.
    n_steps = 2
    assert 0 < (weights(meta) - before).abs().max() < 2 * n_steps * meta.lr
    assert meta.scale_ is scale
    torch.testing.assert_close(  # who shares the old weights keeps them
        torch.cat([each.flatten() for each in first.state_dict().values()]), before
    )
    # The optimizer remembers its steps: two batches in each call.
    steps = {float(each["step"]) for each in meta.net_.optimizer_.state.values()}
    assert steps == {4.0}


def test_partial_fit_goes_on_after_fit_and_after_load(tmp_path):
    meta = regressor().fit(X, Y, groups=TASK).adapt(X[:5], Y[:5])
    meta.save(tmp_path / "a")
    for each in (meta, skmeta.load(tmp_path / "a")):
        each.partial_fit(X, Y, groups=TASK)
        assert len(each.history_) == 3
        with pytest.raises(NotAdaptedError):  # by other meta-knowledge
            each.predict(X)


def test_partial_fit_learns():
    meta = regressor(tasks_per_epoch=256)
    for _ in range(15):
        meta.partial_fit(X, Y, groups=TASK)
    losses = meta.history_[:, "train_loss"]
    assert np.mean(losses[-3:]) < 0.9 * losses[0]


def test_the_first_call_settles_shared_labels():
    X, y, groups = wine()
    few = y != "barbera"
    names = np.unique(y)
    meta = classifier(label_space="shared")
    meta.partial_fit(X[few], y[few], groups=groups[few], classes=names)
    meta.partial_fit(X, y, groups=groups)
    assert meta.adapt().predict_proba(X).shape == (len(X), 3)
    assert meta.classes_.tolist() == names.tolist()
    meta.partial_fit(X, y, groups=groups, classes=names[::-1])
    with pytest.raises(ValueError, match="not those of the first call"):
        meta.partial_fit(X, y, groups=groups, classes=names[:2])
    undeclared = classifier(label_space="shared")
    undeclared.partial_fit(X[few], y[few], groups=groups[few])
    before = weights(undeclared)
    with pytest.raises(ValueError, match=r"'barbera'.*unknown"):
        undeclared.partial_fit(X, y, groups=groups)
    assert torch.equal(weights(undeclared), before)


def test_new_tasks_may_bring_labels_of_their_own():
    X, y, groups = wine()
    meta = classifier(label_space="per_task").partial_fit(X, y, groups=groups)
    meta.partial_fit(X, np.char.add(y, " new"), groups=groups)
    assert meta.adapt(X, y).score(X, y) > 0.6


@pytest.mark.parametrize("algorithm", ["simpleshot", "baseline++"])
def test_an_algorithm_of_training_classes_refuses_new_ones(algorithm):
    X, y, groups = wine()
    meta = classifier(algorithm, label_space="per_task")
    meta.partial_fit(X, y, groups=groups)
    with pytest.raises(ValueError, match="classes of training"):
        meta.partial_fit(X, y, groups=groups)
    shared = classifier(algorithm, label_space="shared")
    for _ in range(2):
        shared.partial_fit(X, y, groups=groups)


def test_partial_fit_checks_the_columns():
    frame = pd.DataFrame(np.hstack([X, X]), columns=["a", "b"])
    meta = regressor().partial_fit(frame, Y, groups=TASK)
    with pytest.raises(ValueError, match="feature names"):
        meta.partial_fit(frame[["b", "a"]], Y, groups=TASK)
    with pytest.raises(ValueError, match="pass groups="):
        meta.partial_fit(frame, Y)


def test_partial_fit_asks_for_groups():
    with config_context(enable_metadata_routing=True):
        for meta in (regressor(), classifier()):
            requests = meta.get_metadata_routing().partial_fit.requests
            assert requests["groups"] is True


# warm_start -----------------------------------------------------------------------


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


# Callbacks ------------------------------------------------------------------------


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


# The course as a table ------------------------------------------------------------


def test_the_history_is_a_table_of_epochs(tmp_path):
    meta = regressor().fit(X, Y, groups=TASK)
    frame = meta.history_.to_frame()
    names = ["epoch", "train_loss", "valid_loss", "valid_score", "dur"]
    assert list(frame.columns) == names
    assert frame["epoch"].tolist() == [1, 2]
    assert frame["valid_loss"].tolist() == meta.history_[:, "valid_loss"]
    meta.save(tmp_path / "a")
    for again in (pickle.loads(pickle.dumps(meta)), skmeta.load(tmp_path / "a")):
        pd.testing.assert_frame_equal(again.history_.to_frame(), frame)


def test_without_validation_its_columns_are_missing_values():
    meta = regressor(early_stopping=False).fit(X, Y, groups=TASK)
    assert meta.history_.to_frame()["valid_loss"].isna().all()


def test_without_pandas_the_error_says_what_to_do(monkeypatch):
    meta = regressor().fit(X, Y, groups=TASK)
    real = builtins.__import__

    def without_pandas(name, *args, **kwargs):
        if name == "pandas":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_pandas)
    with pytest.raises(ImportError, match="pip install pandas"):
        meta.history_.to_frame()


# Ordinary estimators --------------------------------------------------------------


def test_a_meta_learner_makes_an_ordinary_estimator():
    X_w, y, groups = wine()
    meta = classifier(label_space="per_task").fit(X_w, y, groups=groups)
    few_shot = meta.as_classifier()
    assert type(few_shot) is FewShotClassifier
    assert few_shot.meta is meta
    vote = VotingClassifier([("a", few_shot), ("b", meta.as_classifier())])
    assert vote.fit(X_w[::4], y[::4]).score(X_w, y) > 0.6
    few_shot = regressor().fit(X, Y, groups=TASK).as_regressor()
    assert type(few_shot) is FewShotRegressor
    assert few_shot.fit(X[:6], Y[:6]).predict(X).shape == Y.shape
