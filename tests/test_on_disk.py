"""A table on disk teaches what it teaches in memory, and is not loaded."""

import gc
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import Ridge
from skorch.callbacks import Callback

from skmeta import MetaClassifier, MetaRegressor
from skmeta.algorithms import MAML
from skmeta.exceptions import NotAdaptedError
from skmeta.tables.prior import cross_fit
from skmeta.tables.stored import rows as stored
from skmeta.tables.stored import sources
from tests.quick import TINY

N_TASKS, SIZE = 40, 30
rng = np.random.default_rng(0)
TASK = np.repeat(np.arange(N_TASKS), SIZE)
X = rng.normal(size=(len(TASK), 4)).astype(np.float32)
Y = X[:, 0] + rng.normal(size=N_TASKS)[TASK] + 0.1 * rng.normal(size=len(TASK))
WORDS = np.where(Y > 0, "high", "low")
WEIGHT = rng.integers(0, 3, len(TASK)).astype(float)
GIVEN = rng.random(len(TASK)) < 0.4
NAMES = np.array(list("abcdefgh"))[rng.integers(0, 3, len(TASK)) + TASK % 6]
LETTERS = np.array(list("abcdefgh"))[np.arange(len(TASK)) // 150]  # a pool, sorted
ORDERS = {"sorted": np.arange(len(TASK)), "shuffled": rng.permutation(len(TASK))}


@pytest.fixture
def mapped(tmp_path):
    def write(array, name="X"):
        np.save(tmp_path / f"{name}.npy", array)
        return np.load(tmp_path / f"{name}.npy", mmap_mode="r")

    return write


@pytest.fixture
def always_on_disk(monkeypatch):
    monkeypatch.setattr(stored, "_FEW", 0)


def same(one, other):
    weights = zip(
        one.module_.state_dict().values(),
        other.module_.state_dict().values(),
        strict=True,
    )
    return (
        all((a == b).all() for a, b in weights)
        and [e["train_loss"] for e in one.history_]
        == [e["train_loss"] for e in other.history_]
        and np.array_equal(one.mean_, other.mean_)
        and np.array_equal(one.high_, other.high_)
        and all(
            np.array_equal(vars(one).get(each), vars(other).get(each))
            for each in ("target_low_", "target_spread_", "target_widest_")
        )
    )


LEARNERS = {
    "gp with its prior": (MetaRegressor(**TINY), Y, None),
    "robust": (MetaRegressor("cnp", normalize="robust", **TINY), Y, None),
    "standardised tasks": (MetaRegressor("maml", normalize="task", **TINY), Y, WEIGHT),
    "a range of shots": (MetaRegressor("cnp", n_shot=(0, 7), **TINY), Y, None),
    "first rows": (MetaRegressor("cnp", support="first", **TINY), Y, None),
    "short numbers": (MetaRegressor("cnp", **TINY), Y.astype(np.float16), None),
    "numbers as objects": (MetaRegressor("cnp", **TINY), Y.astype(object), None),
    "two targets": (MetaRegressor("gp", **TINY), np.c_[Y, -Y], None),
    "held-out tasks": (MetaRegressor("cnp", early_stopping=True, **TINY), Y, None),
    "labels": (MetaClassifier(**TINY), WORDS, None),
    "metric": (
        MetaClassifier("protonet", label_space="shared", **TINY),
        WORDS,
        None,
    ),
    "weights of classes": (
        MetaClassifier(MAML(), class_weight="balanced", **TINY),
        WORDS,
        WEIGHT,
    ),
    "several labels": (MetaClassifier(**TINY), np.c_[Y > 0, Y > 1].astype(int), None),
    "names inside tasks": (
        MetaClassifier("maml", label_space="per_task", mix_tasks=0.3, **TINY),
        NAMES,
        None,
    ),
    "names that weigh, and a loss of all": (
        MetaClassifier(MAML(), label_space="per_task", class_weight="balanced", **TINY),
        NAMES,
        WEIGHT,
    ),
    "supports of all classes": (
        MetaClassifier("maml", stratify=True, early_stopping=True, **TINY),
        WORDS,
        WEIGHT,
    ),
    "given supports": (MetaRegressor("cnp", early_stopping=True, **TINY), Y, WEIGHT),
    "given supports of names": (
        MetaClassifier("protonet", label_space="per_task", **TINY),
        NAMES,
        None,
    ),
    "a pool": (
        MetaClassifier("protonet", tasks="classes", normalize="task", **TINY),
        LETTERS,
        None,
    ),
    "a pool with classes held out": (
        MetaClassifier("maml", tasks="classes", early_stopping=True, **TINY),
        LETTERS,
        WEIGHT,
    ),
}


@pytest.mark.filterwarnings("ignore:Meta-learning does not help")
@pytest.mark.parametrize(
    ("learner", "order"),
    [
        *zip(LEARNERS, [*ORDERS] * len(LEARNERS), strict=False),
        ("gp with its prior", "shuffled"),
    ],
)
def test_what_is_learnt_is_the_same_to_the_bit(mapped, monkeypatch, learner, order):
    rows = ORDERS[order]
    meta, y, weight = LEARNERS[learner]
    weight = None if weight is None else weight[rows]
    given = (mapped(X[rows]), y[rows], TASK[rows], weight)
    others = {"in_support": GIVEN[rows]} if learner.startswith("given") else {}
    held = clone(meta).fit(*given, **others)
    monkeypatch.setattr(stored, "_FEW", 0)
    read = clone(meta).fit(*given, **others)
    assert same(held, read)
    assert np.array_equal(
        held.adapt(X[:9], y[:9]).predict(X[9:20]),
        read.adapt(X[:9], y[:9]).predict(X[9:20]),
    )


def test_blocks_and_a_sample_teach_nearly_the_same(mapped, monkeypatch):
    given = (mapped(X), Y, TASK)
    meta = MetaRegressor("gp", prior=Ridge(), **TINY)
    held = clone(meta).fit(*given)
    monkeypatch.setattr(stored, "_FEW", 0)
    monkeypatch.setattr(stored, "_SAMPLE", len(X) // 2)
    monkeypatch.setattr(sources, "_AT_ONCE", 400)
    read = clone(meta).fit(*given)
    assert not same(held, read)
    np.testing.assert_allclose(read.mean_, held.mean_, atol=1e-6)
    np.testing.assert_allclose(read.scale_, held.scale_, rtol=1e-6)
    assert np.array_equal(read.high_, held.high_)
    losses = [each.history_[-1]["train_loss"] for each in (held, read)]
    assert losses[0] == pytest.approx(losses[1], rel=0.2)


def test_answers_of_the_prior_come_from_what_has_not_seen_the_task(
    mapped, monkeypatch, always_on_disk
):
    # A prior that knows its tasks by heart answers them without error, others not.
    class Heart(Ridge):
        def fit(self, X, y):
            self.known = dict(zip(X[:, 0].tolist(), y.tolist(), strict=True))
            return self

        def predict(self, X):
            return np.array([self.known.get(x, 99.0) for x in X[:, 0].tolist()])

    monkeypatch.setattr(stored, "_SAMPLE", len(X) // 2)
    rows = stored.StoredRows.read(mapped(X), Y, TASK, lambda X, y: (X, y))
    prior, offsets = cross_fit([Heart()], rows)
    seen, _ = rows.sample()
    assert (prior.offsets(seen.X)[:, 0, 0] == seen.y.astype(np.float32)).all()
    assert (offsets[np.arange(len(X))] == 99).all()


def test_training_goes_on_and_partial_fit_reads_too(mapped, always_on_disk):
    given = (mapped(X), Y, TASK)
    meta = MetaRegressor("gp", warm_start=True, **TINY).fit(*given)
    before = meta.module_.state_dict()
    meta.fit(*given)
    assert len(before) == len(meta.module_.state_dict())
    meta.partial_fit(*given)
    assert meta.n_tasks_ == N_TASKS


def test_a_fitted_learner_does_not_hold_the_table(mapped, always_on_disk):
    sizes = []
    for times in (1, 20):
        rows = np.tile(np.arange(len(X)), times)
        features = mapped(X[rows], f"{times}")
        meta = MetaRegressor("cnp", early_stopping=True, **TINY)
        meta.fit(features, Y[rows], TASK[rows])
        sizes.append(len(pickle.dumps(meta)))
        path = os.path.realpath(features.filename)
        del features
        gc.collect()
        opened = {os.path.realpath(each) for each in Path("/proc/self/fd").glob("*")}
        assert path not in opened
    assert sizes[1] < sizes[0] + 1000
    with pytest.raises(ValueError, match="calibrate"):
        meta.adapt(X[:5], Y[:5]).predict_interval(X[5:8])


@pytest.mark.parametrize(
    ("meta", "what"),
    [
        (MetaClassifier("protonet", tasks="table", **TINY), "one task of all rows"),
        (MetaClassifier(reject=True, **TINY), "reject"),
    ],
)
def test_what_needs_all_rows_says_so(mapped, always_on_disk, meta, what):
    with pytest.raises(ValueError, match=rf"{what}.*in memory(.|\n)*np.array\(X\)"):
        clone(meta).fit(mapped(X), WORDS, TASK)


def test_a_pool_on_disk_is_no_task_to_answer_by(mapped, always_on_disk):
    meta = MetaClassifier("protonet", tasks="classes", **TINY)
    meta.fit(mapped(X), LETTERS)
    with pytest.raises(NotAdaptedError, match="adapt"):
        meta.predict(X[:3])
    assert meta.adapt(X[140:160], LETTERS[140:160]).predict(X[:3]).tolist()


def test_rows_that_are_no_numbers_are_refused(mapped, always_on_disk):
    wrong = X.copy()
    wrong[77, 2] = np.nan
    with pytest.raises(ValueError, match="contains NaN"):
        MetaRegressor("cnp", **TINY).fit(mapped(wrong), Y, TASK)


def test_a_table_that_changes_in_the_middle_is_an_error(
    mapped, always_on_disk, tmp_path
):
    class Truncate(Callback):
        def on_epoch_end(self, net, **kwargs):
            os.truncate(tmp_path / "X.npy", 1000)

    meta = MetaRegressor("cnp", callbacks=[Truncate()], **TINY)
    with pytest.raises(OSError, match="has changed while it was learnt from"):
        meta.fit(mapped(X), Y, TASK)
    assert not hasattr(meta, "module_")


def test_checkpoints_know_a_table_by_what_is_in_it(mapped, always_on_disk, tmp_path):
    class Fail(Callback):
        fails = True

        def on_epoch_end(self, net, **kwargs):
            if self.fails and len(net.history) == 2:
                raise RuntimeError("stopped")

    how = {"checkpoint_dir": tmp_path / "kept", "callbacks": [Fail()]}
    meta = MetaRegressor("cnp", **{**TINY, "max_epochs": 3}, **how)
    with pytest.raises(RuntimeError, match="stopped"):
        meta.fit(mapped(X), Y, TASK)
    with pytest.raises(ValueError, match="differs in X"):
        meta.fit(mapped(X + 1), Y, TASK)
    Fail.fails = False
    alone = clone(meta).set_params(checkpoint_dir=None)
    assert same(meta.fit(mapped(X), Y, TASK), alone.fit(mapped(X), Y, TASK))
