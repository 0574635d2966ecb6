"""Tables of tasks on disk, and a model that learns them."""

import signal

import numpy as np
import pandas as pd
import pytest

from tests import forked
from tests.quick import TASK, X, Y, regressor

COLUMNS = {"target": "y", "columns": ["x"]}


# Processes that are killed, one after another, by the call after so many of a function.
KILLED = """
import importlib, os, signal, sys
from skmeta.bulk import adapt_parquet, predict_parquet
for call, module, name, after in {kills!r}:
    child = os.fork()
    if not child:
        module = importlib.import_module(module)
        calls, function = [], getattr(module, name)
        def killing(*given):
            calls.append(given)
            if len(calls) > after:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*given)
        setattr(module, name, killing)
        exec(call)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status))
"""


def run_killed(*kills):
    said = forked.run_code(KILLED.format(kills=kills))
    assert said.split() == [str(-signal.SIGKILL)] * len(kills)


def table_of(X=X, y=Y, task=TASK):
    return pd.DataFrame({"x": X[:, 0], "y": y, "wave": task})


def write(table, path, **how):
    table.to_parquet(path, index=False, **{"row_group_size": 50, **how})
    return path


@pytest.fixture(scope="session")
def meta():
    return regressor(algorithm="r2d2").fit(X, Y, groups=TASK)


@pytest.fixture(scope="session")
def saved(meta, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.skmeta"
    meta.save(path)
    return path


@pytest.fixture(params=["sorted", "scattered"])
def table(request):
    """Rows that are sorted by task, and the same in any order."""
    whole = table_of()
    return whole if request.param == "sorted" else whole.sample(frac=1, random_state=0)


def in_memory(meta, support, asked, **how):
    """Return the answers of a call in memory."""
    adapted = meta.adapt(
        support[["x"]].to_numpy(), support["y"], groups=support["wave"]
    )
    return adapted.predict(asked[["x"]].to_numpy(), groups=asked["wave"], **how)


def shards_in(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.glob("shard-*"))}


def close(answers, wanted):
    return np.testing.assert_allclose(answers, wanted, rtol=1e-4, atol=1e-5)
