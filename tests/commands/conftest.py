"""The command line, with a registry of its own."""

import pytest

from skmeta import plugins
from skmeta.__main__ import main


@pytest.fixture
def command(monkeypatch, capsys):
    """Return a function that runs the command with a registry of its own."""

    def command(*words):
        registry = plugins.Registry()
        for name in ("get", "entry", "names", "resolve", "rows"):
            monkeypatch.setattr(plugins, name, getattr(registry, name))
        code = main(["plugins", *words])
        return code, *capsys.readouterr()

    return command
