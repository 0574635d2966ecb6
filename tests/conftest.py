"""What several modules test with: tables, fitted learners, installed plugins."""

import importlib
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_diabetes, load_digits, load_wine

from skmeta import MetaClassifier, plugins
from skmeta.backbones import MLP
from skmeta.datasets import _omniglot
from skmeta.datasets._download import data_folder
from skmeta.episodes import Episode

from .batches import make_batch

ALGORITHMS = ["maml", "anil", "protonet"]
QUICK = {"max_epochs": 2, "tasks_per_epoch": 64, "n_query": 5, "random_state": 0}


@pytest.fixture(scope="module")
def wine():
    """Wine with a shared label space in ten groups."""
    X, y = load_wine(return_X_y=True)
    return X, y, np.random.default_rng(0).integers(10, size=len(y))


@pytest.fixture(scope="module")
def diabetes():
    X, y = load_diabetes(return_X_y=True)
    return X, y, np.arange(len(y)) % 12


@pytest.fixture(scope="module")
def digits():
    return load_digits(return_X_y=True)


@pytest.fixture(scope="module")
def per_task(digits):
    X, y = digits
    return {
        algorithm: MetaClassifier(algorithm, tasks="classes", **QUICK).fit(
            X[y < 6], y[y < 6]
        )
        for algorithm in ALGORITHMS
    }


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


@pytest.fixture(params=["relu", "tanh"])
def make(generator, request):
    """Build a learner in float64 with an episode of three unequal tasks.

    With ReLU its inner steps are written out, with tanh they are torch's own.
    """

    def build(algorithm, spec):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            backbone = MLP((6, 5), activation=request.param)
            module = algorithm.build(backbone, spec).double()
        support = make_batch(spec, [5, 7, 4], generator)
        query = make_batch(spec, [6, 3, 8], generator)
        return module, Episode(support, query)

    return build


@pytest.fixture(scope="module")
def official():
    """Return the data folder that holds the official files, if this machine has one."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    for home in (os.environ.get("SKMETA_DATA"), "~/skmeta_data", beside):
        if home is None:
            continue
        folder = data_folder(home, "omniglot")
        if all((folder / _omniglot.FILES[f].name).exists() for f in ("small1", "runs")):
            return folder.parent
    pytest.skip("the official files are not here: run fetch_omniglot() to have them")


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Return a function that puts a distribution of plugin modules on the path."""
    monkeypatch.syspath_prepend(tmp_path)
    modules = []

    def install(distribution, *sources, version="1.0"):
        package = distribution.replace("-", "_")
        info = tmp_path / f"{package}-{version}.dist-info"
        info.mkdir()
        info.joinpath("METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
        )
        points = ["[skmeta]"]
        for number, source in enumerate(sources):
            modules.append(f"{package}_{number}")
            points.append(f"{modules[-1]} = {modules[-1]}")
            tmp_path.joinpath(f"{modules[-1]}.py").write_text(source)
        info.joinpath("entry_points.txt").write_text("\n".join(points))
        importlib.invalidate_caches()
        return modules[-1]

    yield install
    for module in modules:
        sys.modules.pop(module, None)


@pytest.fixture
def registry():
    return plugins.Registry()
