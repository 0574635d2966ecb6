"""One seed, one result; nothing global moves; what is saved comes back the same."""

import copy
import io
import os
import pickle
import random
import shutil
import subprocess
import sys
import warnings

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits, load_wine
from skorch.callbacks import Callback

from skmeta import FewShotClassifier, MetaClassifier, MetaRegressor
from skmeta.algorithms import MAML
from skmeta.backbones import MLP

QUICK = {"max_epochs": 2, "tasks_per_epoch": 64, "n_query": 5}
METAS = {
    "maml": lambda **p: MetaClassifier("maml", tasks="classes", **QUICK, **p),
    "anil": lambda **p: MetaClassifier("anil", tasks="classes", **QUICK, **p),
    "protonet": lambda **p: MetaClassifier("protonet", tasks="classes", **QUICK, **p),
    "dropout": lambda **p: MetaClassifier(
        "maml", MLP(dropout=0.3), tasks="classes", **QUICK, **p
    ),
    "shared": lambda **p: MetaClassifier("protonet", **QUICK, **p),
    "regressor": lambda **p: MetaRegressor(**QUICK, **p),
}


def data(kind):
    if kind == "regressor":
        X, y = load_diabetes(return_X_y=True)
        return X, y, np.arange(len(y)) % 12
    X, y = load_wine(return_X_y=True)
    return X, y, np.arange(len(y)) % 12


def fit(kind, **parameters):
    X, y, groups = data(kind)
    return METAS[kind](**parameters).fit(X, y, groups=groups)


def assert_same_weights(one, other):
    mine, theirs = one.module_.state_dict(), other.module_.state_dict()
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)


def answers(meta, kind):
    X, y, _ = data(kind)
    meta.adapt(X[:30], y[:30])
    return (meta.predict if kind == "regressor" else meta.predict_proba)(X)


# Seeds ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", METAS)
def test_two_fits_with_one_seed_are_bit_identical(kind):
    one, other = fit(kind, random_state=3), fit(kind, random_state=3)
    assert_same_weights(one, other)
    assert one.history_[:, "train_loss"] == other.history_[:, "train_loss"]
    np.testing.assert_array_equal(answers(one, kind), answers(other, kind))


def test_fits_with_different_seeds_differ():
    one = fit("protonet", random_state=3)
    for other in (fit("protonet", random_state=4), fit("protonet")):
        assert any(
            not torch.equal(a, b)
            for a, b in zip(
                one.module_.parameters(), other.module_.parameters(), strict=True
            )
        )


def test_a_random_state_instance_seeds_a_fit():
    one, other = (
        fit("protonet", random_state=np.random.RandomState(5)) for _ in range(2)
    )
    assert_same_weights(one, other)


@pytest.mark.parametrize("random_state", [None, 0])
@pytest.mark.parametrize("kind", ["dropout", "shared", "regressor"])
def test_nothing_global_moves(kind, random_state):
    X, y, groups = data(kind)
    before = global_state()
    meta = fit(kind, random_state=random_state)
    meta.adapt(X, y, groups=groups).predict(X, groups=groups)
    meta.transform(X, groups=groups)
    meta.score(X, y, groups=groups)
    for now, then in zip(global_state(), before, strict=True):
        assert now == then


def global_state():
    name, keys, *rest = np.random.get_state()  # noqa: NPY002
    return (
        (name, keys.tobytes(), *rest),
        torch.get_rng_state().numpy().tobytes(),
        random.getstate(),
        torch.get_num_threads(),
        torch.is_grad_enabled(),
        torch.get_default_dtype(),
        torch.are_deterministic_algorithms_enabled(),
        list(warnings.filters),
    )


def test_global_seeds_do_not_reach_a_fit():
    fits = []
    for seed in (1, 2):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            fits.append(fit("dropout", random_state=0))
    assert_same_weights(*fits)


def test_fit_changes_neither_its_parameters_nor_its_input():
    algorithm, backbone = MAML(inner_steps=2), MLP((8,))
    X, y, groups = data("shared")
    kept = X.copy(), y.copy(), groups.copy()
    meta = MetaClassifier(algorithm, backbone, random_state=0, **QUICK)
    before = {k: repr(v) for k, v in meta.get_params().items()}
    meta.fit(X, y, groups=groups).adapt(X, y, groups=groups).predict(X, groups=groups)
    assert {k: repr(v) for k, v in meta.get_params().items()} == before
    assert meta.algorithm is algorithm
    assert meta.backbone is backbone
    for now, then in zip((X, y, groups), kept, strict=True):
        np.testing.assert_array_equal(now, then)


# Copies and files -----------------------------------------------------------------


def through_pickle(meta):
    return pickle.loads(pickle.dumps(meta))


def through_joblib(meta):
    file = io.BytesIO()
    joblib.dump(meta, file)
    file.seek(0)
    return joblib.load(file)


@pytest.mark.parametrize("copied", [through_pickle, through_joblib, copy.deepcopy])
@pytest.mark.parametrize("kind", METAS)
def test_a_copy_of_a_fitted_estimator_answers_the_same(kind, copied):
    X, _, _ = data(kind)
    meta = fit(kind, random_state=0)
    expected = answers(meta, kind)
    other = copied(meta)
    np.testing.assert_array_equal(other.predict(X), meta.predict(X))
    assert_same_weights(meta, other)
    np.testing.assert_array_equal(answers(other, kind), expected)
    assert len(other.history_) == len(meta.history_)


def test_a_deep_copy_shares_no_weights():
    meta = fit("maml", random_state=0)
    other = copy.deepcopy(meta)
    with torch.no_grad():
        for weight in other.module_.parameters():
            weight.add_(1)
    assert_same_weights(meta, fit("maml", random_state=0))


@pytest.mark.parametrize("kind", METAS)
def test_a_clone_is_unfitted_and_fits_the_same(kind):
    meta = fit(kind, random_state=0)
    other = clone(meta)
    assert not hasattr(other, "module_")
    X, y, groups = data(kind)
    assert_same_weights(meta, other.fit(X, y, groups=groups))


ELSEWHERE = """
import pickle, sys

def answers(meta, X, groups):
    methods = ["predict", "transform", "predict_proba"]
    return [getattr(meta, m)(X, groups=groups) for m in methods if hasattr(meta, m)]

if __name__ == "__main__":
    packed = pickle.load(open(sys.argv[1], "rb"))
    pickle.dump([answers(*one) for one in packed], open(sys.argv[2], "wb"))
"""


@pytest.mark.slow
def test_another_process_answers_bit_for_bit_the_same(tmp_path):
    packed = []
    for kind in ("maml", "shared", "regressor"):
        X, y, groups = data(kind)
        meta = fit(kind, random_state=0)
        packed.append(
            (meta.adapt(X[:90], y[:90], groups=groups[:90]), X, groups),
        )
    there, back = tmp_path / "estimators", tmp_path / "answers"
    there.write_bytes(pickle.dumps(packed))
    subprocess.run(
        [sys.executable, "-c", ELSEWHERE, str(there), str(back)],
        check=True,
        env=os.environ | {"OMP_NUM_THREADS": str(torch.get_num_threads())},
    )
    here = {}
    exec(ELSEWHERE, here)
    for one, elsewhere in zip(packed, pickle.loads(back.read_bytes()), strict=True):
        for mine, theirs in zip(here["answers"](*one), elsewhere, strict=True):
            np.testing.assert_array_equal(mine, theirs)


# The course of a training ---------------------------------------------------------


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
    best = int(np.argmin(losses))
    assert best < len(losses) - 1  # or the test would prove nothing
    weights = meta.module_.state_dict()
    assert all(torch.equal(weights[k], v) for k, v in recorder.weights_[best].items())

    sizes, again = [], []
    for episode in recorder.validation_:
        step = meta.net_.algorithm.meta_loss(meta.module_, episode)
        again.append(step.item())
        sizes.append(len(episode.query.X))
    assert np.average(again, weights=sizes) == pytest.approx(losses[best], rel=1e-5)


def test_early_stopping_stops_after_patience_epochs_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "Meta-learning does not help here")
        meta = overfit(Recorder(), max_epochs=50, patience=2)
    losses = meta.history_[:, "valid_loss"]
    assert len(losses) == int(np.argmin(losses)) + 3 < 50


def test_no_early_stopping_uses_every_epoch_and_the_last_weights():
    recorder = Recorder()
    X, y, groups = data("shared")
    meta = MetaClassifier(
        "protonet", early_stopping=False, callbacks=[recorder], **QUICK
    ).fit(X, y, groups=groups)
    assert len(meta.history_) == 2
    assert "valid_loss" not in meta.history_[-1]
    weights = meta.module_.state_dict()
    assert all(torch.equal(weights[k], v) for k, v in recorder.weights_[-1].items())


def test_training_lowers_the_loss():
    meta = fit("shared", random_state=0, lr=0.01).set_params(max_epochs=10)
    X, y, groups = data("shared")
    losses = meta.fit(X, y, groups=groups).history_[:, "train_loss"]
    assert losses[-1] < 0.5 * losses[0]


def test_a_warm_start_goes_on_and_a_cold_one_begins_anew():
    X, y, groups = data("shared")
    meta = MetaClassifier(
        "protonet", warm_start=True, early_stopping=False, lr=0.01, **QUICK
    ).fit(X, y, groups=groups)
    first = [w.detach().clone() for w in meta.module_.parameters()]
    losses = meta.history_[:, "train_loss"]
    meta.fit(X, y, groups=groups)
    assert meta.history_[:2, "train_loss"] == losses
    assert len(meta.history_) == 4
    assert meta.history_[2]["train_loss"] < losses[0]
    assert any(
        not torch.equal(a, b)
        for a, b in zip(first, meta.module_.parameters(), strict=True)
    )
    meta.set_params(warm_start=False).fit(X, y, groups=groups)
    assert len(meta.history_) == 2


@pytest.mark.parametrize("change", [{"algorithm": "anil"}, {"backbone": "linear"}])
def test_a_warm_start_by_another_algorithm_or_backbone_is_refused(change):
    X, y, groups = data("shared")
    meta = MetaClassifier("maml", warm_start=True, **QUICK).fit(X, y, groups=groups)
    meta.set_params(**change)
    with pytest.raises(ValueError, match="warm_start"):
        meta.fit(X, y, groups=groups)


def test_a_warm_start_that_fails_leaves_the_weights_of_the_last_fit():
    X, y, groups = data("shared")
    meta = MetaClassifier("maml", warm_start=True, **QUICK).fit(X, y, groups=groups)
    before = [w.detach().clone() for w in meta.module_.parameters()]
    with pytest.raises(ValueError, match="diverged"):
        meta.fit(1e30 * X, y, groups=groups)
    after = meta.module_.parameters()
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("change", ["columns", "labels"])
def test_a_warm_start_on_other_columns_or_labels_is_refused(change):
    X, y, groups = data("shared")
    meta = MetaClassifier("protonet", warm_start=True, **QUICK).fit(X, y, groups=groups)
    if change == "columns":
        X = X[:, :5]
    else:
        y = np.arange(len(y)) % 4
    with pytest.raises(ValueError, match="warm_start"):
        meta.fit(X, y, groups=groups)


def test_verbose_shows_one_progress_bar_on_stderr(capsys):
    fit("shared", verbose=1, random_state=0)
    shown = capsys.readouterr()
    assert not shown.out
    assert "meta-training" in shown.err
    assert "2/2" in shown.err
    assert "train_loss" in shown.err
    assert "valid_loss" in shown.err


def test_silence_is_the_default(capsys):
    X, y, groups = data("shared")
    fit("shared").adapt(X, y, groups=groups).predict(X, groups=groups)
    shown = capsys.readouterr()
    assert not shown.out
    assert not shown.err


def test_a_few_shot_estimator_survives_a_pickle():
    X, y, _ = data("maml")
    few_shot = FewShotClassifier(fit("maml", random_state=0)).fit(X[::5], y[::5])
    other = through_pickle(few_shot)
    np.testing.assert_array_equal(other.predict_proba(X), few_shot.predict_proba(X))


def test_a_step_that_cannot_be_compiled_runs_as_it_is_with_one_warning(monkeypatch):
    def no_compiler(function, **kwargs):
        def compiled(*args):
            raise RuntimeError("no C++ compiler")

        return compiled

    monkeypatch.setattr(torch, "compile", no_compiler)
    X, y = load_digits(return_X_y=True)
    plain = {"tasks": "classes", "max_epochs": 2, "tasks_per_epoch": 64}
    with pytest.warns(UserWarning, match="no C\\+\\+ compiler") as caught:
        compiled = MetaClassifier(random_state=0, compile=True, **plain).fit(X, y)
    assert sum("compile" in str(warning.message) for warning in caught) == 1
    eager = MetaClassifier(random_state=0, **plain).fit(X, y)
    for one, other in zip(
        compiled.module_.parameters(), eager.module_.parameters(), strict=True
    ):
        assert torch.equal(one, other)


COMPILED = """
import warnings
import numpy as np
from skmeta import MetaRegressor
from skmeta.algorithms import CNP, MAML
from skmeta.datasets import make_sinusoids

warnings.filterwarnings("error", "The meta-step of .* cannot be compiled")
X, y, task = make_sinusoids(n_tasks=20, n_rows=20, random_state=0)
for algorithm in (MAML(inner_steps=1), CNP()):
    losses = []
    for compile in (False, True):
        meta = MetaRegressor(
            algorithm, max_epochs=2, tasks_per_epoch=64, early_stopping=False,
            compile=compile, random_state=0,
        ).fit(X, y, groups=task)
        losses.append(meta.history_[:, "train_loss"])
    np.testing.assert_allclose(*losses, rtol=1e-3)
    assert losses[0][0] != losses[0][1]
"""


@pytest.mark.slow
@pytest.mark.skipif(
    not any(map(shutil.which, ("c++", "g++", "clang++"))), reason="no C++ compiler"
)
def test_a_compiled_step_trains_as_one_that_is_not(tmp_path):
    """In a process of its own: a compiler must not find another's half-loaded tools."""
    subprocess.run(
        [sys.executable, "-c", COMPILED],
        env=os.environ | {"TORCHINDUCTOR_CACHE_DIR": str(tmp_path)},
        check=True,
    )
