"""The net: how it counts meta-batches, and steps that are compiled."""

import pickle
import shutil

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from skmeta import MetaClassifier, MetaRegressor
from skmeta.datasets import make_sinusoids
from tests import forked


@pytest.mark.parametrize("kind", ["classifier", "regressor"])
def test_an_epoch_weights_each_meta_batch_by_its_tasks(kind):
    X, y, groups = make_sinusoids(n_tasks=40, n_rows=20, random_state=0)
    estimator = {"classifier": MetaClassifier, "regressor": MetaRegressor}[kind]
    y = y > 0 if kind == "classifier" else y
    quick = {"max_epochs": 1, "batch_size": 25, "tasks_per_epoch": 60}
    meta = estimator("anil", early_stopping=True, random_state=0, **quick)
    history = meta.fit(X, y, groups=groups).history_
    assert history[-1, "batches", :, "train_batch_size"] == [25, 25, 10]
    valid = [b["valid_batch_size"] for b in history[-1, "batches"] if "valid_loss" in b]
    assert sum(valid) == 256
    losses = history[-1, "batches", :, "train_loss"]
    expected = np.average(losses, weights=[25, 25, 10])
    assert history[-1, "train_loss"] == pytest.approx(expected)


def test_the_best_epochs_so_far_have_the_least_loss_or_the_highest_score():
    X, y, groups = make_sinusoids(n_tasks=40, n_rows=20, random_state=0)
    quick = {"max_epochs": 8, "tasks_per_epoch": 8, "lr": 0.02, "random_state": 0}
    history = MetaRegressor("anil", early_stopping=True, **quick)
    history = history.fit(X, y, groups=groups).history_
    for name, best in [
        ("train_loss", np.minimum),
        ("valid_loss", np.minimum),
        ("valid_score", np.maximum),
    ]:
        values = np.array(history[:, name])
        so_far = best.accumulate(values)
        is_best = np.r_[True, so_far[1:] != so_far[:-1]]
        assert history[:, f"{name}_best"] == is_best.tolist()
        assert 1 < is_best.sum() < len(values)


def test_a_pickled_net_keeps_its_weights_and_history_and_no_episodes():
    X, y, groups = make_sinusoids(n_tasks=40, n_rows=20, random_state=0)
    quick = {"max_epochs": 1, "tasks_per_epoch": 8, "random_state": 0}
    meta = MetaRegressor("anil", early_stopping=True, **quick).fit(X, y, groups=groups)
    assert meta.net_.validation is not None
    again = pickle.loads(pickle.dumps(meta.net_))
    assert again.validation is None
    assert again.history == meta.net_.history
    assert repr(again.algorithm) == repr(meta.net_.algorithm)
    weights = meta.module_.state_dict()
    for name, weight in again.module_.state_dict().items():
        assert torch.equal(weight, weights[name])
    assert meta.net_.validation is not None


def test_a_step_that_cannot_be_compiled_runs_as_it_is_with_one_warning(monkeypatch):
    def no_compiler(function, **kwargs):
        def compiled(*args):
            raise RuntimeError("no C++ compiler")

        return compiled

    monkeypatch.setattr(torch, "compile", no_compiler)
    X, y = load_digits(return_X_y=True)
    plain = {"tasks": "classes", "max_epochs": 2, "tasks_per_epoch": 64}
    with pytest.warns(UserWarning, match="no C\\+\\+ compiler") as caught:
        compiled = MetaClassifier("maml", random_state=0, compile=True, **plain).fit(
            X, y
        )
    assert sum("compile" in str(warning.message) for warning in caught) == 1
    eager = MetaClassifier("maml", random_state=0, **plain).fit(X, y)
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
    environment = {"TORCHINDUCTOR_CACHE_DIR": str(tmp_path)}
    forked.run_code(COMPILED, environment=environment, timeout=600)
