"""What several modules test with: tables, fitted learners, installed plugins."""

import hashlib
import importlib
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import numpy as np
import pytest
import torch
from hypothesis import settings
from sklearn.datasets import load_diabetes, load_digits, load_wine

from skmeta import MetaClassifier, plugins
from skmeta.datasets import _omniglot
from skmeta.datasets._download import RemoteFile
from tests.omniglot import drawings, write_zip

# How long an example takes is the processor's affair, and that of who else is on it.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

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


@pytest.fixture
def website(tmp_path, monkeypatch):
    """Serve a folder, the home of the official files for the time of a test."""
    root = tmp_path / "website"
    root.mkdir()

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *args):
            website.requests += 1

    class Website(ThreadingHTTPServer):
        requests = 0

        def publish(self, part, members):
            path = root / f"{part}.zip"
            write_zip(path, members)
            url = f"http://127.0.0.1:{self.server_port}/{path.name}"
            sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
            monkeypatch.setitem(_omniglot.FILES, part, RemoteFile(url, sha256))
            return path

    monkeypatch.setenv("no_proxy", "127.0.0.1")
    website = Website(("127.0.0.1", 0), partial(Handler, directory=str(root)))
    thread = Thread(target=website.serve_forever, args=(0.01,))
    thread.start()
    yield website
    website.shutdown()
    thread.join()
    website.server_close()


@pytest.fixture
def home(website, tmp_path):
    """An empty data folder, and two alphabets to download."""
    everything = {**drawings("Klingon_(pIqaD)"), **drawings("Elvish")}
    # Archives of the web bring more than they should.
    junk = {"images/": b"", "__MACOSX/images/Elvish/character01/._0000_01.png": b"?"}
    website.publish("small1", everything | junk)
    return tmp_path / "home"
