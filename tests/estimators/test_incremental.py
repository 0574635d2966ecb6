"""What joins and leaves the current tasks, against one ``adapt`` of what is there."""

import contextlib
import copy
import functools
import pickle
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch.utils._pytree import tree_leaves

import skmeta
from skmeta import MetaClassifier, MetaDataset, MetaRegressor, NotAdaptedError, plugins
from skmeta.algorithms import MatchingNet, ProtoNet
from skmeta.backbones import MLP

TINY = {"max_epochs": 1, "tasks_per_epoch": 8, "batch_size": 8, "n_query": 4}
TINY |= {"random_state": 0, "early_stopping": False, "backbone": MLP((6,))}
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

N_TASKS = 9
TASK = np.repeat(np.arange(N_TASKS), 9)
_rng = np.random.default_rng(0)
X = _rng.normal(size=(len(TASK), 3))
VALUE = X[:, 0] + _rng.normal(size=N_TASKS)[TASK]
WEIGHT = _rng.uniform(0.2, 3.0, size=len(TASK))
LABEL = np.where(VALUE > 0.7, "high", np.where(VALUE > -0.7, "mid", "low"))
OWN = np.char.add(TASK.astype(str), np.where(X[:, 0] > 0, "a", "b"))
NAME = np.char.add("store ", TASK.astype(str))


def every_kind():
    for name in plugins.names("algorithm"):
        algorithm = plugins.get("algorithm", name)
        for kind in algorithm.kinds:
            spaces = algorithm.label_spaces if kind == "classifier" else ["values"]
            for space in spaces:
                yield pytest.param(name, space, id=f"{name}-{space}")


@functools.cache
def _fitted(name, space, **given):
    given = {**TINY, **given}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if space == "values":
            return MetaRegressor(name, **given).fit(X, VALUE, groups=TASK)
        meta = MetaClassifier(name, label_space=space, **given)
        return meta.fit(X, targets(space), groups=TASK)


def fitted(name, space, **given):
    return copy.copy(_fitted(name, space, **given))


def targets(space):
    return {"values": VALUE, "shared": LABEL, "per_task": OWN}[space]


def answers(meta, rows=slice(None), name=NAME):
    if hasattr(meta, "predict_proba"):
        return meta.predict_proba(X[rows], groups=name[rows])
    return meta.predict(X[rows], groups=name[rows])


def expect_equal(meta, whole, rows=slice(None), atol=2e-4):
    """Expect two estimators to know the same tasks, and to answer alike."""
    np.testing.assert_array_equal(meta.adapted_.names, whole.adapted_.names)
    np.testing.assert_array_equal(meta.adapted_.n_rows, whole.adapted_.n_rows)
    assert meta.adapted_.n_tasks == whole.adapted_.n_tasks
    if hasattr(whole, "classes_"):
        np.testing.assert_array_equal(meta.classes_, whole.classes_)
    one, other = answers(meta, rows), answers(whole, rows)
    np.testing.assert_allclose(one, other, rtol=2e-3, atol=atol)
    embedded = [each.transform(X[rows], groups=NAME[rows]) for each in (meta, whole)]
    np.testing.assert_allclose(*embedded, rtol=2e-3, atol=atol)
    assert meta._html_rows() == whole._html_rows()


@pytest.mark.parametrize(("name", "space"), list(every_kind()))
def test_rows_that_come_later_are_learnt_as_all_at_once(name, space):
    y, order = targets(space), np.random.default_rng(1).permutation(len(TASK))
    order = order[np.argsort(TASK[order] >= 7, kind="stable")]  # two tasks come later
    first, later = order[:45], order[45:]
    meta = fitted(name, space).adapt(X[first], y[first], groups=NAME[first])
    for part in np.array_split(later, 3):
        meta.partial_adapt(X[part], y[part], groups=NAME[part])
    whole = fitted(name, space).adapt(X[order], y[order], groups=NAME[order])
    expect_equal(meta, whole)
    gone = np.isin(TASK, [0, 5, 8])
    left = order[~gone[order]]
    meta.forget(np.unique(NAME[gone]))
    expect_equal(meta, whole.adapt(X[left], y[left], groups=NAME[left]), left)


# What may happen, in any order: who is asked, and with what.
SITUATIONS = {
    "values": ("r2d2", "values", {}),
    "a prior": ("gp", "values", {"prior": "linear"}),
    "standardised tasks": ("maml", "values", {"normalize": "task"}),
    "shared labels": ("protonet", "shared", {}),
    "balanced classes": ("r2d2", "shared", {"class_weight": "balanced"}),
    "names inside tasks": ("protonet", "per_task", {}),
    "balanced names": ("anil", "per_task", {"class_weight": "balanced"}),
    "rows by heart": ("matching", "per_task", {}),
}
one_step = st.tuples(
    st.sampled_from(["partial_adapt", "partial_adapt", "adapt", "forget", "save"]),
    st.lists(st.integers(0, len(TASK) - 1), min_size=1, max_size=12),
    st.booleans(),
)


@pytest.mark.parametrize("situation", SITUATIONS)
@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=st.lists(one_step, min_size=2, max_size=7))
def test_any_sequence_of_calls_ends_like_one_adapt(situation, steps, tmp_path):
    name, space, parameters = SITUATIONS[situation]
    meta, y = fitted(name, space, **parameters), targets(space)
    weighs = meta.algorithm_.uses_weights
    there, weight = np.empty(0, dtype=int), np.empty(0)
    for verb, chosen, weighed in steps:
        rows = np.array(chosen)
        own = WEIGHT[rows] if weighed and weighs else np.ones(len(rows))
        given = {"sample_weight": own} if weighed and weighs else {}
        if verb == "save":
            meta.save(tmp_path / "meta", supports=True)
            meta = skmeta.load(tmp_path / "meta")
        elif verb == "forget":
            known = rows[np.isin(TASK[rows], TASK[there])]
            if len(known):
                meta.forget(NAME[known])
                stays = ~np.isin(TASK[there], TASK[known])
                there, weight = there[stays], weight[stays]
        else:
            if verb == "adapt":
                there, weight = np.empty(0, dtype=int), np.empty(0)
            getattr(meta, verb)(X[rows], y[rows], groups=NAME[rows], **given)
            there, weight = np.append(there, rows), np.append(weight, own)
        if not len(there):
            assert meta.adapted_ is None
            continue
        whole = fitted(name, space, **parameters)
        given = {"sample_weight": weight} if weighs else {}
        whole.adapt(X[there], y[there], groups=NAME[there], **given)
        expect_equal(meta, whole, there)


# Costs ------------------------------------------------------------------------------


def test_only_tasks_that_get_rows_are_learnt_and_all_others_stay(monkeypatch):
    names = np.repeat(np.arange(3000), 2)
    rows = np.random.default_rng(0).integers(len(X), size=len(names))
    meta = fitted("protonet", "shared").adapt(X[rows], LABEL[rows], groups=names)
    before = {leaf.data_ptr() for s in meta.adapted_.states for leaf in tree_leaves(s)}
    kept = {id(each.X) for each in meta.adapted_.supports}
    learnt, adapt = [], ProtoNet.adapt

    def watched(self, module, support):
        learnt.append(support.mask.sum(dim=1).tolist())
        return adapt(self, module, support)

    monkeypatch.setattr(ProtoNet, "adapt", watched)
    meta.partial_adapt(X[:3], LABEL[:3], groups=[7, 7, 9999])
    assert learnt == [[1, 4]]
    after = {leaf.data_ptr() for s in meta.adapted_.states for leaf in tree_leaves(s)}
    assert before <= after
    assert kept <= {id(each.X) for each in meta.adapted_.supports}


def test_many_small_calls_leave_few_parts_and_few_gaps():
    meta = fitted("protonet", "shared").adapt(X, LABEL, groups=TASK)
    rng = np.random.default_rng(0)
    for _ in range(60):
        row = rng.integers(len(X), size=3)
        names = rng.integers(200, size=3)
        meta.partial_adapt(X[row], LABEL[row], groups=names)
    adapted = meta.adapted_
    assert len(adapted.states) <= 12
    assert len(adapted.order) <= 2.5 * adapted.n_tasks
    meta.forget([0])
    assert (meta.adapted_.order >= 0).all()
    n_kept = sum(len(each.X) for each in meta.adapted_.supports)
    assert n_kept == meta.adapted_.n_rows.sum()


def test_what_is_kept_of_a_row_is_its_features_in_single_precision():
    meta = fitted("protonet", "shared").adapt(X, LABEL, groups=TASK)
    for supports in meta.adapted_.supports:
        assert supports.X.dtype == np.float32
        assert supports.X.base is None or supports.X.base.nbytes == supports.X.nbytes
    assert sum(each.X.size for each in meta.adapted_.supports) == X.size


# Others -----------------------------------------------------------------------------


@pytest.mark.parametrize("space", ["values", "shared", "per_task"])
def test_a_copy_never_sees_what_another_learns_or_forgets(space):
    y = targets(space)
    meta = fitted("r2d2", space).adapt(X[:60], y[:60], groups=NAME[:60])
    few = meta.as_regressor() if space == "values" else meta.as_classifier()
    few.fit(X[:9], y[:9])
    frozen = FrozenEstimator(copy.copy(meta))
    known = slice(0, 60)
    before = answers(meta, known), few.predict(X), frozen.predict(X[:9], NAME[:9])
    other = copy.copy(meta).partial_adapt(X[50:], y[50:], groups=NAME[50:])
    other.forget([NAME[0]])
    few.learner_.partial_adapt(X[9:20], y[9:20])
    again = few.fit(X[:9], y[:9])
    np.testing.assert_array_equal(answers(meta, known), before[0])
    np.testing.assert_array_equal(again.predict(X), before[1])
    np.testing.assert_array_equal(frozen.predict(X[:9], NAME[:9]), before[2])


def test_threads_that_change_tasks_take_turns(monkeypatch):
    meta = fitted("protonet", "shared").adapt(X[:9], LABEL[:9], groups=NAME[:9])
    both, adapt = threading.Barrier(2), ProtoNet.adapt

    def meets_the_other(*given):
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(timeout=0.2)  # in vain, where one waits for the other's end
        return adapt(*given)

    monkeypatch.setattr(ProtoNet, "adapt", meets_the_other)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda n: meta.partial_adapt(X[:2], LABEL[:2], [n, n]), "ab"))
    assert meta.adapted_.names.tolist() == ["a", "b", "store 0"]


def test_adapt_in_another_thread_is_not_undone(monkeypatch):
    meta = fitted("protonet", "shared").adapt(X[:9], LABEL[:9], groups=NAME[:9])
    begun, done, adapt = threading.Event(), threading.Event(), ProtoNet.adapt

    def waits(*given):
        if not begun.is_set():  # of the first caller
            begun.set()
            done.wait(timeout=0.2)  # in vain, where adapt waits for its turn
        return adapt(*given)

    monkeypatch.setattr(ProtoNet, "adapt", waits)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(meta.partial_adapt, X[:2], LABEL[:2], ["a", "a"])
        begun.wait()
        meta.adapt(X[:2], LABEL[:2], groups=["b", "b"])
        done.set()
        first.result()
    assert meta.adapted_.names.tolist() == ["b"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_what_fails_on_the_way_leaves_the_tasks_as_they_were(monkeypatch, error):
    meta = fitted("protonet", "per_task").adapt(X[:60], OWN[:60], groups=NAME[:60])
    known, before = slice(0, 60), vars(meta).copy()
    expected = answers(meta, known)

    def fails(*_):
        raise error

    monkeypatch.setattr(ProtoNet, "adapt", fails)
    with pytest.raises(error):
        meta.partial_adapt(X[50:], OWN[50:], groups=NAME[50:])
    monkeypatch.undo()
    monkeypatch.setattr("skmeta.estimators.classes.labels_of", fails)
    for change in (
        lambda: meta.partial_adapt(X[50:], OWN[50:], groups=NAME[50:]),
        lambda: meta.forget([NAME[0]]),
    ):
        with pytest.raises(error):
            change()
    monkeypatch.undo()
    assert vars(meta) == before
    np.testing.assert_array_equal(answers(meta, known), expected)


def test_copies_of_all_there_is_go_on_and_skops_keeps_no_rows():
    meta = fitted("r2d2", "values").adapt(X[:60], VALUE[:60], groups=NAME[:60])
    whole = fitted("r2d2", "values").adapt(X, VALUE, groups=NAME)
    for twin in (copy.deepcopy(meta), pickle.loads(pickle.dumps(meta))):
        expect_equal(twin.partial_adapt(X[60:], VALUE[60:], groups=NAME[60:]), whole)
    again = clone(meta)
    again.__setstate__(meta.__getstate__())
    with pytest.raises(ValueError, match="supports=True"):
        again.partial_adapt(X[60:], VALUE[60:], groups=NAME[:1].repeat(len(X) - 60))


# Files ------------------------------------------------------------------------------


def test_a_file_has_rows_only_if_they_were_asked_for(tmp_path):
    meta = fitted("protonet", "shared").adapt(X[:60], LABEL[:60], groups=NAME[:60])
    row = meta.adapted_.supports[0].X[0].tobytes()
    meta.save(tmp_path / "without")
    meta.save(tmp_path / "with", supports=True)
    assert row not in (tmp_path / "without").read_bytes()
    assert row in (tmp_path / "with").read_bytes()
    skmeta.save(meta, tmp_path / "same", supports=True)
    assert row in (tmp_path / "same").read_bytes()


def test_a_file_without_rows_answers_and_takes_new_tasks(tmp_path):
    meta = fitted("gp", "values").adapt(X[:60], VALUE[:60], groups=NAME[:60])
    meta.save(tmp_path / "meta")
    again = skmeta.load(tmp_path / "meta")
    expect_equal(again, meta, slice(0, 60))
    with pytest.raises(ValueError, match=r"'store 6'\] are not here.*supports=True"):
        again.partial_adapt(X[60:], VALUE[60:], groups=NAME[60:])
    new = TASK > 6
    again.partial_adapt(X[new], VALUE[new], groups=NAME[new])
    there = new | (np.arange(len(X)) < 60)
    whole = meta.adapt(X[there], VALUE[there], groups=NAME[there])
    expect_equal(again, whole, there)
    with pytest.raises(skmeta.SaveError, match="not here"):
        again.save(tmp_path / "more", supports=True)
    again.forget(np.unique(NAME[:60])).save(tmp_path / "more", supports=True)
    last = skmeta.load(tmp_path / "more")
    last.partial_adapt(X[new], VALUE[new], groups=NAME[new])
    assert last.adapted_.n_rows[:-1].tolist() == [18, 18]


def test_no_file_names_the_groups_of_the_training(tmp_path):
    meta = MetaRegressor("r2d2", **TINY).fit(X, VALUE, groups=NAME)
    meta.save(tmp_path / "meta")
    assert b"store 4" not in (tmp_path / "meta").read_bytes()


# Tasks, names and labels --------------------------------------------------------------


def test_before_any_task_and_after_adapt_without_rows_it_is_adapt():
    whole = fitted("gp", "values").adapt(X[:9], VALUE[:9])
    for meta in (fitted("gp", "values"), fitted("gp", "values").adapt()):
        meta.partial_adapt(X[:9], VALUE[:9])
        np.testing.assert_array_equal(meta.predict(X), whole.predict(X))
    meta = fitted("gp", "values").adapt().partial_adapt(X, VALUE, groups=NAME)
    expect_equal(meta, fitted("gp", "values").adapt(X, VALUE, groups=NAME))


@pytest.mark.parametrize("named", [False, True])
def test_the_only_task_gets_rows_without_groups(named):
    groups = ["one"] * 9 if named else None
    meta = fitted("r2d2", "shared").adapt(X[:9], LABEL[:9], groups=groups)
    meta.partial_adapt(X[9:20], LABEL[9:20])
    whole = fitted("r2d2", "shared").adapt(X[:20], LABEL[:20])
    np.testing.assert_allclose(meta.predict_proba(X), whole.predict_proba(X), atol=1e-5)
    meta.forget()
    with pytest.raises(NotAdaptedError):
        meta.predict(X)
    with pytest.raises(NotAdaptedError):
        meta.forget()


def test_rows_must_say_which_of_several_tasks_they_are_of():
    meta = fitted("r2d2", "values").adapt(X, VALUE, groups=NAME)
    with pytest.raises(ValueError, match="adapted to 9 tasks: pass groups="):
        meta.partial_adapt(X, VALUE)
    with pytest.raises(ValueError, match="adapted to 9 tasks: pass groups="):
        meta.forget()
    meta.adapt(X, VALUE)
    with pytest.raises(ValueError, match="one task without a name"):
        meta.partial_adapt(X, VALUE, groups=NAME)
    with pytest.raises(ValueError, match="pass X and y"):
        meta.partial_adapt(X, None)
    with pytest.raises(ValueError, match="pass X and y"):
        meta.partial_adapt(None)


def test_only_known_tasks_can_be_forgotten_and_all_or_none_are():
    meta = fitted("r2d2", "values").adapt(X, VALUE, groups=NAME)
    with pytest.raises(ValueError, match=r"No task was adapted.*\['store x'\]"):
        meta.forget(["store 1", "store x"])
    assert len(meta.adapted_.names) == 9
    assert len(meta.forget("store 1").adapted_.names) == 8
    assert len(meta.forget([]).adapted_.names) == 8
    assert len(meta.forget({"store 2", "store 3"}).adapted_.names) == 6
    assert len(meta.forget(name for name in ["store 4"]).adapted_.names) == 5
    with pytest.raises(ValueError, match="lists or the like"):
        meta.forget([["store 5"], ["store 6", "store 7"]])
    unnamed = meta.adapt(X, VALUE)
    assert unnamed.forget([]).predict(X[:2]).shape == (2,)


def test_without_a_task_left_the_prior_still_answers():
    meta = fitted("gp", "values").adapt(X, VALUE, groups=NAME)
    meta.unknown_task = "prior"
    told = meta.predict(X, groups=["nobody"] * len(X))
    meta.forget(np.unique(NAME))
    np.testing.assert_allclose(meta.predict(X, groups=NAME), told, atol=1e-6)


def test_a_known_task_gets_new_labels_and_forgotten_ones_go():
    meta = fitted("protonet", "per_task").adapt(
        X[:4], ["m", "z", "m", "z"], groups=["a", "a", "b", "b"]
    )
    meta.partial_adapt(X[4:6], ["longer", "b"], groups=["a", "c"])
    assert meta.classes_.tolist() == ["b", "longer", "m", "z"]
    answer = meta.predict_proba(X[:3], groups=["a", "b", "c"])
    assert (answer > 0).tolist() == [
        [False, True, True, True],
        [False, False, True, True],
        [True, False, False, False],
    ]
    meta.forget("a")
    assert meta.classes_.tolist() == ["b", "m", "z"]
    with pytest.raises(ValueError, match=r"words such as .* and numbers such"):
        meta.partial_adapt(X[:1], [3], groups=["b"])
    with pytest.raises(ValueError, match="cannot be sorted together"):
        meta.partial_adapt(X[:1], [3], groups=["d"])


def test_no_label_of_a_forgotten_task_is_left(tmp_path):
    meta = fitted("protonet", "per_task").adapt(X[:4], ["ill", "well"] * 2)
    meta.forget().save(tmp_path / "meta")
    assert meta.classes_.tolist() == []
    assert b"well" not in (tmp_path / "meta").read_bytes()
    again = skmeta.load(tmp_path / "meta")
    assert again.transform(X).shape == (len(X), 6)
    assert again.adapt(X[:4], [1, 2, 1, 2]).classes_.tolist() == [1, 2]
    shared = fitted("protonet", "shared").adapt(X, LABEL).forget()
    assert shared.classes_.tolist() == ["high", "low", "mid"]


def test_a_label_unknown_to_shared_ones_is_refused_as_in_adapt():
    meta = fitted("protonet", "shared").adapt(X, LABEL, groups=NAME)
    with pytest.raises(ValueError, match=r"\['never'\] are unknown to the shared"):
        meta.partial_adapt(X[:1], ["never"], groups=NAME[:1])


@pytest.mark.parametrize(
    ("first", "later", "all_of_them"),
    [
        (["b", "d"], ["a much longer name"], ["a much longer name", "b", "d"]),
        ([1, 3], [2.5], [1.0, 2.5, 3.0]),
        ([2**60 + 1], np.array([1], dtype=np.uint64), [1, 2**60 + 1]),
        (np.array(["b"], dtype=object), ["a"], ["a", "b"]),
    ],
)
def test_names_of_tasks_stay_what_they_are(first, later, all_of_them):
    meta = fitted("r2d2", "values").adapt(
        X[: len(first)], VALUE[: len(first)], groups=first
    )
    meta.partial_adapt(X[: len(later)], VALUE[: len(later)], groups=later)
    assert meta.adapted_.names.tolist() == all_of_them
    assert len(meta.predict(X[: len(first)], groups=first)) == len(first)


def test_names_that_cannot_be_sorted_together_are_refused():
    meta = fitted("r2d2", "values").adapt(X[:2], VALUE[:2], groups=[1, 2])
    with pytest.raises(ValueError, match="groups holds values that cannot be sorted"):
        meta.partial_adapt(X[:1], VALUE[:1], groups=["1"])


@pytest.mark.parametrize("tasks", ["classes", "table"])
def test_the_table_of_fit_gets_rows_and_classes(tasks):
    first, later = slice(0, 60), slice(60, None)
    meta = MetaClassifier("protonet", tasks=tasks, **TINY).fit(X[first], LABEL[first])
    whole = copy.copy(meta).adapt(X, LABEL)
    y = LABEL[later]
    meta.partial_adapt(X[later], y)
    np.testing.assert_allclose(meta.predict_proba(X), whole.predict_proba(X), atol=1e-5)
    if tasks == "classes":
        meta.partial_adapt(X[:4], ["new"] * 4)
        assert meta.classes_.tolist() == ["high", "low", "mid", "new"]


def test_several_targets_are_learnt_as_all_at_once():
    Y = np.c_[VALUE, X[:, 1] - VALUE]
    meta = MetaRegressor("r2d2", **TINY).fit(X, Y, groups=TASK)
    whole = copy.copy(meta).adapt(X, Y, groups=NAME)
    meta.adapt(X[:60], Y[:60], groups=NAME[:60])
    meta.partial_adapt(X[60:], Y[60:], groups=NAME[60:])
    expect_equal(meta, whole)


def test_a_meta_dataset_brings_its_own_groups():
    meta = fitted("r2d2", "values").adapt(X[:60], VALUE[:60], groups=NAME[:60])
    meta.partial_adapt(MetaDataset(X[60:], VALUE[60:], NAME[60:]))
    expect_equal(meta, fitted("r2d2", "values").adapt(X, VALUE, groups=NAME))


def test_the_order_of_rows_is_that_in_which_they_came():
    meta = MetaClassifier(MatchingNet(full_context=True), **TINY)
    meta.fit(X, LABEL, groups=TASK)
    rows = np.array([3, 0, 12, 5, 9, 1, 7, 2])
    whole, other = (
        copy.copy(meta).adapt(X[own], LABEL[own], groups=TASK[own])
        for own in (rows, rows[::-1])
    )
    meta.adapt(X[rows[:3]], LABEL[rows[:3]], groups=TASK[rows[:3]])
    meta.partial_adapt(X[rows[3:]], LABEL[rows[3:]], groups=TASK[rows[3:]])
    meta, whole, other = (
        each.predict_proba(X[:18], groups=TASK[:18]) for each in (meta, whole, other)
    )
    np.testing.assert_allclose(meta, whole, atol=1e-5)
    assert not np.allclose(meta, other, atol=1e-5)


def test_far_rows_that_are_added_are_warned_of():
    meta = fitted("r2d2", "values").adapt(X, VALUE, groups=NAME)
    with pytest.warns(UserWarning, match=r"support of \['store 3'\] is far outside"):
        meta.partial_adapt(X[:1] + 1e4, VALUE[:1], groups=["store 3"])


def test_weights_are_refused_where_the_algorithm_takes_none():
    meta = fitted(MatchingNet(full_context=True), "shared")
    with pytest.raises(ValueError, match="takes no weights"):
        meta.partial_adapt(X, LABEL, groups=NAME, sample_weight=WEIGHT)


# Messages ---------------------------------------------------------------------------


def test_who_asks_for_groups_of_the_training_is_told_how():
    meta = MetaRegressor("gp", **TINY).fit(X, VALUE, groups=NAME)
    one_line = r"call adapt\(X, y, groups=groups\) with the rows of the training"
    with pytest.raises(NotAdaptedError, match=one_line):
        meta.predict(X, groups=NAME)
    meta.adapt(X[:5], VALUE[:5], groups=["new"] * 5)
    with pytest.raises(ValueError, match=r"learnt from \['store 0'\].*partial_adapt"):
        meta.predict(X[:2], groups=["store 0", "nobody"])
    with pytest.raises(ValueError, match="No task was adapted") as raised:
        meta.predict(X[:1], groups=["nobody"])
    assert "partial_adapt" not in str(raised.value)
    meta.partial_adapt(X, VALUE, groups=NAME)
    assert np.isfinite(meta.predict(X, groups=NAME)).all()


def test_later_parts_of_the_training_are_remembered_as_well():
    meta = MetaRegressor("r2d2", **TINY).partial_fit(X[:45], VALUE[:45], NAME[:45])
    meta.partial_fit(X[45:], VALUE[45:], NAME[45:]).adapt(X[:5], VALUE[:5], ["new"] * 5)
    for row in (0, 80):
        with pytest.raises(ValueError, match="fit has learnt from"):
            meta.predict(X[row : row + 1], groups=NAME[row : row + 1])


# Pipelines --------------------------------------------------------------------------


def test_pipelines_hand_rows_on_through_their_steps():
    meta = TransformedTargetRegressor(
        MetaRegressor("r2d2", tasks="table", **TINY), func=np.cbrt, inverse_func=_cube
    )
    pipe = make_pipeline(StandardScaler(), meta).fit(X, VALUE)
    whole = skmeta.adapt(copy.deepcopy(pipe), X[:20], VALUE[:20]).predict(X)
    skmeta.adapt(pipe, X[:8], VALUE[:8])
    assert skmeta.partial_adapt(pipe, X[8:20], VALUE[8:20]) is pipe
    np.testing.assert_allclose(pipe.predict(X), whole, atol=1e-5)
    assert skmeta.forget(pipe) is pipe
    with pytest.raises(NotAdaptedError):
        pipe.predict(X)
    for verb in (skmeta.partial_adapt, skmeta.forget):
        with pytest.raises(TypeError, match=f"{verb.__name__} needs a Pipeline"):
            verb(
                make_pipeline(StandardScaler()),
                X,
                *([VALUE] if verb is skmeta.partial_adapt else []),
            )


def _cube(values):
    return values**3
