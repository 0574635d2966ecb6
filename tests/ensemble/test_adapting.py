"""Tasks that an ensemble learns: its answers, whatever its targets are."""

import copy
import warnings

import numpy as np
import pytest
import sklearn
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LinearRegression, Ridge

from skmeta import MetaRegressor, NotAdaptedError
from skmeta.ensemble import MetaStackingRegressor
from skmeta.ensemble.weights import interpolate
from tests.ensemble.conftest import few, slopes
from tests.quick import TASK, TINY, X, Y, regressor


def test_answers_are_the_mean_by_the_weights_for_each_tasks_support(stack, table):
    X, y, task = slopes(n_tasks=3, seed=2)
    size = np.array([2, 4, 12])
    support = np.arange(len(task)) % 15 < size[task]
    stack = copy.copy(stack).adapt(X[support], y[support], groups=task[support])
    weights = interpolate(stack.weights_, stack.support_sizes_, size)[task]
    expected = 0
    for own, member in zip(weights.T, stack.named_estimators_.values(), strict=True):
        member.adapt(X[support], y[support], groups=task[support])
        expected = expected + own * member.predict(X, groups=task)
    np.testing.assert_allclose(stack.predict(X, groups=task), expected)


def test_many_tasks_in_one_call_are_as_one_by_one(table):
    X, y, task = table
    members = [("own", LinearRegression()), ("mean", DummyRegressor())]
    stack = MetaStackingRegressor(members, random_state=0).fit(X, y, groups=task)
    support = few(task)
    stack.adapt(X[support], y[support], groups=task[support])
    together = stack.predict(X, groups=task)
    for each in (0, 7):
        own = task == each
        stack.adapt(X[own & support], y[own & support])
        np.testing.assert_allclose(stack.predict(X[own]), together[own])


def test_a_copy_adapts_without_the_original(stack, table):
    X, y, _ = table
    stack = copy.copy(stack).adapt(X[:6], y[:6])
    before = stack.predict(X)
    stack.as_regressor().fit(X[20:28], y[20:28])
    np.testing.assert_array_equal(stack.predict(X), before)


def test_weights_of_a_support_leave_out_members_that_take_none(table):
    X, y, task = table
    members = [("r2d2", MetaRegressor("r2d2", **TINY)), ("own", LinearRegression())]
    stack = MetaStackingRegressor(members, random_state=0).fit(X, y, groups=task)
    with pytest.warns(UserWarning, match="members own take no weights"):
        stack.adapt(X[:8], y[:8], sample_weight=np.ones(8))
    alone = copy.copy(stack.named_estimators_["r2d2"])
    alone.adapt(X[:8], y[:8], sample_weight=np.ones(8))
    np.testing.assert_allclose(stack.predict(X), alone.predict(X))


def test_a_task_without_rows_is_answered_by_the_priors(stack, table):
    X, y, task = table
    pooled = Ridge().fit(X, y).predict(X)
    stack = copy.copy(stack).adapt()
    np.testing.assert_allclose(stack.predict(X), pooled)
    support = few(task) & (task == 0)
    stack.adapt(X[support], y[support], groups=task[support])
    with pytest.raises(ValueError, match=r"No task was adapted for the groups \[1"):
        stack.predict(X, groups=task)
    stack.unknown_task = "prior"
    np.testing.assert_allclose(
        stack.predict(X, groups=task)[task > 0], pooled[task > 0]
    )


def test_without_a_prior_there_must_be_rows(table):
    X, y, task = table
    stack = MetaStackingRegressor([("own", Ridge())]).fit(X, y, groups=task)
    with pytest.raises(ValueError, match="no member has one"):
        stack.adapt()
    stack.unknown_task = "prior"
    with pytest.raises(ValueError, match="no member has a prior"):
        stack.adapt(X[:5], y[:5]).predict(X)


def test_what_is_asked_too_early_says_what_to_do(stack, table):
    X, _, _ = table
    with pytest.raises(NotAdaptedError, match="call adapt"):
        copy.copy(stack).predict(X)
    with pytest.raises(sklearn.exceptions.NotFittedError):
        MetaStackingRegressor().adapt()


@pytest.mark.parametrize("refit", [True, False])
def test_what_all_members_say_is_said_once_with_their_names(refit):
    def told(call):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            call()
        said = [str(each.message) for each in caught]
        return [each for each in said if "Meta-learning does not help" not in each]

    members = [("a", regressor(n_shot=3)), ("b", regressor(algorithm="r2d2", n_shot=3))]
    stack = MetaStackingRegressor(members, n_shot=3, refit=refit, random_state=0)
    targets = np.where(np.arange(len(Y)) == 7, 1e7, Y)
    (said,) = told(lambda: stack.fit(X, targets, groups=TASK))[:1]
    assert "nearly all of the variance" in said
    stack.fit(X, Y, groups=TASK)
    calls = [
        lambda: stack.adapt(1e6 * X[:12], Y[:12]),
        lambda: stack.partial_adapt(1e6 * X[:12], Y[:12]),
        lambda: stack.score(1e6 * X, Y, groups=TASK),  # supports, and what is asked
    ]
    for call, n_told in zip(calls, (1, 1, 2), strict=True):
        said = told(call)
        assert len(said) == n_told
        assert all("far outside" in each for each in said)
        assert all(each.endswith("(Of the members 'a' and 'b'.)") for each in said)


def test_warnings_and_errors_name_tasks_as_they_were_given():
    """Members know tasks by numbers, which may be the names of others."""
    stack = MetaStackingRegressor([("one", regressor())], weights="equal")
    stack.fit(X, Y, groups=TASK)
    name = np.char.add("store ", TASK.astype(str))
    own = np.flatnonzero(TASK < 3)
    far = np.where(TASK[own] == 1, 1e6, 1.0)[:, None] * X[own]
    for names, said in ((name[own], "'store 1'"), (100 + TASK[own], "101")):
        with pytest.warns(UserWarning, match=rf"support of \[{said}\] is far outside"):
            stack.adapt(far, Y[own], groups=names)
        with pytest.warns(UserWarning, match=rf"support of \[{said}\] is far outside"):
            stack.partial_adapt(far, Y[own], groups=names)
    with pytest.warns(UserWarning, match="The support is far outside"):
        stack.adapt(far, Y[own])
