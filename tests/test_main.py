"""``python -m skmeta``: its commands."""

import re

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
