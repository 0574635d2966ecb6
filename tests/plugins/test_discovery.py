"""What is switched off is not imported, and what is allowed is there."""

import sys

import pytest

from skmeta import plugins
from tests.plugin_sources import distance_plugin


@pytest.mark.parametrize("setting", ["off", " OFF ", "none", "acme-two"])
def test_what_is_switched_off_is_not_imported_and_said_where_it_is_missed(
    install, registry, monkeypatch, setting
):
    module = install("acme-one", distance_plugin("One", "one"))
    monkeypatch.setenv("SKMETA_PLUGINS", setting)
    assert "one" not in registry.names("distance")
    with pytest.raises(ValueError, match=r"SKMETA_PLUGINS switches off: .*acme-one"):
        registry.get("distance", "one")
    [row] = [row for row in registry.rows() if row.distribution == "acme-one"]
    assert (row.state, row.version) == ("off", "1.0")
    assert module not in sys.modules
    assert registry.get("distance", "euclidean") is plugins.get("distance", "euclidean")


@pytest.mark.parametrize("setting", ["", "on", "acme-two, Acme_One"])
def test_what_is_allowed_is_there(install, registry, monkeypatch, setting):
    install("acme-one", distance_plugin("One", "one"))
    monkeypatch.setenv("SKMETA_PLUGINS", setting)
    assert registry.get("distance", "one").__name__ == "One"
