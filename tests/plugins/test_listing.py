"""The listing of what there is, and of what failed."""

import pytest

from skmeta import plugins
from tests.plugin_sources import BROKEN, distance_plugin


def test_a_built_in_wins_a_clash_and_the_listing_reports_it(install, registry):
    module = install("acme-euclid", distance_plugin("Euclid", "euclidean"))
    own = registry.get("distance", "euclidean")
    assert own is registry.get("distance", "skmeta:euclidean")
    assert own.__module__.startswith("skmeta.")
    assert {"euclidean", "acme-euclid:euclidean"} <= set(registry.names("distance"))
    assert registry.get("distance", "acme-euclid:euclidean").__module__ == module
    assert own is registry.get("distance", "euclidean")  # also once that is loaded

    rows = {row.distribution: row for row in registry.rows() if row.name == "euclidean"}
    assert rows["skmeta"].state == "ready"
    assert rows["acme-euclid"].state == "clash"
    assert rows["acme-euclid"].reason == "also in skmeta, say 'acme-euclid:euclidean'"


def test_the_listing_has_a_line_per_name_and_per_failure(install, registry):
    install("acme-one", distance_plugin("One", "taxi"), version="1.2")
    install("acme-two", distance_plugin("Two", "taxi"), version="3.4")
    install("acme-gone", BROKEN["import error"][0])
    with pytest.warns(plugins.PluginWarning, match="acme-gone"):
        lines = plugins.table(registry.rows()).splitlines()

    [one] = [line for line in lines if " acme-one " in line]
    assert one.split()[:4] == ["distance", "taxi", "acme-one", "1.2"]
    assert "A One distance." in one
    assert "More about it" not in one
    assert one.endswith("say 'acme-one:taxi'")
    [gone] = [line for line in lines if "acme-gone" in line]
    assert "failed: ModuleNotFoundError" in gone
    [euclidean] = [line for line in lines if line.split()[1] == "euclidean"]
    assert euclidean.endswith("ready")
    # Aligned: the distribution begins in the same column everywhere.
    column = lines[0].index("distribution")
    assert one[column:].startswith("acme-one")
    assert euclidean[column:].startswith("skmeta")
