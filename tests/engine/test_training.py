"""Training: it learns, stops in time, keeps the best epoch and says how far it is."""

import copy
import warnings
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits, load_wine
from skorch.callbacks import Callback

from skmeta import MetaClassifier
from skmeta.algorithms import Algorithm, ProtoNet
from skmeta.engine.training import _can_fuse
from tests.quick import TASK, X, Y, classifier

QUICK = {"max_epochs": 2, "tasks_per_epoch": 64, "n_query": 5}


def wine():
    X, y = load_wine(return_X_y=True)
    return X, y, np.arange(len(y)) % 12


def fit(**parameters):
    X, y, groups = wine()
    return MetaClassifier("protonet", **QUICK, **parameters).fit(X, y, groups=groups)


class Recorder(Callback):
    """Keep the weights and the validation episodes of every epoch."""

    def on_train_begin(self, net, **kwargs):
        self.weights_ = []

    def on_epoch_end(self, net, **kwargs):
        self.validation_ = net.validation
        self.weights_.append(copy.deepcopy(net.module_.state_dict()))


def overfit(recorder, **parameters):
    X, y = load_digits(return_X_y=True)
    return MetaClassifier(
        "protonet",
        tasks="classes",
        callbacks=[recorder],
        early_stopping=True,
        tasks_per_epoch=64,
        n_query=5,
        lr=0.3,  # far too high, so that the validation loss goes up and down
        random_state=1,
        **parameters,
    ).fit(X[:300], y[:300])


def test_early_stopping_restores_the_best_epoch():
    recorder = Recorder()
    meta = overfit(recorder, max_epochs=8, patience=8)
    losses = meta.history_[:, "valid_loss"]
    best = int(np.argmax(meta.history_[:, "valid_score"]))  # which decides for pools
    assert best < len(losses) - 1  # or the test would prove nothing
    weights = meta.module_.state_dict()
    assert all(torch.equal(weights[k], v) for k, v in recorder.weights_[best].items())
    assert any(not torch.equal(weights[k], v) for k, v in recorder.weights_[-1].items())

    sizes, again = [], []
    for episode in recorder.validation_:
        algorithm, module = meta.net_.algorithm, meta.module_
        state = algorithm.adapt(module, episode.support)
        outputs = algorithm.answer(module, state, episode.query)
        loss = algorithm.validation_loss(module, state, outputs, episode.query)
        again.append(loss.item())
        sizes.append(len(episode.query.X))
    assert np.average(again, weights=sizes) == pytest.approx(losses[best], rel=1e-5)


def test_early_stopping_stops_after_patience_epochs_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "Meta-learning does not help here")
        meta = overfit(Recorder(), max_epochs=50, patience=2)
    scores = meta.history_[:, "valid_score"]
    assert len(scores) == int(np.argmax(scores)) + 3 < 50


def test_no_early_stopping_uses_every_epoch_and_the_last_weights():
    recorder = Recorder()
    X, y, groups = wine()
    meta = MetaClassifier(
        "protonet", early_stopping=False, callbacks=[recorder], **QUICK
    ).fit(X, y, groups=groups)
    assert len(meta.history_) == 2
    assert "valid_loss" not in meta.history_[-1]
    weights = meta.module_.state_dict()
    assert all(torch.equal(weights[k], v) for k, v in recorder.weights_[-1].items())


def test_training_lowers_the_loss():
    meta = fit(random_state=0, lr=0.01).set_params(max_epochs=10)
    X, y, groups = wine()
    losses = meta.fit(X, y, groups=groups).history_[:, "train_loss"]
    assert losses[-1] < 0.5 * losses[0]


def test_verbose_shows_one_progress_bar_on_stderr(capsys):
    fit(verbose=1, random_state=0)
    shown = capsys.readouterr()
    assert not shown.out
    assert "meta-training" in shown.err
    assert "2/2" in shown.err
    assert "train_loss" in shown.err
    assert "valid_loss" in shown.err


def test_steps_are_fused_where_they_can_be_and_nobody_chose_otherwise():
    adam = torch.optim.Adam
    assert _can_fuse(adam)
    assert _can_fuse(partial(adam, betas=(0.5, 0.9)))
    assert not _can_fuse(torch.optim.RMSprop)
    for way in ("fused", "foreach", "differentiable"):
        assert not _can_fuse(partial(adam, **{way: False}))


def test_silence_is_the_default(capsys):
    X, y, groups = wine()
    fit().adapt(X, y, groups=groups).predict(X, groups=groups)
    shown = capsys.readouterr()
    assert not shown.out
    assert not shown.err


def test_an_algorithm_that_makes_no_module_is_told_so():
    class Nothing(ProtoNet):
        def build(self, backbone, spec):
            return None

    with pytest.raises(TypeError, match=r"Nothing\.build must return a torch.*None"):
        classifier(Nothing()).fit(X, Y > 0, groups=TASK)


def test_a_module_without_parameters_learns_nothing_in_one_epoch():
    class Settled(Algorithm):
        """Takes the first feature for the logit, whatever the support."""

        kinds, label_spaces = ("classifier",), ("shared",)

        def build(self, backbone, spec):
            return torch.nn.Identity()

        def adapt(self, module, support):
            return support.X.new_zeros(len(support.X))

        def predict(self, module, state, X):
            return torch.stack([-X[..., 0], X[..., 0]], dim=-1)

    meta = classifier(Settled(), max_epochs=7).fit(X, X[:, 0] > 0, groups=TASK)
    assert len(meta.history_) == 1
    assert meta.adapt(X[:4], X[:4, 0] > 0).score(X, X[:, 0] > X.mean()) == 1.0
