"""What joins and leaves an ensemble's tasks, against one ``adapt`` of what is there."""

import contextlib
import copy
import functools
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skmeta
from skmeta import MetaClassifier, MetaRegressor, NotAdaptedError
from skmeta.backbones import MLP
from skmeta.ensemble import MetaStackingClassifier, MetaStackingRegressor
from skmeta.model_selection import PerTask, TaskMean

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

TINY = {"max_epochs": 1, "tasks_per_epoch": 8, "batch_size": 8, "n_query": 4}
TINY |= {"random_state": 0, "early_stopping": False, "backbone": MLP((6,))}
TASK = np.repeat(np.arange(8), 9)
_rng = np.random.default_rng(0)
X = _rng.normal(size=(len(TASK), 3))
VALUE = X[:, 0] + _rng.normal(size=8)[TASK]
LABEL = np.where(VALUE > 0, "high", "low")
OWN = np.char.add(TASK.astype(str), np.where(X[:, 0] > 0, "a", "b"))
NAME = np.char.add("store ", TASK.astype(str))
TARGETS = {"values": VALUE, "shared": LABEL, "per_task": OWN}
ORDER = np.argsort(TASK >= 6, kind="stable")  # two tasks come later
ORDER = ORDER[_rng.permutation(50).tolist() + list(range(50, len(ORDER)))]
FIRST, LATER = ORDER[:45], ORDER[45:]


def members(space, plain):
    if space == "values":
        own = make_pipeline(StandardScaler(), MetaRegressor("r2d2", **TINY))
        given = [("maml", MetaRegressor("maml", **TINY)), ("pipeline", own)]
        return given + [("mean", TaskMean("regressor"))] * plain
    given = [
        (name, MetaClassifier(name, label_space=space, **TINY))
        for name in ("protonet", "r2d2")
    ]
    return given + [("plain", PerTask(LogisticRegression()))] * plain


@functools.cache
def _fitted(space, plain):
    kind = MetaStackingRegressor if space == "values" else MetaStackingClassifier
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stack = kind(members(space, plain), weights="equal", random_state=0)
        return stack.fit(X, TARGETS[space], groups=TASK)


def fitted(space, plain=True):
    return copy.copy(_fitted(space, plain))


def answers(stack, rows=slice(None)):
    ask = stack.predict_proba if hasattr(stack, "predict_proba") else stack.predict
    return ask(X[rows], groups=NAME[rows])


def expect_equal(stack, whole, rows=slice(None)):
    np.testing.assert_array_equal(stack.adapted_.names, whole.adapted_.names)
    np.testing.assert_array_equal(stack.adapted_.n_support, whole.adapted_.n_support)
    np.testing.assert_array_equal(stack.adapted_.size, whole.adapted_.size)
    if hasattr(whole, "classes_"):
        np.testing.assert_array_equal(stack.classes_, whole.classes_)
    np.testing.assert_allclose(
        answers(stack, rows), answers(whole, rows), rtol=1e-3, atol=1e-4
    )
    assert stack._html_rows() == whole._html_rows()


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("space", TARGETS)
def test_rows_that_come_later_are_learnt_as_all_at_once(space, plain, tmp_path):
    y = TARGETS[space]
    stack = fitted(space, plain).adapt(X[FIRST], y[FIRST], groups=NAME[FIRST])
    for part in np.array_split(LATER, 2):
        stack.partial_adapt(X[part], y[part], groups=NAME[part])
    whole = fitted(space, plain).adapt(X[ORDER], y[ORDER], groups=NAME[ORDER])
    expect_equal(stack, whole)
    stack.forget(["store 0", "store 7"])
    stack.save(tmp_path / "stack", supports=True)
    stack = skmeta.load(tmp_path / "stack")
    again = ORDER[:9]
    stack.partial_adapt(X[again], y[again], groups=NAME[again])
    there = ORDER[~np.isin(TASK[ORDER], [0, 7])]
    there = np.append(there, again)
    whole.adapt(X[there], y[there], groups=NAME[there])
    expect_equal(stack, whole, there)
    stack.forget(np.unique(NAME[there]))
    with pytest.raises(NotAdaptedError, match="with the rows of the training"):
        answers(stack)


def test_a_copy_never_sees_what_another_learns_or_forgets():
    stack = fitted("shared").adapt(X[FIRST], LABEL[FIRST], groups=NAME[FIRST])
    before = answers(stack, FIRST)
    other = copy.copy(stack).partial_adapt(X[LATER], LABEL[LATER], groups=NAME[LATER])
    other.forget([NAME[FIRST[0]]])
    np.testing.assert_array_equal(answers(stack, FIRST), before)


def test_what_the_user_does_to_his_table_is_not_seen():
    table = pd.DataFrame(X.copy(), columns=list("abc"))
    stack = fitted("values").adapt(table, VALUE, groups=NAME)
    whole = answers(fitted("values").adapt(X, VALUE, groups=NAME))
    table.iloc[:] = 0.0
    stack.partial_adapt(X[:9], VALUE[:9], groups=["new"] * 9)
    np.testing.assert_allclose(answers(stack), whole, atol=1e-5)


def test_threads_that_change_tasks_take_turns(monkeypatch):
    stack = fitted("shared").adapt(X[:9], LABEL[:9], groups=NAME[:9])
    both, adapt = threading.Barrier(2), PerTask._adapt

    def meets_the_other(*given):
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(timeout=0.2)  # in vain, where one waits for the other's end
        return adapt(*given)

    monkeypatch.setattr(PerTask, "_adapt", meets_the_other)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda n: stack.partial_adapt(X[:2], LABEL[:2], [n, n]), "ab"))
    assert stack.adapted_.names.tolist() == ["a", "b", "store 0"]


def test_no_label_of_a_forgotten_task_is_left():
    stack = fitted("per_task").adapt(X[:4], ["ill", "well"] * 2)
    assert stack.forget([]).classes_.tolist() == ["ill", "well"]
    assert stack.forget().classes_.tolist() == []
    assert stack.adapt(X[:4], [1, 2, 1, 2]).classes_.tolist() == [1, 2]
    shared = fitted("shared").adapt(X, LABEL).forget()
    assert shared.classes_.tolist() == ["high", "low"]


def test_what_fails_on_the_way_leaves_the_tasks_as_they_were(monkeypatch):
    stack = fitted("shared").adapt(X[FIRST], LABEL[FIRST], groups=NAME[FIRST])
    before, known = answers(stack, FIRST), vars(stack).copy()

    def fails(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(PerTask, "_adapt", fails)
    with pytest.raises(KeyboardInterrupt):
        stack.partial_adapt(X[LATER], LABEL[LATER], groups=NAME[LATER])
    assert vars(stack) == known
    np.testing.assert_array_equal(answers(stack, FIRST), before)


def test_who_takes_no_weights_is_left_out_once_there_are_some():
    rows, later = slice(0, 30), slice(30, None)
    stack = fitted("shared").adapt(X[rows], LABEL[rows], groups=NAME[rows])
    weight = np.linspace(0.5, 2, len(X))
    with pytest.warns(UserWarning, match="plain take no weights"):
        stack.partial_adapt(
            X[later], LABEL[later], groups=NAME[later], sample_weight=weight[later]
        )
    weight[rows] = 1.0
    whole = fitted("shared").adapt(X, LABEL, groups=NAME, sample_weight=weight)
    expect_equal(stack, whole)


def test_a_file_without_rows_says_which_member_lacks_them(tmp_path):
    stack = fitted("shared").adapt(X[FIRST], LABEL[FIRST], groups=NAME[FIRST])
    stack.save(tmp_path / "stack")
    again = skmeta.load(tmp_path / "stack")
    np.testing.assert_allclose(answers(again, FIRST), answers(stack, FIRST), atol=1e-6)
    for change in (
        lambda: again.partial_adapt(X[:5], LABEL[:5], groups=["new"] * 5),
        lambda: again.forget(NAME[FIRST[0]]),
    ):
        with pytest.raises(ValueError, match=r"plain learn anew.*supports=True"):
            change()
    with pytest.raises(skmeta.SaveError, match="not here"):
        again.save(tmp_path / "more", supports=True)
    alone = fitted("shared", False).adapt(X[FIRST], LABEL[FIRST], groups=NAME[FIRST])
    alone.save(tmp_path / "alone")
    again = skmeta.load(tmp_path / "alone")
    again.partial_adapt(X[:5], LABEL[:5], groups=["new"] * 5).forget(NAME[FIRST[0]])


def test_rows_must_say_which_of_several_tasks_they_are_of():
    stack = fitted("values").adapt(X, VALUE, groups=NAME)
    with pytest.raises(ValueError, match="adapted to 8 tasks: pass groups="):
        stack.partial_adapt(X, VALUE)
    with pytest.raises(ValueError, match=r"No task was adapted.*'store x'"):
        stack.forget("store x")
    with pytest.raises(ValueError, match="pass X and y"):
        stack.partial_adapt(X)
    with pytest.raises(ValueError, match="cannot be sorted together"):
        stack.partial_adapt(X, VALUE, groups=TASK)
    stack.adapt(X[:9], VALUE[:9]).partial_adapt(X[9:20], VALUE[9:20])
    whole = fitted("values").adapt(X[:20], VALUE[:20])
    np.testing.assert_allclose(stack.predict(X), whole.predict(X), atol=1e-5)
    assert stack.forget().adapted_ is None
    with pytest.raises(NotAdaptedError):
        stack.forget()
    with pytest.raises(ValueError, match=r"learnt from \[3\]"):
        stack.adapt(X[:5], VALUE[:5], groups=[99] * 5).predict(X[:1], groups=[3])


def test_what_is_forgotten_is_not_in_the_next_file(tmp_path):
    """Members of a file come with the tasks that it knows, and leave them with it."""
    one = MetaRegressor("r2d2", **TINY)
    stack = MetaStackingRegressor([("one", one)], weights="equal")
    stack.fit(X, VALUE, groups=TASK).adapt(X, VALUE, groups=NAME)
    expected = stack.predict(X, groups=NAME)
    stack.save(tmp_path / "all")
    again = skmeta.load(tmp_path / "all")
    np.testing.assert_array_equal(again.predict(X, groups=NAME), expected)
    again.forget(np.unique(NAME)).save(tmp_path / "none")
    member = skmeta.load(tmp_path / "none").named_estimators_["one"]
    assert member.adapted_ is None
    assert b"store 3" not in (tmp_path / "none").read_bytes()
    again.adapt(X, VALUE, groups=NAME)
    np.testing.assert_array_equal(again.predict(X, groups=NAME), expected)
