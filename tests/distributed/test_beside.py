"""What is learnt of tasks goes without the model, and finds it again."""

import copy
import pickle

import numpy as np
import pytest

from skmeta.distributed.beside import Model
from skmeta.ensemble import MetaStackingRegressor
from skmeta.pipelines import to_send
from tests.quick import TASK, X, regressor


@pytest.fixture(scope="module")
def values():
    return X @ np.arange(1.0, 1 + X.shape[1])


@pytest.fixture(scope="module")
def fitted(values):
    members = [(name, regressor(algorithm=name)) for name in ("gp", "r2d2")]
    stack = MetaStackingRegressor(members, random_state=0)
    return {
        "gp": regressor(algorithm="gp").fit(X, values, groups=TASK),
        "stack": stack.fit(X, values, groups=TASK),
    }


@pytest.mark.parametrize("name", ["gp", "stack"])
def test_tasks_answer_as_before_beside_another_copy_of_the_model(name, fitted, values):
    here, there = (
        pickle.loads(pickle.dumps(Model(to_send(fitted[name])))) for _ in range(2)
    )
    some = TASK < 2
    learner = copy.copy(here.fitted).adapt(X[some], values[some], groups=TASK[some])
    data = here.dumps(learner)
    twin = there.loads(data)
    want, got = (each.predict(X[some], groups=TASK[some]) for each in (learner, twin))
    np.testing.assert_array_equal(want, got)
    assert len(data) < len(pickle.dumps(learner)) / 2
    if name == "gp":
        assert twin.module_ is there.fitted.module_
        assert twin.adapted_.learner.module is there.fitted.module_


def test_tasks_of_another_model_are_refused(fitted):
    one, other = (Model(to_send(fitted[name])) for name in ("gp", "stack"))
    with pytest.raises(ValueError, match="learnt by another model"):
        other.loads(one.dumps(one.fitted))


def test_what_is_sent_has_no_tasks_and_stays_as_it_was(fitted, values):
    meta = copy.copy(fitted["gp"]).adapt(X, values, groups=TASK)
    sent = to_send(meta)
    assert sent.adapted_ is None
    assert not hasattr(sent, "net_")
    assert meta.adapted_ is not None
    assert hasattr(meta, "net_")
    for member in to_send(fitted["stack"]).named_estimators_.values():
        assert not hasattr(member, "net_")
