"""docs/plugins.md, followed to the letter."""

import importlib
import re
import sys
from pathlib import Path

import pytest

from skmeta import plugins
from skmeta.__main__ import main
from skmeta.commands import new_plugin

DOCS = Path(__file__).parents[1] / "docs" / "plugins.md"


def blocks(mark):
    """Return the blocks of code under a comment."""
    pattern = rf"<!-- {re.escape(mark)} -->\n```\w+\n(.*?)```"
    return re.findall(pattern, DOCS.read_text(), flags=re.DOTALL)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Return the folder of a new plugin, and a function that registers it anew."""
    folder = new_plugin.write("acme", tmp_path)
    monkeypatch.syspath_prepend(folder)
    # The registry of this process, under the name that an installation would give it.
    registry = plugins.Registry()
    for name in ("get", "entry", "names", "resolve", "rows"):
        monkeypatch.setattr(plugins, name, getattr(registry, name))

    def register():
        for name in [each for each in sys.modules if each.startswith("skmeta_acme")]:
            del sys.modules[name]
        importlib.invalidate_caches()
        registry.register(importlib.import_module("skmeta_acme"), "skmeta-acme")

    yield folder, register
    for name in [each for each in sys.modules if each.startswith("skmeta_acme")]:
        del sys.modules[name]
    registry.unregister("skmeta-acme")


def test_the_mistake_is_found_as_the_page_says(package, capsys):
    folder, register = package
    [broken] = blocks("file: skmeta_acme/distance.py, broken")
    folder.joinpath("skmeta_acme/distance.py").write_text(broken)
    register()
    assert main(["plugins", "--check", "acme-distance"]) == 1
    report = capsys.readouterr().out
    shown = re.search(
        r"\$ python -m skmeta plugins --check acme-distance\n(.*?)```",
        DOCS.read_text(),
        flags=re.DOTALL,
    )[1]
    # A plugin that is not installed has no version.
    assert report.splitlines()[1:] == shown.splitlines()[1:]


def test_the_mended_distance_keeps_the_laws(package, capsys):
    folder, register = package
    [broken] = blocks("file: skmeta_acme/distance.py, broken")
    [line] = blocks("line: skmeta_acme/distance.py")
    mended = [*broken.splitlines()[:-1], line]
    folder.joinpath("skmeta_acme/distance.py").write_text("\n".join(mended))
    register()
    assert main(["plugins", "--check", "acme-distance"]) == 0
    assert capsys.readouterr().out.endswith("7 passed, 0 failed.\n")


def test_the_notebook_runs():
    [code] = blocks("run")
    page = type(sys)("a_notebook")
    sys.modules[page.__name__] = page  # where a pickle looks its classes up
    try:
        page.__dict__["__name__"] = "a_notebook"
        exec(code, page.__dict__)
    finally:
        del sys.modules[page.__name__]
    assert "noisy-sinusoids" not in plugins.names("dataset")
