"""Random calls of every verb, with inputs that users have and ones they should not.

A call is a choice for each of its parts, so that hypothesis can make it simpler. It
ends well in an answer within bounds, or in an error that somebody wrote for people: one
that skmeta raises itself, or scikit-learn when it looks at what it was given.
"""

import copy
import dis
import functools
import importlib
import io
import pickle
import traceback
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.sparse
import sklearn
import torch
from sklearn.base import clone
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skmeta
from skmeta import FewShotClassifier, FewShotRegressor, MetaClassifier, MetaRegressor
from skmeta.algorithms import CNP, GP, MAML, R2D2, ProtoNet
from skmeta.backbones import MLP
from skmeta.ensemble import MetaStackingClassifier, MetaStackingRegressor
from skmeta.exceptions import LoadError
from skmeta.model_selection import (
    PerTask,
    Pooled,
    TaskMean,
    compare,
    few_shot_curve,
    few_shot_scorer,
)
from skmeta.onnx import export

N_FEATURES = 3
TINY = {"max_epochs": 1, "tasks_per_epoch": 4, "batch_size": 4, "n_query": 4}
TINY |= {"backbone": MLP((4,)), "random_state": 0}

# Errors that are meant for people. A KeyboardInterrupt or a MemoryError is not.
WRITTEN = (ValueError, TypeError, AttributeError, NotImplementedError, LoadError)
WRITTEN += (FileNotFoundError, FileExistsError, IsADirectoryError)

# Beyond so many standard deviations, of the training or of the support, no answer is.
BOUND = 1e3


# Verbs that not everybody has, and an attribute that only who has few-shot ways has.
NEEDED = ("partial_fit", "predict_proba", "score", "transform", "save", "predict_std")
NEEDED += ("partial_adapt", "forget", "n_features_in_", "algorithm_")


class Call(NamedTuple):
    """What is asked of whom, with what."""

    who: str
    verb: str
    X: str
    y: str
    groups: str
    weights: str
    parameter: str
    container: str
    n_rows: int
    seed: int


# Whom is asked -----------------------------------------------------------------------


def table():
    rng = np.random.default_rng(0)
    task = np.repeat(np.arange(12), 10)
    X = rng.normal(size=(len(task), N_FEATURES))
    y = X[:, 0] + rng.normal(size=12)[task]
    return X, y, task


def labels(y):
    return np.where(y > 0.5, "high", np.where(y > -0.5, "mid", "low"))


def own_labels(y, task):
    return np.char.add(task.astype(str), np.where(y > 0, "a", "b"))


def _regressors():
    known = {
        f"regressor {name}": MetaRegressor(name, **TINY)
        for name in ("maml", "r2d2", "cnp", "reptile")
    }
    known["regressor gp"] = MetaRegressor("gp", prior="linear", **TINY)
    known["regressor unlabelled"] = MetaRegressor(
        GP(unlabelled=(1.0, 0.5)), prior="linear", **TINY
    )
    for normalize in ("task", "robust", None):
        known[f"regressor {normalize}"] = MetaRegressor(
            "r2d2", normalize=normalize, unknown_task="prior", **TINY
        )
    known["table"] = MetaRegressor("maml", tasks="table", **TINY)
    known["ensemble of values"] = MetaStackingRegressor(
        [("r2d2", MetaRegressor("r2d2", **TINY)), ("mean", TaskMean("regressor"))],
        random_state=0,
    )
    known["ensemble unlabelled"] = MetaStackingRegressor(
        [
            ("gp", MetaRegressor(GP(unlabelled=(1.0, 0.5)), prior="linear", **TINY)),
            ("mean", TaskMean("regressor")),
        ],
        weights="equal",
    )
    known["plain values"] = Pooled(sklearn.linear_model.Ridge())
    return known


def _classifiers():
    known = {
        f"classifier {name}": MetaClassifier(name, **TINY)
        for name in ("protonet", "maml", "r2d2", "matching", "relation")
    }
    known["classifier gp"] = MetaClassifier("gp", prior="linear", **TINY)
    known["classifier task"] = MetaClassifier("protonet", normalize="task", **TINY)
    known["ensemble of classes"] = MetaStackingClassifier(
        [("r2d2", MetaClassifier("r2d2", **TINY)), ("mean", TaskMean("classifier"))],
        random_state=0,
    )
    known["plain classes"] = PerTask(sklearn.linear_model.LogisticRegression())
    return known


def _per_task():
    return {
        f"per task {name}": MetaClassifier(name, label_space="per_task", **TINY)
        for name in ("protonet", "anil", "siamese", "gp")
    }


def _pools():
    return {"pool": MetaClassifier("protonet", tasks="classes", **TINY)}


def is_regressor(who):
    return FEW.get(who, who) in _regressors()


@functools.cache
def everybody():
    return {**_regressors(), **_classifiers(), **_per_task(), **_pools()}


FEW = {
    f"few-shot {who}": who
    for who in ("regressor r2d2", "classifier maml", "per task protonet")
}
WHO = [*everybody(), *FEW]


def targets_of(who):
    _, y, task = table()
    if is_regressor(who):
        return y
    return own_labels(y, task) if who in _per_task() or who in _pools() else labels(y)


@functools.cache
def _fitted(who):
    X, _, task = table()
    estimator = clone(everybody()[who])
    groups = None if who in ("pool", "table") else task
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return estimator.fit(X, targets_of(who), groups=groups)


def fitted(who):
    return copy.copy(_fitted(who))


# With what ---------------------------------------------------------------------------


def row_kinds(X):
    """Spoil features in every way."""
    n = len(X)
    return {
        "usual": lambda: X,
        "one more column": lambda: np.c_[X, X[:, :1]],
        "one column less": lambda: X[:, 1:],
        "no column": lambda: X[:, :0],
        "one axis": lambda: X[:, 0],
        "three axes": lambda: X[None],
        "no rows": lambda: X[:0],
        "a gap": lambda: _with(X, np.nan),
        "infinite": lambda: _with(X, np.inf),
        "far": lambda: _with(X, 1e9),
        "huge": lambda: _with(X, 1e300),
        "all huge": lambda: X * 1e30,
        "tiny": lambda: X * 1e-300,
        "shifted": lambda: X + 1e9,
        "constant": lambda: np.zeros_like(X),
        "whole": lambda: (X * 10).astype(int),
        "short": lambda: X.astype(np.float16),
        "single": lambda: X.astype(np.float32),
        "truth": lambda: X > 0,
        "text": lambda: X.astype(str),
        "mixed": lambda: _mixed(X),
        "complex": lambda: X + 1j,
        "dates": lambda: np.datetime64("2020-01-01") + (X * 9).astype(int),
        "nothing": lambda: None,
        "a number": lambda: 3.0,
        "a word": lambda: "rows",
        "a dict": lambda: {"a": 1},
        "ragged": lambda: [[1.0, 2.0, 3.0], [1.0]] * (n // 2 + 1),
        "read only": lambda: _frozen(X),
        "reversed": lambda: X[:, ::-1],
        "a generator": lambda: (row for row in X),
        "a set": lambda: {1.0, 2.0},
        "masked": lambda: np.ma.masked_array(X, mask=X > 1),
        "a matrix of objects": lambda: X.astype(object),
        "a class": lambda: np.ndarray,
        "long": lambda: X.astype(np.longdouble),
        "bytes": lambda: b"rows",
    }


X_KINDS = [*row_kinds(np.zeros((1, N_FEATURES)))]


def _with(X, value):
    X = X.copy()
    X.ravel()[: min(1, X.size)] = value
    return X


def _mixed(X):
    X = X.astype(object)
    X.ravel()[: min(1, X.size)] = "?"
    return X


def _frozen(X):
    X.flags.writeable = False
    return X


CONTAINERS = ["array", "list", "frame", "named frame", "sparse", "tensor", "memoryview"]
CONTAINERS += ["arrow", "nullable frame", "frame of arrow", "repeated index"]
CONTAINERS += ["columns first", "with strides"]


def contain(X, container):
    if not isinstance(X, np.ndarray) or X.ndim != 2:
        return X
    if container == "list":
        return X.tolist()
    if container == "frame":
        return pd.DataFrame(X)
    if container == "named frame":
        return pd.DataFrame(X, columns=[f"c{i}" for i in range(X.shape[1])])
    if container == "sparse" and X.dtype.kind in "fi":
        return scipy.sparse.csr_array(X.astype(float))
    if container == "tensor" and X.dtype in (np.float64, np.float32):
        return torch.from_numpy(X.copy())
    if container == "memoryview" and X.dtype == float and X.size:
        return memoryview(X)
    if container == "columns first":
        return np.asfortranarray(X)
    if container == "with strides":
        return np.repeat(np.repeat(X, 2, axis=0), 2, axis=1)[::2, ::2]
    numbers = X.dtype in (np.float64, np.float32) or X.dtype.kind in "bi"
    return contain_in_frame(X, container) if numbers else X


def contain_in_frame(X, container):
    """Put numbers in tables whose types or indices are not those of numpy."""
    frame = pd.DataFrame(X, columns=[f"c{i}" for i in range(X.shape[1])])
    if container == "nullable frame":
        return frame.convert_dtypes()
    if container == "repeated index":
        return frame.set_axis(np.zeros(len(X), dtype=int))
    if container in ("arrow", "frame of arrow") and find_spec("pyarrow"):
        table = importlib.import_module("pyarrow").Table.from_pandas(frame)
        if container == "arrow":
            return table
        return table.to_pandas(types_mapper=pd.ArrowDtype)
    return X


def target_kinds(y, usual=None):
    """Spoil targets in every way."""
    n, word = len(y), labels(y)
    return {
        "usual": lambda: usual,
        "values": lambda: y,
        "words": lambda: word,
        "whole": lambda: (y > 0).astype(int),
        "truth": lambda: y > 0,
        "one class": lambda: np.full(n, "low"),
        "unknown": lambda: np.full(n, "never seen"),
        "some unknown": lambda: np.where(np.arange(n) % 2, word, "never seen"),
        "constant": lambda: np.zeros(n),
        "huge": lambda: y * 1e40,
        "tiny": lambda: y * 1e-50,
        "beyond": lambda: y * 1e300,
        "far": lambda: _with(y, 1e9),
        "a gap": lambda: _with(y, np.nan),
        "infinite": lambda: _with(y, np.inf),
        "None inside": lambda: np.array([None, *word[1:]], dtype=object)[:n],
        "mixed": lambda: np.array([1, *word[1:]], dtype=object)[:n],
        "objects": lambda: word.astype(object),
        "shorter": lambda: y[:-1],
        "longer": lambda: np.r_[y, y[:1]],
        "a column": lambda: y[:, None],
        "two columns": lambda: np.c_[y, y],
        "one hot": lambda: np.eye(3, dtype=int)[np.arange(n) % 3],
        "nothing": lambda: None,
        "a number": lambda: 1.0,
        "a word": lambda: "low",
        "large": lambda: 10**18 + np.arange(n),
        "categories": lambda: pd.Series(word).astype("category"),
        "text": lambda: y.astype(str),
        "complex": lambda: y + 1j,
        "a dict": lambda: {"low": 1},
        "a set": lambda: {"low", "mid"},
        "a generator": lambda: (each for each in word),
        "dates": lambda: np.datetime64("2020-01-01") + np.arange(n),
        "lists": lambda: [[each] * (k % 2 + 1) for k, each in enumerate(word)],
        "indexed": lambda: pd.Series(word, index=np.arange(n)[::-1] + 50),
        "bytes": lambda: word.astype("S"),
        "all missing": lambda: np.full(n, np.nan),
        "all None": lambda: np.full(n, None),
        "short": lambda: np.clip(y * 60, -120, 120).astype(np.int8),
        "unsigned": lambda: np.clip(y * 60 + 128, 0, 255).astype(np.uint8),
        "half": lambda: y.astype(np.float16),
        "nullable": lambda: pd.Series(y).where(y < 1).astype("Float64"),
        "nullable truth": lambda: pd.Series(y > 0).astype("boolean"),
        "unused categories": lambda: pd.Categorical(word, ["mid", "no", "high", "low"]),
        "zoned": lambda: pd.date_range("2020-01-01", periods=n, tz="Europe/Paris"),
        "intervals": lambda: pd.arrays.IntervalArray.from_breaks(np.arange(n + 1)),
    }


Y_KINDS = [*target_kinds(np.zeros(1))]


def _usual_labels(call, word):
    if call.who in _per_task() or FEW.get(call.who) in _per_task():
        return np.char.add("new ", word)
    return word


def group_kinds(n):
    """Name tasks in every way."""
    number = np.arange(n) % 3
    return {
        "none": lambda: None,
        "numbers": lambda: number,
        "words": lambda: number.astype(str),
        "one": lambda: np.zeros(n, dtype=int),
        "own": lambda: np.arange(n),
        "mixed": lambda: [1 if k else "1" for k in number],
        "gap": lambda: _with(number.astype(float), np.nan),
        "None inside": lambda: [None, *number[1:].tolist()][:n],
        "shorter": lambda: number[:-1],
        "two columns": lambda: np.c_[number, number],
        "tuples": lambda: [(k, k) for k in number.tolist()],
        "large": lambda: [10**20 + int(k) for k in number],
        "dates": lambda: np.datetime64("2020-01-01") + number,
        "categories": lambda: pd.Series(number).astype("category"),
        "a number": lambda: 3,
        "a word": lambda: "task",
        "a dict": lambda: dict.fromkeys(number.tolist()),
        "a set": lambda: {1, 2, 3},
        "a generator": lambda: (each for each in number),
        "infinite": lambda: _with(number.astype(float), np.inf),
        "lists": lambda: [[k] * (k % 2 + 1) for k in number.tolist()],
        "indexed": lambda: pd.Series(number, index=np.arange(n)[::-1] + 50),
        "objects": lambda: [object() for _ in range(n)],
        "padded": lambda: [f"{k:03d}" for k in number],
        "unused categories": lambda: pd.Categorical(number, categories=range(9)),
        "nullable": lambda: pd.Series(number, dtype="Int64"),
        "nullable gap": lambda: pd.Series(number, dtype="Int64").where(number > 0),
        "zoned": lambda: pd.Timestamp("2020", tz="UTC") + pd.to_timedelta(number, "D"),
        "levels": lambda: pd.MultiIndex.from_arrays([number, number]),
        "truth": lambda: number > 0,
        "a frame": lambda: pd.DataFrame({"task": number}),
        "text of pandas": lambda: pd.Series(number.astype(str), dtype="string"),
        "short": lambda: number.astype(np.int8),
    }


GROUP_KINDS = [*group_kinds(1)]


def weight_kinds(n, rng):
    """Weigh rows in every way."""
    return {
        "none": lambda: None,
        "usual": lambda: rng.random(n),
        "zeros": lambda: np.zeros(n),
        "some zeros": lambda: (np.arange(n) % 2).astype(float),
        "negative": lambda: -np.ones(n),
        "a gap": lambda: _with(np.ones(n), np.nan),
        "huge": lambda: np.full(n, 1e300),
        "tiny": lambda: np.full(n, 1e-300),
        "uneven": lambda: _with(np.ones(n), 1e30),
        "shorter": lambda: np.ones(max(n - 1, 0)),
        "text": lambda: ["heavy"] * n,
        "a number": lambda: 2.0,
    }


WEIGHT_KINDS = [*weight_kinds(1, None)]

PARAMETERS = {
    "usual": {},
    "name": {"algorithm": "no such thing"},
    "class": {"algorithm": MetaClassifier},
    "backbone": {"backbone": "no such thing"},
    "width": {"backbone": MLP((0,))},
    "shot": {"n_shot": -1},
    "range": {"n_shot": (5, 2)},
    "many shots": {"n_shot": 1000},
    "no shot": {"n_shot": 0},
    "query": {"n_query": 0},
    "rate": {"lr": float("nan")},
    "high rate": {"lr": 1e30},
    "epochs": {"max_epochs": 0},
    "batch": {"batch_size": 1},
    "fraction": {"early_stopping": True, "validation_fraction": 0.99},
    "patience": {"early_stopping": True, "patience": 1},
    "normalize": {"normalize": "no such thing"},
    "per task": {"label_space": "per_task"},
    "shared": {"label_space": "shared"},
    "way": {"n_way": 1},
    "many ways": {"n_way": 50},
    "device": {"device": "banana"},
    "seed": {"random_state": "seed"},
    "prior": {"prior": "linear"},
    "wrong prior": {"prior": object()},
    "augment": {"augment": "feature_noise"},
    "mixing": {"augment": "task_mixing"},
    "weights of classes": {"class_weight": "balanced"},
    "wrong weights of classes": {"class_weight": {"never": 3}},
    "table": {"tasks": "table"},
    "classes": {"tasks": "classes"},
    "support": {"support": "first"},
    "unknown": {"unknown_task": "prior"},
    "wrong callbacks": {"callbacks": [3]},
    "optimizer": {"optimizer": torch.optim.SGD},
    "wrong optimizer": {"optimizer": int},
    "inner rate": {"algorithm": MAML(inner_lr=-1.0)},
    "wild inner rate": {"algorithm": MAML(inner_lr=1e30)},
    "inner steps": {"algorithm": MAML(inner_steps=-3)},
    "half a step": {"algorithm": MAML(inner_steps=1.5)},
    "no inner rate": {"algorithm": MAML(inner_lr="fast")},
    "ridge": {"algorithm": R2D2(ridge=-1.0)},
    "no ridge": {"algorithm": R2D2(ridge="strong")},
    "no width": {"algorithm": CNP(width=0)},
    "heads": {"algorithm": CNP(attention=True, n_heads=5)},
    "attention": {"algorithm": CNP(attention=True)},
    "kernel": {"algorithm": GP(width=0)},
    "distance": {"algorithm": ProtoNet(distance="no such thing")},
    "hidden": {"backbone": MLP(("a",))},
    "activation": {"backbone": MLP((4,), activation="no such thing")},
    "dropout": {"backbone": MLP((4,), dropout=1.0)},
    "linear": {"backbone": "linear"},
    "identity": {"backbone": "identity"},
    "pictures": {"backbone": "conv4"},
    "no callbacks": {"callbacks": "all"},
    "verbose": {"verbose": -1},
    "steady": {"warm_start": True},
    "a number": {"algorithm": 3},
    "nothing": {"backbone": None},
}

# Of judges.
OPTIONS = [
    {},
    {"shots": [-1]},
    {"shots": ["a"]},
    {"shots": []},
    {"shots": 10**6},
    {"shots": [0]},
    {"n_repeats": 0},
    {"metric": "no such thing"},
    {"metric": "roc_auc"},
    {"metric": "neg_log_loss"},
    {"metric": lambda y, answers: float("nan")},
    {"metric": 3},
    {"n_query": 0},
    {"test_groups": ["never"]},
    {"test_groups": [0, 1]},
    {"cv": 2},
    {"cv": "folds"},
    {"cv": GroupKFold(2)},
    {"random_state": "seed"},
]


# What is asked ------------------------------------------------------------------------


class Given(NamedTuple):
    X: object
    y: object
    groups: object
    weights: object
    folder: Path
    rng: np.random.Generator
    call: Call


def _weighed(given):
    if given.weights is None or given.call.who.startswith("plain"):
        return {}
    return {"sample_weight": given.weights}


def _grouped(given):
    return {} if given.groups is None else {"groups": given.groups}


def _made(call):
    """Make an estimator of the kind that is asked, with the parameter of the call."""
    meta = clone(everybody()[FEW.get(call.who, call.who)])
    known = meta.get_params(deep=False)
    chosen = PARAMETERS[call.parameter]
    if chosen.keys() <= known.keys():
        meta.set_params(**chosen)
    return meta


def _trained_on(given):
    """Take the usual table, with some rows of the call beside it if they fit."""
    X, _, task = table()
    y = targets_of(FEW.get(given.call.who, given.call.who))
    return X, y, task


def fit(given):
    """Fit on the rows of the call alone."""
    meta = _made(given.call)
    meta.fit(given.X, given.y, **_grouped(given), **_weighed(given))
    return _ask(meta, given)


def fit_badly(given):
    """Fit on the usual table, some of whose rows are spoilt."""
    meta = _made(given.call)
    X, y, task = _trained_on(given)
    if isinstance(given.X, np.ndarray) and given.X.shape == (given.call.n_rows, 3):
        below = X[len(given.X) :]
        numbers = given.X.dtype.kind in "biuf"
        X = np.concatenate([given.X, below if numbers else below.astype(object)])
    if isinstance(given.y, np.ndarray) and given.y.shape == (given.call.n_rows,):
        y = np.concatenate([given.y.astype(object), y[len(given.y) :].astype(object)])
    meta.fit(X, y, **({} if _makes_tasks(meta) else {"groups": task}))
    return _ask(meta, given)


def _makes_tasks(meta):
    return getattr(meta, "tasks", "groups") != "groups"


def _ask(meta, given):
    """Ask a learner that has just been fitted about usual rows."""
    X = given.rng.normal(size=(4, getattr(meta, "n_features_in_", N_FEATURES)))
    if _makes_tasks(meta) and getattr(meta, "adapted_", None) is not None:
        return _within(meta.predict(X), meta, given)
    return None


def partial_fit(given):
    meta = fitted_of(given)
    meta.partial_fit(given.X, given.y, **_grouped(given), **_weighed(given))


def fitted_of(given):
    meta = fitted(FEW.get(given.call.who, given.call.who))
    verb = {"return_std": "predict_std", "few-shot": "n_features_in_", "load": "save"}
    verb |= {"come and go": "partial_adapt", "graph": "algorithm_"}
    asked = verb.get(given.call.verb, given.call.verb)
    knows = hasattr(getattr(meta, "algorithm_", None), asked)
    if asked in NEEDED and not (hasattr(meta, asked) or knows):
        raise NoSuchVerbError
    if asked == "predict_std" and hasattr(meta, "predict_proba"):
        raise NoSuchVerbError
    return meta


def adapt(given):
    meta = fitted_of(given)
    how = _grouped(given)
    meta.adapt(given.X, given.y, **how, **_weighed(given))
    asked = given.rng.normal(size=(given.call.n_rows, N_FEATURES))
    _within(meta.predict(asked, **how), meta, given)
    if hasattr(meta, "predict_proba"):
        _probabilities(meta.predict_proba(asked, **how), meta)


def partial_adapt(given):
    """Add rows to tasks that are known, or before any is."""
    meta, how = fitted_of(given), _grouped(given)
    if given.call.seed % 3:
        _adapt_usually(meta, given)
    meta.partial_adapt(given.X, given.y, **how, **_weighed(given))
    asked = given.rng.normal(size=(given.call.n_rows, N_FEATURES))
    _within(meta.predict(asked, **how), meta, given)


def forget(given):
    """Drop tasks, and ask about one that is left."""
    meta = fitted_of(given)
    if given.call.seed % 5:
        _adapt_usually(meta, given)
    meta.forget(given.groups)
    if meta.adapted_ is not None:
        asked = given.rng.normal(size=(4, N_FEATURES))
        _within(meta.predict(asked, **_asked_of_known(meta, 4)), meta, given)


def _adapt_usually(meta, given, n=6):
    X, _, task = table()
    y = targets_of(FEW.get(given.call.who, given.call.who))
    if given.groups is not None and given.call.seed % 2:
        own = np.flatnonzero(task < 3)
        return meta.adapt(X[own], y[own], groups=task[own])
    return meta.adapt(X[:n], y[:n])


def predict(given):
    meta = fitted_of(given)
    _adapt_usually(meta, given)
    _within(meta.predict(given.X, **_grouped(given)), meta, given)


def predict_proba(given):
    meta = fitted_of(given)
    _adapt_usually(meta, given)
    _probabilities(meta.predict_proba(given.X, **_grouped(given)), meta)


def return_std(given):
    meta = fitted_of(given)
    _adapt_usually(meta, given)
    mean, std = meta.predict(given.X, **_grouped(given), return_std=True)
    _within(mean, meta, given)
    expect(np.isfinite(std).all() and (std >= 0).all(), f"deviations {std}")


def score(given):
    meta = fitted_of(given)
    _adapt_usually(meta, given)
    _score(meta.score(given.X, given.y, **_grouped(given), **_weighed(given)))


def transform(given):
    meta = fitted_of(given)
    _adapt_usually(meta, given)
    embedded = meta.transform(given.X, **_grouped(given))
    expect(np.isfinite(embedded).all(), "an embedding is not finite")


def few_shot(given):
    regresses = is_regressor(given.call.who)
    cls = FewShotRegressor if regresses else FewShotClassifier
    few = cls(fitted_of(given)).fit(given.X, given.y, **_weighed(given))
    asked = given.rng.normal(size=(4, N_FEATURES))
    _within(few.predict(asked), few, given)
    if hasattr(few, "predict_proba"):
        _probabilities(few.predict_proba(asked), few)
    _score(few.score(given.X, given.y))


def save(given):
    meta = fitted_of(given)
    meta.adapt(given.X, given.y, **_grouped(given))
    path = given.folder / "learner"
    meta.save(path)
    again = skmeta.load(path)
    asked = given.rng.normal(size=(given.call.n_rows, N_FEATURES))
    expect(
        np.array_equal(
            again.predict(asked, **_grouped(given)),
            meta.predict(asked, **_grouped(given)),
        ),
        "what was loaded answers otherwise",
    )


def load(given):
    """Load a file of which some bytes are others, or are missing."""
    path = given.folder / "spoilt"
    fitted_of(given).save(path)
    data = bytearray(path.read_bytes())
    for _ in range(given.call.n_rows):
        data[int(given.rng.integers(len(data)))] = int(given.rng.integers(256))
    cut = len(data) if given.call.seed % 3 else int(given.rng.integers(len(data)))
    path.write_bytes(bytes(data[:cut]))
    skmeta.load(path)


def scorer(given):
    meta = fitted_of(given)
    metrics = ["neg_mean_squared_error", "accuracy", "roc_auc", "no such thing", None]
    n_shot = [0, 1, 2, 3, -1, "a", None][given.call.n_rows % 7]
    judge = few_shot_scorer(metrics[given.call.seed % 5], n_shot=n_shot)
    _score(judge(meta, given.X, given.y, groups=given.groups))


def curve(given):
    meta = fitted_of(given)
    shots = [1, 3] if given.call.seed % 2 else [0, given.call.n_rows]
    options = {"shots": shots, "n_repeats": 1} | _options(given)
    few_shot_curve(meta, given.X, given.y, given.groups, **options)


def _options(given):
    return OPTIONS[given.call.seed % len(OPTIONS)]


def judge_by_compare(given):
    meta = fitted_of(given)
    both = {"one": meta, "other": fitted_of(given)}
    options = {"shots": 2, "n_repeats": 1} | _options(given)
    compare(both, given.X, given.y, given.groups, **options)


def cross_validate(given):
    meta = _made(given.call)
    X, y, task = _trained_on(given)
    found = cross_val_score(
        meta,
        X if given.call.seed % 2 else given.X,
        y if given.call.seed % 2 else given.y,
        groups=task if given.call.seed % 2 else given.groups,
        cv=GroupKFold(2),
        params={"groups": task if given.call.seed % 2 else given.groups},
        error_score="raise",
    )
    for each in found:
        _score(each)


def pipeline(given):
    whole = make_pipeline(StandardScaler(), _made(given.call))
    X, y, task = _trained_on(given)
    whole.fit(X, y, groups=task)
    skmeta.adapt(whole, given.X, given.y, **_grouped(given))
    asked = given.rng.normal(size=(given.call.n_rows, N_FEATURES))
    _within(whole.predict(asked, **_grouped(given)), whole[-1], given)


def set_params(given):
    meta = _made(given.call)
    X, y, task = _trained_on(given)
    meta.fit(X, y, **({} if _makes_tasks(meta) else {"groups": task}))
    _adapt_usually(meta, given)
    _within(meta.predict(X[:5], **_asked_of_known(meta, 5)), meta, given)


def _asked_of_known(meta, n):
    names = getattr(getattr(meta, "adapted_", None), "names", None)
    return {} if names is None else {"groups": np.full(n, names[0])}


def come_and_go(given):
    """Let rows come a few at a time, through files and pickles, and tasks leave.

    What is known at the end is what all of the rows that are left tell in one call.
    """
    meta, rng = fitted_of(given), given.rng
    X, _, task = table()
    y = targets_of(given.call.who)
    hides = given.call.seed % 2
    y = _with_gaps(y, rng) if hides else y
    names = np.char.add("store ", task.astype(str))
    is_single = given.call.seed % 3 == 0
    rows = rng.permutation(np.flatnonzero(task < (1 if is_single else 3)))
    rows = rows[: 2 * given.call.n_rows + 3]

    def of(part):
        return {} if is_single else {"groups": names[part]}

    known = copy.copy(meta)
    if is_single and getattr(known, "adapted_", None) is not None:
        known.forget()  # a table that is a task itself would be added to
    for part in np.array_split(rows, 3):
        known.partial_adapt(X[part], y[part], **of(part))
        known = _carried(known, rng, given.folder)
    if rng.random() < 0.5 and len(np.unique(names[rows])) > 1:
        known.forget(names[rows[0]])
        rows = rows[names[rows] != names[rows[0]]]
        known = _carried(known, rng, given.folder)
    whole = meta.adapt(X[rows], y[rows], **of(rows))
    _alike(known, whole, X[rows], of(rows))


def _with_gaps(y, rng):
    some = y.astype(float if y.dtype.kind == "f" else object)
    some[rng.random(len(y)) < 0.5] = np.nan if y.dtype.kind == "f" else None
    return some


def _carried(meta, rng, folder):
    """Bring a learner through a file, a pickle or a copy."""
    way = rng.integers(4)
    if way == 0:
        meta.save(folder / "known", supports=True)
        return skmeta.load(folder / "known")
    return [None, pickle.loads(pickle.dumps(meta)), copy.copy(meta), meta][way]


def _alike(one, other, X, how):
    verb = "predict_proba" if hasattr(one, "predict_proba") else "predict"
    found, expected = (getattr(each, verb)(X, **how) for each in (one, other))
    expect(np.allclose(found, expected, rtol=1e-3, atol=1e-3), "other answers")


def one_of_many(given):
    """Ask about each task by itself, as about all of them."""
    meta = fitted_of(given)
    meta.adapt(given.X, given.y, **_grouped(given))
    how = _grouped(given)
    X, names = np.asarray(given.X), np.asarray(how.get("groups"))
    if names.shape != (len(X),) or isinstance(how["groups"], pd.MultiIndex):
        return
    verb = "predict_proba" if hasattr(meta, "predict_proba") else "predict"
    whole = getattr(meta, verb)(X, groups=names)
    for name in np.unique(names):
        own = names == name
        alone = getattr(meta, verb)(X[own], groups=names[own])
        expect(np.allclose(alone, whole[own], rtol=1e-3, atol=1e-3), "another answer")


def graph(given):
    """Answer as to_onnx lets torch write it down."""
    who = meta = fitted_of(given)
    if given.call.who in FEW:
        cls = FewShotRegressor if is_regressor(given.call.who) else FewShotClassifier
        who = cls(meta).fit(given.X, given.y)
    else:
        meta.adapt(given.X, given.y)
    learner = export._meta_of(who)
    export.check_written(learner)
    asked = given.rng.normal(size=(5, N_FEATURES)).astype(np.float32)
    module, inputs, labels = export._of_task(learner, None, export._chosen(who))
    rows = [torch.from_numpy(asked)]
    if "prior" in inputs:
        rows.append(torch.from_numpy(export.prior_answers(who, asked)))
    with torch.no_grad():
        found = module.eval()(*rows)
    expected = who.predict(asked)
    if labels is not None:
        found, code = found
        expect((np.asarray(labels)[code] == expected).all(), "other labels")
        expected = who.predict_proba(asked)
    scale = 1.0 + np.abs(expected).max()
    expect(np.abs(found.numpy() - expected).max() < 1e-3 * scale, "other answers")


VERBS = {
    "fit": fit,
    "fit badly": fit_badly,
    "partial_fit": partial_fit,
    "adapt": adapt,
    "partial_adapt": partial_adapt,
    "forget": forget,
    "predict": predict,
    "predict_proba": predict_proba,
    "return_std": return_std,
    "score": score,
    "transform": transform,
    "few-shot": few_shot,
    "come and go": come_and_go,
    "one of many": one_of_many,
    "graph": graph,
    "save": save,
    "load": load,
    "scorer": scorer,
    "curve": curve,
    "compare": judge_by_compare,
    "cross_val_score": cross_validate,
    "pipeline": pipeline,
    "set_params": set_params,
}


# What comes of it ---------------------------------------------------------------------


class OutOfBoundsError(AssertionError):
    """An answer that is none."""


class NoSuchVerbError(Exception):
    """Not everybody has every verb."""


def expect(holds, what):
    if not holds:
        raise OutOfBoundsError(what)


def _within(answers, meta, given):
    answers = np.asarray(answers)
    expect(answers.ndim == 1, f"answers of shape {answers.shape}")
    if answers.dtype.kind not in "fc" or hasattr(meta, "predict_proba"):
        expect(np.isin(answers, meta.classes_).all(), "a label that nobody knows")
        return
    expect(np.isfinite(answers).all(), f"answers {answers}")
    known = [1.0, abs(getattr(meta, "target_mean_", 0.0))]
    known.append(getattr(meta, "target_scale_", 1.0))
    try:
        given_y = np.abs(np.asarray(given.y, dtype=float))
        known.append(given_y.max() if given_y.size else 0.0)
    except (TypeError, ValueError):
        pass
    if given.call.who.startswith("plain"):
        return  # a line goes on and on
    largest = np.abs(answers).max() if answers.size else 0.0
    expect(largest <= BOUND * max(known), f"an answer of {largest:.3g}")


def _probabilities(p, meta):
    expect(np.isfinite(p).all(), "probabilities that are no numbers")
    expect((p >= 0).all() and (p <= 1 + 1e-6).all(), "probabilities out of 0 to 1")
    expect(np.allclose(p.sum(axis=1), 1, atol=1e-4), "they do not sum to one")
    expect(p.shape[1] == len(meta.classes_), "they fit no classes")


def _score(found):
    # The score of a task whose metric is undefined is no number, which is said.
    expect(np.isnan(found) or np.isfinite(found), f"a score of {found}")


class Outcome(NamedTuple):
    is_well: bool
    said: str


def carry_out(call, folder):
    """Make a call, and tell whether it ends as it should."""
    rng, n = np.random.default_rng(call.seed), call.n_rows
    y = rng.normal(size=n)
    usual = y if is_regressor(call.who) else _usual_labels(call, labels(y))
    given = Given(
        contain(row_kinds(rng.normal(size=(n, N_FEATURES)))[call.X](), call.container),
        target_kinds(y, usual)[call.y](),
        group_kinds(n)[call.groups](),
        weight_kinds(n, rng)[call.weights](),
        Path(folder),
        rng,
        call,
    )
    out = io.StringIO()
    with (
        warnings.catch_warnings(record=True) as caught,
        sklearn.config_context(enable_metadata_routing=True),
    ):
        warnings.simplefilter("always")
        try:
            VERBS[call.verb](given)
        except NoSuchVerbError:
            return Outcome(True, "")
        except Exception as error:
            traceback.print_exc(file=out)
            # That training or adaptation led nowhere is said before.
            known = isinstance(error, OutOfBoundsError) and any(
                "diverged" in str(warning.message) for warning in caught
            )
            return Outcome(known or _is_written(error), out.getvalue())
    return Outcome(True, "")


def _is_written(error):
    """Tell whether somebody wrote an error for people to read it."""
    if not isinstance(error, WRITTEN):
        return False
    if isinstance(error, (FileNotFoundError, LoadError)):
        return True
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    places = list(traceback.walk_tb(error.__traceback__))
    assert frames
    for frame, _ in reversed(places):
        package = str(frame.f_globals.get("__name__")).partition(".")[0]
        if package == "sklearn":
            return True  # its validation, or what it says of what it was given
        if package == "skmeta":
            last = frame is frames[-1]
            return last and _raises_here(error, frame)
    return False


def _raises_here(error, frame):
    at = next(
        tb.tb_lasti for tb in _tracebacks(error.__traceback__) if tb.tb_frame is frame
    )
    names = {i.offset: i.opname for i in dis.get_instructions(frame.f_code)}
    return names.get(at) in ("RAISE_VARARGS", "RERAISE")


def _tracebacks(tb):
    while tb is not None:
        yield tb
        tb = tb.tb_next
