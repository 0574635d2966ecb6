"""``python -m skmeta``: its commands."""

import re
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from skmeta.__main__ import main


def test_an_unknown_command_lists_the_known_ones(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["dmeo"])
    assert stop.value.code == 2
    assert "demo" in capsys.readouterr().err


def test_plugins_are_listed(capsys):
    assert main(["plugins"]) == 0
    assert re.search(r"algorithm +maml +skmeta", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("path", "name"),
    [("/usr/bin/skmeta", "skmeta"), ("/lib/skmeta/__main__.py", "python -m skmeta")],
)
def test_help_says_what_was_typed(path, name, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [path, "--help"])
    with pytest.raises(SystemExit):
        main()
    assert capsys.readouterr().out.startswith(f"usage: {name} [-h]")


def test_the_script_is_the_module():
    text = (Path(__file__).parents[1] / "pyproject.toml").read_text()
    module, name = tomllib.loads(text)["project"]["scripts"]["skmeta"].split(":")
    assert getattr(import_module(module), name) is main
