"""Plugins as strangers have them: wheels, in an environment beside skmeta's wheel."""

import json
import re
from email.parser import Parser
from importlib import metadata
from textwrap import dedent
from zipfile import ZipFile

import pytest

from tests.plugin_sources import BROKEN, distance_plugin
from tests.wheels import ROOT, Environment, build_wheel, make_wheel

pytestmark = pytest.mark.slow
pytest.importorskip("hatchling", reason="wheels are built with hatchling")
pytest.importorskip("pip", reason="wheels are installed with pip")

PLUGINS = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """Return a folder for wheels."""
    return tmp_path_factory.mktemp("wheels")


@pytest.fixture(scope="module")
def with_skmeta(wheels, tmp_path_factory):
    environment = Environment(tmp_path_factory.mktemp("environment"))
    environment.install(build_wheel(ROOT, wheels))
    return environment


@pytest.fixture
def environment(with_skmeta):
    """Return an environment with skmeta's wheel and nothing else of ours."""
    before = with_skmeta.installed()
    yield with_skmeta
    with_skmeta.remove(with_skmeta.installed() - before)


def missing(wheel):
    """Return what a wheel requires that is not installed here."""
    with ZipFile(wheel) as archive:
        [name] = (name for name in archive.namelist() if name.endswith("/METADATA"))
        requires = (
            Parser().parsestr(archive.read(name).decode()).get_all("Requires-Dist")
        )
    needed = [each for each in requires if "extra ==" not in each]
    names = [re.match(r"[\w.-]+", each)[0] for each in needed]
    here = {dist.name.lower().replace("_", "-") for dist in metadata.distributions()}
    own = {plugin.name for plugin in PLUGINS}
    return {name.lower().replace("_", "-") for name in names} - here - own - {"skmeta"}


USE = """
import json, pickle, sys
import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from skmeta import MetaClassifier, MetaRegressor, plugins
import skmeta

assert "venv" in skmeta.__file__, skmeta.__file__
X, y = load_iris(return_X_y=True)
groups = np.arange(len(y)) % 10
QUICK = dict(max_epochs=1, tasks_per_epoch=8, n_query=3, random_state=0)
used = {}
for row in plugins.rows():
    if row.distribution == "skmeta":
        continue
    assert row.state == "ready", row
    if row.kind == "algorithm":
        parameters = {"algorithm": row.use}
    elif row.kind == "backbone":
        parameters = {"algorithm": "protonet", "backbone": row.use}
    elif row.kind == "distance":
        algorithm = clone(plugins.resolve("algorithm", "protonet"))
        parameters = {"algorithm": algorithm.set_params(distance=row.use)}
    elif row.kind == "augmentation":
        parameters = {"algorithm": "protonet", "augment": row.use}
    else:
        continue
    thing = plugins.resolve(row.kind, row.use)
    if "classifier" not in getattr(thing, "kinds", ["classifier"]):
        meta = clone(MetaRegressor(**parameters, **QUICK))
    else:
        [space, *_] = getattr(thing, "label_spaces", ["shared"])
        meta = clone(MetaClassifier(**parameters, label_space=space, **QUICK))
    for name, value in parameters.items():
        assert str(meta.get_params()[name]) == str(value)
    meta.fit(X, y, groups=groups)
    meta.adapt(X[::5], y[::5])
    answer = pickle.loads(pickle.dumps(meta)).predict(X)
    assert (answer == meta.predict(X)).all()
    used.setdefault(row.distribution, []).append(row.use)
grid = {"algorithm": ["template", "protonet"], "backbone": ["template-net"]}
search = GridSearchCV(MetaClassifier(tasks="classes", **QUICK), grid, cv=2).fit(X, y)
assert search.best_params_["backbone"] == "template-net"
print(json.dumps(used))
"""


def test_every_plugin_of_this_repository_is_used_from_its_wheel(wheels, environment):
    built = {plugin.name: build_wheel(plugin, wheels) for plugin in PLUGINS}
    chosen = {name: wheel for name, wheel in built.items() if not missing(wheel)}
    assert "skmeta-template" in chosen  # it needs nothing else
    environment.install(*chosen.values())
    used = json.loads(environment.run("-W", "ignore", "-c", USE).splitlines()[-1])
    assert used.keys() == chosen.keys()
    assert used["skmeta-template"] == ["template", "template-net", "template-distance"]


def test_a_new_plugin_installs_and_passes_its_own_tests_and_its_check(
    wheels, environment, tmp_path
):
    environment.run("-m", "skmeta", "new-plugin", "acme", "--out", tmp_path)
    folder = tmp_path / "skmeta-acme"
    environment.install(build_wheel(folder, wheels))
    tests = environment.run("-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=folder)
    assert re.search(r"^\d+ passed", tests, flags=re.MULTILINE), tests

    report = environment.run("-m", "skmeta", "plugins", "--check", "skmeta-acme")
    assert "algorithm 'acme' of skmeta-acme 0.1.0.dev0" in report
    assert "backbone 'acme-net' of skmeta-acme" in report
    assert "distance 'acme-distance' of skmeta-acme" in report
    assert " 0 failed" in report
    assert "  failed" not in report


LIST = """
import json
from dataclasses import asdict
from skmeta import plugins
print(json.dumps([asdict(row) for row in plugins.rows()]))
"""


def by_distribution(environment):
    rows = json.loads(environment.run("-W", "ignore", "-c", LIST))
    return {row["distribution"]: row for row in rows}


def test_broken_plugins_leave_the_rest_usable_and_plugins_come_and_go(
    environment, tmp_path
):
    sources = {
        "acme-fine": distance_plugin("Fine", "fine"),
        "acme-one": distance_plugin("One", "shared"),
        "acme-two": distance_plugin("Two", "shared"),
        "acme-shadow": distance_plugin("Shadow", "euclidean"),
    }
    broken = {
        f"broken-{number}": source for number, (source, _) in enumerate(BROKEN.values())
    }
    made = {
        name: make_wheel(tmp_path / "made", name, dedent(source))
        for name, source in (sources | broken).items()
    }
    environment.install(*made.values())
    rows = by_distribution(environment)
    for name, (_, reason) in zip(broken, BROKEN.values(), strict=True):
        assert rows[name]["state"] == "failed", name
        assert re.search(reason, rows[name]["reason"])
    assert rows["acme-fine"]["state"] == "ready"
    assert rows["acme-fine"]["version"] == "1.0"
    assert rows["acme-one"]["reason"] == "also in acme-two, say 'acme-one:shared'"
    assert rows["acme-two"]["use"] == "acme-two:shared"
    assert rows["acme-shadow"]["use"] == "acme-shadow:euclidean"

    environment.pip("uninstall", "--yes", "acme-one", "acme-shadow", *broken)
    newer = distance_plugin("Finer", "finer")
    environment.install(make_wheel(tmp_path / "made", "acme-fine", newer, "2.0"))
    rows = by_distribution(environment)
    assert rows.keys() == {"skmeta", "acme-fine", "acme-two"}
    assert rows["acme-fine"]["use"] == "finer"
    assert rows["acme-fine"]["version"] == "2.0"
    assert rows["acme-fine"]["description"] == "A Finer distance."
    assert (rows["acme-two"]["state"], rows["acme-two"]["use"]) == ("ready", "shared")
