"""``python -m skmeta plugins``: the listing."""

import json

from skmeta import hookspecs
from tests.plugin_sources import BROKEN, distance_plugin

LOUD = """
print("hello from a plugin")
"""


def test_the_listing_says_what_is_there_and_what_failed(install, command):
    install("acme-fine", LOUD + distance_plugin("Fine", "fine"), version="2.5")
    install("acme-gone", BROKEN["import error"][0])
    code, out, err = command()
    assert code == 0
    lines = out.splitlines()
    assert {line.split()[0] for line in lines[1:]} == {*hookspecs.KINDS, "plugin"}
    [fine] = [line for line in lines if "acme-fine" in line]
    assert fine.split() == [
        *("distance", "fine", "acme-fine", "2.5"),
        *("A", "Fine", "distance.", "ready"),
    ]
    [gone] = [line for line in lines if "acme-gone" in line]
    assert "failed: ModuleNotFoundError: No module named 'there_is_no" in gone
    assert "hello from a plugin" not in out
    assert "hello from a plugin" in err
    assert "Warning" not in err


def test_json_has_the_same_rows_and_nothing_else(install, command):
    install("acme-fine", LOUD + distance_plugin("Fine", "fine"), version="2.5")
    install("acme-gone", BROKEN["missing dependency"][0])
    code, out, _ = command("--json")
    rows = {row["distribution"]: row for row in json.loads(out)}
    assert code == 0
    assert rows["acme-fine"] == {
        "kind": "distance",
        "name": "fine",
        "distribution": "acme-fine",
        "version": "2.5",
        "description": "A Fine distance.",
        "state": "ready",
        "reason": "",
        "use": "fine",
    }
    assert rows["acme-gone"]["state"] == "failed"
    assert "no_such_dependency" in rows["acme-gone"]["reason"]


def test_what_is_switched_off_is_listed_as_off(install, command, monkeypatch):
    install("acme-fine", distance_plugin("Fine", "fine"))
    monkeypatch.setenv("SKMETA_PLUGINS", "off")
    out = command()[1]
    [line] = [line for line in out.splitlines() if "acme-fine" in line]
    assert line.endswith("off: SKMETA_PLUGINS does not allow it")
