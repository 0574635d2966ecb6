"""On processes that may die: the same answers, and the model goes there once."""

import os
import signal

import joblib
import numpy as np
import pandas as pd
import pytest

from skmeta import MetaRegressor
from skmeta.distributed import adapt_predict
from skmeta.utils import sending
from tests.quick import TASK, TINY, X, Y
from tests.spread import everything

dd = pytest.importorskip("dask.dataframe")
distributed = pytest.importorskip("distributed")

pytestmark = pytest.mark.slow
TABLE = pd.DataFrame({"x": X[:, 0], "y": Y, "task": TASK})


@pytest.fixture(scope="module")
def client():
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0"
    )
    with cluster, distributed.Client(cluster) as client:
        yield client


@pytest.fixture(scope="module")
def meta():
    return MetaRegressor("gp", **TINY).fit(X, Y, groups=TASK)


@pytest.fixture
def sent(monkeypatch):
    """How often each thing is pickled here that is large enough to count."""
    counts, kept = {}, []
    pickled = sending.Sent.__reduce__

    def count(self):
        if self.payload.nbytes > 1000:
            kept.append(self)  # or another one may have its id
            counts[id(self)] = counts.get(id(self), 0) + 1
        return pickled(self)

    monkeypatch.setattr(sending.Sent, "__reduce__", count)
    return counts


def questions(meta, seed=0):
    known = np.random.default_rng(seed).random(len(TABLE)) < 0.5
    known |= ~TABLE.duplicated("task")
    return adapt_predict(
        meta,
        dd.from_pandas(TABLE[known], npartitions=4),
        dd.from_pandas(TABLE.drop(columns="y"), npartitions=5),
        groups="task",
        target="y",
        npartitions=8,
        features=["x"],
    )


def test_two_workers_answer_as_this_process_does(client, meta, sent):
    answers = questions(meta)
    sent.clear()
    there = client.compute(answers).result()
    # To the scheduler and on to a worker, which hands it on; not with sixteen calls.
    assert list(sent.values()) == [2]
    opened = client.run(lambda: len(sending._open))
    assert set(opened.values()) <= {0, 1}
    here = answers.compute(scheduler="sync")
    pd.testing.assert_series_equal(there, here, check_exact=True)


def test_a_worker_that_is_killed_changes_nothing(client, meta):
    answers = questions(meta, seed=1)
    want = answers.compute(scheduler="sync")
    future = client.compute(answers)
    before = client.run(os.getpid)
    os.kill(next(iter(before.values())), signal.SIGKILL)
    pd.testing.assert_series_equal(future.result(), want, check_exact=True)
    client.wait_for_workers(2)
    assert set(client.run(os.getpid).values()) != set(before.values())


def test_searches_judges_and_stacks_run_there_and_find_the_same(client, meta, sent):
    here = list(everything(meta))
    sent.clear()
    with joblib.parallel_config("dask"):
        there = list(everything(meta))
    for one, other in zip(here, there, strict=True):
        np.testing.assert_array_equal(one, other)
    assert sent
    assert set(sent.values()) == {1}  # and not with each of the calls
