"""Over Ray's backend of joblib: the same results, and what calls share goes once."""

import os

import joblib
import numpy as np
import pytest

from skmeta import MetaRegressor
from skmeta.utils.parallel import call_all
from skmeta.utils.sending import InRay, Sent
from tests.quick import TASK, TINY, X, Y
from tests.spread import everything

ray = pytest.importorskip("ray", reason="the extra ray")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def cluster():
    from ray.util.joblib import register_ray

    ray.init(num_cpus=2, include_dashboard=False)
    register_ray()
    yield
    ray.shutdown()


@pytest.fixture
def pickled(monkeypatch):
    """The sizes of what is pickled here to go with a call."""
    sizes = []
    pickle = Sent.__reduce__

    def count(self):
        sizes.append(self.payload.nbytes)
        return pickle(self)

    monkeypatch.setattr(Sent, "__reduce__", count)
    return sizes


def told(sent, number):
    return type(sent) is InRay, os.getpid(), sent.open()["rows"] + number


def test_calls_open_what_they_share():
    shared = Sent({"rows": 10})
    with joblib.parallel_config("ray", n_jobs=-1):
        found = call_all(told, [(shared, number) for number in range(4)])
    assert [number for *_, number in found] == [10, 11, 12, 13]
    assert {is_there for is_there, *_ in found} == {True}
    assert os.getpid() not in {pid for _, pid, _ in found}


def test_searches_judges_and_stacks_run_there_and_find_the_same(pickled):
    meta = MetaRegressor("gp", **TINY).fit(X, Y, groups=TASK)
    here = list(everything(meta))
    with joblib.parallel_config("ray", n_jobs=-1):
        there = list(everything(meta))
    for one, other in zip(here, there, strict=True):
        np.testing.assert_array_equal(one, other)
    assert pickled == []  # what is shared goes into Ray's memory, not with calls
