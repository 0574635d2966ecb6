"""One seed, one result; nothing global moves; what is saved comes back the same."""

import copy
import io
import pickle
import random
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_wine
from sklearn.ensemble import HistGradientBoostingClassifier

from skmeta import FewShotClassifier, MetaClassifier, MetaRegressor
from skmeta.algorithms import MAML
from skmeta.backbones import MLP, Backbone
from skmeta.ensemble import MetaStackingRegressor
from tests import forked

QUICK = {"max_epochs": 2, "tasks_per_epoch": 64, "n_query": 5}
METAS = {
    "maml": lambda **p: MetaClassifier("maml", tasks="classes", **QUICK, **p),
    "anil": lambda **p: MetaClassifier("anil", tasks="classes", **QUICK, **p),
    "protonet": lambda **p: MetaClassifier("protonet", tasks="classes", **QUICK, **p),
    "dropout": lambda **p: MetaClassifier(
        "maml", MLP(dropout=0.3), tasks="classes", **QUICK, **p
    ),
    "shared": lambda **p: MetaClassifier("protonet", **QUICK, **p),
    "regressor": lambda **p: MetaRegressor("maml", **QUICK, **p),
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


ONE = QUICK | {"max_epochs": 1}


class Custom(Backbone):
    """A network of the user's own, whose dropout draws as torch's does."""

    def build(self, n_features):
        return CustomNet(n_features)


class CustomNet(torch.nn.Module):
    out_features = 8

    def __init__(self, n_features):
        super().__init__()
        self.layer = torch.nn.Linear(n_features, 8)

    def forward(self, X):
        return torch.nn.functional.dropout(self.layer(X).relu(), 0.3, self.training)


IN_THREADS = METAS | {
    "custom": lambda **p: MetaClassifier("protonet", Custom(), **QUICK, **p),
    "custom in steps": lambda **p: MetaClassifier("maml", Custom(), **QUICK, **p),
    "reptile": lambda **p: MetaClassifier("reptile", tasks="classes", **QUICK, **p),
    "augmented": lambda **p: MetaClassifier(
        "protonet", augment="feature_noise", **QUICK, **p
    ),
    "boosting": lambda **p: MetaClassifier(
        "gp", prior=HistGradientBoostingClassifier(max_iter=3), **ONE, **p
    ),
}


@pytest.mark.parametrize("kind", IN_THREADS)
def test_fits_in_threads_equal_one_fit_and_move_nothing_global(kind):
    X, y, groups = data(kind)

    def fit(_):
        meta = IN_THREADS[kind](random_state=3, early_stopping=False)
        return meta.fit(X, y, groups=groups)

    one, before = fit(0), global_state()
    fits = joblib.Parallel(3, backend="threading")(
        joblib.delayed(fit)(each) for each in range(4)
    )
    for each in fits:
        assert_same_weights(one, each)
    for now, then in zip(global_state(), before, strict=True):
        assert now == then
    threads = []
    later = threading.Thread(target=lambda: threads.append(torch.get_num_threads()))
    later.start()
    later.join()
    assert threads == [torch.get_num_threads()]


def test_an_ensemble_in_threads_leaves_the_filters_of_warnings():
    X, y, groups = data("regressor")

    def fit(seed):
        members = [("ridge", MetaRegressor("r2d2", **QUICK, random_state=seed))]
        return MetaStackingRegressor(members, random_state=seed).fit(
            X, y, groups=groups
        )

    before = list(warnings.filters)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(fit, range(3)))
    assert list(warnings.filters) == before


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


def everything(meta, X, groups):
    methods = ["predict", "transform", "predict_proba"]
    return [getattr(meta, m)(X, groups=groups) for m in methods if hasattr(meta, m)]


def answer_elsewhere(there, back, n_threads):
    torch.set_num_threads(n_threads)
    packed = pickle.loads(there.read_bytes())
    back.write_bytes(pickle.dumps([everything(*one) for one in packed]))


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
    done = forked.run(answer_elsewhere, there, back, torch.get_num_threads())
    assert done.exitcode == 0, done.stderr
    for one, elsewhere in zip(packed, pickle.loads(back.read_bytes()), strict=True):
        for mine, theirs in zip(everything(*one), elsewhere, strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_a_few_shot_estimator_survives_a_pickle():
    X, y, _ = data("maml")
    few_shot = FewShotClassifier(fit("maml", random_state=0)).fit(X[::5], y[::5])
    other = through_pickle(few_shot)
    np.testing.assert_array_equal(other.predict_proba(X), few_shot.predict_proba(X))
